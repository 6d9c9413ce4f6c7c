"""Text recognition for pages that are pictures: rapidocr, when it is installed (see docs/configuration.md).

Runs in the guarded child, so it has to fit its memory and its time: one thread, one line of text at a time,
pictures of bounded size, and what is freed given back to the system.
"""

import ctypes
import resource
import time
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from documents.parsing.pdf_columns import arranged
from documents.parsing.pdf_layout import by_rows
from documents.parsing.pdf_lines import CJK, WORD, Line

DPI = 150
MOST_PIXELS = 4_000_000
DETECT_SIDE = 1280  # longest side of the picture in which lines are looked for, in pixels
INK, LEAST_INK = 60, 0.0003  # how far a pixel is from the paper, of 255; the share of them that a word needs
FIRST_PAGE_SECONDS = 20.0  # what a page is thought to take before one was read
RESERVE = 1.5
OUT_OF_MEMORY = ("allocat", "memory", "bad_alloc")


def available() -> bool:
    """Whether text recognition is installed."""
    return all(find_spec(name) for name in ("rapidocr", "onnxruntime", "cv2"))


def read_page(page: Any) -> list[Line]:
    """The lines that are seen on a page, in reading order.

    Raises:
        MemoryError: the child's memory is too small for it.
    """
    width, height = page.get_size()
    scale = min(DPI / 72, (MOST_PIXELS / max(1.0, width * height)) ** 0.5)
    image = page.render(scale=scale).to_numpy()
    if _blank(image):
        return []
    try:
        result = _engine()(image)
    except Exception as error:
        if any(word in str(error).lower() for word in OUT_OF_MEMORY):
            raise MemoryError from error
        raise
    lines = []
    for text, box in zip(result.txts or (), result.boxes if result.boxes is not None else (), strict=True):
        line = Line(" ".join(text.split()), [])
        xs, ys = [float(x) / scale for x, _ in box], [height - float(y) / scale for _, y in box]
        line.left, line.right, line.bottom, line.top = min(xs), max(xs), min(ys), max(ys)
        line.upright = len(text) < 3 or line.right - line.left >= line.height
        line.words = len(WORD.findall(line.text)) + len(CJK.findall(line.text)) // 2
        if line.text:
            lines.append(line)
    return arranged(lines) or by_rows(lines)


def _blank(image: Any) -> bool:
    """Whether hardly a pixel differs from the paper: a page with a rule on it, or none."""
    import numpy as np

    grey = image[::2, ::2, :3].mean(axis=2)
    return bool((np.abs(grey - np.median(grey)) > INK).mean() < LEAST_INK)


class Clock:
    """Whether there is time left to recognise another page within the child's limits."""

    def __init__(self) -> None:
        self._slowest = FIRST_PAGE_SECONDS
        self._measured = False
        self._end = time.monotonic() + _processor_seconds_left()

    def enough(self) -> bool:
        """By the slowest page so far."""
        left = min(self._end - time.monotonic(), _processor_seconds_left())
        return left > RESERVE * self._slowest

    def took(self, seconds: float) -> None:
        """Count a page."""
        self._slowest = max(seconds, self._slowest) if self._measured else seconds
        self._measured = True


def _processor_seconds_left() -> float:
    limit, _ = resource.getrlimit(resource.RLIMIT_CPU)
    return float("inf") if limit == resource.RLIM_INFINITY else limit - time.process_time()


@lru_cache(maxsize=1)
def _engine() -> Any:
    _give_memory_back()
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": DETECT_SIDE,
            "Rec.rec_batch_num": 1,
        }
    )


def _give_memory_back() -> None:
    """One arena, and large blocks from the system: the peak of a dense page falls from 1.4 to 0.9 GB."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # not glibc
        return
    arenas, threshold = -8, -3  # M_ARENA_MAX, M_MMAP_THRESHOLD
    mallopt(arenas, 1)
    mallopt(threshold, 4 * 1024**2)
