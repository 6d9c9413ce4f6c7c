"""Test questions as CSV and as lines of JSON, both ways, and a run's results as CSV.

Columns or keys: `question`, `answerable` (yes or no; empty means yes when a place is given), `document`,
`page`, `passage`. Others are left alone. A question with several places has a line for each in CSV; in JSON
its `places` are a list of objects with `document`, `page` and `passage`. Cells that a spreadsheet would take
for formulas get an apostrophe in front, which reading takes away again.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chat.evaluation.matching import Place
from chat.evaluation.rules import MAX_PLACES, MAX_QUESTIONS, Wanted
from chat.evaluation.services import places_of
from chat.models import EvaluationQuestion, EvaluationResult
from config.errors import ErrorCode, VerbatimError
from documents.parsing import encodings

MAX_BYTES = 8 * 1024 * 1024
MAX_LINES = MAX_PLACES * MAX_QUESTIONS
MAX_REFUSED = 2 * MAX_QUESTIONS
PLACE = ("document", "page", "passage")
COLUMNS = ("question", "answerable", *PLACE)
RESULT_COLUMNS = (
    *("question", "answerable", "expected_document", "expected_page", "expected_passage", "expected_places"),
    *(
        "verdict",
        "rank",
        "recall_at_k",
        "refused",
        "search_ms",
        "answer_ms",
        "cited",
        "supported",
        "answer",
        "error",
    ),
    *("found_document", "found_page", "found_similarity"),
)
YES, NO = ("yes", "true", "1", "y", "ja"), ("no", "false", "0", "n", "nein")
_FORMULA = re.compile(r"^'*[=+\-@\t\r]")
_ALIASES = {
    "expected_document": "document",
    "document_name": "document",
    "expected_page": "page",
    "expected_passage": "passage",
    "expected_text": "passage",
}


@dataclass
class Read:
    """What a file holds: questions and refused lines, each with the number of its (first) line."""

    questions: list[tuple[int, Wanted]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def read(path: str) -> Read:
    """The questions of a file: lines of JSON when it begins like one, else CSV with a header.

    Raises:
        VerbatimError: VALIDATION_ERROR when it is neither, or holds no questions at all.
    """
    encoding = encodings.detect(path)
    with open(path, encoding=encoding.name, errors=encoding.errors, newline="") as file:
        text = file.read(MAX_BYTES + 1)
    text = text.lstrip("\ufeff")
    found = _json_lines(text) if text.lstrip()[:1] in ("{", "[") else _csv(text)
    if not found.questions and not found.refused:
        raise _unfit("The file holds no questions.")
    return found


def as_csv(questions: Iterable[EvaluationQuestion]) -> Iterator[str]:
    """The lines of a CSV file with a header, one a place; `read` takes it back."""
    rows = (
        {"question": one.question, "answerable": "yes" if one.answerable else "no", **cells}
        for one in questions
        for cells in ([_place_cells(place) for place in places_of(one)] or [{}])
    )
    yield from _table(COLUMNS, rows)


def as_json_lines(questions: Iterable[EvaluationQuestion]) -> Iterator[str]:
    """One JSON object a line; `read` takes it back."""
    for one in questions:
        value: dict[str, Any] = {"question": one.question, "answerable": one.answerable}
        if one.answerable:
            value["places"] = [
                {name: cell for name, cell in _place_cells(place).items() if cell not in ("", None)}
                for place in places_of(one)
            ]
        yield json.dumps(value, ensure_ascii=False) + "\n"


def results_as_csv(results: Iterable[EvaluationResult]) -> Iterator[str]:
    """A run's results, one line a question, with its first place and the best passage that was found."""
    yield from _table(RESULT_COLUMNS, (_result_cells(one) for one in results))


def _csv(text: str) -> Read:
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=False)
    found = Read()
    names: list[str] | None = None
    number = 1
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            found.refused.append((number, f"This line cannot be read: {error}."))
            cells = []
        if cells is None:
            break
        if names is None:
            names = [_name(cell) for cell in cells]
            if "question" not in names:
                raise _unfit(f"The first line must name the columns: {', '.join(COLUMNS)}.")
        elif any(cell.strip() for cell in cells):
            _take(found, number, dict(zip(names, map(_plain, cells), strict=False)))
        number = rows.line_num + 1
        if _is_full(found, number):
            break
    return found


def _json_lines(text: str) -> Read:
    if text.lstrip().startswith("["):
        raise _unfit("Give one JSON object a line, not a list.")
    found = Read()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            found.refused.append((number, "This is not one JSON object."))
        else:
            if isinstance(value, dict):
                _take(found, number, {_name(str(key)): cell for key, cell in value.items()})
            else:
                found.refused.append((number, "This is not one JSON object."))
        if _is_full(found, number):
            break
    return found


def _take(found: Read, number: int, cells: dict[str, Any]) -> None:
    try:
        found.questions.append((number, _wanted(cells)))
    except ValueError as error:
        found.refused.append((number, str(error)))


def _wanted(cells: dict[str, Any]) -> Wanted:
    """The question of a line.

    Raises:
        ValueError: with the sentence for the person who made the file.
    """
    places = _places(cells)
    answerable = _yes_or_no(cells.get("answerable"))
    if answerable is None:
        if not places:
            raise ValueError("Say where the answer stands, or answerable=no for one that stands nowhere.")
        answerable = True
    return Wanted(question=_text(cells, "question"), answerable=answerable, places=places)


def _places(cells: dict[str, Any]) -> tuple[Place, ...]:
    own = _place(cells)
    listed = cells.get("places")
    if listed is None or listed == "":
        return (own,) if own != Place() else ()
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ValueError("places must be a list of objects with document, page and passage.")
    if own != Place():
        raise ValueError("Give places, or document, page and passage, not both.")
    return tuple(_place({_name(str(key)): cell for key, cell in one.items()}) for one in listed)


def _place(cells: dict[str, Any]) -> Place:
    return Place(
        document_name=_text(cells, "document"), page=_page(cells.get("page")), passage=_text(cells, "passage")
    )


def _text(cells: dict[str, Any], name: str) -> str:
    value = cells.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text.")
    return value.strip()


def _page(value: Any) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,7}(?:\.0)?", text):
        raise ValueError("page must be a whole number from 1.")
    return int(float(text))


def _yes_or_no(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().casefold()
    if not text:
        return None
    if text not in YES + NO:
        raise ValueError("answerable must be yes or no.")
    return text in YES


def _name(cell: str) -> str:
    name = cell.strip().casefold().replace(" ", "_")
    return _ALIASES.get(name, name)


def _is_full(found: Read, number: int) -> bool:
    if len(found.questions) <= MAX_LINES and len(found.refused) <= MAX_REFUSED:
        return False
    found.refused.append(
        (number, f"What follows was not read: at most {MAX_LINES} lines, or {MAX_REFUSED} bad ones, are.")
    )
    return True


def _place_cells(place: Place) -> dict[str, Any]:
    return {"document": place.document_name, "page": place.page, "passage": place.passage}


def _result_cells(one: EvaluationResult) -> dict[str, Any]:
    best = one.found[0] if one.found else {}
    place = one.expected[0] if one.expected else {}
    return {
        "question": one.question,
        "answerable": "yes" if one.answerable else "no",
        "expected_document": place.get("document_name"),
        "expected_page": place.get("page"),
        "expected_passage": place.get("passage"),
        "expected_places": len(one.expected),
        "verdict": one.verdict,
        "rank": one.rank,
        "recall_at_k": one.recall,
        "refused": None if one.refused is None else "yes" if one.refused else "no",
        "search_ms": one.search_ms,
        "answer_ms": one.answer_ms,
        "cited": one.citations,
        "supported": one.supported,
        "answer": one.answer,
        "error": one.error_message,
        "found_document": best.get("document_name"),
        "found_page": best.get("page"),
        "found_similarity": best.get("similarity_score"),
    }


def _table(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _harmless(value: Any) -> Any:
    """No cell begins like a formula: spreadsheets would run it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _unfit(message: str) -> VerbatimError:
    return VerbatimError(
        ErrorCode.VALIDATION_ERROR,
        message,
        details={"file": [message]},
        next_step="Export the questions to see what a file looks like.",
    )
