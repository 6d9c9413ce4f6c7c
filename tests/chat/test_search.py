"""Finding one's own chats: by words, names, codes, other scripts, beginnings; and nobody else's."""

import pytest

from chat.branching import answer_regenerate
from chat.excerpts import excerpt, marks
from chat.models import ChatSession, Message, MessageRole, MessageStatus
from chat.search import read_query
from chat.services import question_ask
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def chat(user, collection, question, answer="", *, title=None):
    """A finished turn; returns its session."""
    session, _, message = question_ask(user=user, collection=collection, message=question)
    Message.objects.filter(pk=message.pk).update(content=answer, status=MessageStatus.COMPLETE)
    if title is not None:
        ChatSession.objects.filter(pk=session.pk).update(title=title)
    return session


@pytest.fixture
def find(client_for, member):
    """A function: what is searched for -> the rows of the answer."""

    def search(text, person=member, **more):
        reply = client_for(person).get("/api/chat/sessions", {"search": text, **more})
        assert reply.status_code == 200, reply.content
        return reply.json()["results"]

    return search


def marked(row):
    """The marked pieces of a row's excerpt."""
    points = list(row["hit"]["excerpt"])
    return ["".join(points[start:end]) for start, end in row["hit"]["marks"]]


@pytest.mark.parametrize(
    ("said", "searched", "shown"),
    [
        ("The Harbour Branch is managed by Ines Duarte.", "ines duarte", ["Ines", "Duarte"]),
        ("The Harbour Branch is managed by Ines Duarte.", "harb", ["Harbour"]),
        ("Order AB-1234 was cancelled.", "AB-1234", ["AB-1234"]),
        ("Order AB-1234 was cancelled.", "ab1234", ["AB-1234"]),
        ("Order AB-1234 was cancelled.", "AB-12", ["AB-1234"]),
        ("Order AB1234 was cancelled.", "AB-1234", ["AB1234"]),
        ("See report_2019.pdf for it.", "report_2019.pdf", ["report_2019.pdf"]),
        ("See report_2019.pdf for it.", "2019", ["2019"]),
        ("Herr Müller kündigt.", "Müller", ["Müller"]),
        ("Herr Müller kündigt.", "mueller", ["Müller"]),
        ("Herr Müller kündigt.", "muller kündigt", ["Müller", "kündigt"]),
        ("Herr Mueller kündigt.", "Müller", ["Mueller"]),
        ("Los días de vacaciones.", "dias vacac", ["días", "vacaciones"]),
        ("Отпуск составляет 25 дней.", "отпуск", ["Отпуск"]),
        ("年次有給休暇は25日です。", "有給休暇", ["有給休暇"]),
        ("عدد أيام الإجازة السنوية", "الإجازة", ["الإجازة"]),
        ("They write it's 5% of R&D costs.", "r&d", ["R", "D"]),
    ],
)
def test_what_was_said_is_found_and_marked(find, member, collection, said, searched, shown):
    asked = chat(member, collection, "What about it?", said)
    [row] = find(searched)
    assert row["id"] == str(asked.pk)
    assert row["hit"]["role"] == "assistant"
    assert marked(row) == shown


@pytest.mark.parametrize("text", ["hotels", "harbour zebra", "'", "& | !", ":*", "zzz\x00", "\\", "’;--"])
def test_what_was_not_said_is_not_found(find, member, collection, text):
    chat(member, collection, "Where is the harbour?", "A hotel may cost at most 120 euros.")
    assert find(text) == []


def test_only_ones_own_chats_are_searched(find, member, stranger, admin, superadmin, collection):
    other = make_user("olga@example.com")
    collection.users.add(other)
    chat(member, collection, "Where is the canary kept?", "The canary is kept here.")
    theirs = chat(other, collection, "A canary of Olga's")
    for person in (stranger, admin, superadmin):
        assert find("canary", person) == []
    assert [row["id"] for row in find("canary", other)] == [str(theirs.pk)]
    collection.users.remove(member)
    assert find("canary") == []


def test_answers_being_written_or_replaced_are_not_found(find, member, collection):
    session, _, answer = question_ask(user=member, collection=collection, message="Which bird?")
    Message.objects.filter(pk=answer.pk).update(content="A canary")
    assert find("canary") == []
    Message.objects.filter(pk=answer.pk).update(status=MessageStatus.STOPPED)
    assert [row["id"] for row in find("canary")] == [str(session.pk)]
    answer_regenerate(answer=answer)
    assert find("canary") == []


def test_titles_come_first_then_words_in_sequence_then_the_newest(find, member, collection):
    scattered_old = chat(member, collection, "One", "The leave that is annual")
    sequence = chat(member, collection, "Two", "About annual leave we know this")
    titled = chat(member, collection, "Three", "Nothing", title="Annual leave")
    scattered_new = chat(member, collection, "Four", "Leave it; this is annual")
    ids = [row["id"] for row in find("annual leave")]
    assert ids == [str(one.pk) for one in (titled, sequence, scattered_new, scattered_old)]
    [first, *_] = find("annual leave")
    assert first["hit"] is None
    assert first["title_marks"] == [[0, 6], [7, 12]]
    ids = [row["id"] for row in find("annual leave", ordering="created_at")]
    assert ids == [str(one.pk) for one in (scattered_old, sequence, titled, scattered_new)]


def test_the_hit_is_the_message_that_holds_the_words_in_sequence(find, member, collection):
    session = chat(member, collection, "Is leave annual?", "Yes, annual leave is.")
    later = Message.objects.create(session=session, role=MessageRole.USER, content="leave then annual")
    [row] = find("annual leave")
    assert row["hit"]["message_id"] == session.messages.get(role="assistant").pk != later.pk
    [row] = find("leave annual")
    assert row["hit"]["message_id"] == session.messages.order_by("id").first().pk


def test_an_excerpt_is_plain_text_around_the_first_word(find, member, collection):
    before, after = "word " * 60, " tail" * 60
    text = (
        f"# Heading\n\n{before}<img src=x onerror=alert(1)> **needle** and a [link](https://x.example){after}"
    )
    chat(member, collection, "Which?", text)
    [row] = find("needle")
    assert marked(row) == ["needle"]
    shown = row["hit"]["excerpt"]
    assert (shown[:6], shown[-2:]) == ("… word", " …")
    assert not {"**", "https"} & set(shown.split())
    assert len(shown) < 200
    assert "<img src=x onerror=alert(1)> needle and a link" in shown


def test_a_search_costs_five_queries_however_much_is_found(
    client_for, member, collection, django_assert_num_queries
):
    sessions = ChatSession.objects.bulk_create(
        ChatSession(user=member, collection=collection, title=f"Question {number}") for number in range(30)
    )
    questions = Message.objects.bulk_create(
        Message(session=session, role=MessageRole.USER, content="Where is the needle?")
        for session in sessions
    )
    for session, question in zip(sessions, questions, strict=True):
        session.head = question
    ChatSession.objects.bulk_update(sessions, ["head"])
    mine = client_for(member)
    with django_assert_num_queries(5):  # the words' lexemes, their sequence, count, page, best messages
        found = mine.get("/api/chat/sessions?search=needle&page_size=25").json()
    assert (found["count"], len(found["results"])) == (30, 25)
    with django_assert_num_queries(2):  # count, page
        listed = mine.get("/api/chat/sessions?page_size=25").json()
    assert listed["results"][0]["hit"] is None


def test_pages_neither_repeat_nor_miss_a_chat(client_for, member, collection):
    ChatSession.objects.bulk_create(
        ChatSession(user=member, collection=collection, title=f"Chat {number}") for number in range(250)
    )
    ChatSession.objects.update(updated_at="2026-01-01T00:00Z")  # all at once: only the id parts them
    seen, path = [], "/api/chat/sessions?page_size=100"
    while path:
        page = client_for(member).get(path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"]
    assert len(seen) == len(set(seen)) == 250
    reply = client_for(member).get("/api/chat/sessions?page_size=100&search=chat").json()
    assert reply["count"] == 250


def test_the_history_is_searched_by_words_too(client_for, member, stranger, collection):
    chat(member, collection, "Where is the canary?", "It is in the cage.")
    found = client_for(member).get("/api/chat/history?search=canar").json()["results"]
    assert [row["content"] for row in found] == ["Where is the canary?"]
    assert client_for(stranger).get("/api/chat/history?search=canar").json()["count"] == 0


def test_marks_follow_characters_outside_the_basic_plane():
    words = read_query("needle")
    text = "😀 ﬁrst needle 😀 needles"
    assert [text[start:end] for start, end in marks(text, words)] == ["needle", "needles"]
    assert excerpt("", words).text == ""
