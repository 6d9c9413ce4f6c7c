"""A run's work: question by question, held by a lease, stored one by one.

A worker takes a run for a slice of time and rings for the next: so long runs share the workers with the
reading of files, and no task comes near its time limit. Whoever dies loses the question in hand; the sweeper
rings again.
"""

import copy
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from accounts.models import User
from chat.evaluation import answering, metrics, runs, selectors
from chat.evaluation.matching import Place, first_ranks, fits
from chat.models import EvaluationResult, EvaluationRun, RunStatus, Verdict
from collections_app import access
from collections_app.models import Collection
from config.errors import ErrorCode, PermanentError, VerbatimError
from documents.ingestion import lease, outages
from documents.retrieval.search import search
from documents.retrieval.types import Passage, SearchResult

log = logging.getLogger(__name__)

SLICE_SECONDS = 30.0
LOST_AFTER = timedelta(seconds=15)  # waiting and held by nobody: rung for again (a second ring is harmless)
SAME_FAULT = 3  # questions in a row that fail for the same reason end a run: the others would fail too
EXCERPT_CHARS = 240
SHOWN = 10
OUTCOME = (
    *("done", "verdict", "found", "rank", "ranks", "recall", "refused", "search_ms", "answer_ms"),
    *("answer", "citations", "supported", "error_code", "error_message"),
)
FAULT = "fault"  # stands for the owner whose work ended by a fault of ours
GIVEN_UP = {
    True: (ErrorCode.PROCESSING_FAILED, "A fault in Verbatim itself ended this run again and again."),
    False: (ErrorCode.WORKER_LOST, "The worker was lost again and again at the same question."),
}
NEXT_STEP = "Start the run again; if it stays, tell the operator: the worker's log says what happened."


def run_work(
    *, run_id: int, seconds: float | None = SLICE_SECONDS, tell: Callable[[int, int], None] | None = None
) -> bool:
    """Ask the questions of a run that are not done, for so long.

    Args:
        seconds: after which the run is given back; None: to its end.
        tell: is called with (done, total) after each question.

    Returns:
        Whether there is more to do; False also when somebody else holds it or it has ended.
    """
    owner = lease.new_owner()
    run = _claim(run_id, owner)
    if run is None:
        return False
    until = None if seconds is None else time.monotonic() + seconds
    with lease.Heartbeat(EvaluationRun, run.pk, owner):
        try:
            user, collection = _standing(run)
            while until is None or time.monotonic() < until:
                result = run.results.filter(done=False).order_by("index").first()
                if result is None:
                    runs.run_close(run_id=run.pk, status=RunStatus.COMPLETED, owner=owner)
                    return False
                _ask(user, collection, run, result)
                done = _store(run, result, owner)
                if done is None:
                    return False  # cancelled, deleted, or taken over
                if tell:
                    tell(done, run.questions_total)
                _require_sense(run, result)
        except VerbatimError as error:
            runs.run_close(run_id=run.pk, status=RunStatus.FAILED, error=error, owner=owner)
            return False
        except Exception as error:  # freed at once, for another try; raised again
            ended = lease.OUTAGE if outages.is_outage(error) else FAULT
            EvaluationRun.objects.filter(pk=run.pk, lease_owner=owner).update(
                lease_owner=ended, lease_until=timezone.now()
            )
            raise
    held = EvaluationRun.objects.filter(pk=run.pk, lease_owner=owner)
    return bool(held.update(lease_owner="", lease_until=None))


def runs_sweep() -> list[EvaluationRun]:
    """Free what dead workers held, fail what they died of, and list the runs that nobody works on."""
    now = timezone.now()
    open_runs = EvaluationRun.objects.filter(status__in=selectors.OPEN)
    for owner in set(open_runs.filter(lease_until__gt=now).values_list("lease_owner", flat=True)):
        if lease.owner_is_dead(owner):
            open_runs.filter(lease_owner=owner).update(lease_until=now)
    for run in open_runs.filter(lease_until__lte=now, attempts__gte=lease.MAX_ATTEMPTS):
        if run.attempts >= lease.most_attempts(run.lease_owner):
            code, message = GIVEN_UP[run.lease_owner == FAULT]
            error = PermanentError(code, message, next_step=NEXT_STEP)
            runs.run_close(run_id=run.pk, status=RunStatus.FAILED, error=error, owner=run.lease_owner)
    idle = Q(lease_until__lte=now) | Q(lease_until=None, created_at__lt=now - LOST_AFTER)
    return list(open_runs.filter(idle))


def _claim(run_id: int, owner: str) -> EvaluationRun | None:
    now = timezone.now()
    free = EvaluationRun.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now), pk=run_id, status__in=selectors.OPEN
    )
    taken = free.update(
        status=RunStatus.RUNNING,
        lease_owner=owner,
        lease_until=now + lease.LEASE,
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", Now()),
    )
    found = EvaluationRun.objects.select_related("collection", "created_by")
    return found.filter(pk=run_id, lease_owner=owner).first() if taken else None


def _standing(run: EvaluationRun) -> tuple[User, Collection]:
    """Who asks, and the model with the run's settings.

    Raises:
        VerbatimError: ACCESS_REVOKED; CONFLICT when the model's LLM or embedding is another one by now.
    """
    user = run.created_by
    if user is None or not access.manageable_by(user).filter(pk=run.collection_id).exists():
        raise PermanentError(
            ErrorCode.ACCESS_REVOKED,
            "Who started this run may not manage the model any more.",
            next_step="Start it again.",
        )
    collection = copy.copy(run.collection)
    for name in ("llm_provider", "llm_model_name", "embedding_model"):
        if run.settings.get(name) != getattr(collection, name):
            raise PermanentError(
                ErrorCode.CONFLICT,
                "The model's LLM or embedding model was changed during the run.",
                next_step="Start it again.",
            )
    for name in (*runs.TRIED, "system_prompt", "temperature", "max_tokens", "context_tokens"):
        setattr(collection, name, run.settings[name])  # never saved
    return user, collection


def _ask(user: User, collection: Collection, run: EvaluationRun, result: EvaluationResult) -> None:
    """Fill in what comes of one question; a fault is a finding, too."""
    try:
        found = _search(user, collection, result, collection.top_k)
        ranking = list(found.passages)
        if collection.top_k < metrics.DEPTH and found.passed:
            deep = _search(user, collection, result, metrics.DEPTH).passages
            known = {one.chunk_id for one in ranking}
            ranking += [one for one in deep if one.chunk_id not in known]
        _judge(result, ranking, collection.top_k)
        result.search_ms = round(found.took_ms, 2)
        result.refused = not found.passed
        if run.with_answers:
            written = answering.answer(
                user=user, collection=collection, question=result.question, result=found
            )
            result.answer, result.answer_ms = written.text, written.milliseconds
            result.refused, result.citations = written.refused, written.cited
            result.supported = written.supported
        result.verdict = _verdict(result)
    except VerbatimError as error:
        result.verdict = Verdict.ERROR
        result.error_code, result.error_message = str(error.code), error.message


def _search(user: User, collection: Collection, result: EvaluationResult, top_k: int) -> SearchResult:
    return search(
        user=user,
        collection=collection,
        query=result.question,
        top_k=top_k,
        similarity_threshold=collection.similarity_threshold,
    )


def _judge(result: EvaluationResult, ranking: Sequence[Passage], top_k: int) -> None:
    """Where the expected places stand in what the chat is given, continued to DEPTH."""
    places = [Place(**place) for place in result.expected]
    if places:
        result.ranks = first_ranks(ranking, places)
        result.rank = metrics.first(result.ranks)
        result.recall = metrics.recall_at_k(result.ranks, top_k)
    shown = max([SHOWN, *(rank for rank in result.ranks if rank is not None)])
    result.found = [
        _brief(passage, any(fits(passage, place) for place in places)) for passage in ranking[:shown]
    ]


def _brief(passage: Passage, fits_it: bool) -> dict[str, Any]:
    source = passage.as_source(0)
    kept = (
        "document_id",
        "document_name",
        "chunk_id",
        "page",
        "page_to",
        "rows",
        "lines",
        "similarity_score",
    )
    text = " ".join(passage.content[: 2 * EXCERPT_CHARS].split())[:EXCERPT_CHARS]
    return {name: source[name] for name in kept} | {"fits": fits_it, "excerpt": text}


def _verdict(result: EvaluationResult) -> Verdict:
    right = bool(result.recall) and not result.refused if result.answerable else bool(result.refused)
    return Verdict.RIGHT if right else Verdict.WRONG


def _store(run: EvaluationRun, result: EvaluationResult, owner: str) -> int | None:
    """Keep a result, if the run is still ours. Returns how many are done, or None."""
    with transaction.atomic():
        mine = EvaluationRun.objects.select_for_update().filter(
            pk=run.pk, lease_owner=owner, status=RunStatus.RUNNING
        )
        held = mine.first()
        if held is None:
            return None
        result.done = True
        result.save(update_fields=OUTCOME)  # the question itself may be gone by now
        done = EvaluationResult.objects.filter(run=run, done=True).count()
        mine.update(questions_done=done, attempts=0)
    return done


def _require_sense(run: EvaluationRun, result: EvaluationResult) -> None:
    """End a run whose questions keep failing for one reason.

    Raises:
        VerbatimError: that reason.
    """
    if not result.error_code:
        return
    last = list(
        run.results.filter(done=True).order_by("-index").values_list("error_code", flat=True)[:SAME_FAULT]
    )
    if len(last) == SAME_FAULT and set(last) == {result.error_code}:
        raise PermanentError(ErrorCode(result.error_code), result.error_message)
