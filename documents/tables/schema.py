"""What a stored table looks like to those who plan and those who compute. Pure; JSON on both ends."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["number", "date", "text", "empty"]
MAX_COLUMNS = 200  # a question reaches no further


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        index: from 0, as in the file.
        scale: digits after the point that every number fits; None: they were kept as floating point.
        comma: numbers are written "1.234,5".
        percent: most numbers are percentages.
        unclear: day and month cannot be told apart, only the year counts.
        filled, distinct: cells that are not blank, and how many different ones.
        examples: the most frequent values.
    """

    index: int
    name: str
    kind: Kind
    filled: int
    distinct: int
    scale: int | None = None
    comma: bool = False
    percent: bool = False
    unclear: bool = False
    examples: tuple[str, ...] = ()

    @property
    def is_key(self) -> bool:
        """Whether every row has a value of its own."""
        return self.distinct == self.filled > 1


@dataclass(frozen=True)
class Table:
    """A table: its file's name, its rows without the header, its first MAX_COLUMNS columns."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    width: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Table":
        columns = tuple(Column(**{**one, "examples": tuple(one["examples"])}) for one in data["columns"])
        return cls(data["name"], data["rows"], columns, data["width"])


@dataclass(frozen=True)
class Match:
    """Words of a question that are a value of a column, as the column writes it."""

    column: int
    value: str
    count: int
