"""The conversation as a tree: versions of questions and answers, the shown path, what the LLM reads."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import branching, selectors, services, tree
from chat.models import ChatSession, Message
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


class Talk:
    """A conversation, made through the services: every answer is finished at once."""

    def __init__(self, user, collection: Collection) -> None:
        self.session = services.session_create(user=user, collection=collection)

    def _finished(self, turn) -> tuple[Message, Message]:
        _, question, answer = turn
        done = services.AnswerResult(
            status="complete", content=f"re: {question.content}", finish_reason="stop"
        )
        return question, services.answer_finish(message_id=answer.pk, result=done)

    def ask(self, text: str) -> tuple[Message, Message]:
        session = ChatSession.objects.get(pk=self.session.pk)
        turn = services.question_ask(
            user=session.user, collection=session.collection, message=text, session=session
        )
        return self._finished(turn)

    def edit(self, question: Message, text: str) -> tuple[Message, Message]:
        return self._finished(branching.question_edit(question=question, message=text))

    def regenerate(self, answer: Message) -> Message:
        return self._finished(branching.answer_regenerate(answer=answer))[1]

    def choose(self, message: Message) -> None:
        branching.branch_choose(session=self.session, message_id=message.pk)

    def shown(self) -> list[Message]:
        session = ChatSession.objects.get(pk=self.session.pk)
        return list(selectors.messages_with_details(selectors.messages_of(session)))


@pytest.fixture
def talk(member, collection) -> Talk:
    return Talk(member, collection)


def words(history) -> list[str]:
    return [one.content for one in history]


def test_a_conversation_without_versions_is_one_path(talk):
    (q1, a1), (q2, a2) = talk.ask("one"), talk.ask("two")
    assert talk.shown() == [q1, a1, q2, a2]
    assert [message.parent_id for message in talk.shown()] == [None, q1.pk, a1.pk, q2.pk]
    assert [tree.siblings(one) for one in talk.shown()] == [
        {"index": 0, "ids": [one.pk]} for one in (q1, a1, q2, a2)
    ]


def test_an_edited_question_gets_its_own_branch_and_the_old_one_is_chosen_again(talk):
    (q1, a1), (q2, a2), (q3, a3) = talk.ask("one"), talk.ask("two"), talk.ask("three")
    q2b, a2b = talk.edit(q2, "two, in other words")
    assert talk.shown() == [q1, a1, q2b, a2b]
    assert tree.siblings(talk.shown()[2]) == {"index": 1, "ids": [q2.pk, q2b.pk]}
    q4, a4 = talk.ask("four")
    assert talk.shown() == [q1, a1, q2b, a2b, q4, a4]
    talk.choose(q2)
    assert talk.shown() == [q1, a1, q2, a2, q3, a3]
    assert tree.siblings(talk.shown()[2]) == {"index": 0, "ids": [q2.pk, q2b.pk]}
    talk.choose(q2b)
    assert talk.shown() == [q1, a1, q2b, a2b, q4, a4]


def test_the_first_question_is_edited_without_one_before_it(talk):
    q1, _ = talk.ask("one")
    talk.ask("two")
    q1b, a1b = talk.edit(q1, "one, in other words")
    assert talk.shown() == [q1b, a1b]
    assert tree.siblings(talk.shown()[0]) == {"index": 1, "ids": [q1.pk, q1b.pk]}


def test_an_answer_in_the_middle_is_written_anew_and_what_followed_stays_with_the_old_one(talk):
    (q1, a1), (q2, a2) = talk.ask("one"), talk.ask("two")
    a1b = talk.regenerate(a1)
    assert talk.shown() == [q1, a1b]
    assert tree.siblings(talk.shown()[1]) == {"index": 1, "ids": [a1.pk, a1b.pk]}
    talk.choose(a1)
    assert talk.shown() == [q1, a1, q2, a2]


def test_choosing_leads_to_the_branch_that_was_begun_last(talk):
    (_, a1), (q2, _) = talk.ask("one"), talk.ask("two")
    _, a2b = talk.edit(q2, "other")
    a1b = talk.regenerate(a1)
    talk.choose(a1)
    assert talk.shown()[-1] == a2b
    talk.choose(talk.shown()[0])
    assert talk.shown()[-1] == a1b


def test_the_history_is_what_stands_above_and_nothing_of_other_branches(talk):
    (q1, a1), (q2, _) = talk.ask("one"), talk.ask("two")
    a1b = talk.regenerate(a1)
    q3, _ = talk.ask("three")
    assert words(tree.history_before(q3, limit=10)) == ["one", a1b.content]
    q2b, _ = talk.edit(q2, "two, in other words")
    assert words(tree.history_before(q2b, limit=10)) == ["one", a1.content]
    q4, _ = talk.ask("four")
    assert words(tree.history_before(q4, limit=10)) == ["one", a1.content, q2b.content, f"re: {q2b.content}"]
    assert words(tree.history_before(q4, limit=2)) == [q2b.content, f"re: {q2b.content}"]
    assert words(tree.history_before(q1, limit=10)) == []


def test_unanswered_turns_above_are_left_out_of_the_history(talk, member, collection):
    talk.ask("one")
    session = ChatSession.objects.get(pk=talk.session.pk)
    _, _, failed = services.question_ask(
        user=member, collection=collection, message="unlucky", session=session
    )
    refusal = VerbatimError(ErrorCode.LLM_TIMEOUT)
    services.answer_finish(
        message_id=failed.pk,
        result=services.AnswerResult(status="failed", content="half", finish_reason="error", error=refusal),
    )
    question, _ = talk.ask("three")
    assert words(tree.history_before(question, limit=10)) == ["one", "re: one"]


def test_while_an_answer_is_written_nothing_is_edited_regenerated_or_chosen(talk, member, collection):
    question, answer = talk.ask("one")
    session = ChatSession.objects.get(pk=talk.session.pk)
    _, _, open_answer = services.question_ask(
        user=member, collection=collection, message="two", session=session
    )
    for attempt in (
        lambda: branching.question_edit(question=question, message="other"),
        lambda: branching.answer_regenerate(answer=answer),
        lambda: branching.branch_choose(session=session, message_id=answer.pk),
    ):
        with pytest.raises(VerbatimError) as caught:
            attempt()
        assert caught.value.code == ErrorCode.SESSION_BUSY
    assert Message.objects.count() == 4
    assert ChatSession.objects.get(pk=session.pk).head_id == open_answer.pk


def test_a_message_of_another_chat_is_not_chosen(talk, member, collection):
    talk.ask("one")
    _, foreign = Talk(member, collection).ask("elsewhere")
    with pytest.raises(VerbatimError) as caught:
        talk.choose(foreign)
    assert caught.value.code == ErrorCode.NOT_FOUND


def test_a_long_conversation_is_read_in_as_many_queries_as_a_short_one(talk, client_for, member):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            answer = client_for(member).get(f"/api/chat/sessions/{talk.session.pk}/messages?page_size=200")
        assert answer.json()["count"] == Message.objects.count()
        return len(seen)

    talk.ask("first")
    few = queries()
    for n in range(40):
        talk.ask(f"question {n}")
    assert queries() == few


def test_deleting_a_conversation_takes_all_branches(talk):
    (_, a1), (q2, _) = talk.ask("one"), talk.ask("two")
    talk.edit(q2, "other")
    talk.regenerate(a1)
    services.session_delete(session=talk.session)
    assert not Message.objects.exists()


# --- over HTTP -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)  # an export is read by another thread
def test_the_shown_path_all_branches_and_another_path_are_read(talk, client_for, member):
    (q1, a1), (q2, a2) = talk.ask("one"), talk.ask("two")
    q2b, a2b = talk.edit(q2, "other")
    base = f"/api/chat/sessions/{talk.session.pk}"

    def ids(query: str = "") -> list[int]:
        return [one["id"] for one in client_for(member).get(f"{base}/messages{query}").json()["results"]]

    assert ids() == [q1.pk, a1.pk, q2b.pk, a2b.pk]
    assert ids("?all=true") == [q1.pk, a1.pk, q2.pk, a2.pk, q2b.pk, a2b.pk]
    assert ids(f"?head={a2.pk}") == [q1.pk, a1.pk, q2.pk, a2.pk]
    listed = client_for(member).get(f"{base}/messages").json()["results"]
    assert listed[2]["parent"] == a1.pk
    assert listed[2]["siblings"] == {"index": 1, "ids": [q2.pk, q2b.pk]}
    assert client_for(member).get(f"{base}/messages?head=nonsense").status_code == 400
    assert client_for(member).get(f"{base}/messages?head=999999").status_code == 404
    history = client_for(member).get("/api/chat/history").json()["results"]
    assert [one["id"] for one in history] == [q1.pk, a1.pk, q2b.pk, a2b.pk]
    exported = b"".join(client_for(member).get(f"{base}/export")).decode()
    assert "> other" in exported
    assert "> two" not in exported


def test_a_branch_is_chosen_by_its_owner_and_by_nobody_else(
    talk, client_for, member, stranger, admin, collection
):
    q1, a1 = talk.ask("one")
    q2, a2 = talk.ask("two")
    _, a2b = talk.edit(q2, "other")
    path = f"/api/chat/sessions/{talk.session.pk}"
    colleague = make_user("mo@example.com")
    collection.users.add(colleague)
    for person in (stranger, admin, colleague):
        refused = client_for(person).patch(path, {"head": q2.pk}, format="json")
        assert refused.status_code == 404
    assert client_for(member).get(path).json()["head"] == a2b.pk
    chosen = client_for(member).patch(path, {"head": q2.pk}, format="json")
    assert chosen.status_code == 200
    assert chosen.json()["head"] == a2.pk
    assert client_for(member).patch(path, {"head": None}, format="json").status_code == 400
    _, foreign = Talk(member, collection).ask("elsewhere")
    assert client_for(member).patch(path, {"head": foreign.pk}, format="json").status_code == 404
    assert client_for(member).get(path).json()["head"] == a2.pk


def test_the_history_over_all_chats_shows_no_other_persons_and_each_turn_together(
    talk, client_for, member, collection
):
    colleague = make_user("mo@example.com")
    collection.users.add(colleague)
    Talk(colleague, collection).ask("private")
    other = Talk(member, collection)
    (q1, a1), (q2, a2) = talk.ask("one"), other.ask("elsewhere")
    a1b = talk.regenerate(a1)
    listed = client_for(member).get("/api/chat/history").json()["results"]
    assert [one["id"] for one in listed] == [q1.pk, a1b.pk, q2.pk, a2.pk]
    assert listed[1]["siblings"]["ids"] == [a1.pk, a1b.pk]
    assert listed[2]["siblings"]["ids"] == [q2.pk]
