"""What beat asks of the chat."""

from celery import shared_task

from chat.engine.repair import repair_all


@shared_task
def repair_answers() -> int:
    """Close answers whose process died. Returns how many."""
    return repair_all()
