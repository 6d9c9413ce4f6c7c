"""Which adapter serves which provider, and what each provider needs."""

from dataclasses import dataclass

from django.conf import settings

from chat.llm.base import LLM, LLMConfig
from collections_app.models import Collection, Provider
from config.errors import ErrorCode, PermanentError

NO_BUILTIN = "The built-in language model is not running on this server."


@dataclass(frozen=True)
class ProviderInfo:
    """What a form must ask for.

    Attributes:
        base_url_setting: the name of the setting with the default address; empty for none.
        example: a model's name as this provider spells it.
    """

    provider: Provider
    hint: str
    needs_key: bool = False
    needs_base_url: bool = False
    needs_model: bool = True
    takes_key: bool = True
    base_url_setting: str = ""
    example: str = ""

    @property
    def default_base_url(self) -> str:
        """The address that is used when the collection names none."""
        return str(getattr(settings, self.base_url_setting)) if self.base_url_setting else ""


PROVIDERS: dict[str, ProviderInfo] = {
    info.provider.value: info
    for info in (
        ProviderInfo(
            Provider.EXTRACTIVE,
            "Answers with the best sentences of the documents, word for word. Nothing leaves this server.",
            needs_model=False,
            takes_key=False,
        ),
        ProviderInfo(
            Provider.OLLAMA,
            "Models on your own machine. Nothing leaves it.",
            base_url_setting="OLLAMA_BASE_URL",
            example="llama3.1:8b",
        ),
        ProviderInfo(
            Provider.OPENAI,
            "Questions and passages are sent to OpenAI.",
            needs_key=True,
            base_url_setting="OPENAI_BASE_URL",
            example="gpt-4o-mini",
        ),
        ProviderInfo(
            Provider.ANTHROPIC,
            "Questions and passages are sent to Anthropic.",
            needs_key=True,
            base_url_setting="ANTHROPIC_BASE_URL",
            example="claude-sonnet-4-5",
        ),
        ProviderInfo(
            Provider.CUSTOM,
            "Any server that speaks the OpenAI protocol: vLLM, LM Studio, OpenRouter, LiteLLM.",
            needs_base_url=True,
            example="qwen2.5-7b-instruct",
        ),
        ProviderInfo(
            Provider.BUILTIN,
            "A toy with 135 million parameters that shows how answers stream. It gets things wrong.",
            needs_model=False,
            takes_key=False,
            base_url_setting="BUILTIN_LLM_URL",
            example="smollm2-135m-instruct",
        ),
    )
}


def config_for(collection: Collection) -> LLMConfig:
    """How to reach the collection's model.

    Raises:
        PermanentError: LLM_KEY_UNREADABLE, LLM_KEY_MISSING, LLM_MODEL_NOT_FOUND (no name), or LLM_UNREACHABLE
            (no address).
    """
    info = PROVIDERS[collection.llm_provider]
    key = ""
    if info.takes_key:
        if collection.api_key_unreadable:
            raise PermanentError(ErrorCode.LLM_KEY_UNREADABLE)
        key = collection.api_key or ""
        if info.needs_key and not key:
            raise PermanentError(ErrorCode.LLM_KEY_MISSING)
    model = collection.llm_model_name.strip() or (info.example if not info.needs_model else "")
    if info.needs_model and not model:
        raise PermanentError(ErrorCode.LLM_MODEL_NOT_FOUND, "No name of a language model is set.")
    # the built-in model's port changes with every start: its address comes from the settings alone
    own = "" if info.provider == Provider.BUILTIN else collection.llm_base_url.strip()
    base_url = own or info.default_base_url
    if not base_url and info.provider != Provider.EXTRACTIVE:
        raise PermanentError(
            ErrorCode.LLM_UNREACHABLE,
            NO_BUILTIN if info.provider == Provider.BUILTIN else "No base URL is set.",
        )
    return LLMConfig(provider=info.provider.value, model=model, base_url=base_url, api_key=key)


def build(config: LLMConfig) -> LLM:
    """The adapter for a configuration.

    Raises:
        PermanentError: ADDRESS_REFUSED for a base URL that cannot be called.
    """
    if config.provider == Provider.EXTRACTIVE:
        from chat.llm.extractive import ExtractiveLLM

        return ExtractiveLLM(config)
    if config.provider == Provider.OLLAMA:
        from chat.llm.ollama import OllamaLLM

        return OllamaLLM(config)
    if config.provider == Provider.ANTHROPIC:
        from chat.llm.anthropic import AnthropicLLM

        return AnthropicLLM(config)
    from chat.llm.openai_compatible import OpenAICompatibleLLM

    return OpenAICompatibleLLM(config)
