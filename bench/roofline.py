"""What the machine can do at best: the matrix products of all-MiniLM-L6-v2 alone, in bf16, on all cores.

Per layer of six: query, key and value (384 x 384 each), 12 heads' scores and weighted values, the projection
(384 x 384) and the two products of the feed-forward step (384 x 1536, 1536 x 384), over a batch of 8 texts of
240 tokens, which is about what a batch of chunks is. No normalisation, no softmax, no GELU, no tokenising: no
pipeline can be faster with these products. Timed with torch (oneDNN).
"""

import os
import time

LAYERS, HIDDEN, INNER, HEADS = 6, 384, 1536, 12
TEXTS, TOKENS = 8, 240


def tokens_per_second(seconds: float = 3.0) -> float:
    """The best of the repetitions that fit into `seconds`, in tokens per second."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    kind = torch.bfloat16
    rows = torch.randn(TEXTS * TOKENS, HIDDEN, dtype=kind)
    wide = torch.randn(TEXTS * TOKENS, INNER, dtype=kind)
    square = [torch.randn(HIDDEN, HIDDEN, dtype=kind) for _ in range(4)]
    up, down = torch.randn(HIDDEN, INNER, dtype=kind), torch.randn(INNER, HIDDEN, dtype=kind)
    heads = torch.randn(TEXTS * HEADS, TOKENS, HIDDEN // HEADS, dtype=kind)
    turned, scores = (
        heads.transpose(1, 2).contiguous(),
        torch.randn(TEXTS * HEADS, TOKENS, TOKENS, dtype=kind),
    )
    best, end = float("inf"), time.perf_counter() + seconds
    with torch.no_grad():
        while time.perf_counter() < end:
            began = time.perf_counter()
            for _ in range(LAYERS):
                for weights in square:
                    rows @ weights
                heads @ turned
                scores @ heads
                rows @ up
                wide @ down
            best = min(best, time.perf_counter() - began)
    return TEXTS * TOKENS / best


if __name__ == "__main__":
    print(round(tokens_per_second()))
