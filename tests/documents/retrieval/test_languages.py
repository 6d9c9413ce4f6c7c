"""The lexical leg in several languages: inflected words, codes, accents, scripts without blanks."""

from importlib import import_module

import pytest
from django.db import connection

from collections_app.languages import choices
from documents.embedding.catalogue import understands
from documents.retrieval import fusion, lexical, scope
from documents.retrieval.search import search

ELSEWHERE = {  # questions whose answers are nowhere
    "english": "Who won the chess olympiad?",
    "german": "Wer gewann die Schacholympiade?",
    "spanish": "¿Quién ganó la olimpiada de ajedrez?",
    "french": "Qui a gagné le tournoi d'échecs ?",
    "russian": "Кто выиграл шахматную олимпиаду?",
    "arabic": "من فاز بأولمبياد الشطرنج؟",
    "simple": "谁赢得了国际象棋比赛？",
}
FILLER = ["lorem ipsum dolor sit amet", "consectetur adipiscing elit", "sed do eiusmod tempor"]
# language -> (a sentence, a question with the same words in other forms)
INFLECTED = {
    "english": ("The engineers were repairing two pumps.", "repaired pump"),
    "german": ("Die Häuser der Gemeinden wurden verkauft.", "Haus Gemeinde"),
    "spanish": ("Las investigaciones sobre los volcanes continúan.", "investigación volcán"),
    "french": ("Les musées nationaux étaient fermés.", "musée national fermé"),
    "russian": ("Учёные исследовали древние книги.", "книга учёный древняя"),
    "arabic": ("زار المعلمون المدارس الجديدة", "مدرسة معلم جديد"),
    "simple": ("中国的首都是北京。", "首都在哪里"),
}
CODES = [
    ("Part AB-1234 is out of stock.", ["AB-1234", "ab 1234", "AB1234", "1234"]),
    ("The annual report on Form 10-K was filed.", ["10-K", "10k", "Form 10-K"]),
    ("See § 12.3 of the terms.", ["§ 12.3", "§12.3", "12.3"]),
    ("Certified to ISO 27001:2013 since May.", ["ISO 27001:2013", "ISO 27001"]),
    ("Release v2.14.1 mends the importer.", ["v2.14.1", "2.14.1", "V2.14.1"]),
    ("Attached: docs/report_2019-final.pdf", ["report_2019-final.pdf", "report 2019 final", "report-2019"]),
    ("Write to jane.doe@example.com for access.", ["jane.doe@example.com", "jane doe", "doe@example.com"]),
    ("Revenue was $1,234.5 million.", ["1234.5", "1,234.5", "$1,234.5"]),
    ("Call +49 30 901820-44 after noon.", ["901820-44", "90182044", "901820 44"]),
]
ACCENTS = [
    ("Herr Müller aus Zürich kam.", ["Müller", "Mueller", "Muller", "Zuerich", "zurich"]),
    ("The café served crème brûlée.", ["cafe", "Café", "creme brulee"]),
    ("Strandweg in Ærøskøbing, near Łódź.", ["Lodz", "Łódź", "Aeroskobing", "Ærøskøbing"]),
    ("Die Straße ist gesperrt.", ["Strasse", "Straße", "STRASSE"]),
    ("The word cafe alone, and Mueller.", ["café", "Müller"]),
]
UNSPACED = [
    ("中国的首都是北京，人口两千万。", ["首都", "北京人口", "北京"]),
    ("東京タワーの高さは333メートルです。", ["東京タワー", "高さ", "333"]),
    ("한국의 수도는 서울이다.", ["서울", "한국", "수도"]),
    ("กรุงเทพมหานครเป็นเมืองหลวง", ["กรุงเทพ", "เมืองหลวง"]),
]


@pytest.fixture
def found_first(admin, collection, document_of):
    """(language, text, question) -> whether the lexical leg finds the text, and before all others."""

    def ask(language: str, text: str, question: str) -> bool:
        collection.text_search_config = language
        collection.save()
        document_of(collection, "filler.txt", FILLER)
        wanted = document_of(collection, "wanted.txt", [text])
        bounds = scope.Scope(collection.pk, admin.pk, None, collection.embedding_model)
        with connection.cursor() as cursor:
            terms = lexical.question_terms(cursor, question, language)
            size = scope.measure(cursor, bounds)
            hits = lexical.find(cursor, bounds, terms, limit=5, size=size).hits
        return bool(hits) and hits[0].chunk_id == wanted.chunks.get().pk

    return ask


@pytest.mark.parametrize("language", INFLECTED)
def test_words_are_found_in_other_forms(found_first, language):
    assert found_first(language, *INFLECTED[language])


@pytest.mark.parametrize("language", INFLECTED)
def test_the_default_gate_lets_the_right_passage_pass_and_refuses_in_every_language(
    admin, collection, document_of, language
):
    collection.text_search_config = language
    collection.save()
    text, question = INFLECTED[language]
    document_of(collection, "filler.txt", FILLER)
    document_of(collection, "wanted.txt", [text])
    found = search(user=admin, collection=collection, query=question)
    assert found.passages[0].content == text
    assert not search(user=admin, collection=collection, query=ELSEWHERE[language]).passed


def test_one_word_of_a_question_in_a_foreign_language_does_not_pass(admin, collection, document_of):
    collection.text_search_config = "simple"
    collection.save()
    document_of(collection, "wanted.txt", ["国际机场在北京。", "首都人口两千万。"])
    found = search(user=admin, collection=collection, query="谁赢得了国际象棋奥林匹克比赛的冠军？")
    assert not found.passed
    assert found.trace["understood"] is False
    assert found.trace["candidates"][0]["near"] == 0
    assert search(user=admin, collection=collection, query="国际机场在哪里").passed


@pytest.mark.parametrize("language", ["english", "german", "simple"])
@pytest.mark.parametrize(("text", "question"), [(text, one) for text, asked in CODES for one in asked])
def test_codes_numbers_and_names_are_found_however_they_are_written(found_first, language, text, question):
    assert found_first(language, text, question)


@pytest.mark.parametrize("language", ["english", "spanish", "simple"])
@pytest.mark.parametrize(("text", "question"), [(text, one) for text, asked in ACCENTS for one in asked])
def test_accents_may_be_left_out_or_written_as_two_letters(found_first, language, text, question):
    assert found_first(language, text, question)


@pytest.mark.parametrize("language", ["simple", "english"])
@pytest.mark.parametrize(("text", "question"), [(text, one) for text, asked in UNSPACED for one in asked])
def test_scripts_without_blanks_are_found_by_pairs(found_first, language, text, question):
    assert found_first(language, text, question)


def lexemes(language: str, text: str) -> dict[str, int]:
    """lexeme -> how often."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lexeme, coalesce(array_length(positions, 1), 1)"
            " FROM unnest(verbatim_lexemes(%s::regconfig, '', %s))",
            [language, text],
        )
        return dict(cursor.fetchall())


def test_what_is_added_does_not_count_twice(db):
    once = lexemes("english", "The pump AB-1234 of the café")
    assert set(once) == {"pump", "ab", "-1234", "ab1234", "café", "cafe"}
    assert set(once.values()) == {1}
    assert lexemes("simple", "北京北京") == {"北京": 2, "京北": 1}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("北京北京", "北京 京北 北京"),
        ("the 北 and 東京タワー, 서울", "北 東京 京タ タワ ワー 서울"),
        ("北 " * 3, "北 北 北"),
        ("no such letter", None),
        ("", None),
    ],
)
def test_runs_without_blanks_are_paired_in_their_order(db, text, pairs):
    with connection.cursor() as cursor:
        cursor.execute("SELECT verbatim_pairs(%s)", [text])
        assert cursor.fetchone() == (pairs,)


def test_pairs_are_made_as_they_were_stored(db):
    """The column of the chunks was filled by the first form of the function: no pair may differ."""
    first = import_module("documents.migrations.0006_lexemes").PAIRS.replace("verbatim_pairs", "pairs_before")
    text = "".join(chr(0x4E00 + n % 1700) + (" a1 " if n % 97 == 0 else "") for n in range(3000))
    with connection.cursor() as cursor:
        cursor.execute(first)
        cursor.execute("SELECT verbatim_pairs(%s), pairs_before(%s)", [text, text])
        now, before = cursor.fetchone()
    assert now == before


def test_plain_prose_has_the_lexemes_of_postgresql_and_no_others(db):
    text = "We'll meet at 10:30, in well-known places; e.g. the U.S. costs 3.5 or so (see 12)."
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(to_tsvector('english', %s))", [text])
        plain = set(cursor.fetchone()[0])
    assert plain <= set(lexemes("english", text))
    assert set(lexemes("english", text)) - plain <= {"10", "30", "1030", "e", "g", "u"}


@pytest.mark.parametrize(
    "text", ["", " ", "'", "\\", "a" * 5000, "-" * 3000, "中" * 3000, "é" * 3000, "1," * 2000]
)
def test_odd_texts_have_lexemes_too(db, text):
    assert len(lexemes("english", text)) < 10


def test_all_that_postgresql_has_can_be_chosen_by_name(db):
    names = dict(choices())
    assert names["german"] == "German"
    assert list(names)[-1] == "simple"
    assert {"english", "spanish", "russian", "arabic", "french"} <= set(names)


@pytest.mark.parametrize(
    ("language", "question", "weight"),
    [
        ("english", "high tower", fusion.DENSE_WEIGHT),
        ("german", "hoher Turm", fusion.FOREIGN_WEIGHT),
        ("simple", "high tower", fusion.DENSE_WEIGHT),
        ("simple", "首都在哪里", fusion.FOREIGN_WEIGHT),
        ("simple", "2019", fusion.DENSE_WEIGHT),
    ],
)
def test_meaning_counts_less_where_the_embedding_model_does_not_know_the_language(
    admin, collection, document_of, language, question, weight
):
    collection.text_search_config = language
    collection.save()
    document_of(collection, "a.txt", FILLER)
    assert search(user=admin, collection=collection, query=question).trace["dense_weight"] == weight


def test_another_embedding_model_is_taken_to_know_the_language():
    assert understands("/models/multilingual?query=q:+", "german", "Turm")
    assert not understands("sentence-transformers/all-MiniLM-L6-v2", "german", "Turm")
    assert fusion.fused_score(0.6, 2, 20, 0, fusion.FOREIGN_WEIGHT) < fusion.fused_score(
        0.5, 8, 20, 0, fusion.FOREIGN_WEIGHT
    )


def test_a_code_that_the_documents_spell_otherwise_passes_the_gate_by_its_words(
    admin, collection, document_of
):
    collection.similarity_threshold = 0.99
    collection.save()
    document_of(collection, "a.txt", [*FILLER, "The drawing KX 4711 lies in the archive."])
    for question in ("KX-4711", "kx 4711"):
        found = search(user=admin, collection=collection, query=question)
        assert [passage.content[:11] for passage in found.passages] == ["The drawing"], question
    assert not search(user=admin, collection=collection, query="KX-4712").passed


def test_only_codes_that_other_terms_make_up_are_spellings():
    assert lexical.spellings(["ab", "-1234", "1234", "ab1234", "cd56", "12", "34", "cd"]) == {"ab1234"}
