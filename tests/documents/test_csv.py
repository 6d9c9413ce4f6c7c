"""Tables in, rows out: delimiters, quotes, headers, what stands around them, rows that do not fit."""

import pytest

from documents.chunking.base import ChunkPlan
from documents.chunking.registry import chunk_blocks
from documents.embedding.registry import get_embedder
from documents.parsing import csv
from documents.parsing.base import ParseError
from tests.documents.reading import read_all, rows_of


def test_rows_carry_their_numbers_and_the_column_names(saved):
    structure, blocks, _ = read_all(csv, saved(b"name,age\nAda,36\nBob,41\n"), "p.csv")
    assert structure.row_count == 2
    assert rows_of(blocks) == {1: "name: Ada; age: 36\n", 2: "name: Bob; age: 41\n"}


def test_a_semicolon_table_keeps_cells_with_commas_and_quoted_newlines(saved):
    content = 'Ort;Text;Größe\nBonn;"eins, zwei\nund drei; vier";1,5\nKöln;"er sagte ""ja""";2\n'
    structure, blocks, _ = read_all(csv, saved(content.encode("cp1252")), "t.csv")
    assert structure.reading["delimiter"] == ";"
    assert structure.reading["encoding"] == "cp1252"
    assert rows_of(blocks) == {
        1: "Ort: Bonn; Text: eins, zwei und drei; vier; Größe: 1,5\n",
        2: 'Ort: Köln; Text: er sagte "ja"; Größe: 2\n',
    }


def test_ragged_rows_are_kept_and_named_by_line(saved):
    content = b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12,,\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert rows_of(blocks)[2] == "a: 4; b: 5\n"
    assert rows_of(blocks)[3] == "a: 6; b: 7; c: 8; column 4: 9\n"
    assert structure.warnings == ({"code": "rows_uneven", "numbers": [3, 4], "count": 2},)


def test_a_row_far_too_wide_is_rejected_and_named(saved):
    content = b"a,b\n1,2\n" + b"x," * 5000 + b"x\n3,4\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert list(rows_of(blocks).values()) == ["a: 1; b: 2\n", "a: 3; b: 4\n"]
    assert {"code": "rows_rejected", "numbers": [3], "count": 1} in structure.warnings


def test_blank_lines_nul_characters_and_repeated_names_do_no_harm(saved):
    content = b"\n\nid,id,\n\n1,\x00x,y\n\n2,z,\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert structure.row_count == 2
    assert rows_of(blocks) == {1: "id: 1; id (2): x; column 3: y\n", 2: "id: 2; id (2): z\n"}


def test_a_table_without_header_gets_column_numbers(saved):
    structure, blocks, _ = read_all(csv, saved(b"1,2\n3,4\n5,6\n"), "t.csv")
    assert structure.row_count == 3
    assert rows_of(blocks)[1] == "column 1: 1; column 2: 2\n"


def test_a_title_above_the_table_is_not_the_header(saved):
    _, blocks, _ = read_all(csv, saved(b"My report,,\nname,age,city\nAda,36,Rome\nBob,3,Bonn\n"), "t.csv")
    assert rows_of(blocks)[1] == "name: Ada; age: 36; city: Rome\n"


def test_many_rows_are_cut_between_rows(saved):
    lines = [f'{n},"name {n}\nsecond line",{n * 7}' for n in range(1, 8001)]
    structure, blocks, _ = read_all(
        csv, saved(("id,name,value\n" + "\n".join(lines)).encode("utf-16")), "t.csv"
    )
    assert len(structure.spans) > 5
    found = rows_of(blocks)
    assert list(found) == list(range(1, 8001))
    assert all(found[n] == f"id: {n}; name: name {n} second line; value: {n * 7}\n" for n in found)


def test_wide_rows_are_counted_with_the_names_that_stand_before_their_cells(saved):
    names = ",".join(f"What did respondent answer to question number {n}?" for n in range(300))
    rows = "\n".join(",".join(["y"] * 300) for _ in range(60))
    structure, blocks, _ = read_all(csv, saved(f"{names}\n{rows}\n".encode()), "survey.csv")
    assert list(rows_of(blocks)) == list(range(1, 61))
    assert max(len(block.text) for block in blocks) < 2 * csv.PART_RENDERED


def test_an_endless_column_name_is_cut(saved):
    structure, _, _ = read_all(csv, saved(b"id," + b"n" * 5000 + b"\n1,2\n3,4\n"), "t.csv")
    assert [len(name) for name in structure.reading["columns"]] == [2, 200]


def test_a_table_with_only_a_header_says_so(saved):
    with pytest.raises(ParseError) as caught:
        csv.split(saved(b"a,b,c\n"), "t.csv")
    assert caught.value.code == "csv_empty"


@pytest.mark.corpora
def test_every_real_table_is_read_with_all_its_rows(corpora):
    for path in sorted((corpora / "csv").glob("*.csv")):
        if path.name == "dk__header_only.csv":
            continue
        structure, blocks, _ = read_all(csv, str(path), path.name)
        assert list(rows_of(blocks)) == list(range(1, structure.row_count + 1)), path.name


# --- rows into chunks ------------------------------------------------------------------------------


def chunks_of(blocks, size=220, title="people"):
    plan = ChunkPlan(size, 30, title)
    return chunk_blocks(tuple(blocks), strategy="recursive", plan=plan, embedder=get_embedder())


def test_a_long_row_is_cut_between_cells_and_each_piece_says_which_row_it_is(saved):
    cells = {f"question {n}": f"an answer of several words, no. {n}. And more; yes" for n in range(40)}
    answers = ",".join(f'"{cell}"' for cell in cells.values())
    content = f"id,name,{','.join(cells)}\n7,Ada,{answers}\n8,Bob\n9,C\n"
    _, blocks, _ = read_all(csv, saved(content.encode()), "t.csv")
    made = chunks_of(blocks)
    pieces = [chunk for chunk in made if chunk.rows == (1, 1)]
    assert len(pieces) > 2
    assert pieces[0].context == "people"
    assert {chunk.context for chunk in pieces[1:]} == {"people · id: 7; name: Ada"}
    assert all(chunk.content.startswith("question ") for chunk in pieces[1:])
    assert all(chunk.content.endswith("; yes;") for chunk in pieces[:-1])
    for chunk in made:
        assert blocks[0].text[chunk.char_start : chunk.char_end] == chunk.content
        assert get_embedder().count_tokens([chunk.embedded_text])[0] <= 254


def test_a_cell_of_a_megabyte_is_cut_between_words_and_keeps_its_column_and_row(saved):
    words = [f"word{n}" for n in range(120_000)]
    content = f'id,note\n1,"{" ".join(words)}"\n2,short\n'
    structure, blocks, _ = read_all(csv, saved(content.encode()), "t.csv")
    assert structure.row_count == 2
    made = chunks_of([block for block in blocks if block.rows[0][0] == 1][:1], title="notes")
    seen = [word for chunk in made if chunk.rows == (1, 1) for word in chunk.content.split()]
    assert [word.rstrip(";") for word in seen][-len(words) :] == words
    assert {chunk.context for chunk in made[2:-1]} == {"notes · id: 1; note (continued)"}


def test_questions_with_answers_are_one_passage_each(saved):
    content = "Question,Answer\n" + "".join(f"What is {n}?,The number {n}.\n" for n in range(50))
    structure, blocks, _ = read_all(csv, saved(content.encode()), "faq.csv")
    assert structure.reading["single_rows"]
    made = chunks_of(blocks)
    assert [chunk.rows for chunk in made] == [(n, n) for n in range(1, 51)]
    text = "".join(rows_of(blocks).values())
    assert all(text[chunk.char_start : chunk.char_end] == chunk.content for chunk in made)
