"""How often an answer's row is written while its text comes: PostgreSQL itself counts."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connection

from chat.engine.threads import in_thread
from tests.chat.conftest import QUESTION

pytestmark = pytest.mark.django_db(transaction=True)

LEAST_SECONDS = 0.5  # at most twice a second
PIECES = [f" word{number}" for number in range(40)]
PIECE_SECONDS = 0.1


@dataclass(frozen=True)
class Update:
    """One UPDATE of an answer's row: when, in seconds, and what it held then."""

    at: float
    status: str
    content: str


@pytest.fixture
def count_updates(transactional_db) -> Iterator[None]:
    """A trigger writes down every UPDATE of a message, also one that changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE counted (at timestamptz, message_id bigint, status text, content text);"
            "CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO counted VALUES (clock_timestamp(), NEW.id, NEW.status, NEW.content); RETURN NULL;"
            " END $$;"
            "CREATE TRIGGER count_updates AFTER UPDATE ON chat_message FOR EACH ROW"
            " EXECUTE FUNCTION count_update()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION count_update CASCADE; DROP TABLE counted")


def updates_of(message_id: int) -> list[Update]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM at)::float, status, content FROM counted WHERE message_id = %s"
            " ORDER BY at",
            [message_id],
        )
        return [Update(*row) for row in cursor.fetchall()]


async def test_text_is_kept_at_most_twice_a_second_and_once_at_the_end(
    count_updates, connect, llm, member, collection
):
    llm.script, llm.delay = list(PIECES), PIECE_SECONDS
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    message_id = (await socket.hear_until("message_saved"))[-1]["message_id"]
    updates = await in_thread(updates_of, message_id)
    *progress, end = updates
    assert (end.status, end.content) == ("complete", "".join(PIECES))
    assert {one.status for one in progress} == {"streaming"}
    assert len(progress) >= 2  # what a dying process leaves is a second or two old
    pauses = [later.at - one.at for one, later in zip(progress, progress[1:], strict=False)]
    assert min(pauses) >= LEAST_SECONDS
    contents = [one.content for one in updates]
    assert len(set(contents[:-1])) == len(progress)  # none is written that has nothing new
    assert all(later.startswith(one) for one, later in zip(contents, contents[1:], strict=False))


async def test_an_answer_that_says_nothing_for_a_while_is_not_written_meanwhile(
    count_updates, connect, llm, member, collection
):
    llm.script, llm.delay = PIECES[:2], 2.5
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    message_id = (await socket.hear_until("message_saved"))[-1]["message_id"]
    assert [one.content for one in await in_thread(updates_of, message_id)] == [
        PIECES[0],
        "".join(PIECES[:2]),
        "".join(PIECES[:2]),
    ]
