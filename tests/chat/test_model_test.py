"""POST /api/models/{id}/test and GET /api/llm/providers: what is wrong, in words, for admins only."""

import time

import pytest

from chat.llm import discovery
from chat.llm.probe import probe
from chat.llm.quirks import UNOPENED_REASONING, quirks
from config import outbound
from config.errors import ErrorCode
from tests.contracts.protocols import KEY, LEAK


@pytest.fixture
def ollama_collection(collection, llm_server):
    collection.llm_provider = "ollama"
    collection.llm_model_name = "ok"
    collection.llm_base_url = llm_server.url
    collection.save()
    return collection


@pytest.fixture(autouse=True)
def _fresh():
    discovery.forget()
    yield
    discovery.forget()


def run_test(client, collection) -> dict:
    response = client.post(f"/api/models/{collection.pk}/test")
    assert response.status_code == 200, response.content
    return response.json()


def test_a_model_that_answers_is_praised_with_its_time_and_neighbours(admin, client_for, ollama_collection):
    result = run_test(client_for(admin), ollama_collection)
    assert result["ok"] is True
    assert result["message"].startswith("ok answered in ")
    assert result["models"] == ["llama-small", "ok"]
    assert result["code"] == ""


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (2048, "2,048 tokens at most; prompts keep to that instead of the 8,192 set here"),
        (131_072, "can take 131,072 tokens; 8,192 are set here"),
        (8192, "seconds."),
        (None, "seconds."),
    ],
)
def test_the_models_own_window_is_told(admin, client_for, ollama_collection, llm_server, window, words):
    llm_server.window = window
    message = run_test(client_for(admin), ollama_collection)["message"]
    assert words in message
    assert ("tokens" in message) is ("tokens" in words)


def test_a_model_that_needs_all_its_tokens_to_think_is_well(admin, client_for, ollama_collection):
    ollama_collection.llm_model_name = "empty-length"
    ollama_collection.save()
    assert run_test(client_for(admin), ollama_collection)["ok"] is True


def test_the_test_teaches_that_a_model_sends_reasoning_without_an_opening_tag(
    admin, client_for, ollama_collection, llm_server
):
    ollama_collection.llm_model_name = "half-think"
    ollama_collection.save()
    assert run_test(client_for(admin), ollama_collection)["ok"] is True
    [asked] = llm_server.of("half-think")
    assert asked.body["options"]["num_predict"] >= 500  # room for the reasoning
    assert UNOPENED_REASONING in quirks.of((llm_server.url + asked.path, "half-think"))


def test_a_model_that_writes_on_when_the_time_is_over_is_well(ollama_collection, llm_server):
    ollama_collection.llm_model_name = "gated-3-1"
    result = outbound.run_sync(probe(ollama_collection, seconds=1))
    assert (result.ok, result.code) == (True, "")
    assert result.message.startswith("gated-3-1 answers; after 1 seconds it was still writing.")


def test_a_missing_model_is_named_with_those_that_exist(admin, client_for, ollama_collection):
    ollama_collection.llm_model_name = "404"
    ollama_collection.save()
    result = run_test(client_for(admin), ollama_collection)
    assert result["ok"] is False
    assert result["code"] == ErrorCode.LLM_MODEL_NOT_FOUND
    assert "ollama pull 404" in result["next_step"]
    assert result["models"] == ["llama-small", "ok"]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"llm_base_url": "http://127.0.0.1:9"}, ErrorCode.LLM_UNREACHABLE, "Nothing listens at"),
        ({"llm_base_url": "http://169.254.169.254"}, ErrorCode.ADDRESS_REFUSED, "never called"),
        ({"llm_base_url": "http://10.1.2.3:11434"}, ErrorCode.ADDRESS_REFUSED, "private"),
        ({"llm_model_name": "401"}, ErrorCode.LLM_KEY_MISSING, "wants an API key"),
        ({"llm_model_name": "html"}, ErrorCode.LLM_BAD_RESPONSE, "web page"),
        ({"llm_model_name": "empty"}, ErrorCode.LLM_BAD_RESPONSE, "without a single word"),
        ({"llm_provider": "openai", "llm_base_url": ""}, ErrorCode.LLM_KEY_MISSING, "no API key"),
        ({"llm_provider": "builtin"}, ErrorCode.LLM_UNREACHABLE, "not running"),
        ({"llm_provider": "custom", "llm_base_url": ""}, ErrorCode.LLM_UNREACHABLE, "No base URL"),
    ],
)
def test_what_is_wrong_is_said_in_words(admin, client_for, ollama_collection, settings, changes, code, words):
    settings.BUILTIN_LLM_URL = ""
    for name, value in changes.items():
        setattr(ollama_collection, name, value)
    ollama_collection.save()
    result = run_test(client_for(admin), ollama_collection)
    assert (result["ok"], result["code"]) == (False, code)
    assert words in result["message"]
    assert result["next_step"]


def test_a_refused_key_is_not_repeated(admin, client_for, ollama_collection):
    ollama_collection.llm_provider = "custom"
    ollama_collection.llm_base_url += "/v1"
    ollama_collection.llm_model_name = "401"
    ollama_collection.api_key = KEY
    ollama_collection.save()
    result = run_test(client_for(admin), ollama_collection)
    assert result["code"] == ErrorCode.LLM_KEY_REFUSED
    assert KEY not in str(result)
    assert LEAK not in str(result)


def test_the_extractive_provider_needs_no_test(admin, client_for, collection):
    result = run_test(client_for(admin), collection)
    assert result["ok"] is True


def test_only_admins_may_test(admin, superadmin, member, stranger, client_for, collection):
    path = f"/api/models/{collection.pk}/test"
    expected = {admin: 200, superadmin: 200, member: 403, stranger: 404}
    for user, status in expected.items():
        assert client_for(user).post(path).status_code == status
        assert client_for(user).post(f"{path}/").status_code == status
    assert client_for(None).post(path).status_code == 401


def test_only_admins_may_list_providers(admin, superadmin, member, stranger, client_for):
    expected = {admin: 200, superadmin: 200, member: 403, stranger: 403}
    for user, status in expected.items():
        assert client_for(user).get("/api/llm/providers").status_code == status
    assert client_for(None).get("/api/llm/providers").status_code == 401


def test_providers_say_what_they_need_and_which_models_an_ollama_has(
    admin,
    client_for,
    llm_server,
    settings,
):
    settings.OLLAMA_BASE_URL = llm_server.url
    settings.BUILTIN_LLM_URL = f"{llm_server.url}/v1"
    listed = client_for(admin).get("/api/llm/providers").json()["providers"]
    by_id = {one["id"]: one for one in listed}
    assert list(by_id) == ["extractive", "ollama", "openai", "anthropic", "custom", "builtin"]
    assert by_id["ollama"]["available"] is True
    assert by_id["ollama"]["models"] == ["llama-small", "ok"]
    assert by_id["builtin"]["available"] is True
    assert llm_server.url not in by_id["builtin"]["default_base_url"]
    assert by_id["openai"]["needs_key"]
    assert by_id["openai"]["available"] is None
    assert by_id["custom"]["needs_base_url"]
    client_for(admin).get("/api/llm/providers")
    assert len([one for one in llm_server.records if one.path == "/api/tags"]) == 1


def test_the_list_never_waits_for_a_server_that_hangs(admin, client_for, settings):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.OLLAMA_BASE_URL = settings.BUILTIN_LLM_URL = f"http://127.0.0.1:{mute.getsockname()[1]}"
        began = time.monotonic()
        listed = client_for(admin).get("/api/llm/providers").json()["providers"]
        assert time.monotonic() - began < 1.5
    assert [one["available"] for one in listed if one["id"] in ("ollama", "builtin")] == [False, False]


def test_discovery_finds_an_ollama_or_nothing(llm_server, settings):
    settings.OLLAMA_BASE_URL = llm_server.url
    assert discovery.ollama_models() == ["llama-small", "ok"]
    llm_server.models = []
    assert discovery.ollama_models() == []
    settings.OLLAMA_BASE_URL = "http://127.0.0.1:9"
    assert discovery.ollama_models() is None


@pytest.mark.llm
def test_the_built_in_model_answers_its_test(admin, client_for, collection, builtin_llm, settings):
    settings.BUILTIN_LLM_URL = builtin_llm
    collection.llm_provider = "builtin"
    collection.save()
    result = run_test(client_for(admin), collection)
    assert result["ok"] is True, result
    assert result["models"] == ["smollm2-135m-instruct"]
