"""All requests to one model name the same window: an Ollama loads its model anew for another."""

import pytest

from chat.engine.history import CONDENSE_MAX_TOKENS, condense
from chat.engine.threads import in_thread
from chat.engine.tokens import estimate_message
from chat.llm.base import ChatMessage, Finished, LLMConfig, TextDelta
from chat.llm.probe import probe
from tests.chat.conftest import QUESTION

pytestmark = pytest.mark.django_db(transaction=True)

FOLLOW_UP = "And for part-time staff?"


@pytest.mark.parametrize(("told", "window"), [(None, 6000), (131_072, 6000), (2048, 2048)])
async def test_answers_follow_ups_and_the_models_test_name_one_window(
    llm_server, connect, member, collection, passages, told, window
):
    llm_server.window = told
    collection.llm_provider, collection.llm_model_name = "ollama", "ok"
    collection.llm_base_url, collection.context_tokens = llm_server.url, 6000
    await in_thread(collection.save)
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    session = (await socket.hear_until("message_saved"))[-1]["session_id"]
    await socket.say(type="chat", model_id=collection.pk, message=FOLLOW_UP, session_id=session)
    await socket.hear_until("message_saved")
    assert (await probe(collection)).ok
    sent = llm_server.of("ok")
    assert len(sent) == 4  # an answer, a follow-up made complete and its answer, the test
    assert {one.body["options"]["num_ctx"] for one in sent} == {window}


class Listens:
    """An LLM that keeps what it was asked."""

    config = LLMConfig("ollama", "m", "http://127.0.0.1:9")

    def __init__(self) -> None:
        self.asked: list = []

    async def stream(self, request):
        self.asked.append(request)
        yield TextDelta("How many days do part-time staff have?")
        yield Finished()


@pytest.mark.parametrize("window", [8192, 4096, 2048, 1024, 512])
async def test_the_conversation_before_a_follow_up_keeps_to_the_window(window):
    turns = [
        ChatMessage(role, f"{number} begins. " + "And then it goes on and on. " * 80)
        for number in range(3)
        for role in ("user", "assistant")
    ]
    llm = Listens()
    await condense(llm=llm, question=FOLLOW_UP, history=turns, window=window)
    [request] = llm.asked
    cost = sum(estimate_message(one.content) for one in request.messages)
    assert cost + CONDENSE_MAX_TOKENS <= window
    said = request.messages[-1].content
    assert "Assistant: 2 begins." in said  # the newest turn is the last to go
    assert FOLLOW_UP in said
    assert ("User: 0 begins." in said) is (window > 512)
    if window == 8192:
        assert said.count("And then it goes on and on.") > 6 * 50


async def test_a_question_that_leaves_no_room_is_completed_by_rule():
    llm = Listens()
    history = [ChatMessage("user", QUESTION), ChatMessage("assistant", "25 days [1].")]
    written = await condense(llm=llm, question=FOLLOW_UP, history=history, window=256)
    assert llm.asked == []
    assert "part-time" in written
