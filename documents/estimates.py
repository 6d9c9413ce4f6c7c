"""How long reading will take here, before it begins."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from documents.models import Document, MediaType, Status

CACHE_KEY, CACHE_SECONDS = "ingestion-speeds", 60
LOOK_BACK, LATEST = timedelta(days=30), 200
LARGE_ENOUGH = 64 * 1024  # bytes: of smaller files the waiting between steps is measured
SECONDS_ENOUGH = 5.0
# Bytes per second on two cores with the default embedding model; measured with bench/ingest.py.
USUAL = {
    MediaType.PDF.value: 300_000.0,
    MediaType.CSV.value: 20_000.0,
    MediaType.TEXT.value: 50_000.0,
    MediaType.MARKDOWN.value: 50_000.0,
}


def ingestion_speeds() -> dict[str, float]:
    """Media type -> bytes that become passages per second, from the documents completed of late.

    Only first builds count (later ones find their vectors in the cache), from the first split to the end.
    """
    try:
        known = cache.get(CACHE_KEY)
        if known is None:
            known = USUAL | _measured()
            cache.set(CACHE_KEY, known, CACHE_SECONDS)
    except (RedisError, OSError):  # the page is shown all the same
        return USUAL | _measured()
    return known


def _measured() -> dict[str, float]:
    rows = Document.objects.filter(
        status=Status.COMPLETED,
        generation=1,
        size__gte=LARGE_ENOUGH,
        completed_at__gt=timezone.now() - LOOK_BACK,
        started_at__lt=F("completed_at"),
    ).order_by("-completed_at")
    sums: dict[str, tuple[int, float]] = {}
    for media_type, size, start, end in rows.values_list("media_type", "size", "started_at", "completed_at")[
        :LATEST
    ]:
        if start is None or end is None:
            continue
        total, seconds = sums.get(media_type, (0, 0.0))
        sums[media_type] = (total + size, seconds + (end - start).total_seconds())
    return {kind: size / seconds for kind, (size, seconds) in sums.items() if seconds >= SECONDS_ENOUGH}
