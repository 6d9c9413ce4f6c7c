"""Readers of chats: what was asked over a real socket, what came back, and what is stored."""

import itertools
import json
import secrets
import time
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.contracts.servers import LLMServer
from tests.contracts.wire import Record
from tests.faults.stack import PASSWORD, Stack

QUESTION = "What is the name of the lighthouse keeper?"
FINAL = ("message_saved",)
HEAR_SECONDS = 40


class Reader:
    """One tab: a socket that keeps what it hears."""

    def __init__(self, port: int, token: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.socket: ClientConnection = connect(
            f"ws://127.0.0.1:{port}/api/chat/ws?token={token}",
            proxy=None,
            open_timeout=20,
            ping_interval=None,
            max_size=None,
            max_queue=None,
        )

    def say(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def hear(self, seconds: float = HEAR_SECONDS) -> dict[str, Any]:
        """The next frame; hints about other tabs are left out."""
        while True:
            frame = json.loads(self.socket.recv(seconds))
            if frame["type"] != "session_changed":
                self.frames.append(frame)
                return frame

    def until(self, *kinds: str, seconds: float = HEAR_SECONDS) -> list[dict[str, Any]]:
        """All frames up to one of these kinds."""
        heard = [self.hear(seconds)]
        while heard[-1]["type"] not in kinds:
            heard.append(self.hear(seconds))
        return heard

    def until_text(self, text: str) -> None:
        """Until the pieces make this text."""
        while self.text() != text:
            self.hear()

    def text(self) -> str:
        return "".join(frame["content"] for frame in self.frames if frame["type"] == "stream_chunk")

    def close_code(self, seconds: float = HEAR_SECONDS) -> int:
        """Read until the server closes; with which code."""
        try:
            while True:
                self.hear(seconds)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0

    def vanish(self) -> None:
        """As a phone in a tunnel: gone without a word."""
        self.socket.socket.close()


class Asked:
    """A question that was asked, with the tab that reads its answer.

    Attributes:
        before: frames that an earlier tab had seen of it.
    """

    def __init__(self, chats: "Chats", reader: Reader, model_name: str, question: str) -> None:
        self.chats = chats
        self.reader = reader
        self.model_name = model_name
        self.question = question
        self.before: list[dict[str, Any]] = []

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [*self.before, *self.reader.frames]

    @property
    def message_id(self) -> int:
        return self.frames[0]["message_id"]

    @property
    def session_id(self) -> str:
        return self.frames[0]["session_id"]

    def record(self) -> Record:
        """The LLM's side."""
        return self.chats.llm.of(self.model_name)[-1]

    def stopped_by(self, reader: Reader) -> float:
        """Stopped in this tab: how many seconds later the LLM saw its connection closed."""
        started = time.monotonic()
        reader.say(type="stop", message_id=self.message_id)
        assert self.record().closed.wait(HEAR_SECONDS)
        return self.record().closed_at - started

    def resume_on(self, port: int) -> None:
        """The reader comes back, on this web process, with the number that he has seen."""
        seen = self.frames
        self.before = seen
        self.reader = self.chats.reader(port)
        self.reader.say(type="resume", session_id=self.session_id, after_seq=seen[-1]["seq"])

    def end(self, seconds: float = HEAR_SECONDS) -> dict[str, Any]:
        """Read to the end; the `stream_end`."""
        self.reader.until(*FINAL, seconds=seconds)
        return next(frame for frame in self.frames if frame["type"] == "stream_end")

    def stored(self) -> dict[str, Any]:
        [row] = self.chats.stack.rows("SELECT * FROM chat_message WHERE id = %s", self.message_id)
        return row

    def assert_kept(self, status: str, text: str, code: str = "") -> None:
        """The question is stored as asked, once, and the answer so; the reader saw that, without a gap."""
        questions = self.chats.stack.rows(
            "SELECT content FROM chat_message WHERE role = 'user' AND session_id = %s", self.session_id
        )
        assert [row["content"] for row in questions] == [self.question]
        row = self.stored()
        assert (row["status"], row["error_code"]) == (status, code), row
        assert row["content"] == text
        numbered = [frame for frame in self.frames if "seq" in frame]
        assert [frame["seq"] for frame in numbered] == list(range(1, len(numbered) + 1))
        end = next(frame for frame in numbered if frame["type"] == "stream_end")
        assert end["content"] == text
        told = [frame["code"] for frame in numbered if frame["type"] == "error"]
        assert told == ([code] if code else [])

    # --- for the table ----------------------------------------------------------------------------

    def question_row(self) -> str:
        """How often it is stored."""
        query = "SELECT count(*) FROM chat_message WHERE role = 'user' AND session_id = %s AND content = %s"
        count = self.chats.stack.value(query, self.session_id, self.question)
        return "stored once" if count == 1 else f"stored {count} times"

    def told(self) -> str:
        """The kinds of the frames, runs of one kind as one."""
        parts = []
        for kind, run in itertools.groupby(self.frames, lambda frame: frame["type"]):
            frames = list(run)
            name = f"`{kind}`" + (f" {frames[0]['code']}" if kind == "error" else "")
            parts.append(f"{len(frames)} x {name}" if len(frames) > 1 else name)
        return ", ".join(parts)

    def llm(self) -> str:
        count = len(self.chats.llm.of(self.model_name))
        closed = "connection ended" if self.record().closed.is_set() else "connection open"
        return f"{count} request{'s' if count > 1 else ''}, {closed}"

    def row(self) -> str:
        row = self.stored()
        reason = row["error_code"] or row["finish_reason"]
        return f"{row['status']} ({reason}), {len(row['content']):,} characters"


class Chats:
    """Models that ask the scripted LLM, and people who ask these models."""

    def __init__(self, stack: Stack, llm: LLMServer) -> None:
        self.stack = stack
        self.llm = llm
        self._readers: list[Reader] = []

    @property
    def token(self) -> str:
        return self.stack.client.headers["Authorization"].removeprefix("Bearer ")

    def model(self, llm_model_name: str, **fields: Any) -> int:
        """A model that may answer without documents and asks the LLM for this; its id."""
        body = {
            "name": f"{llm_model_name} {secrets.token_hex(4)}",
            "llm_provider": "custom",
            "llm_base_url": f"{self.llm.url}/v1",
            "llm_model_name": llm_model_name,
            "answer_mode": "assist",
        }
        answer = self.stack.client.post("/api/models", json=body | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def reader(self, port: int | None = None, token: str = "") -> Reader:
        opened = Reader(port or self.stack.port, token or self.token)
        self._readers.append(opened)
        return opened

    def ask(
        self, llm_model_name: str, *, model: int | None = None, reader: Reader | None = None, **frame: Any
    ) -> Asked:
        """Ask on a socket of its own, or on this one; nothing is read yet."""
        reader = reader or self.reader()
        model = model or self.model(llm_model_name)
        reader.say(**{"type": "chat", "model_id": model, "message": QUESTION} | frame)
        return Asked(self, reader, llm_model_name, frame.get("message", QUESTION))

    def gated(self, before: int, after: int, **fields: Any) -> tuple[str, Any]:
        """The name of an LLM model that waits between its words, and the gate that lets it go on."""
        name = f"gated-{before}-{after}-{secrets.token_hex(3)}"
        return name, self.llm.gate(name)

    def person(self, *models: int) -> tuple[int, str]:
        """A new user to whom these models are given; his id and token."""
        email = f"{secrets.token_hex(5)}@example.com"
        body = {"email": email, "password": PASSWORD, "full_name": "Somebody"}
        with httpx.Client(base_url=self.stack.client.base_url, timeout=60, trust_env=False) as client:
            made = client.post("/api/auth/signup", json=body)
            assert made.status_code == 201, made.text
            signed_in = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        user_id = made.json()["id"]
        for model in models:
            answer = self.stack.client.post(f"/api/models/{model}/users", json={"user_ids": [user_id]})
            assert answer.status_code == 200, answer.text
        return user_id, signed_in.json()["access"]

    def wait_for_request(self, llm_model_name: str) -> Record:
        """Until the LLM was asked."""
        deadline = time.monotonic() + 20
        while not self.llm.of(llm_model_name):
            assert time.monotonic() < deadline, self.stack.tails()
            time.sleep(0.02)
        return self.llm.of(llm_model_name)[-1]

    def close(self) -> None:
        for reader in self._readers:
            reader.socket.close()
        for gate in self.llm.gates.values():
            gate.set()
