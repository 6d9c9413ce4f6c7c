"""An OpenAI-compatible server whose tokens say when they were sent.

    python bench/scripted_llm.py PORT RATE TOKENS

Every answer has TOKENS tokens, RATE of them per second; each is the time of its sending (seconds of
CLOCK_MONOTONIC, which all processes of a machine share) and a blank. A RATE of 0 sends all at once.
"""

import asyncio
import json
import sys
import time

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


def stamp() -> bytes:
    """A token: the time of its sending."""
    return event({"content": f"{time.monotonic():.4f} "})


class Server:
    """Feeds all open answers from one clock, so that the load of the sender stays small."""

    def __init__(self, rate: float, tokens: int) -> None:
        self.rate, self.tokens = rate, tokens
        self.open: list[dict[asyncio.StreamWriter, int]] = [{} for _ in range(PHASES)]
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
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        writer.write(HEAD + event({"role": "assistant", "content": ""}))
        if self.rate:
            self.open[self.served % PHASES][writer] = self.tokens
            self.served += 1
            return
        writer.write(b"".join(stamp() for _ in range(self.tokens)))
        finish(writer, self.tokens)

    async def clock(self) -> None:
        """Send to one phase's answers after the other."""
        tick, due, phase = 1 / self.rate / PHASES, time.monotonic(), 0
        while True:
            due += tick
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            answers, phase = self.open[phase], (phase + 1) % PHASES
            for writer, left in list(answers.items()):
                if writer.is_closing():
                    del answers[writer]
                    continue
                writer.write(stamp())
                answers[writer] = left - 1
                if left == 1:
                    del answers[writer]
                    finish(writer, self.tokens)


def finish(writer: asyncio.StreamWriter, tokens: int) -> None:
    """End an answer well."""
    usage = {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": tokens + 100}
    last = {"id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [], "usage": usage}
    usage_and_end = chunk(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
    writer.write(event({}, "stop") + usage_and_end + chunk(b""))
    writer.close()


async def main(port: int, rate: float, tokens: int) -> None:
    """Serve until killed."""
    server = Server(rate, tokens)
    await asyncio.start_server(server.serve, "127.0.0.1", port, backlog=1024)
    await (server.clock() if rate else asyncio.Event().wait())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
