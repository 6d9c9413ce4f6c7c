"""How each provider frames what it says, and what the scripted server has to say."""

import json
from typing import Any

TEXT = ["The office ", "opens at ", "nine – “sharp” 🙂 ", "[1]."]
ANSWER = "".join(TEXT)
REASONING = ["Let me ", "think."]
MODELS = ["ok", "llama-small"]
KEY = "sk-test-good-key"
LEAK = "sk-secret-in-error-text"
HUGE_BLOCK = "x" * 8192


class Protocol:
    """How one provider frames what it says."""

    content_type = "text/event-stream"

    def text(self, text: str) -> bytes:
        raise NotImplementedError

    def reasoning(self, text: str) -> bytes:
        raise NotImplementedError

    def nothing(self, text: str) -> bytes:
        """Text that is no part of an answer."""
        return f": {text}\n\n".encode()

    def start(self) -> bytes:
        return b""

    def finish(self, reason: str = "stop", *, usage: bool = True) -> bytes:
        raise NotImplementedError

    def last(self) -> bytes:
        return b""

    def error(self, message: str) -> bytes:
        raise NotImplementedError

    def whole(self, text: str, reasoning: str = "") -> dict[str, Any]:
        """The answer of a server that does not stream."""
        raise NotImplementedError

    def declined(self) -> bytes:
        """The end of an answer that the provider's rules for content cut off."""
        raise NotImplementedError


def sse(value: Any, event: str = "") -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode("utf-8", "surrogatepass")


class OpenAI(Protocol):
    def _chunk(self, delta: dict, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return sse({"id": "c1", "object": "chat.completion.chunk", "choices": [choice]})

    def start(self) -> bytes:
        return b": connected\n\n" + self._chunk({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def reasoning(self, text: str) -> bytes:
        return self._chunk({"reasoning_content": text})

    def finish(self, reason: str = "stop", *, usage: bool = True) -> bytes:
        counts = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return self._chunk({}, reason) + (sse({"choices": [], "usage": counts}) if usage else b"")

    def last(self) -> bytes:
        return b"data: [DONE]\n\n"

    def error(self, message: str) -> bytes:
        return sse({"error": {"message": message, "type": "server_error"}})

    def whole(self, text: str, reasoning: str = "") -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "reasoning_content": reasoning, "refusal": None}
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"object": "chat.completion", "choices": [choice], "usage": usage}

    def declined(self) -> bytes:
        return self._chunk({}, "content_filter")


class Ollama(Protocol):
    content_type = "application/x-ndjson"

    def _line(self, value: dict) -> bytes:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    def text(self, text: str) -> bytes:
        return self._line({"model": "m", "message": {"role": "assistant", "content": text}, "done": False})

    def reasoning(self, text: str) -> bytes:
        message = {"role": "assistant", "content": "", "thinking": text}
        return self._line({"model": "m", "message": message, "done": False})

    def finish(self, reason: str = "stop", *, usage: bool = True) -> bytes:
        counts = {"prompt_eval_count": 11, "eval_count": 7} if usage else {}
        message = {"role": "assistant", "content": ""}
        return self._line({"message": message, "done": True, "done_reason": reason} | counts)

    def nothing(self, text: str) -> bytes:
        return self._line({"model": text, "done": False})

    def error(self, message: str) -> bytes:
        return self._line({"error": message})

    def whole(self, text: str, reasoning: str = "") -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "thinking": reasoning}
        counts = {"prompt_eval_count": 11, "eval_count": 7}
        return {"model": "m", "message": message, "done": True, "done_reason": "stop"} | counts

    def declined(self) -> bytes:
        return self._line({"error": "blocked by the content filter of the cloud model"})


class Anthropic(Protocol):
    def start(self) -> bytes:
        usage = {"input_tokens": 11, "output_tokens": 1}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        return (
            sse({"type": "message_start", "message": {"id": "m1", "usage": usage}}, "message_start")
            + sse(block, "content_block_start")
            + sse({"type": "ping"}, "ping")
        )

    def _delta(self, delta: dict) -> bytes:
        return sse({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")

    def text(self, text: str) -> bytes:
        return self._delta({"type": "text_delta", "text": text})

    def reasoning(self, text: str) -> bytes:
        return self._delta({"type": "thinking_delta", "thinking": text})

    def finish(self, reason: str = "stop", *, usage: bool = True) -> bytes:
        delta = {"stop_reason": {"stop": "end_turn", "length": "max_tokens"}[reason], "stop_sequence": None}
        counts = {"usage": {"output_tokens": 7}} if usage else {}
        end = sse({"type": "content_block_stop", "index": 0}, "content_block_stop")
        return end + sse({"type": "message_delta", "delta": delta} | counts, "message_delta")

    def last(self) -> bytes:
        return sse({"type": "message_stop"}, "message_stop")

    def error(self, message: str) -> bytes:
        error = {"type": "error", "error": {"type": "api_error", "message": message}}
        return sse(error, "error")

    def whole(self, text: str, reasoning: str = "") -> dict[str, Any]:
        blocks = [{"type": "thinking", "thinking": reasoning, "signature": "s"}] if reasoning else []
        content = [*blocks, {"type": "text", "text": text}]
        usage = {"input_tokens": 11, "output_tokens": 7}
        return {"type": "message", "content": content, "stop_reason": "end_turn", "usage": usage}

    def declined(self) -> bytes:
        return sse({"type": "message_delta", "delta": {"stop_reason": "refusal"}}, "message_delta")


PROTOCOLS: dict[str, Protocol] = {
    "/v1/chat/completions": OpenAI(),
    "/api/chat": Ollama(),
    "/v1/messages": Anthropic(),
}
