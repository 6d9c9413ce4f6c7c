"""A table's description, from its parts to passages that answer questions about the whole table."""

import pytest
from django.utils import timezone

from documents.ingestion import sweeper
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split, parts_take
from documents.models import DocumentPart, PartStatus, Status

REGIONS = ("North", "South", "East")
ROWS = 4000
TABLE = "id,region,amount\n" + "".join(
    f"{n},{REGIONS[n % 3] if n % 10 else 'North'},{n * 13 % 9973}.{n % 100:02}\n" for n in range(1, ROWS + 1)
)


@pytest.fixture
def split_table(upload, db):
    """A document of several parts, split, and the ids rung for."""
    document = upload(TABLE.encode(), "sales.csv")
    ids = document_split(document_id=document.pk)
    document.refresh_from_db()
    return document, ids


def work(ids: list[int]) -> list[int]:
    """Do parts until nothing is rung for; in which order they were done."""
    done = []
    while ids:
        done.append(ids.pop(0))
        ids += part_process(part_id=done[-1])
    return done


def test_the_gathering_part_comes_last_and_its_passages_say_the_truth(split_table):
    document, ids = split_table
    gathers = document.parts.get(gathers=True)
    assert document.parts_total == document.parts.count() > 4
    assert gathers.index == document.parts_total - 1
    assert gathers.pk not in ids
    done = work(ids)
    assert done[-1] == gathers.pk
    document.refresh_from_db()
    assert (document.status, document.parts_done) == (Status.COMPLETED, document.parts_total)
    assert not document.parts.exclude(profile=None).exists()
    made = list(document.chunks.filter(part_index=gathers.index).order_by("index"))
    assert {(chunk.row_from, chunk.row_to, chunk.line_from, chunk.page_from) for chunk in made} == {
        (None, None, None, None)
    }
    assert {chunk.context for chunk in made} == {"sales · About the whole table"}
    assert max(chunk.token_count for chunk in made) <= 240
    text = "\n".join(chunk.content for chunk in made)
    assert all(text[chunk.char_start : chunk.char_end] == chunk.content for chunk in made)
    amounts = [n * 13 % 9973 * 100 + n % 100 for n in range(1, ROWS + 1)]
    best = amounts.index(max(amounts)) + 1
    assert "The table sales.csv has 4,000 rows (records, entries) and 3 columns." in text
    assert f"Highest (maximum) amount: {max(amounts) / 100:.2f} in row {best:,} (id: {best}; region: " in text
    assert f"Sum (total) of amount: {sum(amounts) / 100:,.2f};" in text
    regions = [line.split(",")[1] for line in TABLE.splitlines()[1:]]
    north, south = regions.count("North"), regions.count("South")
    assert f"Values of region: North ({north:,} times)" in text
    assert f"South ({south:,} times)" in text


def test_the_gathering_part_is_not_given_out_while_another_is_at_work(split_table):
    document, ids = split_table
    generation = document.building_generation
    gathers = document.parts.get(gathers=True)
    last = document.parts.get(index=gathers.index - 1)
    DocumentPart.objects.filter(pk=last.pk).update(queued_at=timezone.now())  # rung for, and not begun
    done = work([pk for pk in ids if pk != last.pk])
    assert len(done) == document.parts_total - 2
    assert parts_take(document_id=document.pk, generation=generation, count=4) == []
    assert part_process(part_id=last.pk) == [gathers.pk]
    assert DocumentPart.objects.get(pk=gathers.pk).queued_at is not None


@pytest.mark.parametrize("rung", [False, True])
def test_a_lost_ring_for_the_gathering_part_is_made_good(split_table, rung):
    document, ids = split_table
    gathers = document.parts.get(gathers=True)
    ordinary = list(document.parts.filter(gathers=False).values_list("pk", flat=True))
    for pk in ordinary:
        part_process(part_id=pk)
    assert DocumentPart.objects.get(pk=gathers.pk).status == PartStatus.WAITING
    # Either the process died before it queued the part, or the broker lost the message.
    long_ago = timezone.now() - 2 * sweeper.LOST_AFTER
    DocumentPart.objects.filter(pk=gathers.pk).update(queued_at=long_ago if rung else None)
    assert sweeper.sweep().parts == [gathers.pk]
    assert work([gathers.pk]) == [gathers.pk]
    document.refresh_from_db()
    assert document.status == Status.COMPLETED


def test_a_table_of_one_part_gathers_too(upload, db):
    document = upload(b"a,b\n1,x\n2,y\n", "small.csv")
    done = work(document_split(document_id=document.pk))
    assert len(done) == 2
    document.refresh_from_db()
    assert document.status == Status.COMPLETED
    assert "has 2 rows" in document.chunks.filter(part_index=1).order_by("index").first().content
