"""One whole chat with a real LLM (llama.cpp with the toy model), and one with the extractive provider."""

import pytest

from chat.engine.threads import in_thread
from collections_app.models import Collection
from config.embedded import llm as builtin
from tests.chat.conftest import QUESTION, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.llm
async def test_the_built_in_llm_streams_an_answer_over_the_socket(
    builtin_llm,
    connect,
    member,
    collection,
    settings,
):
    settings.BUILTIN_LLM_URL = builtin_llm
    await in_thread(
        Collection.objects.filter(pk=collection.pk).update,
        llm_provider="builtin",
        llm_model_name=builtin.MODEL_NAME,
        context_tokens=builtin.CONTEXT_TOKENS,
        max_tokens=64,
    )
    client = await connect(member)
    await client.say(type="chat", model_id=collection.pk, message=QUESTION)
    first = await client.hear_until("message_saved")
    chunks = [frame["content"] for frame in first if frame["type"] == "stream_chunk"]
    assert len(chunks) > 1, first
    assert "".join(chunks) == first[-2]["content"] == (await stored(first[0]["message_id"])).content
    assert first[-2]["usage"]["completion_tokens"] > 0
    await client.say(
        type="chat", model_id=collection.pk, message="And a hotel?", session_id=first[0]["session_id"]
    )
    second = await client.hear_until("message_saved")
    assert second[-2]["finish_reason"] in ("stop", "length")


async def test_the_extractive_provider_quotes_the_right_passage_with_its_citation(
    connect, member, collection
):
    client = await connect(member)
    await client.say(type="chat", model_id=collection.pk, message=QUESTION)
    frames = await client.hear_until("message_saved")
    end = frames[-2]
    assert "25 days of annual leave" in end["content"], end
    cited = end["sources"][0]
    assert cited["chunk_content"].startswith("Full-time staff")
    assert cited["supported"] is True
    assert f"[{cited['marker']}]" in end["content"]
