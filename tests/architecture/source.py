"""The project's own files, as the tests of this folder walk them."""

import ast
import subprocess
from functools import cache, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("config", "accounts", "collections_app", "documents", "chat")
SKIPPED = {".venv", ".data", ".git", "node_modules", "__pycache__", "test-artifacts"}


@lru_cache(maxsize=1)
def project_files() -> tuple[str, ...]:
    """Paths of every file that is, or is about to be, part of the project (relative, with slashes)."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:  # an unpacked archive
        names = [
            path.relative_to(ROOT).as_posix()
            for path in ROOT.rglob("*")
            if path.is_file() and not SKIPPED.intersection(path.relative_to(ROOT).parts)
        ]
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def files(*suffixes: str, migrations: bool = False) -> list[str]:
    """Those with one of these suffixes."""
    return [
        name
        for name in project_files()
        if name.endswith(suffixes) and (migrations or "/migrations/" not in name)
    ]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree(name: str) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(read(name), filename=name)


def imported_modules(name: str) -> list[tuple[str, int]]:
    """Every module that a file imports, wherever in the file, with the line. Relative ones made absolute."""
    package = name.removesuffix(".py").split("/")[:-1]
    found = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found.append((module, node.lineno))
            found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names]
    return found
