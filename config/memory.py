"""Keeping the web process small. What needs Linux and glibc does nothing elsewhere."""

import ctypes
import gc
import sys
from pathlib import Path

# From malloc.h. Left alone, glibc makes eight heaps per core, and keeps what was freed in case it is needed.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
ARENAS, LARGE, KEPT = 2, 256 * 1024, 512 * 1024
MADV_DONTNEED = 4
MAPS = Path("/proc/self/maps")


def leave_out() -> None:
    """Do without httpx's command line, which brings rich and pygments: 3 MB. Before httpx is imported."""
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def return_early() -> None:
    """Let all threads share ARENAS heaps, and give back at once what was freed of them.

    An upload's pieces are LARGE: each is a mapping of its own, gone when it is freed. To be called before
    there are many threads.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, ARENAS)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)


def settle() -> None:
    """What is there when the process is ready stays: the garbage collector need not look through it again."""
    gc.collect()
    gc.freeze()


def give_back(folder: Path) -> None:
    """Return what was only needed to load a model.

    Freed memory goes back to the system. So do pages of the model's files that are mapped read-only: the
    runtime has made its own form of the weights at the first use; what it reads again is mapped again.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    if not MAPS.exists():
        return
    prefix = f"{folder.resolve()}/"
    for line in MAPS.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith(prefix) and "w" not in fields[1]:
            start, end = (int(address, 16) for address in fields[0].split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
