"""Counting and cutting in an embedding model's own tokens, with the `tokenizers` library alone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


def load_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer of a model's folder, without the padding and cutting that its file may ask for."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers fork; their number is our parallelism
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def clip(encoding: "Encoding", max_tokens: int) -> list[int]:
    """Token ids of at most `max_tokens`, the closing special token kept."""
    ids = encoding.ids
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]
