"""Every kind of wrong citation that readers of comparable systems met, and what becomes of it here.

| what went wrong elsewhere | test |
|---|---|
| the marker points at the wrong source, or the first | `test_a_marker_at_the_wrong_source_is_not_supported` |
| the marker names no source | `test_a_number_without_a_source_reaches_nobody` |
| markers counted from 0, or through the whole chat | `test_markers_count_from_one_in_every_message` |
| the citation of one question stands under the next | `test_citations_stay_with_their_message` |
| the passage says something else | `test_a_twisted_sentence_is_not_supported_and_says_why` |
| the model cites nothing | `test_an_answer_without_markers_gets_likely_sources` |
| nobody sees which sentence is wrong | `test_the_trace_tells_which_sentence_is_wrong_and_why` |

What concerns searching, refusing and the viewer is tested with those.
"""

from dataclasses import replace

import httpx
import pytest

from accounts import tokens
from chat.engine.citations import check, likely_sources, supported_markers
from chat.engine.marker_filter import MarkerFilter
from chat.engine.threads import in_thread
from chat.models import Message, MessageTrace
from chat.support import meaning
from chat.support.verdict import Verdict, is_borne_out
from config.errors import ErrorCode, VerbatimError
from documents.embedding.registry import get_embedder
from documents.retrieval.types import Passage
from tests.chat.conftest import QUESTION, TEXTS, stored


@pytest.fixture
async def http(server, member):
    access = (await in_thread(tokens.issue, member))["access"]
    headers = {"Authorization": f"Bearer {access}"}
    address = f"http://127.0.0.1:{server}"
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=20) as client:
        yield client


def passage(content, number=1, **fields):
    return Passage(
        chunk_id=number,
        document_id=number,
        document_name=fields.pop("name", "handbook.pdf"),
        content=content,
        similarity_score=0.6,
        score=0.03,
        **fields,
    )


def why(sentence, content, **fields):
    """Why the one sentence is not supported by the one passage; "" when it is."""
    (checked,) = check(f"{sentence} [1].", [passage(content, **fields)])
    assert checked.supported == {1: not checked.why}
    return checked.why


HANDBOOK = (
    "Full-time staff have 25 days of annual leave. Unused days may be carried over until 31 March 2022.\n"
    "Contractors must not carry keys. Orders above 7,500 euros need two signatures, and at least one of them"
    " from the board. The budget increased by 12 percent to 7.5 million euros in 2021."
    " Ines Duarte manages the Harbour Branch; Karl Behrens manages the Airport Branch."
    " The policy says that “every visitor signs the book on arrival”."
)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Full-time staff have 25 days of annual leave", ""),
        ("Full-time staff have 28 days of annual leave", "number"),
        ("Full-time staff have 25 weeks of annual leave", "number"),
        ("Full-time staff have no annual leave", "negation"),
        ("Unused days may be carried over until March 31, 2022", ""),
        ("Unused days may be carried over until 2022-03-31", ""),
        ("Unused days may be carried over until 30 March 2022", "number"),
        ("Unused days may not be carried over until 31 March 2022", "negation"),
        ("Contractors must never carry keys", ""),
        ("Contractors must carry keys", "negation"),
        ("Orders above €7500 need two signatures", ""),
        ("Orders above $7,500 need two signatures", "number"),
        ("Orders below 7,500 euros need two signatures", "direction"),
        ("Two signatures are needed, at most one of them from the board", "direction"),
        ("The budget rose by 12 % to 7,500,000 euros in 2021", ""),
        ("The budget decreased by 12 percent to 7.5 million euros in 2021", "direction"),
        ("The budget increased by 12 euros in 2021", "number"),
        ("The budget increased to 7.5 billion euros in 2021", "number"),
        ("The Harbour Branch is managed by Ines Duarte", ""),
        ("The Harbour Branch is managed by Ines Moreno", "name"),
        ("Karl Behrens manages the Harbour Branch", "name"),
        ('The policy says that "every visitor signs the book on arrival"', ""),
        ("The policy says that 'every visitor signs a book at arrival'", "quote"),
        ("The cafeteria serves a vegetarian lunch every week", "words"),
    ],
)
def test_a_twisted_sentence_is_not_supported_and_says_why(sentence, reason):
    assert why(sentence, HANDBOOK) == reason


STAFF = (
    "name: Anna Berg; branch: Bremen; salary: 5,200; remote: no\n"
    "name: Ben Cole; branch: Ulm; salary: 4,100; remote: yes\n"
    "name: Carla Diaz; branch: Bremen; salary: 6,300; remote: yes; years: 7"
)


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("Anna Berg earns a salary of 5,200", True),
        ("Anna Berg's salary is 5200", True),
        ("Anna Berg earns a salary of 4,100", False),
        ("The salary of Anna Berg is 5,200 and that of Ben Cole 4,100", True),
        ("The salary of Anna Berg is 4,100 and that of Ben Cole 5,200", False),
        ("Anna Berg works in the branch Bremen", True),
        ("Anna Berg works in the branch Ulm", False),
        ("The salary of Carla Diaz is 7", False),
        ("Carla Diaz, 7 years with us, earns a salary of 6,300", True),
        ("The salaries of Anna Berg, Ben Cole and Carla Diaz are 5,200, 4,100 and 6,300", True),
    ],
)
def test_facts_of_a_table_must_stand_in_one_row(sentence, supported):
    assert (why(sentence, STAFF, rows=(1, 3), name="staff.csv") == "") is supported


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("In Bremen sales were 10 and in Ulm they were 20", True),
        ("In Bremen sales were 20 and in Ulm they were 10", False),
        ("Ulm sold 20", True),
        ("Bremen sold 20", False),
    ],
)
def test_a_number_of_another_item_is_not_supported(sentence, supported):
    one_sentence = "Bremen sold 10 machines and Ulm sold 20 machines; both sales were in spring."
    two = "Bremen sold 10 machines. Ulm sold 20 machines. Both sales were in spring."
    if sentence.startswith("In"):
        assert (why(sentence, one_sentence) == "") is supported
    assert (why(sentence, two) == "") is supported


def test_a_marker_at_the_wrong_source_is_not_supported():
    sources = [passage(text, number) for number, text in enumerate(TEXTS, 1)]
    for right, text in enumerate(TEXTS, 1):
        for cited in (1, 2, 3):
            assert supported_markers(check(f"{text} [{cited}]", sources)) == {cited: cited == right}


def test_a_number_without_a_source_reaches_nobody():
    markers = MarkerFilter(2)
    assert markers.feed("Staff have 25 days [3], a hotel costs 120 euros [0][2].") + markers.flush() == (
        "Staff have 25 days, a hotel costs 120 euros [2]."
    )
    assert (markers.cited, markers.dropped) == ([2], [3, 0])


def test_a_marker_behind_the_sentence_or_on_a_line_of_its_own_is_judged_with_it():
    for answer in (
        "Is leave 25 days? [1]",
        "Staff have 25 days of annual leave.\n[1]",
        "25 days of leave! [1].",
    ):
        (checked,) = check(answer, [passage(TEXTS[0])])
        assert "25" in checked.text
        assert answer[checked.start : checked.end].endswith(("[1]", "[1]."))
    (alone,) = check("[1]", [passage(TEXTS[0])])
    assert alone.why == "words"


def test_words_of_the_title_alone_bear_nothing_out():
    fields = {"name": "Federal Reserve System.pdf"}
    content = "The island has three harbours and a small airport."
    assert why("The Federal Reserve System has public components", content, **fields) == "words"


def test_another_language_is_judged_by_its_facts_and_its_meaning():
    content = "Der Vertrag mit Nordlicht endet am 3. Mai 2021. Die Gebühr beträgt 1.250,50 Euro im Jahr."
    (good,) = check("Die Gebühr beträgt 1250,5 Euro jährlich im Jahr [1].", [passage(content)])
    assert good.why == ""
    (wrong,) = check(
        "The fee of the contract with Nordlicht is 1,350.50 euros a year [1].", [passage(content)]
    )
    assert wrong.why == "number"
    assert why("Der Vertrag endet nicht am 3. Mai 2021", content) == "negation"
    assert why("Договор не продлевается", "Договор продлевается каждый год.") == "negation"
    assert why("El contrato no termina en mayo", "El contrato termina en mayo de cada año.") == "negation"
    assert why("合同不能延长一年", "合同能延长一年。") == "negation"


@pytest.mark.parametrize(
    ("sentence", "content", "reason"),
    [
        (
            "Mitarbeiter erhalten keinen Urlaub",
            "Die Mitarbeiter erhalten 28 Tage Urlaub im Jahr.",
            "negation",
        ),
        ("Mitarbeiter erhalten Urlaub", "Die Mitarbeiter erhalten 28 Tage Urlaub im Jahr.", ""),
        ("Visitantes nunca llevan tarjeta", "Los visitantes llevan una tarjeta.", "negation"),
        ("Visitantes llevan tarjeta", "Los visitantes llevan una tarjeta.", ""),
        ("Visiteurs sans badge", "Les visiteurs portent un badge.", "negation"),
        ("Visiteurs sans badge", "Les visiteurs sont sans badge.", ""),
        ("Bezoekers dragen geen badge", "De bezoekers dragen een badge.", "negation"),
        # a passage as short as the sentence tells no language either
        ("Mitarbeiter erhalten keinen Urlaub", "Mitarbeiter erhalten Urlaub.", "negation"),
        ("Visiteurs sans badge", "Visiteurs avec badge.", "negation"),
        ("Visitantes nunca llevan tarjeta", "Visitantes llevan tarjeta.", "negation"),
    ],
)
def test_a_short_sentence_is_read_in_the_language_of_its_passage(sentence, content, reason):
    assert why(sentence, content) == reason


def test_an_answer_without_markers_gets_likely_sources():
    sources = [passage(text, number) for number, text in enumerate(TEXTS, 1)]
    said = "A hotel may cost at most 120 euros per night. The Harbour Branch is managed by Ines Duarte."
    assert likely_sources(said, sources) == [3, 2] or likely_sources(said, sources) == [2, 3]
    assert likely_sources("A hotel may cost at least 120 euros per night.", sources) == []
    assert likely_sources("A hotel may cost at most 140 euros per night.", sources) == []


def test_words_decide_alone_when_the_embedder_fails(monkeypatch):
    def broken(model_id):
        raise VerbatimError(ErrorCode.EMBEDDING_FAILED)

    monkeypatch.setattr(meaning, "get_embedder", broken)
    assert why("Staff have 25 days of yearly leave and holidays", TEXTS[0]) == ""
    assert why("The cafeteria serves soup on each calendar day", TEXTS[0]) == "words"


@pytest.mark.parametrize(
    ("share", "foreign", "similarity", "supported"),
    [
        (0.5, False, 0.85, True),  # few shared words, near in meaning
        (0.5, False, None, False),
        (0.6, False, None, True),  # more of them, but about something else
        (0.6, False, 0.2, False),
        (0.9, False, 0.0, True),
        (0.1, False, 0.99, False),
        (0.1, True, 0.6, True),  # in another language meaning decides
        (0.1, True, 0.2, False),
    ],
)
def test_words_and_meaning_decide_together(share, foreign, similarity, supported):
    verdict = Verdict(why="", missing=(), share=share, units=(), foreign=foreign)
    assert is_borne_out(verdict, similarity) is supported
    assert not is_borne_out(replace(verdict, why="number"), similarity)


def test_the_embedder_is_asked_once_and_about_a_bounded_number_of_texts(monkeypatch):
    asked = []
    real = get_embedder()

    class Counting:
        def embed(self, texts):
            asked.append(len(texts))
            return real.embed(texts)

    monkeypatch.setattr(meaning, "get_embedder", lambda model_id: Counting())
    meaning.floor.cache_clear()
    content = "Employees who fall ill must submit a medical certificate to their manager within three days."
    said = "Workers who get ill have to give a medical certificate to their boss within three days [1]. "
    checked = check(said * 60, [passage(content)])
    meaning.floor.cache_clear()
    assert len(checked) == 60
    assert checked[0].why == ""
    assert sorted(asked)[-1] <= meaning.MAX_TEXTS
    assert (
        len(asked) == 2
    )  # the answer, and once per process the texts that have nothing to do with each other


@pytest.mark.django_db(transaction=True)
async def test_the_trace_tells_which_sentence_is_wrong_and_why(http, llm, collection):
    first, second = (
        "Full-time staff have 25 days of annual leave [1].",
        "They never have 31 days of leave [1].",
    )
    llm.script = [first, " ", second]
    asked = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    trace = await MessageTrace.objects.aget(message_id=asked.json()["message_id"])
    good, bad = trace.data["sentences"]
    assert (good["start"], good["end"], good["markers"]) == (0, len(first), [1])
    assert (good["supported"], good["why"], good["missing"]) == (True, "", [])
    content = (await stored(asked.json()["message_id"])).content
    assert content[bad["start"] : bad["end"]] == second
    assert (bad["supported"], bad["why"], bad["missing"]) == (False, "number", ["31"])
    assert "check" in trace.data["ms"]
    assert asked.json()["sources"][0]["supported"] is False


@pytest.mark.django_db(transaction=True)
async def test_markers_count_from_one_in_every_message(http, llm, collection):
    session = None
    for _ in range(2):
        body = {"model_id": collection.pk, "message": QUESTION} | ({"session_id": session} if session else {})
        asked = (await http.post("/api/chat/chat", json=body)).json()
        session = asked["session_id"]
        assert [source["marker"] for source in asked["sources"]] == [1]


@pytest.mark.django_db(transaction=True)
async def test_citations_stay_with_their_message(http, llm, collection):
    asked = (await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})).json()
    llm.script = ["The Harbour Branch opened in 1987 [1]."]
    body = {"model_id": collection.pk, "message": "When did the Harbour Branch open?"}
    await http.post("/api/chat/chat", json=body | {"session_id": asked["session_id"]})
    history = await http.get(f"/api/chat/sessions/{asked['session_id']}/messages")
    answers = [one for one in history.json()["results"] if one["role"] == "assistant"]
    cited = [[one["chunk_content"] for one in answer["sources"] if one["marker"] == 1] for answer in answers]
    assert cited == [[TEXTS[0]], [TEXTS[2]]]
    assert await Message.objects.filter(sources__cited=True).acount() >= 2
