"""Tables in, rows out: delimiters, quotes, headers, what stands around them, rows that do not fit."""

import pytest

from documents.chunking.base import ChunkPlan
from documents.chunking.registry import chunk_blocks
from documents.embedding.registry import get_embedder
from documents.ingestion.notices import for_people
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


# --- how the table is written ----------------------------------------------------------------------


def reading_of(saved, content: bytes) -> dict:
    return csv.split(saved(content), "t.csv").reading


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiter_and_quote_are_found_and_shown(saved, delimiter, quote):
    def cell(text: str) -> str:
        return quote + text + quote

    rows = [[cell(f"one{delimiter} two {n}"), cell("1,5"), "word", str(n)] for n in range(6)]
    content = "\n".join(delimiter.join(row) for row in [["a", "b", "c", "d"], *rows])
    structure, blocks, _ = read_all(csv, saved(content.encode()), "t.csv")
    assert (structure.reading["delimiter"], structure.reading["quote"]) == (delimiter, quote)
    assert rows_of(blocks)[3] == " ".join(f"a: one{delimiter} two 2; b: 1,5; c: word; d: 2".split()) + "\n"


def test_decimal_commas_do_not_hide_the_semicolons(saved):
    content = b"1,5;2,5;3,7\n2,5;3,5;4,7\n1,0;9,9;8,8\n"
    assert reading_of(saved, content)["delimiter"] == ";"


def test_backslash_escapes_are_undone(saved):
    content = b'a,b\nthe \\"Guide\\" to it,1\none\\, two,2\n\'tis plain,3\n'
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert structure.reading["escape"] == "\\"
    assert rows_of(blocks) == {
        1: 'a: the "Guide" to it; b: 1\n',
        2: "a: one, two; b: 2\n",
        3: "a: 'tis plain; b: 3\n",
    }


def test_backslashes_that_escape_nothing_stay(saved):
    content = b'path,json\nC:\\new\\dir,"{""a"": ""b\\\\c""}"\nD:\\x,"{""a"": 1}"\n'
    _, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert rows_of(blocks)[1] == 'path: C:\\new\\dir; json: {"a": "b\\\\c"}\n'


def test_blanks_before_quotes_do_not_count(saved):
    _, blocks, _ = read_all(csv, saved(b'a, b\n1, "x, y"\n2, "z"\n'), "t.csv")
    assert rows_of(blocks) == {1: "a: 1; b: x, y\n", 2: "a: 2; b: z\n"}


def test_comment_lines_are_no_rows_and_are_named(saved):
    content = b"# made \"by hand, today\na;b\n1;x\n# it's a remark; with; more\n2;y\n#3;z\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert structure.reading["delimiter"] == ";"
    assert list(rows_of(blocks).values()) == ["a: 1; b: x\n", "a: 2; b: y\n", "a: #3; b: z\n"]
    assert structure.warnings == ({"code": "lines_comments", "numbers": [4], "count": 1},)


def test_a_hash_in_the_header_or_in_cells_is_no_comment(saved):
    content = b"#,name\n#1,Ada\n#2,Bob\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert list(rows_of(blocks).values()) == ["#: #1; name: Ada\n", "#: #2; name: Bob\n"]
    assert not structure.warnings


def test_a_quote_that_nothing_closes_keeps_every_line(saved):
    lines = [f'"{n}","model","pass {n}"' for n in range(1, 40)]
    lines[10] = '"11","model","cut off'
    lines[20] = '"21","model","cut off too'
    structure, blocks, _ = read_all(csv, saved("\n".join(["id,kind,word", *lines]).encode()), "t.csv")
    found = rows_of(blocks)
    assert structure.row_count == 39
    assert found[11] == "id: 11; kind: model; word: cut off\n"
    assert found[12] == "id: 12; kind: model; word: pass 12\n"
    assert found[39] == "id: 39; kind: model; word: pass 39\n"


def test_stray_quotes_that_meet_do_not_swallow_the_rows_between(saved):
    lines = [f"{n},plain,{n}" for n in range(1, 101)]
    lines[9] = '10,"open,10'
    lines[89] = '90,closed",90'
    structure, blocks, _ = read_all(csv, saved("\n".join(["id,word,value", *lines]).encode()), "t.csv")
    assert structure.row_count == 100
    assert rows_of(blocks)[50] == "id: 50; word: plain; value: 50\n"


def test_a_list_of_facts_above_the_table_is_kept_apart(saved):
    head = "Title:,Rivers,,,,\nYear:,1995,,,,\nSource:,Agency,,,,\n,,,,,\n,,,,,\n"
    table = "place,a,b,c,d,e\n" + "".join(f"town {n},{n},2,3,4,5\n" for n in range(12))
    structure, blocks, _ = read_all(csv, saved((head + table).encode()), "t.csv")
    assert structure.reading["preamble"] == "Title: Rivers / Year: 1995 / Source: Agency"
    assert structure.row_count == 12
    assert rows_of(blocks)[1] == "place: town 0; a: 0; b: 2; c: 3; d: 4; e: 5\n"


def test_two_rows_of_headings_name_group_and_column(saved):
    content = (
        "id,Which have you seen?,,,Your age\n,Film one,Film two,Film three,Response\n"
        "1,yes,no,,30\n2,no,no,yes,41\n3,,yes,,52\n"
    )
    structure, blocks, _ = read_all(csv, saved(content.encode()), "t.csv")
    assert structure.reading["header_records"] == 2
    assert structure.reading["columns"][1:] == [
        "Which have you seen? – Film one",
        "Which have you seen? – Film two",
        "Which have you seen? – Film three",
        "Your age",
    ]
    assert structure.row_count == 3


def test_rows_with_one_cell_more_than_the_header_have_unnamed_row_names(saved):
    content = b"mpg,cyl\nMazda RX4,21.0,6\nFiat 128,32.4,4\nHonda,30.4,4\n"
    structure, blocks, _ = read_all(csv, saved(content), "cars.csv")
    assert rows_of(blocks)[2] == "column 1: Fiat 128; mpg: 32.4; cyl: 4\n"
    assert not structure.warnings


def test_delimiters_at_the_ends_of_lines_are_no_column(saved):
    structure, blocks, _ = read_all(csv, saved(b"a,b\n1,2,\n3,4,\n5,6,\n"), "t.csv")
    assert structure.reading["columns"] == ["a", "b"]
    assert not structure.warnings


def test_names_that_repeat_stay_different(saved):
    assert reading_of(saved, b"id,id (2),id,id\n1,2,3,4\n5,6,7,8\n")["columns"] == [
        "id",
        "id (2)",
        "id (3)",
        "id (4)",
    ]


def test_ten_thousand_columns_are_read(saved):
    names = ",".join(f"measure {n}" for n in range(9074))
    rows = "\n".join(",".join(str(n * row) for n in range(9074)) for row in range(1, 4))
    structure, blocks, _ = read_all(csv, saved(f"{names}\n{rows}\n".encode()), "wide.csv")
    assert len(structure.reading["columns"]) == 9074
    assert list(rows_of(blocks)) == [1, 2, 3]
    assert rows_of(blocks)[3].endswith("; measure 9073: 27219\n")


def test_newlines_of_all_kinds_in_one_file(saved):
    _, blocks, _ = read_all(csv, saved(b"a,b\r\n1,2\n3,4\r5,6\r\n7,8"), "t.csv")
    assert list(rows_of(blocks).values()) == ["a: 1; b: 2\n", "a: 3; b: 4\n", "a: 5; b: 6\n", "a: 7; b: 8\n"]


def test_more_uneven_lines_than_are_listed_are_counted(saved):
    content = b"a,b\n" + b"1,2\n" * 400 + b"1\n" * 350
    structure, _, _ = read_all(csv, saved(content), "t.csv")
    [warning] = structure.warnings
    assert (len(warning["numbers"]), warning["numbers"][0], warning["count"]) == (200, 402, 350)
    [told] = for_people(structure.warnings)
    assert told["message"].startswith("Lines 402, 403, ")
    assert " and 330 more: more or fewer cells" in told["message"]
