"""What must not stand in the project: machine paths, leftovers, catch-alls, modules without a subject."""

import ast
import re

from tests.architecture.source import files, project_files, read, tree

TEXT = (
    *(".py", ".js", ".css", ".html", ".md", ".toml", ".txt", ".yml", ".yaml", ".json", ".conf", ".sh"),
    *(".csv", ".svg", ".example", "Dockerfile", "Makefile", ".dockerignore", ".gitignore", ".ci/run"),
)
MACHINE_PATH = re.compile(r"/(?:work|home|root|Users)/[\w.]")
LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
CODE = (".py", ".js", ".css", ".html", "Dockerfile", "Makefile", ".yml", ".conf", ".sh")
SHAPELESS = {"utils", "util", "helpers", "misc"}

# path::function -> why everything must be caught there. Only outermost boundaries belong here.
PYPDF = "pypdf raises nearly anything over a damaged file; only the guarded child process runs this"
BROAD_EXCEPT_ALLOWED = {
    "chat/consumers.py::receive": "the outermost boundary of a socket's frame: it never ends the socket",
    "chat/consumers.py::_relay": "the outermost boundary of the task that relays an answer to a socket",
    "chat/engine/answer.py::_finish": "a fault in checking or rendering must not cost a finished answer",
    "chat/engine/answer.py::run": "the outermost boundary of the task that writes an answer",
    "chat/evaluation/runner.py::run_work": "frees the run and raises again",
    "documents/ingestion/part.py::part_process": "frees the part and raises again",
    "documents/ingestion/split.py::document_split": "frees the document and raises again",
    "documents/parsing/child.py::_answer": "the outermost boundary of the guarded child process",
    "documents/parsing/ocr.py::read_page": "raises again, as MemoryError where memory ran out",
    "documents/parsing/pdf_second.py::look": PYPDF,
    "documents/parsing/pdf_second.py::page_text": PYPDF,
    "documents/parsing/pdf_second.py::reader": PYPDF,
    "documents/tasks.py::process_part": "the outermost boundary of a task",
    "documents/tasks.py::split_document": "the outermost boundary of a task",
}


def broad_handlers(name: str) -> list[tuple[str, int]]:
    """Handlers of everything, as (path::function, line)."""
    found: list[tuple[str, int]] = []

    def walk(node: ast.AST, function: str) -> None:
        for child in ast.iter_child_nodes(node):
            inside = function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = child.name
            if isinstance(child, ast.ExceptHandler) and _is_broad(child.type):
                found.append((f"{name}::{inside}", child.lineno))
            walk(child, inside)

    walk(tree(name), "")
    return found


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(part) for part in caught.elts)
    return isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException")


def product(*suffixes: str) -> list[str]:
    return [name for name in files(*suffixes) if not name.startswith(("tests/", "bench/"))]


def test_no_path_of_anybodys_machine_is_in_the_project():
    offenders = [
        f"{name}:{number}"
        for name in project_files()
        if name.endswith(TEXT)
        for number, line in enumerate(read(name).splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert offenders == []


def test_no_leftovers_are_in_the_code():
    offenders = [
        f"{name}:{number}: {line.strip()}"
        for name in files(*CODE)
        for number, line in enumerate(read(name).splitlines(), 1)
        if LEFTOVER.search(line)
    ]
    assert offenders == []


def test_every_module_has_a_subject():
    names = [name for name in product(".py", ".js") if name.rsplit("/", 1)[-1].split(".")[0] in SHAPELESS]
    assert names == []


def test_exceptions_are_caught_by_name():
    offenders = [
        f"{place} (line {line})"
        for name in product(".py")
        for place, line in broad_handlers(name)
        if place not in BROAD_EXCEPT_ALLOWED
    ]
    assert offenders == []


def test_the_list_of_allowed_catch_alls_is_not_longer_than_needed():
    used = {place for name in product(".py") for place, _ in broad_handlers(name)}
    assert set(BROAD_EXCEPT_ALLOWED) <= used
