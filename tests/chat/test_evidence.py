"""What an old answer rests on: shown after an access check, and honest about what became of the document."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chat import selectors
from chat.engine.budget import fit
from chat.engine.outcome import retrieval_trace
from chat.models import MessageSource
from chat.services import AnswerResult, answer_finish, answer_sources_set, question_ask, session_create
from documents import services
from documents.retrieval.search import search
from tests.chat.test_export import body
from tests.documents import conftest
from tests.documents.files import make_pdf
from tests.documents.test_versions import build

QUESTION = "How much may a hotel cost per night?"
CITED = "A hotel may cost up to 135 euros per night, breakfast included."
PDF = make_pdf(["Working hours are from eight to five.", CITED, "Lost property is kept for eight weeks."])
NEWER = make_pdf(["A hotel may cost up to 150 euros per night.", "Nothing else changed."])


upload = conftest.upload  # the fixture


@pytest.fixture
def document(db, upload):
    return build(upload(PDF, "handbook.pdf"))


def answered(user, collection, *, session=None, cited=frozenset({1}), trace=None):
    """A finished answer to QUESTION, by the real retrieval; its text is CITED."""
    session, _, answer = question_ask(user=user, collection=collection, message=QUESTION, session=session)
    result = search(user=user, collection=collection, query=QUESTION, session_id=session.pk)
    prompt = fit(collection=collection, question=QUESTION, passages=result.passages)
    answer_sources_set(
        message_id=answer.pk,
        passages=prompt.passages,
        trace=retrieval_trace(result, prompt, collection),
    )
    marks = "".join(f" [{marker}]" for marker in sorted(cited))
    return answer_finish(
        message_id=answer.pk,
        result=AnswerResult(
            status="complete",
            content=CITED[:-1] + marks + ".",
            finish_reason="stop",
            cited=cited,
            supported=dict.fromkeys(cited, True),
            trace=trace or {},
        ),
    )


@pytest.fixture
def near_and_far(collection):
    """Whatever is found passes the gate."""
    collection.similarity_threshold = 0.0
    collection.save()
    return collection


@pytest.fixture
def answer(document, member, collection):
    return answered(member, collection)


def source_now(client, answer) -> dict:
    messages = client.get(f"/api/chat/sessions/{answer.session_id}/messages").json()["results"]
    return messages[-1]["sources"][0]


def page_of(answer, page: int, marker: int = 1) -> str:
    return f"/api/chat/messages/{answer.pk}/sources/{marker}/pages/{page}.png"


def test_the_cited_page_is_drawn_with_its_passage_marked_and_the_others_without(client_for, answer, member):
    mine = client_for(member)
    source = source_now(mine, answer)
    assert (source["page"], source["document_deleted"], source["document_replaced"]) == (2, False, False)
    ways = (page_of, lambda _, page: f"/api/documents/{source['document_id']}/pages/{page}.png")
    for way, query in zip(ways, ("", f"?highlight={source['chunk_id']}"), strict=True):
        cited, other = mine.get(way(answer, 2) + query), mine.get(way(answer, 1) + query)
        assert cited["Content-Type"] == other["Content-Type"] == "image/png"
        assert (cited["Passage-Marked"], other["Passage-Marked"]) == ("all", "none")
        assert cited.content != other.content
    again = mine.get(page_of(answer, 2), headers={"if-none-match": mine.get(page_of(answer, 2))["ETag"]})
    assert again.status_code == 304
    assert mine.get(page_of(answer, 4)).status_code == 404
    assert mine.get(page_of(answer, 2, marker=9)).status_code == 404


def test_who_may_not_read_the_chat_or_lost_the_model_is_shown_nothing(
    client_for, answer, member, stranger, admin, superadmin, collection
):
    source = MessageSource.objects.get(message=answer, marker=1)
    document = f"/api/documents/{source.document_id}"
    own = page_of(answer, 2)
    of_document = [document, f"{document}/file", f"{document}/chunks", f"{document}/pages/2.png"]
    assert client_for(None).get(own).status_code == 401
    for person in (stranger, admin, superadmin):
        assert client_for(person).get(own).status_code == 404
    for path in of_document:
        assert client_for(stranger).get(path).status_code == 404, path
        assert client_for(member).get(path).status_code == 200, path
    collection.users.clear()
    for path in (own, *of_document, f"{document}/pages/2.png?highlight={source.chunk_id}"):
        assert client_for(member).get(path).status_code == 404, path


def test_a_file_of_one_chat_is_evidence_for_its_owner_alone(
    client_for,
    document,
    upload,
    member,
    stranger,
    admin,
    collection,
):
    collection.users.add(stranger)  # he may use the model, but not read what others attached
    session = session_create(user=member, collection=collection)
    theirs = build(upload(NEWER, "mine.pdf", actor=member, session_id=session.pk))
    answer = answered(member, collection, session=session)
    marker = MessageSource.objects.filter(message=answer, document=theirs).first().marker
    paths = [page_of(answer, 1, marker), f"/api/documents/{theirs.pk}/file"]
    paths += [f"/api/documents/{theirs.pk}/pages/1.png", f"/api/documents/{theirs.pk}"]
    for path in paths:
        assert client_for(member).get(path).status_code == 200, path
        for person in (stranger, admin):
            assert client_for(person).get(path).status_code == 404, path


def test_after_the_same_bytes_were_read_anew_the_passage_is_still_marked(
    client_for, answer, member, admin, document
):
    services.document_reprocess(actor=admin, document=document)
    build(document)
    mine = client_for(member)
    source = source_now(mine, answer)
    assert source["chunk_id"] is None  # that chunk is gone
    assert (source["document_replaced"], source["chunk_content"]) == (False, CITED)
    page = mine.get(page_of(answer, 2))
    assert (page.status_code, page["Passage-Marked"]) == (200, "all")


@pytest.mark.django_db(transaction=True)  # the export is written in threads
@pytest.mark.usefixtures("no_other_worker")  # which would build the newer version before the test does
def test_of_a_document_that_was_replaced_the_old_passage_is_shown_and_no_page(
    client_for, answer, member, admin, document
):
    services.document_replace(actor=admin, document=document, file=SimpleUploadedFile("handbook.pdf", NEWER))
    mine = client_for(member)
    assert source_now(mine, answer)["document_replaced"] is False  # the older version still serves
    build(document)
    source = source_now(mine, answer)
    assert (source["document_replaced"], source["document_deleted"]) == (True, False)
    assert source["chunk_content"] == CITED
    refused = mine.get(page_of(answer, 2))
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        404,
        "The document has been replaced since.",
    )
    export = body(mine.get(f"/api/chat/sessions/{answer.session_id}/export?format=md")).decode()
    assert "(supported; replaced since)" in export


def test_of_a_deleted_document_the_stored_passage_is_shown_and_that_it_is_gone(
    client_for, answer, member, document
):
    document.delete()
    mine = client_for(member)
    source = source_now(mine, answer)
    assert (source["document_deleted"], source["document_replaced"]) == (True, False)
    assert (source["document_id"], source["chunk_content"]) == (None, CITED)
    assert mine.get(page_of(answer, 2)).status_code == 404
    resumed = selectors.shown_sources(
        selectors.answer_for(member, answer.pk)
    )  # without the list's annotation
    assert resumed[0]["document_deleted"] is True


def test_an_answer_that_cites_nothing_shows_every_passage_that_it_was_given(
    client_for, document, member, near_and_far
):
    answer = answered(member, near_and_far, cited=frozenset())
    given = MessageSource.objects.filter(message=answer)
    given.filter(marker=1).update(likely=True)
    messages = client_for(member).get(f"/api/chat/sessions/{answer.session_id}/messages").json()["results"]
    sources = messages[-1]["sources"]
    assert len(sources) == given.count() > 1
    assert [source["likely"] for source in sources] == [True, *[False] * (len(sources) - 1)]
    assert not any(source["cited"] for source in sources)


def test_the_trace_names_steps_cuts_and_what_was_left_out_of_the_prompt(
    client_for, document, member, near_and_far
):
    collection = near_and_far
    answer = answered(member, collection, trace={"ms": {"first_token": 1.0, "total": 2.0}})
    trace = client_for(member).get(f"/api/chat/messages/{answer.pk}/trace").json()["trace"]
    assert {"embed", "dense", "lexical"} <= set(trace["search_ms"])
    assert set(trace["ms"]) == {"first_token", "total"}
    assert trace["answer_mode"] == "strict"
    assert {"tokens", "trimmed"} <= set(trace["prompt"])
    assert all("cut" in one for one in trace["candidates"])
    result = search(user=member, collection=collection, query=QUESTION)
    short = fit(collection=collection, question=QUESTION, passages=[*result.passages[:1]])
    cuts = {one["chunk_id"]: one["cut"] for one in retrieval_trace(result, short, collection)["candidates"]}
    assert cuts[result.passages[0].chunk_id] == ""
    assert {cuts[one.chunk_id] for one in result.passages[1:]} == {"did_not_fit"}
    computed = replace(result.passages[0], content="3 of the 10 rows match.")
    instead = retrieval_trace(result, replace(short, passages=(computed,)), collection, offered=[computed])[
        "candidates"
    ]
    assert {one["cut"] for one in instead} == {"computed_instead"}


def test_of_two_equal_places_on_a_page_the_cited_one_stays_marked_when_its_passage_is_gone(
    client_for, upload, member, admin, near_and_far
):
    between = [f"Rule {number} speaks of something else altogether." for number in range(20)]
    document = build(upload(make_pdf(["\n".join([CITED, *between, CITED])]), "handbook.pdf"))
    answer = answered(member, near_and_far)
    [source] = MessageSource.objects.filter(message=answer)
    text = source.chunk.content
    assert (source.char_start, source.char_end) == (source.chunk.char_start, source.chunk.char_end)
    source.content, source.char_start = (
        CITED,
        source.char_start + text.rindex(CITED),
    )  # cut finer, it would be this
    source.save()
    services.document_reprocess(actor=admin, document=document)
    build(document)
    second = client_for(member).get(page_of(answer, 1))
    assert second["Passage-Marked"] == "all"
    MessageSource.objects.update(char_start=0)
    assert client_for(member).get(page_of(answer, 1)).content != second.content


def test_a_passage_whose_chunk_is_gone_by_the_time_it_is_stored_keeps_its_place(document, member, collection):
    session, _, answer = question_ask(user=member, collection=collection, message=QUESTION)
    [passage] = search(user=member, collection=collection, query=QUESTION, session_id=session.pk).passages[:1]
    chunk = document.chunks.get(pk=passage.chunk_id)
    document.chunks.all().delete()
    answer_sources_set(message_id=answer.pk, passages=[passage], trace={})
    source = MessageSource.objects.get(message=answer)
    assert (source.chunk_id, source.char_start, source.char_end) == (None, chunk.char_start, chunk.char_end)
