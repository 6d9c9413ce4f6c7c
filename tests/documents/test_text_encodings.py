"""Encodings: mark, UTF-8 over the whole file, the detector, evidence among the Western ones."""

import pytest

from documents.ingestion.notices import for_people
from documents.parsing import encodings, sniff, text
from documents.parsing.base import ParseError
from tests.documents.reading import read_all

FRENCH = "Les élèves français déjà reçus à l’été, où ça “chauffe” – naïve, Öl, Größe, señor, Ångström.\n" * 4
RUSSIAN = "Привет, мир. Это довольно длинный текст\nна русском языке, а не на английском.\n" * 3
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy. Čeština má mnoho háčků a čárek.\n" * 3


def found(saved, content: bytes) -> encodings.Encoding:
    return encodings.detect(saved(content))


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252", "mac_roman"],
)
def test_western_text(saved, encoding):
    assert found(saved, FRENCH.encode(encoding)) == encodings.Encoding(encoding)


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "utf-16-le"),
        (RUSSIAN, "utf-16-be"),
        (CZECH, "cp1250"),
        ("日本語の文章です。これは長い文です。\n" * 5, "cp932"),
        ("日本語の文章です。これは長い文です。\n" * 5, "euc_jp"),
        ("Καλημέρα κόσμε. Αυτό είναι ένα κείμενο.\n" * 3, "cp1253"),
    ],
)
def test_other_scripts(saved, words, encoding):
    content = words.encode(encoding)
    assert content.decode(found(saved, content).name) == words


def test_dos_and_old_mac_letters_are_told_from_windows_signs(saved):
    plain = FRENCH.replace("’", "'").replace("“", "").replace("”", "").replace("–", "-")
    assert found(saved, plain.encode("cp850")).name == "cp850"
    for encoding in ("mac_roman", "cp1252"):
        assert found(saved, "don’t “say” it — in a café, ÉCOLE".encode(encoding)).name == encoding


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_the_first_telling_byte_may_stand_far_into_the_file(saved, encoding):
    content = b"plain,words\n" * 400_000 + "Größe,Käse,dünn\n".encode(encoding)
    assert found(saved, content).name == encoding


def test_a_few_broken_bytes_do_not_spoil_the_accents_of_a_whole_file(saved):
    lines = [f"Zeile {n}: Größe, Käse, naïve\n".encode() for n in range(1, 4001)]
    lines[41] = b"Zeile 42: caf\xe9, 5 \x80\n"
    lines[3000] = b"Zeile 3001: \xe2\x82 und mehr\n"
    structure, blocks, _ = read_all(text, saved(b"".join(lines)), "a.txt")
    whole = "".join(block.text for block in blocks).splitlines()
    assert structure.reading["encoding"] == "utf-8"
    assert whole[40] == "Zeile 41: Größe, Käse, naïve"
    assert whole[41] == "Zeile 42: café, 5 €"
    assert whole[3000] == "Zeile 3001: \ufffd und mehr"
    assert structure.warnings == ({"code": "bytes_not_utf8", "numbers": [42, 3001], "count": 3},)


def test_a_text_cut_off_within_its_last_character_is_utf8(saved):
    encoding = found(saved, "Größe und é".encode()[:-1])
    assert (encoding.name, encoding.errors, encoding.broken) == ("utf-8", "mixed", 1)


def test_windows_text_with_a_chance_pair_is_no_broken_utf8(saved):
    content = ("Größe, Käse, Süden. " * 20 + "Ã©\n").encode("cp1252")
    assert found(saved, content) == encodings.Encoding("cp1252")


def test_a_marked_text_cut_off_keeps_its_encoding(saved):
    _, blocks, _ = read_all(text, saved("Größe und mehr".encode("utf-16")[:-1]), "a.txt")
    assert blocks[0].text == "Größe und meh\ufffd"


def test_what_calls_itself_txt_is_judged_by_its_content(saved):
    assert sniff.media_type(saved(b"%PDF-1.7\n..."), "a.txt") == sniff.PDF
    with pytest.raises(ParseError):
        sniff.media_type(saved(b"<!DOCTYPE html>\n<html><body>Hello"), "a.txt")
    for encoding in ("utf-16-le", "utf-32-le"):
        assert sniff.media_type(saved(RUSSIAN.encode(encoding)), "a.txt") == sniff.TEXT


def test_a_text_whose_encoding_nothing_tells_says_so(saved):
    rows = [
        f"{n},東京{n},{n * 3},これは番号{n}です,2020-01-01\n" for n in range(3000)
    ]  # the detector gives up
    unsure = found(saved, "".join(["id,name,size,comment,when\n", *rows]).encode("shift_jis"))
    assert unsure.name == "latin-1"
    [warning] = for_people(unsure.warnings())
    assert warning["code"] == "encoding_unsure"
    assert "could not be told" in warning["message"]
    assert found(saved, FRENCH.encode()).warnings() == ()
