"""How much somebody may ask: which limit binds, who is refused when, and that nobody slips through."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from chat import branching, services
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message, UsageEntry
from chat.usage import limits
from chat.usage.days import day_end, day_start
from chat.usage.limits import bounds_of, states_of
from chat.usage.meter import Spent
from chat.usage.services import asker_locked
from config.errors import ErrorCode, VerbatimError
from tests.chat.conftest import QUESTION
from tests.chat.usage.conftest import limit, spend


def ask(user, collection) -> Message:
    return services.question_ask(user=user, collection=collection, message=QUESTION)[2]


def refused(user, collection) -> VerbatimError:
    before = (ChatSession.objects.count(), Message.objects.count(), UsageEntry.objects.count())
    with pytest.raises(VerbatimError) as caught:
        ask(user, collection)
    assert (ChatSession.objects.count(), Message.objects.count(), UsageEntry.objects.count()) == before
    return caught.value


def in_force(user) -> set[tuple]:
    return {(bound.what, bound.limit, bound.source, bound.group) for bound in bounds_of(user)}


# --- which limit binds -------------------------------------------------------------------------------


def test_without_rows_the_deployments_defaults_bind(member, settings):
    settings.MESSAGES_PER_MINUTE, settings.TOKENS_PER_DAY = 30, 0
    assert in_force(member) == {("messages_per_minute", 30, "default", "")}


def test_the_most_generous_of_his_groups_binds_each_member(member, department, settings):
    settings.MESSAGES_PER_MINUTE = 1
    other = Group.objects.create(name="Finance")
    member.groups.add(other)
    limit(department, messages_per_minute=5, tokens_per_day=100)
    limit(other, messages_per_minute=9, tokens_per_day=50)
    assert in_force(member) == {
        ("messages_per_minute", 9, "group", "Finance"),
        ("tokens_per_day", 100, "group", "Law"),
    }


def test_a_group_without_a_limit_is_the_most_generous(member, department):
    other = Group.objects.create(name="Finance")
    member.groups.add(other)
    limit(department, tokens_per_day=100)
    limit(other, tokens_per_day=0)
    assert in_force(member) == set()


def test_his_own_limit_goes_before_his_groups_also_when_it_is_stricter_or_none(member, department):
    limit(department, messages_per_minute=50, tokens_per_day=100)
    own = limit(member, messages_per_minute=2)
    assert ("messages_per_minute", 2, "user", "") in in_force(member)
    own.messages_per_minute = 0
    own.save()
    assert in_force(member) == {("tokens_per_day", 100, "group", "Law")}


def test_to_limit_tokens_lifts_no_limit_of_messages(member, department, settings):
    settings.MESSAGES_PER_MINUTE = 30
    limit(department, tokens_per_day=100)
    limit(department, together=True, tokens_per_day=500)
    limit(member, tokens_per_day=200)
    assert in_force(member) == {
        ("messages_per_minute", 30, "default", ""),
        ("tokens_per_day", 200, "user", ""),
        ("tokens_per_day", 500, "group_together", "Law"),
    }


def test_what_a_group_has_together_binds_as_well(member, stranger, department):
    limit(member, tokens_per_day=10_000)
    limit(department, together=True, tokens_per_day=500)
    assert in_force(member) == {
        ("tokens_per_day", 10_000, "user", ""),
        ("tokens_per_day", 500, "group_together", "Law"),
    }


def test_other_peoples_limits_bind_nobody_else(member, stranger, admin, department):
    limit(stranger, tokens_per_day=1)
    limit(department, tokens_per_day=2)
    assert in_force(admin) == set()


# --- refusals ----------------------------------------------------------------------------------------


def test_more_questions_than_a_minute_allows_are_refused(member, collection):
    limit(member, messages_per_minute=2)
    ask(member, collection)
    ask(member, collection)
    error = refused(member, collection)
    assert (error.code, error.status, error.retryable) == (ErrorCode.MESSAGE_RATE_EXCEEDED, 429, True)
    assert 58 <= error.retry_after <= 60
    assert {name: error.details[name] for name in ("limit", "used", "scope")} == {
        "limit": 2,
        "used": 2,
        "scope": "yours",
    }
    assert "2 questions" in error.message


def test_the_minute_slides(member, collection):
    limit(member, messages_per_minute=2)
    spend(member, ago=timedelta(seconds=61))
    spend(member, ago=timedelta(seconds=45))
    ask(member, collection)
    error = refused(member, collection)
    assert 13 <= error.retry_after <= 15  # the one of 45 seconds ago makes room
    UsageEntry.objects.update(asked_at=timezone.now() - timedelta(seconds=60))
    assert ask(member, collection)


def test_deleting_chats_and_answering_again_give_no_room(member, superadmin, collection):
    limit(member, messages_per_minute=2)
    answer = ask(member, collection)
    services.answers_interrupt(message_ids=[answer.pk])
    branching.answer_regenerate(answer=answer)
    services.session_delete(session=answer.session)
    assert refused(member, collection).code == ErrorCode.MESSAGE_RATE_EXCEEDED
    collection.delete()
    assert limits.states_of(member)[0].is_reached


def test_answering_again_is_refused_like_a_question(member, collection):
    answer = ask(member, collection)
    services.answers_interrupt(message_ids=[answer.pk])
    limit(member, messages_per_minute=1)
    with pytest.raises(VerbatimError) as caught:
        branching.answer_regenerate(answer=answer)
    assert caught.value.code == ErrorCode.MESSAGE_RATE_EXCEEDED
    assert ChatSession.objects.get().head_id == answer.pk


def test_other_words_and_going_on_are_refused_like_a_question(member, collection):
    collection.llm_provider = "ollama"
    collection.save()
    answer = ask(member, collection)
    services.answers_progress(contents={answer.pk: "Full-time staff have"})
    services.answers_interrupt(message_ids=[answer.pk])
    limit(member, messages_per_minute=1)
    for door in (
        lambda: branching.question_edit(question=answer.parent, message="How many days?"),
        lambda: branching.answer_continue(answer=answer),
    ):
        with pytest.raises(VerbatimError) as caught:
            door()
        assert caught.value.code == ErrorCode.MESSAGE_RATE_EXCEEDED
    assert (Message.objects.count(), UsageEntry.objects.count()) == (2, 1)


def test_the_tokens_of_a_day_end(member, collection):
    limit(member, tokens_per_day=1000)
    spend(member, 999)
    answer = ask(member, collection)  # there is room: it may go over
    services.answer_finish(
        message_id=answer.pk,
        result=services.AnswerResult("complete", "Yes.", "stop", spent=Spent(completion_tokens=400)),
    )
    error = refused(member, collection)
    assert (error.code, error.status, error.retryable) == (ErrorCode.TOKEN_QUOTA_EXCEEDED, 429, False)
    assert (error.details["limit"], error.details["used"]) == (1000, 1399)
    assert parse_datetime(error.details["resets_at"]) == day_end(timezone.now())
    assert 0 < error.retry_after <= 86_400
    assert "1,399 of your 1,000 tokens" in error.message
    assert "00:00 (UTC)" in error.next_step


def test_the_next_day_begins_anew(member, collection):
    limit(member, tokens_per_day=1000)
    spend(member, 5000, ago=timezone.now() - day_start(timezone.now()) + timedelta(seconds=1))
    assert [state.used for state in states_of(member)] == [0]
    ask(member, collection)
    UsageEntry.objects.update(asked_at=day_start(timezone.now()))
    assert [state.used for state in states_of(member)] == [5000]


def test_evaluation_and_other_people_do_not_count(member, stranger, collection):
    limit(member, messages_per_minute=1, tokens_per_day=10)
    spend(member, 500, kind="evaluation")
    spend(stranger, 500)
    ask(member, collection)


@pytest.mark.parametrize("who", ["admin", "superadmin"])
def test_limits_bind_whatever_the_role(who, collection, request, settings):
    settings.MESSAGES_PER_MINUTE = 1
    user = request.getfixturevalue(who)
    ask(user, collection)
    assert refused(user, collection).code == ErrorCode.MESSAGE_RATE_EXCEEDED


def test_what_a_group_has_together_is_used_by_all_its_members(member, stranger, department, collection):
    limit(department, together=True, tokens_per_day=1000)
    spend(stranger, 1200)
    error = refused(member, collection)
    assert (error.details["scope"], error.details["group"]) == ("group", "Law")
    assert "The group “Law” has used 1,200 of its 1,000 tokens" in error.message
    stranger.groups.clear()  # counted are those who are in it now
    ask(member, collection)


def test_a_group_has_messages_per_minute_together_too(member, stranger, department, collection):
    limit(department, together=True, messages_per_minute=2)
    ask(member, collection)
    ask(stranger, collection)
    assert refused(member, collection).details["scope"] == "group"
    assert refused(stranger, collection).details["group"] == "Law"


def test_of_two_limits_the_refusal_names_the_one_that_lasts(member, collection):
    limit(member, messages_per_minute=1, tokens_per_day=10)
    spend(member, 10)
    spend(member, 0)
    expected = ErrorCode.TOKEN_QUOTA_EXCEEDED
    assert refused(member, collection).code == expected


def test_a_warning_begins_at_four_fifths(member):
    limit(member, messages_per_minute=1, tokens_per_day=1000)
    spend(member, 799, ago=timedelta(0))
    tokens = {state.bound.what: state for state in states_of(member)}
    assert not tokens["tokens_per_day"].is_near
    spend(member, 1)
    near = {state.bound.what: state.is_near for state in states_of(member)}
    assert near == {"messages_per_minute": False, "tokens_per_day": True}


# --- the day ------------------------------------------------------------------------------------------


def test_a_day_begins_at_midnight_where_the_deployment_is(settings):
    settings.DAY_TIME_ZONE = "America/Los_Angeles"
    now = datetime(2026, 7, 1, 5, tzinfo=UTC)  # still the 30th of June there
    assert day_start(now) == datetime(2026, 6, 30, 7, tzinfo=UTC)
    assert day_end(now) == datetime(2026, 7, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_has_its_hours_also_when_clocks_change(settings, day, hours):
    settings.DAY_TIME_ZONE = "Europe/Berlin"
    now = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    begun, ended = day_start(now).astimezone(UTC), day_end(now).astimezone(UTC)
    assert ended - begun == timedelta(hours=hours)


# --- nobody slips through ------------------------------------------------------------------------------


def at_once(jobs: list) -> list:
    """Run them in threads that start together; their results, a VerbatimError standing for a refusal."""
    results: list = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(place: int) -> None:
        try:
            gate.wait()
            results[place] = jobs[place]()
        except VerbatimError as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def refusals(results: list) -> list[ErrorCode]:
    return [one.code for one in results if isinstance(one, VerbatimError)]


def test_two_tabs_at_once_do_not_slip_through(transactional_db, member, collection):
    limit(member, messages_per_minute=3)
    results = at_once([lambda: ask(member, collection)] * 8)
    assert refusals(results) == [ErrorCode.MESSAGE_RATE_EXCEEDED] * 5
    assert UsageEntry.objects.count() == ChatSession.objects.count() == 3


def test_members_at_once_do_not_slip_through_what_they_have_together(
    transactional_db, member, stranger, department, collection
):
    limit(department, together=True, messages_per_minute=3)
    who = [member, stranger] * 4
    results = at_once([lambda user=user: ask(user, collection) for user in who])
    assert refusals(results) == [ErrorCode.MESSAGE_RATE_EXCEEDED] * 5


def test_different_people_do_not_wait_for_each_other(transactional_db, member, stranger, collection):
    done = threading.Event()
    with transaction.atomic():
        asker_locked(member.pk)
        thread = threading.Thread(target=lambda: (ask(stranger, collection), connection.close(), done.set()))
        thread.start()
        assert done.wait(10)
    thread.join()


# --- every door ----------------------------------------------------------------------------------------


async def test_the_socket_says_which_limit_and_when_it_ends(connect, llm, member, collection):
    await in_thread(limit, member, messages_per_minute=1)
    reader = await connect(member)
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION, client_id="one")
    frames = await reader.hear_until("message_saved")
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION, client_id="two")
    error = await reader.hear()
    assert (error["type"], error["code"], error["retryable"]) == ("error", "message_rate_exceeded", True)
    assert error["client_id"] == "two"
    assert {"limit", "used", "scope", "resets_at", "retry_after", "next_step"} <= set(error["details"])
    await reader.say(type="regenerate", message_id=frames[-1]["message_id"])
    assert (await reader.hear())["code"] == "message_rate_exceeded"
    assert await in_thread(Message.objects.count) == 2


async def test_a_question_that_arrives_twice_counts_once(connect, llm, member, collection):
    await in_thread(limit, member, messages_per_minute=1)
    reader = await connect(member)
    for _ in range(2):
        await reader.say(type="chat", model_id=collection.pk, message=QUESTION, client_id="same")
        assert (await reader.hear_until("message_saved"))[-1]["type"] == "message_saved"


@pytest.mark.parametrize("path", ["/api/chat/chat", "/api/chat/stream"])
def test_http_answers_429_with_retry_after(transactional_db, path, client_for, member, collection):
    limit(member, messages_per_minute=1)
    spend(member, ago=timedelta(seconds=20))
    body = {"model_id": collection.pk, "message": QUESTION}
    response = client_for(member).post(path, body, format="json")
    assert response.status_code == 429
    assert 38 <= int(response["Retry-After"]) <= 40
    error = json.loads(response.content)["error"]
    assert error["code"] == "message_rate_exceeded"
    assert not Message.objects.exists()


def test_programs_that_speak_the_openai_protocol_are_counted_and_refused_too(
    transactional_db, client_for, member, collection
):
    limit(member, messages_per_minute=1)
    spend(member)
    body = {"model": collection.name, "messages": [{"role": "user", "content": QUESTION}]}
    response = client_for(member).post("/v1/chat/completions", body, format="json")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 50
    assert response.json()["error"]["code"] == "message_rate_exceeded"
    assert not Message.objects.exists()


async def test_an_answer_under_way_may_go_over_and_the_next_one_is_refused(connect, llm, member, collection):
    await in_thread(limit, member, tokens_per_day=5)
    go = asyncio.Event()
    llm.script = ["One", go, " two [1]."]
    reader = await connect(member)
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION)
    await reader.hear_until("stream_chunk")
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION)  # another chat: not counted yet
    await reader.hear_until("user_message")
    go.set()
    await reader.hear_until("message_saved")
    await reader.hear_until("message_saved")
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION)
    error = await reader.hear()
    assert (error["code"], error["details"]["used"]) == ("token_quota_exceeded", 22)
