"""What ends a running answer at once: the person, his grant, his group's grant or the model is gone."""

import asyncio

import pytest
from django.contrib.auth.models import Group

from accounts import groups
from accounts.services import user_update
from chat.engine import rounds
from chat.engine.threads import in_thread
from chat.models import Message
from collections_app import services as models
from tests.chat.conftest import ANSWER, QUESTION

pytestmark = pytest.mark.django_db(transaction=True)


def by_group(collection, member) -> Group:
    """The member may use the model through a group alone."""
    group = Group.objects.create(name="Readers")
    group.user_set.add(member)
    collection.users.clear()
    collection.groups.add(group)
    return group


async def begin(connect, llm, member, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    seen = await socket.hear_until("stream_chunk")
    assert seen[1]["sources"]
    return socket, seen


REVOKED = {
    "the grant": ("access_revoked", lambda a, m, c, g: models.access_set(actor=a, collection=c, user_ids=[])),
    "the group's grant": (
        "access_revoked",
        lambda a, m, c, g: models.access_set(actor=a, collection=c, group_ids=[]),
    ),
    "his place in the group": (
        "access_revoked",
        lambda a, m, c, g: groups.user_groups_set(actor=a, user=m, groups=[]),
    ),
    "the group": ("access_revoked", lambda a, m, c, g: groups.group_delete(actor=a, group=g)),
    "the model": ("not_found", lambda a, m, c, g: models.collection_delete(actor=a, collection=c)),
}


@pytest.mark.parametrize("what", REVOKED)
@pytest.mark.parametrize("hinted", [True, False])
async def test_what_is_taken_away_ends_the_answer_and_nothing_of_it_is_shown_any_more(
    connect, llm, member, admin, collection, monkeypatch, what, hinted
):
    code, take_away = REVOKED[what]
    group = None if what in ("the grant", "the model") else await in_thread(by_group, collection, member)
    if hinted:  # by the hint alone; else by the writer's own look alone
        monkeypatch.setattr(rounds, "ACCESS_SECONDS", 3600.0)
    else:
        monkeypatch.setattr("config.events.ACCESS_GROUP", "nobody-listens")
    socket, seen = await begin(connect, llm, member, collection)
    second = await connect(member)
    await second.say(type="resume", session_id=seen[0]["session_id"], after_seq=0)
    await second.hear_until("stream_chunk")
    if not hinted:
        monkeypatch.setattr("config.events.ACCESS_GROUP", "nobody-is-told")
    await in_thread(take_away, admin, member, collection, group)
    for one in (socket, second):
        after = [frame for frame in await one.hear_until("stream_end") if frame["type"] != "session_changed"]
        assert [frame["type"] for frame in after] == ["error", "stream_end"]
        assert after[0]["code"] == code
        end = after[1]
        assert (end["content"], end["html"], end["sources"]) == ("", "", [])
        assert "sentences" not in end
        assert ANSWER[0] not in str(after)
    assert llm.closed == 1
    await second.say(type="resume", session_id=seen[0]["session_id"], after_seq=0)
    frame = await second.hear()
    while frame["type"] in ("message_saved", "session_changed"):
        frame = await second.hear()
    assert frame["code"] == "not_found"
    if what != "the model":  # it is kept, for when he may read it again
        stored = await in_thread(Message.objects.get, pk=seen[0]["message_id"])
        assert (stored.status, stored.content, stored.error_code) == ("failed", ANSWER[0], code)


async def test_a_deactivated_person_is_signed_out_and_his_answer_ends(
    connect, llm, member, admin, collection, monkeypatch
):
    monkeypatch.setattr(rounds, "ACCESS_SECONDS", 3600.0)
    socket, seen = await begin(connect, llm, member, collection)
    await in_thread(user_update, actor=admin, user=member, is_active=False)
    assert await socket.closed_with() == 4401
    async with asyncio.timeout(5):
        while not llm.closed:
            await asyncio.sleep(0.02)
        while (stored := await in_thread(Message.objects.get, pk=seen[0]["message_id"])).status != "failed":
            await asyncio.sleep(0.05)
    assert (stored.content, stored.error_code) == (ANSWER[0], "access_revoked")


async def test_other_peoples_answers_go_on(connect, llm, member, stranger, admin, collection):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    await socket.hear_until("stream_chunk")
    await in_thread(models.access_set, actor=admin, collection=collection, user_ids=[member.pk, stranger.pk])
    await in_thread(models.access_set, actor=admin, collection=collection, user_ids=[member.pk])
    gate.set()
    assert (await socket.hear_until("message_saved"))[-2]["content"] == "".join(ANSWER)


async def test_who_waits_for_the_whole_answer_gets_nothing_of_it_either(http, llm, member, admin, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    asking = asyncio.create_task(
        http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    )
    async with asyncio.timeout(5):
        while not llm.calls:
            await asyncio.sleep(0.02)
    await in_thread(models.access_set, actor=admin, collection=collection, user_ids=[])
    refused = await asking
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "access_revoked")
    assert ANSWER[0] not in refused.text
