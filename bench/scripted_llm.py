"""An OpenAI-compatible server that writes down when it sent each token.

    python bench/scripted_llm.py PORT RATE TOKENS [TIMES]

Every answer has TOKENS tokens, RATE of them per second: sentences that cite passages 1 and 2, a token for
each word and the blank behind it. The first token is the answer's number: row TIMES[number] of that file, an
array of float64, holds when its tokens were sent (seconds of CLOCK_MONOTONIC, which all processes of a
machine share). A RATE of 0 sends all at once.
"""

import asyncio
import json
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np

MAX_ANSWERS = 1000
SENTENCES = (
    "Whoever comes to the harbour signs the book on line {}. [1]",
    "That is asked of captains, passengers and crew alike, and the book has {} lines. [2]",
    "Nothing was said about the {} ships that only pass by.",
    "On line {} signs whoever comes to the harbour, [1] and nobody else. [2]",
)
PHASES = 16  # answers are spread over so many moments of a token's interval
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n"
)


def event(delta: dict, reason: str | None = None) -> bytes:
    """One event of a stream of chat completions, in a chunk of its own as servers send it."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    body = {"id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [choice]}
    return chunk(b"data: " + json.dumps(body).encode() + b"\n\n")


def chunk(data: bytes) -> bytes:
    """Data as HTTP frames it; none ends the answer."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def words(number: int, tokens: int) -> list[bytes]:
    """The tokens of an answer behind the first one; nearly all sentences are its own."""
    sentences = (one.format(1000 * number + n) for n, one in enumerate(cycle(SENTENCES)))
    text = (word for sentence in sentences for word in sentence.split())
    return [event({"content": f"{word} "}) for word in islice(text, tokens - 1)]


def times(path: Path, tokens: int, mode: str = "r") -> np.memmap:
    """Row n: when the tokens of answer n were sent; 0 for one that was not."""
    return np.memmap(path, np.float64, mode, shape=(MAX_ANSWERS, tokens))  # type: ignore[call-overload]


class Server:
    """Feeds all open answers from one clock, so that the load of the sender stays small."""

    def __init__(self, rate: float, tokens: int, path: Path | None) -> None:
        self.rate, self.tokens = rate, tokens
        self.words: dict[int, list[bytes]] = {}
        self.times = times(path, tokens, "w+") if path else np.zeros((MAX_ANSWERS, tokens))
        self.open: list[dict[asyncio.StreamWriter, tuple[int, int]]] = [{} for _ in range(PHASES)]
        self.served = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the answer is written by the clock."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line[15:])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                ),
                0,
            )
            await reader.readexactly(length)
            if not head.startswith(b"POST ") or b"/chat/completions " not in head:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
                return
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        writer.write(HEAD + event({"role": "assistant", "content": ""}))
        number = self.served % MAX_ANSWERS
        self.served += 1
        self.words[number] = words(number, self.tokens)
        if self.rate:
            self.open[number % PHASES][writer] = (number, 0)
            return
        writer.write(b"".join(self.token(number, at) for at in range(self.tokens)))
        finish(writer, self.tokens)

    def token(self, number: int, at: int) -> bytes:
        """A token of an answer, now."""
        self.times[number, at] = time.monotonic()
        return self.words[number][at - 1] if at else event({"content": f"{number} "})

    async def clock(self) -> None:
        """Send to one phase's answers after the other."""
        tick, due, phase = 1 / self.rate / PHASES, time.monotonic(), 0
        while True:
            due += tick
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            answers, phase = self.open[phase], (phase + 1) % PHASES
            for writer, (number, at) in list(answers.items()):
                if writer.is_closing():
                    del answers[writer]
                    continue
                writer.write(self.token(number, at))
                answers[writer] = number, at + 1
                if at + 1 == self.tokens:
                    del answers[writer]
                    finish(writer, self.tokens)


def finish(writer: asyncio.StreamWriter, tokens: int) -> None:
    """End an answer well."""
    usage = {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": tokens + 100}
    last = {"id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [], "usage": usage}
    usage_and_end = chunk(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
    writer.write(event({}, "stop") + usage_and_end + chunk(b""))
    writer.close()


async def main(port: int, rate: float, tokens: int, path: Path | None) -> None:
    """Serve until killed."""
    server = Server(rate, tokens, path)
    await asyncio.start_server(server.serve, "127.0.0.1", port, backlog=1024)
    await (server.clock() if rate else asyncio.Event().wait())


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(int(given[0]), float(given[1]), int(given[2]), Path(given[3]) if given[3:] else None))
