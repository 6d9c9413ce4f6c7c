"""What the official client raises, and that it learns nothing of what is not its user's."""

import openai
import pytest

from accounts import api_keys
from accounts.models import User
from accounts.services import user_update
from chat.engine.threads import in_thread
from chat.models import ChatSession
from chat.openai_api.footnotes import Harmless, footnotes, harmless, without_footnotes
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from tests.chat.conftest import ANSWER, QUESTION
from tests.chat.openai_api.conftest import key_of, question

pytestmark = pytest.mark.django_db(transaction=True)


async def refusal(
    api: openai.AsyncOpenAI, kind: type[openai.APIStatusError], **fields
) -> openai.APIStatusError:
    with pytest.raises(kind) as caught:
        await api.chat.completions.create(**question(QUESTION, **fields))
    assert type(caught.value) is kind
    assert set(caught.value.body) == {"message", "type", "param", "code"}
    return caught.value


async def test_a_wrong_key_is_an_authentication_error(client, llm, member):
    raw = (await key_of(member))[1]
    for wrong in ("sk-proj-1234", raw[:-1], "eyJ.x.y"):
        error = await refusal(await client(wrong), openai.AuthenticationError)
        assert (error.code, error.type, error.param) == ("token_invalid", "authentication_error", None)
        with pytest.raises(openai.AuthenticationError):
            await (await client(wrong)).models.list()
    assert llm.calls == []


@pytest.mark.parametrize("end", ["key deleted", "deactivated", "user deleted"])
async def test_what_is_revoked_is_refused_at_once(client, llm, member, admin, end):
    key, raw = await key_of(member)
    api = await client(raw)
    await api.chat.completions.create(**question(QUESTION))
    if end == "key deleted":
        await in_thread(api_keys.key_delete, actor=member, key=key)
    elif end == "deactivated":
        await in_thread(user_update, actor=admin, user=member, is_active=False)
    else:
        await in_thread(User.objects.filter(pk=member.pk).delete)
    await refusal(api, openai.AuthenticationError)


async def test_a_model_without_access_looks_like_one_that_does_not_exist(client, llm, stranger, collection):
    api = await client(stranger)
    errors = [
        await refusal(api, openai.NotFoundError, model=name)
        for name in (collection.name, str(collection.pk), "nothing", "99999999", "9" * 30, "²")
    ]
    assert {(error.code, error.param, error.type) for error in errors} == {
        ("model_not_found", "model", "not_found_error")
    }
    assert (
        len(
            {
                error.body["message"].replace(repr(name), "")
                for error, name in zip(
                    errors,
                    (collection.name, str(collection.pk), "nothing", "99999999", "9" * 30, "²"),
                    strict=True,
                )
            }
        )
        == 1
    )
    assert (await api.models.list()).data == []
    for name in (collection.name, str(collection.pk), "nothing"):
        with pytest.raises(openai.NotFoundError):
            await api.models.retrieve(name)
    assert not await in_thread(ChatSession.objects.exists)


async def test_models_are_listed_and_found_by_name_and_by_id(client, llm, member, collection):
    await in_thread(Collection.objects.filter(pk=collection.pk).update, name="Leave & travel/2024 ü")
    api = await client(member)
    (listed,) = (await api.models.list()).data
    assert (listed.id, listed.object, listed.owned_by) == ("Leave & travel/2024 ü", "model", "verbatim")
    assert listed.verbatim["id"] == collection.pk
    for name in (listed.id, str(collection.pk)):
        assert (await api.models.retrieve(name)).id == listed.id
        answer = await api.chat.completions.create(**question(QUESTION, model=name))
        assert answer.model == listed.id


async def test_a_number_that_is_ones_id_and_anothers_name_is_refused_with_what_to_say_instead(
    client, llm, member, collection
):
    def twin() -> Collection:
        made = Collection.objects.create(name=str(collection.pk), embedding_dimension=384)
        made.users.add(member)
        return made

    other = await in_thread(twin)
    api = await client(member)
    error = await refusal(api, openai.BadRequestError, model=str(collection.pk))
    assert error.param == "model"
    assert "'Handbook'" in error.body["message"]
    assert repr(str(other.pk)) in error.body["message"]
    assert {model.id for model in (await api.models.list()).data} == {"Handbook", str(other.pk)}
    assert (await api.models.retrieve(str(other.pk))).verbatim["id"] == other.pk


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is this?"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                        ],
                    }
                ]
            },
            "messages[0].content[1].type",
        ),
        (
            {
                "messages": [
                    {"role": "tool", "content": "x", "tool_call_id": "1"},
                    {"role": "user", "content": "x"},
                ]
            },
            "messages[0].role",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_done_is_a_bad_request_that_names_it(client, llm, member, fields, param):
    error = await refusal(await client(member), openai.BadRequestError, **fields)
    assert (error.code, error.param, error.type) == ("unsupported_parameter", param, "invalid_request_error")
    assert llm.calls == []
    assert not await in_thread(ChatSession.objects.exists)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": []}, "validation_error", "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "message_empty", "messages"),
        ({"messages": [{"role": "user", "content": "x" * 9000}]}, "message_too_long", "messages"),
        (
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
            "validation_error",
            "messages",
        ),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, "validation_error", "messages[0].content"),
        ({"model": ""}, "validation_error", "model"),
        ({"max_tokens": 0}, "validation_error", "max_tokens"),
    ],
)
async def test_a_malformed_request_is_a_bad_request_that_names_it(client, llm, member, fields, code, param):
    error = await refusal(await client(member), openai.BadRequestError, **fields)
    assert (error.code, error.param) == (code, param)


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", "{", '{"model": ["x"], "messages": "y"}'])
async def test_any_other_body_is_refused_in_the_same_shape(server, client, member, body):
    api = await client(member)
    answer = await api._client.post(
        f"http://127.0.0.1:{server}/v1/chat/completions",
        content=body,
        headers={"Authorization": f"Bearer {api.api_key}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_too_many_questions_are_a_rate_limit_error_that_says_when_to_come_back(
    client, llm, member, settings
):
    settings.MESSAGES_PER_MINUTE = 1
    api = await client(member)
    await api.chat.completions.create(**question(QUESTION))
    for stream in (False, True):
        error = await refusal(api, openai.RateLimitError, stream=stream)
        assert (error.code, error.type) == ("message_rate_exceeded", "rate_limit_error")
        assert 1 <= int(error.response.headers["Retry-After"]) <= 60
        assert error.response.headers["x-should-retry"] == "true"


async def test_spent_tokens_are_a_rate_limit_error_that_is_not_worth_another_try(
    client, llm, member, settings
):
    api = await client(member, max_retries=2)
    await api.chat.completions.create(**question(QUESTION))
    settings.TOKENS_PER_DAY = 1
    error = await refusal(api, openai.RateLimitError)
    assert error.code == "token_quota_exceeded"
    assert error.response.headers["x-should-retry"] == "false"
    assert len(llm.calls) == 1
    assert await in_thread(ChatSession.objects.count) == 1, "what is refused leaves no chat behind"


async def test_a_failing_llm_is_a_server_error_and_asked_again_only_where_that_may_help(client, llm, member):
    api = await client(member, max_retries=1)
    llm.script = [VerbatimError(ErrorCode.LLM_KEY_REFUSED)]
    error = await refusal(api, openai.InternalServerError)
    assert (error.code, error.type, error.status_code) == ("llm_key_refused", "api_error", 502)
    assert len(llm.calls) == 1
    llm.script = [VerbatimError(ErrorCode.LLM_SERVER_ERROR)]
    await refusal(api, openai.InternalServerError)
    assert len(llm.calls) == 3


async def test_an_error_in_the_middle_of_a_stream_is_raised_after_what_had_arrived(client, llm, member):
    llm.script = [ANSWER[0], VerbatimError(ErrorCode.LLM_SERVER_ERROR)]
    stream = await (await client(member)).chat.completions.create(**question(QUESTION, stream=True))
    seen = []
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012
        async for chunk in stream:
            seen.append(chunk.choices[0].delta.content)
    assert "".join(filter(None, seen)) == ANSWER[0]
    assert caught.value.code == "llm_server_error"


async def test_an_address_that_is_not_offered_is_not_found(client, member):
    with pytest.raises(openai.NotFoundError):
        await (await client(member)).embeddings.create(model="Handbook", input="x")


# --- the text -----------------------------------------------------------------------------------------


def source(marker: int, name: str = "a.pdf", **fields) -> dict:
    shown = {"marker": marker, "document_name": name, "page": 3, "rows": None, "lines": None, "cited": True}
    shown |= {"likely": False, "supported": True, "document_deleted": False, "document_replaced": False}
    return shown | fields


def test_footnotes_name_the_place_and_what_speaks_against_it_and_are_taken_off_again():
    sources = [
        source(1, "report.pdf"),
        source(2, "t.csv", page=None, rows=[4, 9], supported=False),
        source(3, cited=False),
        source(4, "![x](https://evil.example).txt", cited=False, likely=True),
    ]
    text = footnotes({"sources": sources})
    assert text == (
        "\n\nSources:  \n[1] report.pdf, page 3"
        "  \n[2] t.csv, rows 4-9 (not supported by its passage)"
        "  \n[4] \\![x](https://evil.example).txt, page 3 (likely)"
    )
    assert footnotes({"sources": [source(1, cited=False)]}) == ""
    wholly = footnotes({"sources": [], "general_knowledge": True, "general_parts": [{"start": 0, "end": 4}]})
    assert wholly == "\n\nGeneral knowledge: nothing in this answer comes from the documents."
    partly = footnotes({"sources": sources, "general_knowledge": False, "general_parts": [{}]})
    assert partly == f"{text}\n\nGeneral knowledge: parts of this answer come from no document."
    for answer in ("25 days [1].", "Sources:\n\nnone [1]", "General knowledge: none.", ""):
        for added in (text, wholly, partly, partly + "\n", ""):
            assert without_footnotes(answer + added) == answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a![b](c)!!", "a\\![b](c)!!"),
        ("!![x", "!\\![x"),
        ("wow! a ! b", "wow! a ! b"),
        ("![", "\\!["),
        ("1 < 2 <IMG src=x> <im", "1 < 2 \\<IMG src=x> <im"),
        ("List<String> <image", "List<String> \\<image"),
        ("<videotape> <video/", "<videotape> \\<video/"),
    ],
)
def test_what_would_load_by_itself_gets_a_backslash_however_the_text_is_cut(text, shown):
    assert harmless(text) == shown
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            pieces = Harmless()
            cut = (text[:first], text[first:second], text[second:])
            assert "".join(map(pieces.feed, cut)) + pieces.flush() == shown
