"""How long pieces of text are in an embedding model's tokens, without asking its tokenizer for each."""

import re
from collections.abc import Iterable

from documents.embedding.base import Embedder

CHARS_PER_TOKEN = 8  # at most: what the model sees as one unknown word, or not at all, fills no endless chunk
STOPS = "。！？；，、"  # written without a blank after them
ATOM = re.compile(rf"[^\s{STOPS}]+[{STOPS}]*|[{STOPS}]+")


class Measure:
    """Tokens of pieces that begin and end between words.

    Tokenizers look at one word at a time, so the tokens of a text are those of its words, each of which is
    counted once. For those that do not, `exact` counts what was cut.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._tokens: dict[str, int] = {}

    def learn(self, texts: Iterable[str]) -> None:
        """Count the words that are new, all at once."""
        new = {atom for text in texts for atom in ATOM.findall(text)}.difference(self._tokens)
        words = list(new)
        self._tokens.update(zip(words, self.embedder.count_tokens(words), strict=True))

    def __call__(self, piece: str) -> int:
        """Tokens of a piece, by its words. One at least, if it is not empty: what is free is never cut."""
        tokens = 0
        for atom in ATOM.findall(piece):
            if atom not in self._tokens:
                self.learn([piece])
            tokens += self._tokens[atom]
        return max(tokens, _least(piece))

    def exact(self, pieces: list[str]) -> list[int]:
        """As for `__call__`, each piece counted whole."""
        counts = self.embedder.count_tokens(pieces)
        return [max(count, _least(piece)) for piece, count in zip(pieces, counts, strict=True)]


def _least(piece: str) -> int:
    return -(-len(piece) // CHARS_PER_TOKEN)
