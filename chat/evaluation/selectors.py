"""What may be read of test questions and runs. The caller has looked the model up as its manager."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from chat.evaluation import metrics
from chat.models import EvaluationQuestion, EvaluationResult, EvaluationRun, RunStatus, Verdict
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError

OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
MEASURED = (
    *("answerable", "ranks", "recall", "refused", "search_ms", "answer_ms", "citations", "supported"),
    "error_code",
)
BETTER, WORSE, SAME, ONLY_BASE, ONLY_OTHER = "better", "worse", "same", "only_base", "only_other"
CHANGES = (BETTER, WORSE, SAME, ONLY_BASE, ONLY_OTHER)


def questions_of(collection: Collection) -> QuerySet[EvaluationQuestion]:
    """The test questions of a model, oldest first."""
    return EvaluationQuestion.objects.filter(collection=collection).prefetch_related("places")


def question_for(collection: Collection, question_id: int) -> EvaluationQuestion:
    """One of them.

    Raises:
        VerbatimError: NOT_FOUND, also for another model's.
    """
    found = questions_of(collection).select_related("collection").filter(pk=question_id).first()
    if found is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return found


def runs_of(collection: Collection) -> QuerySet[EvaluationRun]:
    """The runs of a model, newest first."""
    return EvaluationRun.objects.filter(collection=collection).select_related("created_by")


def run_for(collection: Collection, run_id: int) -> EvaluationRun:
    """One of them.

    Raises:
        VerbatimError: NOT_FOUND, also for another model's.
    """
    found = runs_of(collection).filter(pk=run_id).first()
    if found is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return found


def measured(run: EvaluationRun) -> dict[str, Any]:
    """The measures over the questions that were asked so far."""
    rows = EvaluationResult.objects.filter(run=run, done=True).order_by("index").values(*MEASURED)
    asked = [metrics.Asked(error=bool(row.pop("error_code")), **row) for row in rows]
    return metrics.summary(asked, k=run.settings.get("top_k", metrics.DEPTH))


@dataclass(frozen=True)
class Pair:
    """One question in two runs; None where a run did not ask it.

    Attributes:
        change: one of CHANGES, seen from the base run.
    """

    base: EvaluationResult | None
    other: EvaluationResult | None
    change: str


def compared(base: EvaluationRun, other: EvaluationRun) -> list[Pair]:
    """Both runs question by question, in the order of the base run, then what only the other asked.

    The same question is told by its row, or by its text where that row is gone.
    """
    brief = EvaluationResult.objects.filter(done=True).defer("answer", "found")
    first = list(brief.filter(run=base).order_by("index"))
    second = list(brief.filter(run=other).order_by("index"))
    by_source = {one.source_id: one for one in second if one.source_id}
    by_text = {one.question: one for one in second}
    pairs, used = [], set()
    for one in first:
        match = by_source.get(one.source_id or 0) or by_text.get(one.question)
        if match is not None and match.pk not in used:
            used.add(match.pk)
            pairs.append(Pair(one, match, change(one, match)))
        else:
            pairs.append(Pair(one, None, ONLY_BASE))
    return pairs + [Pair(None, one, ONLY_OTHER) for one in second if one.pk not in used]


def change(base: EvaluationResult, other: EvaluationResult) -> str:
    """Whether a question came out better, worse or the same: by verdict, by rank, by recall."""
    before, after = _standing(base), _standing(other)
    return SAME if before == after else BETTER if after > before else WORSE


def counts(pairs: Iterable[Pair]) -> dict[str, int]:
    """How many pairs there are of each change."""
    found = dict.fromkeys(CHANGES, 0)
    for pair in pairs:
        found[pair.change] += 1
    return found


def settings_apart(base: EvaluationRun, other: EvaluationRun) -> dict[str, list[Any]]:
    """The settings in which two runs differ: name -> [base, other]."""
    names = [name for name in {**base.settings, **other.settings} if name != "tried"]
    apart = {name: [base.settings.get(name), other.settings.get(name)] for name in names}
    apart["answers"] = [base.with_answers, other.with_answers]
    return {name: values for name, values in apart.items() if values[0] != values[1]}


def _standing(result: EvaluationResult) -> tuple[int, int, float]:
    """Greater is better."""
    order = {Verdict.ERROR: 0, Verdict.WRONG: 1, Verdict.RIGHT: 2}
    verdict = order.get(Verdict(result.verdict), 0)
    return (verdict, -(result.rank or 1000), result.recall or 0.0) if result.answerable else (verdict, 0, 0.0)
