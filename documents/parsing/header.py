"""Whether a table has a header, and what its columns are called."""

import re
from collections import Counter

from documents.parsing.clean import clean_text

VALUE = re.compile(r"^[\s$€£%()+\-.,:/\d]*\d[\s$€£%()+\-.,:/\d]*$")  # numbers, amounts, dates
YEAR = re.compile(r"^\s*(19|20)\d\d\s*$")
MAX_NAME = 200  # it stands before every cell
MAX_GROUP = 110
BETWEEN = " – "  # a group's name and a column's
ASKS = re.compile(r"^(question|frage|pregunta|domanda|prompt|q)s?$", re.IGNORECASE)
ANSWERS = re.compile(r"^(answer|antwort|respuesta|réponse|risposta|response|completion|a)s?$", re.IGNORECASE)


def names(table: list[list[str]]) -> tuple[tuple[str, ...], int]:
    """The columns' names, and how many records they come from (0, 1 or 2).

    Args:
        table: the first filled records, from the header on.
    """
    first = table[0] if table else []
    if not _has_header(table):
        return _unique([""] * max(_usual(table), len(first), 1)), 0
    if _two_rows(table):
        return _unique(_joined(first, table[1])), 2
    return _unique(_fitted(first, table[1:])), 1


def asks_and_answers(columns: tuple[str, ...]) -> bool:
    """Whether one column holds questions and another their answers."""
    return any(ASKS.match(name) for name in columns) and any(ANSWERS.match(name) for name in columns)


def _usual(table: list[list[str]]) -> int:
    return Counter(len(record) for record in table).most_common(1)[0][0] if table else 0


def _fitted(first: list[str], rest: list[list[str]]) -> list[str]:
    """The header made as wide as nearly all rows are.

    One column more in the rows is the unnamed first (statistics programs write row names so), unless it is
    only a delimiter at the lines' ends.
    """
    usual = _usual(rest)
    agreeing = [record for record in rest if len(record) == usual]
    if usual <= len(first) or len(rest) < 3 or len(agreeing) < len(rest) * 0.8:
        return first
    if not any(record[-1].strip() for record in agreeing):
        return first
    if usual == len(first) + 1 and all(cell.strip() for cell in first):
        return ["", *first]
    return first


def _two_rows(table: list[list[str]]) -> bool:
    """Surveys name groups of columns in one row and the columns in the next one."""
    if len(table) < 4:
        return False
    first, second, rest = table[0], table[1], table[2:22]
    blanks = [index for index, cell in enumerate(first) if not cell.strip()]
    if len(blanks) < 2 or len(second) < len(first):
        return False
    if sum(bool(second[index].strip()) for index in blanks) < len(blanks) * 0.9:
        return False
    if any(VALUE.match(cell.strip()) for cell in second if cell.strip()):
        return False
    for index in range(len(first)):
        below = [record[index].strip() for record in rest if index < len(record)]
        if any(below) and all(VALUE.match(value) for value in below if value):
            return True
    return False


def _joined(first: list[str], second: list[str]) -> list[str]:
    joined, group = [], ""
    for index, below in enumerate(second):
        named = " ".join(first[index].split()) if index < len(first) else ""
        group = named or group
        below = " ".join(below.split())
        if not below or below.lower() in ("response", group.lower()):
            joined.append(group)
        else:
            joined.append(f"{group[:MAX_GROUP]}{BETWEEN}{below}" if group else below)
    return joined


def _has_header(table: list[list[str]]) -> bool:
    """A first record with words where the column below holds values, or simply no value at all."""
    if len(table) < 2:
        return bool(table) and not any(VALUE.match(cell) for cell in table[0])
    first, rest = table[0], table[1:21]
    if any(VALUE.match(cell.strip()) for cell in first if cell.strip()):
        years = all(YEAR.match(cell) for cell in first if VALUE.match(cell.strip()))
        return years and not VALUE.match(first[0].strip() or "x")
    for index, cell in enumerate(first):
        below = [record[index].strip() for record in rest if index < len(record)]
        if cell.strip() and below and all(VALUE.match(value) for value in below if value) and any(below):
            return True
    found = [cell.strip().lower() for cell in first if cell.strip()]
    return len(set(found)) == len(found) and not any(first == record for record in rest)


def _unique(header: list[str]) -> tuple[str, ...]:
    """Every column gets a name of its own."""
    seen: Counter[str] = Counter()
    unique: dict[str, None] = {}
    for index, cell in enumerate(header, start=1):
        plain = name = " ".join(clean_text(cell).split())[:MAX_NAME].strip() or f"column {index}"
        while name in unique:
            seen[plain] += 1
            name = f"{plain} ({seen[plain] + 1})"
        unique[name] = None
    return tuple(unique)
