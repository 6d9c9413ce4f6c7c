"""What beat asks of the chat."""

from celery import shared_task

from chat.engine.repair import repair_all


@shared_task
def repair_answers() -> int:
    """Close answers whose process died. Returns how many."""
    return repair_all()


@shared_task
def forget_usage() -> int:
    """Delete the ledger's entries that are older than a year. Returns how many."""
    from chat.usage.services import usage_forget

    return usage_forget()


@shared_task
def expire_sessions() -> int:
    """Delete the chats that are older than this installation keeps them. Returns how many."""
    from chat.removal import sessions_expire

    return sessions_expire()


@shared_task(ignore_result=True, expires=3600)  # the sweeper rings again; rings must not pile up
def run_evaluation(run_id: int) -> None:
    """Ask the test questions of a run for a while, and ring for the rest."""
    from chat.evaluation.runner import run_work
    from chat.evaluation.runs import ring
    from chat.models import EvaluationRun

    if run_work(run_id=run_id):
        for run in EvaluationRun.objects.filter(pk=run_id):
            ring(run)


@shared_task(ignore_result=True)
def sweep_evaluations() -> None:
    """Give away the runs that nobody works on."""
    from chat.evaluation.runner import runs_sweep
    from chat.evaluation.runs import ring

    for run in runs_sweep():
        ring(run)
