"""A run's measures as lines of text, for the terminal."""

from collections.abc import Iterable
from typing import Any

from chat.evaluation.selectors import BETTER, WORSE, Pair, counts, settings_apart
from chat.models import EvaluationResult, EvaluationRun

SHARES = (
    ("recall_at_k", "recall@{k}"),
    ("mrr", "MRR@10"),
    ("ndcg_at_10", "nDCG@10"),
    ("citation_precision", "citation precision"),
    ("refusal_accuracy", "refusal accuracy"),
    ("unanswerable_refused", "unanswerable refused"),
    ("answerable_refused", "answerable refused"),
)
TIMES = (
    ("search_ms_p50", "search p50"),
    ("search_ms_p95", "search p95"),
    ("answer_ms_p50", "answer p50"),
    ("answer_ms_p95", "answer p95"),
)
LISTED = 20


def as_table(run: EvaluationRun) -> str:
    """One line a measure."""
    return "".join(f"  {label:<22}{value:>9}\n" for label, value in _lines(run.metrics))


def compared_as_table(base: EvaluationRun, other: EvaluationRun) -> str:
    """Both runs side by side with the difference, then the settings in which they differ."""
    text = f"  {'':<22}{f'run {base.pk}':>10}{f'run {other.pk}':>10}{'':>10}\n"
    for (label, before), (_, after), name in zip(
        _lines(base.metrics),
        _lines(other.metrics),
        [name for name, _ in SHARES + TIMES] + ["questions"],
        strict=True,
    ):
        text += f"  {label:<22}{before:>10}{after:>10}{_difference(base.metrics, other.metrics, name):>10}\n"
    for name, (one, two) in settings_apart(base, other).items():
        text += f"  {name}: {one} -> {two}\n"
    return text


def worse_as_lines(pairs: Iterable[Pair]) -> str:
    """How many questions came out better and worse, and the worse ones."""
    pairs = list(pairs)
    found = counts(pairs)
    text = f"  {found[BETTER]} better, {found[WORSE]} worse, {found['same']} the same\n"
    worse = [pair for pair in pairs if pair.change == WORSE]
    for pair in worse[:LISTED]:
        text += f"  worse: {_outcome(pair.base)} -> {_outcome(pair.other)}  {_question(pair.base)}\n"
    return text + (f"  and {len(worse) - LISTED} more\n" if len(worse) > LISTED else "")


def _lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    shares = [
        (label.format(k=metrics.get("k", "k")), _number(metrics.get(name), 3)) for name, label in SHARES
    ]
    times = [(label, _number(metrics.get(name), 1, " ms")) for name, label in TIMES]
    asked = f"{metrics.get('questions', 0)}"
    return [*shares, *times, ("questions", asked)]


def _number(value: float | None, places: int, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{places}f}{unit}"


def _difference(base: dict[str, Any], other: dict[str, Any], name: str) -> str:
    before, after = base.get(name), other.get(name)
    if before is None or after is None or before == after:
        return ""
    return f"{after - before:+.1f}" if name.endswith(("p50", "p95")) else f"{after - before:+.3f}"


def _outcome(result: EvaluationResult | None) -> str:
    if result is None or result.error_code:
        return "error"
    if result.refused:
        return "refused"
    return f"rank {result.rank}" if result.rank else "not found" if result.answerable else "answered"


def _question(result: EvaluationResult | None) -> str:
    text = " ".join(result.question.split()) if result else ""
    return text if len(text) <= 80 else text[:79] + "…"
