"""How fast files are read here: measured where something was read, a usual value elsewhere."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from documents import estimates
from documents.models import Document, MediaType, Status


@pytest.fixture(autouse=True)
def _nothing_cached():
    cache.delete(estimates.CACHE_KEY)
    yield
    cache.delete(estimates.CACHE_KEY)


@pytest.fixture
def completed(collection):
    """A function: a document that took `seconds`."""
    made = []

    def make(size: int, seconds: float, media_type: str = MediaType.CSV, **fields) -> Document:
        now = timezone.now()
        made.append(1)
        facts = {
            "status": Status.COMPLETED,
            "chunk_count": 1,
            "active_generation": 1,
            "generation": 1,
            "embedding_model": collection.embedding_model,
            "started_at": now - timedelta(seconds=seconds),
            "completed_at": now,
        }
        return Document.objects.create(
            collection=collection,
            name="a",
            media_type=media_type,
            size=size,
            sha256=str(len(made)),
            **facts | fields,
        )

    return make


def test_without_experience_the_usual_speeds_are_told(db):
    assert estimates.ingestion_speeds() == estimates.USUAL
    assert set(estimates.USUAL) == set(MediaType.values)


def test_speeds_are_measured_over_all_that_was_read(completed):
    completed(1_000_000, 10)
    completed(3_000_000, 10)
    completed(500_000, 1, MediaType.PDF)  # too short to tell
    speeds = estimates.ingestion_speeds()
    assert speeds[MediaType.CSV] == pytest.approx(200_000)
    assert speeds[MediaType.PDF] == estimates.USUAL[MediaType.PDF]


@pytest.mark.parametrize(
    "fields",
    [
        {"generation": 2, "active_generation": 2},
        {"status": Status.FAILED},
        {"size": 1000},
        {
            "completed_at": timezone.now() - timedelta(days=60),
            "started_at": timezone.now() - timedelta(days=61),
        },
        {"started_at": None},
    ],
)
def test_what_says_nothing_about_the_speed_is_left_out(completed, fields):
    completed(**{"size": 1_000_000, "seconds": 10} | fields)
    assert estimates.ingestion_speeds() == estimates.USUAL


def test_speeds_are_known_while_redis_is_away(db, settings):
    away = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = settings.CACHES | {"default": away}
    assert estimates.ingestion_speeds() == estimates.USUAL
