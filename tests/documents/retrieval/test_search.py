"""The one door: the right passages for the right people."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.errors import ErrorCode, VerbatimError
from documents.retrieval import dense, lexical
from documents.retrieval.scope import ScopeSize
from documents.retrieval.search import search
from tests.documents.retrieval.conftest import add_chunks

HANDBOOK = [
    "Employees receive twenty-six days of paid holiday per year, and may carry five of them over.",
    "Spare part AB-1234 is the seal of the main pump; order it from the warehouse in Bremen.",
    "Spare part AB-1299 is the gasket of the auxiliary pump and is no longer produced.",
    "The canteen opens at eleven and serves a vegetarian dish every day.",
    "Invoices above 7,500 euros need the signature of two directors.",
]


@pytest.fixture
def handbook(collection, document_of):
    return document_of(collection, "handbook.txt", HANDBOOK)


def contents(result):
    return [passage.content for passage in result.passages]


def test_a_passage_is_found_by_its_meaning(handbook, collection, member):
    result = search(user=member, collection=collection, query="How much vacation do I get?")
    assert contents(result)[0] == HANDBOOK[0]
    assert result.passed
    assert result.passages[0].dense_rank == 1
    assert result.passages[0].similarity_score > 0.3


@pytest.mark.parametrize("query", ["AB-1234", "what is ab-1234?", "part 1234"])
def test_a_passage_is_found_by_its_code(handbook, collection, member, query):
    result = search(user=member, collection=collection, query=query)
    assert contents(result)[0] == HANDBOOK[1]
    assert result.passages[0].lexical_rank == 1


def test_a_passage_is_found_by_its_number(handbook, collection, member):
    assert contents(search(user=member, collection=collection, query="7,500"))[0] == HANDBOOK[4]


def test_a_stranger_finds_nothing_to_search(handbook, collection, stranger):
    with pytest.raises(VerbatimError) as refusal:
        search(user=stranger, collection=collection, query="holiday")
    assert refusal.value.code == ErrorCode.NOT_FOUND


def test_a_deactivated_member_is_a_stranger(handbook, collection, member):
    member.is_active = False
    member.save(update_fields=["is_active"])
    with pytest.raises(VerbatimError) as refusal:
        search(user=member, collection=collection, query="holiday")
    assert refusal.value.code == ErrorCode.NOT_FOUND


def test_another_collections_passages_stay_out(handbook, collection, admin, document_of):
    other = type(collection).objects.create(
        name="Other", embedding_model=collection.embedding_model, embedding_dimension=384
    )
    document_of(other, "secret.txt", ["Employees receive ninety days of paid holiday per year."])
    found = search(user=admin, collection=collection, query="days of paid holiday", top_k=50)
    assert not any("ninety" in text for text in contents(found))
    assert all(one["document_id"] == handbook.pk for one in found.nearest)


class TestSessionUploads:
    TEXT = "My own note: the holiday house in Aarhus is booked from the third of July."

    @pytest.fixture
    def session_id(self):
        return uuid.uuid4()

    @pytest.fixture
    def note(self, handbook, collection, member, document_of, session_id):
        return document_of(collection, "note.txt", [self.TEXT], session_id=session_id, uploaded_by=member)

    def found(self, user, collection, session_id):
        result = search(
            user=user, collection=collection, query="holiday house in Aarhus", session_id=session_id
        )
        named = {one["document_name"] for one in result.nearest} | {p.document_name for p in result.passages}
        return "note.txt" in named or self.TEXT in contents(result)

    def test_are_found_in_their_session_beside_the_collection(self, note, collection, member, session_id):
        assert self.found(member, collection, session_id)
        result = search(user=member, collection=collection, query="paid holiday", session_id=session_id)
        assert HANDBOOK[0] in contents(result)

    def test_are_hidden_without_a_session_and_in_another(self, note, collection, member):
        assert not self.found(member, collection, None)
        assert not self.found(member, collection, uuid.uuid4())

    def test_are_hidden_from_everybody_else_who_knows_the_session(
        self, note, collection, admin, superadmin, stranger, session_id
    ):
        assert not self.found(admin, collection, session_id)
        assert not self.found(superadmin, collection, session_id)
        collection.users.add(stranger)
        assert not self.found(stranger, collection, session_id)

    def test_alone_are_enough_to_search(self, collection, member, document_of):
        session = uuid.uuid4()
        document_of(collection, "note.txt", [self.TEXT], session_id=session, uploaded_by=member)
        assert self.found(member, collection, session)
        assert search(user=member, collection=collection, query="holiday house").passages == ()


def test_a_build_that_is_not_finished_is_invisible(handbook, collection, member):
    add_chunks(handbook, ["Employees receive forty days of paid holiday per year."], generation=2)
    result = search(user=member, collection=collection, query="days of paid holiday", top_k=50)
    assert not any("forty" in text for text in contents(result))
    handbook.active_generation = 2
    handbook.save(update_fields=["active_generation"])
    result = search(user=member, collection=collection, query="days of paid holiday", top_k=50)
    assert contents(result) == ["Employees receive forty days of paid holiday per year."]


def test_the_old_build_is_found_by_both_legs_while_a_new_one_is_made(handbook, collection, member):
    type(handbook).objects.filter(pk=handbook.pk).update(
        status="processing", chunk_count=0, token_count=0, building_generation=2, generation=2
    )
    result = search(user=member, collection=collection, query="AB-1234")
    assert contents(result)[0] == HANDBOOK[1]
    assert result.passages[0].lexical_rank == 1
    assert result.trace["chunks"] == len(HANDBOOK)


def test_a_first_build_that_is_not_finished_is_an_empty_scope(collection, member, document_of):
    document_of(collection, "new.txt", HANDBOOK, status="processing", active_generation=None)
    result = search(user=member, collection=collection, query="holiday")
    assert (result.passages, result.passed, result.nearest) == ((), False, ())


def test_an_empty_scope_returns_nothing(collection, member):
    result = search(user=member, collection=collection, query="holiday")
    assert (result.passages, result.passed, result.nearest) == ((), False, ())


def test_the_same_question_gets_the_same_answer(handbook, collection, member):
    def once():
        result = search(user=member, collection=collection, query="pump parts", top_k=50)
        return result.passages, result.nearest, result.trace["candidates"]

    assert once() == once()


def test_equal_passages_come_in_the_order_of_their_ids(collection, member, document_of):
    for number in range(4):
        document_of(collection, f"copy-{number}.txt", [HANDBOOK[0]])
    result = search(user=member, collection=collection, query="paid holiday", top_k=4)
    ids = [passage.chunk_id for passage in result.passages]
    assert ids == sorted(ids)
    assert len(ids) == 4


@pytest.mark.parametrize(
    "query",
    [
        "what about \"holiday\" & 'pump' | ! <-> :* \\ %s %(id)s",
        "holi\x00day",
        "the of and",
        "\U0001f600\U0001f3d6",
        "\ud800 lone",
        "-- ; DROP TABLE documents_chunk",
        ("holiday pump canteen " * 400)[:8000],
        " ".join(f"word{number}x" for number in range(900))[:8000],
        "x" * 8000,
    ],
    ids=["operators", "nul", "stop words", "emoji", "surrogate", "sql", "8000", "900 words", "one word"],
)
def test_odd_questions_are_answered_not_refused(handbook, collection, member, query):
    result = search(user=member, collection=collection, query=query)
    assert len(result.passages) <= collection.top_k
    assert result.trace["chunks"] == len(HANDBOOK)


@pytest.mark.parametrize("query", ["", "   ", "\x00"])
def test_an_empty_question_is_refused(handbook, collection, member, query):
    with pytest.raises(VerbatimError) as refusal:
        search(user=member, collection=collection, query=query)
    assert refusal.value.code == ErrorCode.MESSAGE_EMPTY


@pytest.mark.parametrize("top_k", [0, -1, 51])
def test_a_top_k_out_of_range_is_refused(handbook, collection, member, top_k):
    with pytest.raises(VerbatimError) as refusal:
        search(user=member, collection=collection, query="holiday", top_k=top_k)
    assert refusal.value.code == ErrorCode.VALIDATION_ERROR


class TestGate:
    def test_lets_nothing_pass_that_is_far_off_and_names_the_nearest(self, handbook, collection, member):
        result = search(user=member, collection=collection, query="Who won the chess olympiad in Budapest?")
        assert not result.passed
        assert result.passages == ()
        assert result.nearest[0]["document_name"] == "handbook.txt"
        assert {one["cut"] for one in result.trace["candidates"]} == {"below_threshold"}
        assert {one["document_name"] for one in result.trace["candidates"]} == {"handbook.txt"}
        assert {"page", "rows", "lines", "section"} <= set(result.trace["candidates"][0])

    def test_lets_a_code_pass_that_embeddings_hardly_see(self, handbook, collection, member):
        collection.similarity_threshold = 0.95
        collection.save(update_fields=["similarity_threshold"])
        result = search(user=member, collection=collection, query="AB-1234")
        assert contents(result) == [HANDBOOK[1]]

    def test_cuts_none_that_ranks_above_one_that_passes(self, collection, member, document_of):
        words = "gas oil tin zinc ink ulm ledger page holiday copper nickel cobalt"
        near = "Staff may take twenty-six days of paid vacation a year."
        document_of(collection, "a.txt", [words, near, "Soup is served at eleven."])
        question = "How many holidays does the Ulm ledger give?"

        def found(threshold):
            return search(user=member, collection=collection, query=question, similarity_threshold=threshold)

        first, second, *_ = found(0).passages
        assert [first.content, second.content] == [words, near]
        assert first.similarity_score < second.similarity_score
        assert contents(found(second.similarity_score - 0.001)) == [words, near]

    def test_does_not_let_a_single_shared_word_pass(self, handbook, collection, member):
        collection.similarity_threshold = 0.95
        collection.save(update_fields=["similarity_threshold"])
        assert not search(user=member, collection=collection, query="canteen").passed


def test_the_rewritten_question_is_what_is_searched_for(handbook, collection, member):
    result = search(user=member, collection=collection, query="and that?", rewritten="paid holiday days")
    assert contents(result)[0] == HANDBOOK[0]
    assert (result.query, result.rewritten) == ("and that?", "paid holiday days")


def test_neighbours_are_read_but_not_those_that_were_found_themselves(handbook, collection, member):
    result = search(user=member, collection=collection, query="AB-1234", top_k=1)
    assert (result.passages[0].before, result.passages[0].after) == (HANDBOOK[0], HANDBOOK[2])
    both = search(user=member, collection=collection, query="Spare part pump AB-1234", top_k=2)
    assert set(contents(both)) == {HANDBOOK[1], HANDBOOK[2]}
    assert both.passages[0].after == ""


def test_neighbours_further_than_the_next_page_are_left_out(collection, member, document_of):
    document_of(collection, "paper.pdf", HANDBOOK, pages=[1, 2, 9, 9, 9])
    passage = search(user=member, collection=collection, query="AB-1234", top_k=1).passages[0]
    assert (passage.page, passage.before, passage.after) == (2, HANDBOOK[0], "")


def test_one_document_leaves_room_for_others_that_are_relevant(collection, member, document_of):
    long = document_of(
        collection, "long.txt", [f"{HANDBOOK[0]} This is section {number}." for number in range(8)]
    )
    short = document_of(collection, "short.txt", ["Staff may take twenty-six days of paid holiday a year."])
    result = search(user=member, collection=collection, query="How many days of paid holiday?", top_k=5)
    by_document = [passage.document_id for passage in result.passages]
    assert short.pk in by_document
    assert by_document.count(long.pk) == 4


def test_a_title_that_holds_the_questions_word_lifts_its_document(collection, member, document_of):
    text = "Revenue grew by four percent over the year."
    for company in ("Boeing", "Costco", "Nike"):
        document_of(collection, f"{company}_2019-report.pdf", [text])
    result = search(user=member, collection=collection, query="How did Costco's revenue grow?", top_k=1)
    assert result.passages[0].document_name == "Costco_2019-report.pdf"
    assert result.passages[0].title_boost > 0


@pytest.mark.parametrize(
    ("chunks", "table", "compared"),
    [
        (0, 0, True),
        (9_999, 9_999, True),
        (9_999, -1, True),  # not analysed yet
        (12_000, 12_000, False),
        (12_000, 120_000, True),  # a tenth
        (20_000, 200_000, False),
        (20_000, 2_000_000, True),  # a hundredth
        (60_000, 6_000_000, False),
    ],
)
def test_few_chunks_are_compared_and_more_of_them_in_a_larger_table(chunks, table, compared):
    size = ScopeSize(documents=1, chunks=chunks, mean_tokens=150, last_change="", table_chunks=table)
    assert dense.compares_all(size) is compared


def test_frequent_words_weigh_by_the_tables_statistics_as_if_they_were_counted(
    collection, member, document_of, monkeypatch
):
    monkeypatch.setattr(lexical, "CANDIDATE_ROWS", 40)  # so that the frequent word only ranks
    texts = [f"Harbour number {n} opens early." for n in range(90)] + [
        f"Quay {n} of the harbour." for n in range(10)
    ]
    document_of(collection, "a.txt", texts)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE documents_chunk")
    found = search(user=member, collection=collection, query="harbour quay", top_k=10)
    assert found.trace["terms"] == {"harbour": pytest.approx(100, abs=5), "quay": 10}
    assert {one.content.split()[0] for one in found.passages} == {"Quay"}
    monkeypatch.undo()  # now both are counted
    counted = search(user=member, collection=collection, query="harbour quay", top_k=10)
    assert counted.trace["terms"] == {"harbour": 100, "quay": 10}
    assert found.passages[0].lexical_score == pytest.approx(counted.passages[0].lexical_score, rel=0.02)


class TestOnTheIndex:
    """The HNSW path, forced: a filtered k returns k."""

    @pytest.fixture(autouse=True)
    def _always_the_index(self, monkeypatch):
        monkeypatch.setattr(dense, "compares_all", lambda size: False)

    def test_a_filtered_k_returns_k(self, collection, admin, member, document_of):
        crowd = type(collection).objects.create(
            name="Crowd", embedding_model=collection.embedding_model, embedding_dimension=384
        )
        document_of(crowd, "crowd.txt", [f"Paid holiday, {n} days for team {n % 7}." for n in range(600)])
        document_of(collection, "few.txt", [f"Paid holiday at site {n}: {n} days." for n in range(30)])
        result = search(user=member, collection=collection, query="days of paid holiday", top_k=20)
        assert len(result.passages) == 20
        assert {passage.document_name for passage in result.passages} == {"few.txt"}
        assert result.trace["dense_method"] == "hnsw", "the index walks on until enough pass the filter"

    def test_the_index_is_really_used(self, handbook, collection, member):
        with CaptureQueriesContext(connection) as queries:
            search(user=member, collection=collection, query="holiday", top_k=2)
        statement = next(q["sql"] for q in queries if "AS distance" in q["sql"])
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL hnsw.iterative_scan = relaxed_order")
            cursor.execute(f"EXPLAIN {statement}")
            assert "chunk_embedding_hnsw" in str(cursor.fetchall())
