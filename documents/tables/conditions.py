"""What stands behind the head of a question: `in Berlin`, `where total is over 5`, `per year`."""

from dataclasses import dataclass, field

from documents.tables import tokens
from documents.tables.cursor import Cursor, NotUnderstood
from documents.tables.plan import Filter, filter_of
from documents.tables.schema import Column
from documents.tables.tokens import Token

SIGNS = {
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "after": ">",
    "before": "<",
    "since": ">=",
    "until": "<=",
}
TIMED = ("after", "before", "since", "until")
JOINTS = ("in", "have", "and", "which", "=")


@dataclass(frozen=True)
class Ambiguous(Exception):
    """A word stands in several columns; the question must say which one is meant."""

    word: str
    columns: tuple[str, ...]


@dataclass
class Conditions(Cursor):
    """What stands behind the head of a question.

    Attributes:
        filters, by, unit: found so far, as `plan.Plan` has them.
    """

    filters: list[Filter] = field(default_factory=list)
    by: int | None = None
    unit: str | None = None

    def tail(self) -> None:
        """Everything to the end of the question, or to a superlative that `which … has` waits for."""
        while self.at < len(self.tokens):
            start = self.at
            if self.peek("have") and self._superlative_follows():
                return
            if self.take("by"):
                self._group()
            elif not self._condition():
                self.at = start
                if self.kind("word") and self.current().text in ("maximum", "minimum", "most", "fewest"):
                    return
                raise NotUnderstood

    def _superlative_follows(self) -> bool:
        return self.next_is("maximum", "minimum", "most", "fewest")

    def _group(self) -> None:
        if self.by is not None:
            raise NotUnderstood
        for unit in ("year", "month"):
            if self.peek(unit):
                self.word()
                named = self.peek("in") and self.next_kind() == "column"  # by year of order date
                column = self.column() if named and self.take("in") else self.only_date()
                self.by, self.unit = column.index, unit
                return
        self.by = self.column().index

    def _condition(self) -> bool:
        joint = ""
        while self.kind("word") and self.current().text in JOINTS:
            joint = self.word()
        if self.take_kind("place") or (joint == "in" and self.take_kind("rows")):
            return True
        negated = self.take("not")
        if negated:
            self.take("in")
        if self.kind("column"):
            return self._about(self.column(), negated)
        if self.peek("blank") and self.next_kind() == "column":  # a missing note
            self.word()
            self.filters.append(filter_of(self.column(), "not blank" if negated else "blank"))
            return True
        if self.kind("value"):
            return self._named_values(negated)
        if negated:
            return False
        sign = SIGNS.get(self.current().text) if self.kind("word") else None
        if sign:
            return self._signed_alone(sign)
        if self.peek("between"):
            self.word()
            values = self._two()
            column = self.column() if self.kind("column") else self._time_column(values)
            self.filters.append(filter_of(column, "between", *values))
            return True
        if self.kind("number", "date") and joint == "in":
            value = self.token().text
            self.filters.append(filter_of(self._time_column([value]), "=", value))
            return True
        return joint != "" and self.at >= len(self.tokens)

    def _signed_alone(self, sign: str) -> bool:
        """more than N COLUMN; after DATE."""
        word = self.word()
        if not self.kind("number", "date"):
            return False
        value = self.token().text
        if self.kind("column") and word not in TIMED:
            column = self.column()
        elif word in TIMED:
            column = self._time_column([value])
        else:
            return False
        self.filters.append(filter_of(column, sign, value))
        return True

    def _about(self, column: Column, negated: bool) -> bool:
        """COLUMN [is] [not] VALUE [or VALUE…] | over N | between … | blank | contains VALUE."""
        negated = self.take("not") != negated
        self.take("=")
        self.take("in")
        if self.take("blank"):
            self.filters.append(filter_of(column, "not blank" if negated else "blank"))
            return True
        if self.take("contains") and self.kind("value") and not negated:
            self.filters.append(filter_of(column, "contains", self.token().text))
            return True
        if self.take("between"):
            self.filters.append(filter_of(column, "between", *self._two()))
            return not negated
        if self.kind("word") and self.current().text in SIGNS:
            sign = SIGNS[self.word()]
            if negated or not self.kind("number", "date"):
                return False
            self.filters.append(filter_of(column, sign, self.token().text))
            return True
        values = [self._value_in(column)]
        while self.peek("or") or (self.peek("and") and negated and self.next_kind() == "value"):
            self.word()
            self.take("not")
            values.append(self._value_in(column))
        self._put(column, values, negated)
        return True

    def _named_values(self, negated: bool) -> bool:
        """[in] VALUE [or VALUE…] [COLUMN]: the column is that in which the value stands."""
        first = self.token()
        if self.kind("column") and any(one.column == self.current().column for one in first.matches):
            column = self.column()
            self._put(column, [self._in_column(first, column)], negated)
            return True
        column = self._home(first)
        values = [self._in_column(first, column)]
        while self.peek("or"):
            self.word()
            self.take("in")
            values.append(self._value_in(column))
        self._put(column, values, negated)
        return True

    def value_filter(self, token: Token) -> None:
        """The condition that a value alone stands for."""
        column = self._home(token)
        self._put(column, [self._in_column(token, column)], negated=False)

    def _put(self, column: Column, values: list[str], negated: bool) -> None:
        if len(values) == 1:
            self.filters.append(filter_of(column, "!=" if negated else "=", values[0]))
        else:
            self.filters.append(filter_of(column, "not in" if negated else "in", *values))
        same = [one for one in self.filters if one.column == column.index and one.op in ("=", "in")]
        if len(same) > 1:  # Berlin and Munich: no row is in both, so something else was meant
            raise NotUnderstood

    def _value_in(self, column: Column) -> str:
        if self.kind("value"):
            return self._in_column(self.token(), column)
        if self.kind("number", "date"):
            token = self.token()
            if column.kind == "text":
                raise NotUnderstood
            return token.text
        raise NotUnderstood

    def _in_column(self, token: Token, column: Column) -> str:
        found = [one.value for one in token.matches if one.column == column.index]
        if not found:
            raise NotUnderstood
        return found[0]

    def _home(self, token: Token) -> Column:
        homes = sorted({one.column for one in token.matches})
        if len(homes) > 1:
            raise Ambiguous(token.text, tuple(self.table.columns[index].name for index in homes))
        if not homes:
            raise NotUnderstood
        return self.table.columns[homes[0]]

    def _two(self) -> list[str]:
        values = []
        for _ in range(2):
            if not self.kind("number", "date"):
                raise NotUnderstood
            values.append(self.token().text)
            if len(values) == 1 and not (self.take("and") or self.take("to")):
                raise NotUnderstood
        return values

    def _time_column(self, values: list[str]) -> Column:
        """The one column that a year or a date is about; a year may also stand in a column of that name."""
        if not all(tokens.YEAR.match(value) or not value.isdecimal() for value in values):
            raise NotUnderstood
        years = [one for one in self.table.columns if one.kind == "number" and one.name.lower() == "year"]
        if years and all(value.isdecimal() for value in values):
            return years[0]
        return self.only_date()

    def only_date(self) -> Column:
        """The only column of dates."""
        found = [column for column in self.table.columns if column.kind == "date"]
        if len(found) > 1:
            raise Ambiguous("the time", tuple(column.name for column in found))
        if not found:
            raise NotUnderstood
        return found[0]
