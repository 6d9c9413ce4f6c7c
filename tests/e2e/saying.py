"""An LLM that says what a test tells it to: the OpenAI protocol on a real socket, in a thread of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SayingLLM:
    """Answers a question with the text that `says` holds for some words of it; `prompts` keeps the prompts.

    A text that ends with "…" is cut there by the length limit. A follow-up that it is asked to rewrite is
    answered with nothing: then the rule completes it.
    """

    def __init__(self) -> None:
        self.says: dict[str, str] = {}
        self.prompts: list[str] = []
        self._speaks = threading.Event()
        self._speaks.set()
        llm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(json.dumps({"data": [{"id": "saying"}]}), "application/json")

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][-1]["content"]
                llm.prompts.append(prompt)
                llm._speaks.wait(60)
                text = llm.answer(prompt)
                reason = "length" if text.endswith("…") else "stop"
                pieces = text.removesuffix("…").split(" ")
                texts = [piece if at == 0 else f" {piece}" for at, piece in enumerate(pieces)]
                events = [{"choices": [{"delta": {"content": text}}]} for text in texts]
                events.append({"choices": [{"delta": {}, "finish_reason": reason}]})
                lines = [f"data: {json.dumps(event)}\n\n" for event in events]
                self._send("".join([*lines, "data: [DONE]\n\n"]), "text/event-stream")

            def _send(self, text: str, kind: str) -> None:
                data = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, prompt: str) -> str:
        """What it says to a prompt; the question stands in its last line."""
        question = prompt.strip().rsplit("\n", 1)[-1]
        if question.startswith("Last question:"):
            return ""
        return next((text for words, text in self.says.items() if words in question), "I do not know.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """It says nothing meanwhile."""
        self._speaks.clear()
        try:
            yield
        finally:
            self._speaks.set()

    def stop(self) -> None:
        """Close the socket."""
        self._server.shutdown()
        self._server.server_close()
