"""The web process gives back what loading a model took, and what it goes on to use stays right."""

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from config import memory

ROOT = Path(__file__).resolve().parent.parent.parent
MEGABYTE = 1024**2
PROGRAM = """
import sys
from pathlib import Path
from config import memory

def held():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024

if sys.argv[1] == "True":
    memory.return_early()
bytearray(16 << 20)  # from its end on, glibc takes blocks of that size from the heap
before, pieces, kept = held(), [], []
for number in range(64):
    pieces.append(bytearray(1 << 20))
    kept.append(bytearray(2000))
pieces.clear()
print(held() - before)
"""

pytestmark = pytest.mark.skipif(not memory.MAPS.exists(), reason="Linux only")


def resident(path: Path) -> int:
    """Bytes of the file that this process has in memory."""
    found, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line.split(maxsplit=1)[0].count("-") == 1:
            ours = line.endswith(f" {path}")
        elif ours and line.startswith("Rss:"):
            found += int(line.split()[1]) * 1024
    return found


@pytest.fixture
def mapped(tmp_path):
    """A file of a model, read through a mapping as a runtime does, and the mapping."""
    path = tmp_path.resolve() / "models" / "model.bin"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * (4 * MEGABYTE // 256))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        assert sum(mapping[at] for at in range(0, len(mapping), 4096)) == 0
        yield path, mapping


def test_pages_of_a_model_are_given_back_and_read_again_when_needed(mapped):
    path, mapping = mapped
    assert resident(path) >= 4 * MEGABYTE
    memory.give_back(path.parent)
    assert resident(path) < MEGABYTE
    assert mapping[: 2 * MEGABYTE] == bytes(range(256)) * (2 * MEGABYTE // 256)


def test_files_elsewhere_stay(mapped, tmp_path):
    path, _ = mapped
    memory.give_back(tmp_path / "other")
    assert resident(path) >= 4 * MEGABYTE


def test_what_was_written_into_a_private_mapping_is_not_lost(mapped):
    path, _ = mapped
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as copy:
        copy[:5] = b"words"
        memory.give_back(path.parent)
        assert copy[:5] == b"words"


@pytest.mark.parametrize(("asked", "most"), [(True, 8), (False, 1000)])
def test_what_uploads_held_goes_back_to_the_system(asked, most):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(asked)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    left = int(done.stdout) // MEGABYTE
    assert left <= most
    assert asked or left > 30  # else the other case would show nothing


def test_the_web_process_brings_no_command_lines():
    program = "import config.asgi, sys, httpx; print(httpx.Client.__name__, 'rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["Client", "False"]


def test_what_is_there_when_the_process_is_ready_is_not_looked_through_again():
    program = "import gc; from config import memory; memory.settle(); print(gc.get_freeze_count())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 1000
