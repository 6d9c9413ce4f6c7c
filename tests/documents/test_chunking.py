"""Chunks: exact places, never too long, never within a word, with their context."""

import random
import re

import pytest

from documents.chunking.base import ChunkPlan
from documents.chunking.registry import chunk_blocks
from documents.embedding.registry import get_embedder
from documents.parsing.base import Block

PROSE = "\n\n".join(
    f"Section {n} speaks of harvests. The yield in year {1900 + n} was {n * 13} tonnes, which was more than "
    f"anybody had foreseen; the storehouse no. {n} had to be enlarged. " * 4
    for n in range(30)
)


def chunks(blocks, strategy="recursive", size=220, overlap=30, title="The harvest report"):
    plan = ChunkPlan(size, overlap, title)
    return chunk_blocks(tuple(blocks), strategy=strategy, plan=plan, embedder=get_embedder())


@pytest.mark.parametrize("strategy", ["recursive", "semantic"])
@pytest.mark.parametrize("size", [32, 220, 240])
def test_chunks_are_exact_whole_words_and_fit_the_model(strategy, size):
    made = chunks([Block(PROSE, start=1000, section="Yields", page=7)], strategy, size)
    embedder = get_embedder()
    assert len(made) > 3
    covered = 0
    for chunk in made:
        start, end = chunk.char_start - 1000, chunk.char_end - 1000
        assert PROSE[start:end] == chunk.content
        assert start == 0 or not (PROSE[start - 1].isalnum() and PROSE[start].isalnum())
        assert end == len(PROSE) or not (PROSE[end - 1].isalnum() and PROSE[end].isalnum())
        assert not PROSE[covered:start].strip()
        covered = max(covered, end)
        assert chunk.token_count <= size
        assert embedder.count_tokens([chunk.embedded_text])[0] <= 254
        assert chunk.page == 7
    assert not PROSE[covered:].strip()


@pytest.mark.parametrize("strategy", ["recursive", "semantic"])
@pytest.mark.parametrize("seed", range(4))
def test_text_of_blanks_signs_and_characters_without_a_token_is_covered_whole(strategy, seed):
    dice = random.Random(seed)
    pieces = [
        " ",
        "\n",
        "\n\n",
        "\t",
        "\u200b",
        "\u00a0",
        ". ",
        "; ",
        "word",
        "ﷺ",
        "<b>'--",
        "漢字",
        "x" * 40,
    ]
    text = "".join(dice.choices(pieces, k=4000))
    covered = 0
    for chunk in chunks([Block(text)], strategy, size=40, overlap=8):
        assert text[chunk.char_start : chunk.char_end] == chunk.content
        assert not re.search(r"\w", text[covered : chunk.char_start])
        covered = max(covered, chunk.char_end)
    assert not re.search(r"\w", text[covered:])


def test_neighbours_overlap_by_whole_words_up_to_the_limit():
    made = chunks([Block(PROSE)])
    embedder = get_embedder()
    shared = [PROSE[b.char_start : a.char_end] for a, b in zip(made, made[1:], strict=False)]
    assert all(0 < embedder.count_tokens([text])[0] <= 30 for text in shared)


def test_the_context_names_document_and_section_and_is_shortened_to_fit():
    made = chunks([Block(PROSE, section="Yields › Wheat")])
    assert {chunk.context for chunk in made} == {"The harvest report · Yields › Wheat"}
    long = chunks([Block(PROSE, section="very long section name " * 20)], size=240, overlap=0)
    assert all(chunk.context.startswith("The harvest report") for chunk in long)
    assert max(get_embedder().count_tokens([chunk.embedded_text])[0] for chunk in long) <= 254


def test_a_word_longer_than_a_chunk_is_cut_and_nothing_is_lost():
    text = "short words " + "x9" * 4000 + " end"
    made = chunks([Block(text)], overlap=0)
    assert "".join(re.sub(r"\s", "", chunk.content) for chunk in made) == re.sub(r"\s", "", text)
    assert max(chunk.token_count for chunk in made) <= 220


def test_rows_are_packed_whole_and_keep_their_numbers():
    rows, text = [], ""
    for n in range(1, 101):
        rows.append((n, len(text)))
        text += f"name: Person {n}; city: Town {n}; value: {n * n}\n"
    made = chunks([Block(text, rows=tuple(rows))], "semantic")
    assert [chunk.rows[0] for chunk in made][0] == 1
    assert made[-1].rows[1] == 100
    for before, after in zip(made, made[1:], strict=False):
        assert after.rows[0] == before.rows[1] + 1
    for chunk in made:
        assert text[chunk.char_start : chunk.char_end] == chunk.content
        assert len(chunk.content.split("\n")) == chunk.rows[1] - chunk.rows[0] + 1


def test_one_huge_row_becomes_several_chunks_of_that_row():
    text = "a: 1\n" + "note: " + "word " * 900 + "\nb: 2\n"
    made = chunks([Block(text, rows=((1, 0), (2, 5), (3, len(text) - 5)))])
    assert [chunk.rows for chunk in made][0] == (1, 1)
    assert made[-1].rows == (3, 3)
    assert {chunk.rows for chunk in made[1:-1]} == {(2, 2)}


def test_a_block_of_punctuation_alone_makes_no_chunk():
    assert chunks([Block("* * *\n—\n…")]) == []
