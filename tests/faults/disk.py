"""A small disk that a test may fill up: the kernel's own "no space left on device".

It is a tmpfs, so it needs the right to mount; without that, its tests are skipped and say how to get it.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
MS_REMOUNT, MNT_DETACH = 32, 2
MEGABYTE = 1024**2
PAGE = os.sysconf("SC_PAGESIZE")
HOWTO = "run it as root, or below `unshare --user --map-current-user --keep-caps --mount`"


class Disk:
    """A mounted tmpfs whose size can be changed under whoever writes to it."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        self.size = megabytes * MEGABYTE
        _mount(path, self.size)

    def used(self) -> int:
        """In bytes."""
        found = os.statvfs(self.path)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def fill(self, free: int = 0) -> None:
        """Leave that many bytes free, none as a rule, whoever writes meanwhile."""
        for _ in range(1000):
            try:
                _mount(self.path, max(PAGE, self.used() + free), MS_REMOUNT)  # 0 would mean no limit
            except OSError:
                continue  # more was written since
            return
        raise AssertionError("the disk could not be filled")

    def make_room(self) -> None:
        """As large as at the beginning."""
        _mount(self.path, self.size, MS_REMOUNT)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """Put what lies in a directory on a small disk, and back at the end.

    Nobody may have files open there for writing, neither at the beginning nor at the end.
    """
    below = os.open(path, os.O_RDONLY | os.O_DIRECTORY)  # the way to what the disk will cover
    try:
        disk = Disk(path, megabytes)
    except PermissionError as error:
        os.close(below)
        pytest.skip(f"a small disk cannot be mounted here ({error.strerror}): {HOWTO}")
    covered = f"/proc/{os.getpid()}/fd/{below}"
    try:
        _copy(covered, str(path))
        yield disk
    finally:
        disk.make_room()
        subprocess.run(["find", f"{covered}/", "-mindepth", "1", "-delete"], check=True)
        _copy(str(path), covered)
        _checked(LIBC.umount2(os.fsencode(path), MNT_DETACH))
        os.close(below)


def _mount(path: Path, size: int, flags: int = 0) -> None:
    options = f"size={size},mode=700".encode()
    _checked(LIBC.mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, options))


def _copy(source: str, target: str) -> None:
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
