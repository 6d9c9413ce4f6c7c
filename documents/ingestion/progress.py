"""How fast a build goes and how long it will take: kept in its row by the parts' own transactions."""

import time
from typing import Any

from django.db.models import Case, F, FloatField, Func, Sum, Value, When
from django.db.models.functions import Greatest, Now
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from documents.models import Document, Status

WEIGHT = 0.1  # of the newest interval; the first ones weigh alike, as in a plain mean
PAUSE_TIMES, PAUSE_SECONDS = 5.0, 30.0  # the usual interval so often, and as much more: paused, not slow
MANY_PARTS = 2  # from so many on a build's own speed is known
USUAL_SECONDS = 1.5  # per part, on an installation that has not finished any document yet
LOOK_BACK = 20  # finished documents
REMEMBER_SECONDS = 30.0

_usual: tuple[float, float] | None = None  # when it was read, and the seconds


def part_ended() -> dict[str, Any]:
    """Changes of the document's row at the end of a part, as SQL of its old values.

    It measures the time between the ends of parts, whoever worked on them: several workers make it shorter
    as they make the build faster. An interval in which no worker ran says nothing and is left out.
    """
    interval = Func(
        Now(),
        F("last_part_at"),
        template="greatest(extract(epoch FROM (%(expressions)s))::float8, 0)",
        arg_joiner=" - ",
        output_field=FloatField(),
    )
    known = F("part_seconds")
    weight = Greatest(Value(WEIGHT), Value(1.0) / (F("parts_done") + Value(1.0)), output_field=FloatField())
    paused = GreaterThan(interval, known * Value(PAUSE_TIMES) + Value(PAUSE_SECONDS))
    return {
        "last_part_at": Greatest(Now(), F("last_part_at")),
        "part_seconds": Case(
            When(last_part_at__isnull=True, then=known),
            When(part_seconds__isnull=True, then=interval),
            When(paused, then=known),
            default=known + (interval - known) * weight,
            output_field=FloatField(),
        ),
    }


def rate(document: Document) -> float | None:
    """Passages per second; None before the second part, and while nothing moves."""
    if not _measured(document) or not document.part_seconds:
        return None
    return round(document.chunk_count / document.parts_done / document.part_seconds, 1)


def seconds_left(document: Document) -> int | None:
    """Of a document in work, as if all parts were alike; None while nothing is known or nothing moves.

    From the end of splitting until its own speed is known, it goes by the installation's usual speed.
    """
    if document.status != Status.PROCESSING or not document.parts_total:
        return None
    parts = document.parts_total - document.parts_done
    if _measured(document):
        return round(parts * (document.part_seconds or 0))
    if document.parts_done >= MANY_PARTS:
        return None
    return round(parts * usual_part_seconds())


def usual_part_seconds() -> float:
    """Seconds per part of the documents finished last, long ones counting more; looked up now and then."""
    global _usual
    if _usual is None or time.monotonic() - _usual[0] > REMEMBER_SECONDS:
        _usual = (time.monotonic(), _recent_part_seconds() or USUAL_SECONDS)
    return _usual[1]


def _measured(document: Document) -> bool:
    """Whether the build's own speed is known and it goes on at about that speed."""
    if document.status != Status.PROCESSING or document.parts_done < MANY_PARTS:
        return False
    if document.part_seconds is None or document.last_part_at is None:
        return False
    silence = (timezone.now() - document.last_part_at).total_seconds()
    return silence <= document.part_seconds * PAUSE_TIMES + PAUSE_SECONDS


def _recent_part_seconds() -> float | None:
    finished = Document.objects.filter(
        status=Status.COMPLETED, part_seconds__isnull=False, parts_total__gte=MANY_PARTS
    )
    recent = finished.order_by("-completed_at")[:LOOK_BACK].values("part_seconds", "parts_total")
    sums = recent.aggregate(
        seconds=Sum(F("part_seconds") * F("parts_total"), output_field=FloatField()), parts=Sum("parts_total")
    )
    return sums["seconds"] / sums["parts"] if sums["parts"] else None
