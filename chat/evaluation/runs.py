"""Everything that changes runs: begin, cancel, delete, close."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from chat.evaluation import selectors
from chat.evaluation.services import locked, places_of
from chat.models import EvaluationQuestion, EvaluationResult, EvaluationRun, RunStatus
from chat.text import one_line
from collections_app.access import get_managed
from collections_app.models import AnswerMode, Collection, Provider
from config.errors import ErrorCode, VerbatimError
from config.queues import enqueue
from documents.retrieval.search import MAX_TOP_K
from documents.selectors import documents_of_collection, readiness

MAX_OPEN_RUNS = 5  # per model, waiting or running
MAX_ENDED_RUNS = 100  # per model; a new run takes the place of the oldest
LLM_QUEUE = "llm"  # of the workers that may call out; those that read files may not
IN_FORCE = (  # besides what can be tried, see `Trial`
    *("llm_provider", "llm_model_name", "system_prompt", "temperature", "max_tokens", "context_tokens"),
    *("embedding_model", "chunk_strategy", "chunk_size", "chunk_overlap", "text_search_config"),
)
TRIED = ("top_k", "similarity_threshold", "answer_mode")


@dataclass(frozen=True)
class Trial:
    """Settings to try instead of the model's own; None means its own.

    Attributes:
        answers: also have the answers written and checked, with the model's LLM.
    """

    top_k: int | None = None
    similarity_threshold: float | None = None
    answer_mode: str | None = None
    answers: bool = False


def run_create(
    *, actor: User, collection: Collection, trial: Trial, label: str = "", ring_worker: bool = True
) -> EvaluationRun:
    """Begin a run over all test questions of a model, as they are now. The oldest beyond the bound goes.

    Args:
        ring_worker: tell a worker; else the caller does the work at once.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; VALIDATION_ERROR for settings out of range, or when
            there are no questions; CONFLICT when too many runs wait already.
    """
    get_managed(actor, collection.pk)
    with transaction.atomic():
        current = locked(collection)
        _require_trial(trial)
        open_runs = EvaluationRun.objects.filter(collection=collection, status__in=selectors.OPEN)
        if open_runs.count() >= MAX_OPEN_RUNS:
            raise VerbatimError(
                ErrorCode.CONFLICT,
                f"{MAX_OPEN_RUNS} runs of this model are waiting or running.",
                next_step="Wait until one is done, or cancel one.",
            )
        questions = list(selectors.questions_of(collection).order_by("pk"))
        if not questions:
            raise VerbatimError(
                ErrorCode.VALIDATION_ERROR,
                "This model has no test questions yet.",
                next_step="Add or import some first.",
            )
        run = EvaluationRun.objects.create(
            collection=collection,
            created_by=actor,
            label=one_line(label, 120),
            settings=_in_force(actor, current, trial),
            with_answers=trial.answers,
            questions_total=len(questions),
        )
        EvaluationResult.objects.bulk_create(
            (_asked(run, index, question) for index, question in enumerate(questions)), batch_size=500
        )
        _forget_oldest(collection)
        audit.record(actor, "evaluation.run_started", collection, run=run.pk, questions=len(questions))
        if ring_worker:
            ring(run)
    return run


def _forget_oldest(collection: Collection) -> None:
    ended = selectors.runs_of(collection).exclude(status__in=selectors.OPEN).order_by("-pk")
    oldest = list(ended.values_list("pk", flat=True)[MAX_ENDED_RUNS:])
    EvaluationRun.objects.filter(pk__in=oldest).delete()


def ring(run: EvaluationRun) -> None:
    """Tell a worker that the run waits; one that may call out where an LLM has to be asked."""
    from chat.tasks import run_evaluation

    calls_out = run.with_answers and run.settings.get("llm_provider") != Provider.EXTRACTIVE
    enqueue(run_evaluation, run.pk, queue=LLM_QUEUE if calls_out else None)


def run_cancel(*, actor: User, run: EvaluationRun) -> EvaluationRun:
    """End a run; what it has found stays. A final run stays as it is.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    get_managed(actor, run.collection_id)
    run_close(run_id=run.pk, status=RunStatus.CANCELLED)
    run.refresh_from_db()
    return run


def run_delete(*, actor: User, run: EvaluationRun) -> None:
    """Forget a run, in whatever state.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    get_managed(actor, run.collection_id)
    run.delete()


def run_close(
    *, run_id: int, status: str, error: VerbatimError | None = None, owner: str | None = None
) -> bool:
    """Bring a run to its end, with the measures over what was asked. False when it had one already.

    Args:
        owner: only if this one still holds it.
    """
    with transaction.atomic():
        rows = EvaluationRun.objects.select_for_update().filter(pk=run_id, status__in=selectors.OPEN)
        run = (rows if owner is None else rows.filter(lease_owner=owner)).first()
        if run is None:
            return False
        run.status = status
        run.metrics = selectors.measured(run)
        run.lease_owner, run.lease_until = "", None
        run.completed_at = timezone.now()
        if error is not None:
            run.error_code, run.error_message = str(error.code), error.message
            run.error_next_step = error.next_step
        run.save()
    return True


def _require_trial(trial: Trial) -> None:
    details = {}
    if trial.top_k is not None and not 1 <= trial.top_k <= MAX_TOP_K:
        details["top_k"] = [f"Choose a number from 1 to {MAX_TOP_K}."]
    if trial.similarity_threshold is not None and not 0 <= trial.similarity_threshold <= 1:
        details["similarity_threshold"] = ["Choose a number from 0 to 1."]
    if trial.answer_mode is not None and trial.answer_mode not in AnswerMode.values:
        details["answer_mode"] = ["Choose strict or assist."]
    if details:
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details=details)


def _in_force(actor: User, collection: Collection, trial: Trial) -> dict[str, Any]:
    """The settings of a run: the model's, those that are tried, and how much there is to search."""
    found: dict[str, Any] = {
        name: getattr(collection, name) for name in IN_FORCE if hasattr(collection, name)
    }
    tried = [name for name in TRIED if getattr(trial, name) not in (None, getattr(collection, name))]
    for name in TRIED:
        found[name] = getattr(trial if name in tried else collection, name)
    served = documents_of_collection(actor, collection.pk).filter(active_generation__isnull=False)
    counted: Iterable[int] = served.values_list("served_chunks", flat=True)
    chunks = list(counted)
    _, in_work = readiness(actor, collection.pk)
    return found | {"tried": tried, "documents": len(chunks), "chunks": sum(chunks), "in_work": in_work}


def _asked(run: EvaluationRun, index: int, question: EvaluationQuestion) -> EvaluationResult:
    return EvaluationResult(
        run=run,
        index=index,
        source=question,
        question=question.question,
        answerable=question.answerable,
        expected=[asdict(place) for place in places_of(question)],
    )
