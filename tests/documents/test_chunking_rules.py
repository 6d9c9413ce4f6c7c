"""What holds for the chunks of every text, over texts that make it hard, with the real model."""

from itertools import pairwise

import numpy as np
import pytest
import regex

from documents.chunking.base import ChunkPlan
from documents.chunking.registry import chunk_blocks
from documents.embedding.registry import get_embedder
from documents.parsing import text as text_parser
from documents.parsing.base import Block
from documents.parsing.clusters import LONGEST, boundary_after, boundary_before
from tests.documents.chunk_rules import (
    CHINESE,
    FAMILY,
    NASTY,
    SENTENCE,
    SILENT,
    THAI,
    made_of,
    mixed,
    uncovered,
    weight,
)
from tests.documents.reading import read_all

PLANS = {
    "usual": ChunkPlan(220, 30, "The harvest report"),
    "small": ChunkPlan(40, 20, "The harvest report"),
    "largest, long title": ChunkPlan(240, 0, "A title that goes on and on " * 12),
    "Chinese title": ChunkPlan(240, 60, "委员会在春天开会听取了主席关于港口状况的报告" * 9),
}
MEGABYTES = {
    "prose in one line": "lorem ipsum dolor sit amet, consectetur. " * 26_000,
    "one word": "0123456789abcdef" * 65_536,
    "commas": "x," * 524_288,
    "Thai": THAI * 12_000,
    "Chinese": CHINESE * 20_000,
    "families": FAMILY * 90_000,
    "blank lines": "first" + "\n" * 1_000_000 + "last",
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", NASTY)
def test_the_rules_hold_for_nasty_text(name, plan):
    block = Block(NASTY[name], start=977, section="Yields › Wheat", page=7)
    assert made_of([block], "recursive", PLANS[plan]) != []


@pytest.mark.parametrize("name", NASTY)
def test_the_rules_hold_for_nasty_text_cut_by_meaning(name):
    made = made_of([Block(NASTY[name], start=977, page=7)], "semantic", PLANS["usual"])
    assert all(before.char_end <= after.char_start for before, after in pairwise(made))


@pytest.mark.parametrize("strategy", ["recursive", "semantic"])
@pytest.mark.parametrize("seed", range(8))
def test_the_rules_hold_for_any_mixture(strategy, seed):
    plan = ChunkPlan(*[(220, 30), (240, 100), (64, 10), (17, 5)][seed % 4], "A title")
    made_of([Block(mixed(seed)), Block(mixed(seed + 100), start=10**6)], strategy, plan)


@pytest.mark.parametrize("strategy", ["recursive", "semantic"])
@pytest.mark.parametrize("name", SILENT)
def test_what_says_nothing_makes_no_chunk(strategy, name):
    assert made_of([Block(SILENT[name])], strategy, PLANS["usual"]) == []


@pytest.mark.parametrize("name", MEGABYTES)
def test_an_endless_line_of_a_megabyte_is_cut_by_the_rules(name):
    line = MEGABYTES[name]
    plan = PLANS["usual"]
    made = chunk_blocks((Block(line),), strategy="recursive", plan=plan, embedder=get_embedder())
    ranges = [(chunk.char_start, chunk.char_end) for chunk in made]
    assert not uncovered(line, ranges).strip()
    assert max(chunk.token_count for chunk in made) <= plan.size
    assert max(len(chunk.content) for chunk in made) <= plan.size * 8
    assert all(line[chunk.char_start : chunk.char_end] == chunk.content for chunk in made)


def test_a_sign_in_text_is_not_lost_between_words():
    """Only stretches of nothing but signs are left out, however they fall."""
    signs = "".join(f"word{n} — (({n})) … {{x}} ;;\n" for n in range(400))
    made = made_of([Block(signs)], "recursive", PLANS["small"])
    assert not uncovered(signs, [(chunk.char_start, chunk.char_end) for chunk in made]).strip()


@pytest.mark.parametrize("name", ["families", "Thai", "one word"])
def test_a_file_of_one_endless_line_is_read_in_stretches_that_end_between_characters(saved, name):
    line = MEGABYTES[name][: 700_000 if name == "families" else 200_000]
    structure, blocks, _ = read_all(text_parser, saved(line.encode()), "line.txt")
    assert len(structure.spans) > 3
    assert "".join(block.text for block in blocks) == line
    clusters = {0, *(found.end() for found in regex.finditer(r"\X", line))}
    assert {block.start for block in blocks} < clusters


# --- tables ----------------------------------------------------------------------------------------


def table(cells: list[list[str]]) -> Block:
    """Rows as the reader of tables writes them."""
    text, rows, places = "", [], []
    for number, row in enumerate(cells, start=1):
        rows.append((number, len(text)))
        for index, cell in enumerate(row):
            places.append(len(text))
            text += f"column {index}: {cell}" + ("; " if index + 1 < len(row) else "\n")
    return Block(text, rows=tuple(rows), cells=tuple(places))


@pytest.mark.parametrize("strategy", ["recursive", "semantic"])
@pytest.mark.parametrize("plan", PLANS)
def test_rows_of_nasty_cells_stay_whole_as_long_as_they_can(strategy, plan):
    plan = PLANS[plan]
    texts = [" ".join(text.split()) for text in NASTY.values()]
    cells = [
        [text[:30], text[: 40 * (n % 4)], text if n % 5 == 0 else str(n)] for n, text in enumerate(texts)
    ]
    block = table(cells * 2)
    made = made_of([block], strategy, plan)
    bounds = [*(start for _, start in block.rows), len(block.text)]
    for (number, start), end in zip(block.rows, bounds[1:], strict=True):
        own = [chunk for chunk in made if chunk.rows[0] <= number <= chunk.rows[1]]
        assert own
        if weight(block.text[start:end]) <= plan.size:
            (chunk,) = own
            assert chunk.char_start <= start
            assert chunk.char_end >= start + len(block.text[start:end].rstrip())
        else:
            assert {chunk.rows for chunk in own} == {(number, number)}
    assert [chunk.rows[0] for chunk in made] == sorted(chunk.rows[0] for chunk in made)


# --- by meaning ------------------------------------------------------------------------------------


class Counting:
    """The real embedder, and what it was asked to embed."""

    def __init__(self) -> None:
        self._real = get_embedder()
        self.max_tokens = self._real.max_tokens
        self.count_tokens = self._real.count_tokens
        self.texts: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray:
        self.texts += texts
        return self._real.embed(texts)


def test_each_sentence_is_embedded_once_and_the_cuts_are_always_the_same():
    texts = [
        "".join(f"Sentence {n} of page {page} is about {n * page % 7} boats. " for n in range(60))
        for page in range(1, 5)
    ]
    blocks = tuple(Block(text, start=10_000 * page, page=page) for page, text in enumerate(texts))
    counting = Counting()
    plan = PLANS["usual"]
    made = chunk_blocks(blocks, strategy="semantic", plan=plan, embedder=counting)
    assert counting.texts == [
        f"Sentence {n} of page {page} is about {n * page % 7} boats. "
        for page in range(1, 5)
        for n in range(60)
    ]
    again = chunk_blocks(blocks, strategy="semantic", plan=plan, embedder=Counting())
    assert again == made


def test_nothing_is_embedded_for_cutting_by_length():
    counting = Counting()
    chunk_blocks((Block(SENTENCE * 99),), strategy="recursive", plan=PLANS["usual"], embedder=counting)
    assert counting.texts == []


def test_a_topic_ends_a_chunk():
    boats = (
        "The ferry left the harbour at noon. Its captain watched the waves. Sailors tied the ropes again. "
    )
    bread = "Knead the dough with warm water. Let the yeast rise near the oven. Bake the loaf until brown. "
    made = made_of([Block(boats * 2 + bread * 2)], "semantic", PLANS["usual"])
    assert len(boats * 2) in {chunk.char_start for chunk in made}


def test_sentences_end_where_no_blank_follows():
    counting = Counting()
    chunk_blocks((Block(CHINESE * 3),), strategy="semantic", plan=PLANS["usual"], embedder=counting)
    assert "“同意！”" in counting.texts
    assert "".join(counting.texts) == CHINESE * 3


# --- characters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NASTY)
def test_characters_end_where_unicode_says(name):
    text = NASTY[name][:3000]
    clusters = [found.span() for found in regex.finditer(r"\X", text)]
    for start, end in clusters:
        if end - start > LONGEST:
            assert boundary_after(text, start, 1) == start + 1 + LONGEST
            break
        assert boundary_after(text, start, 1) == end
        assert boundary_before(text, end) == end
        assert all(boundary_before(text, at) == start for at in range(start + 1, end))
