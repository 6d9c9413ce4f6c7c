"""Plain English questions about a table as plans.

Understood is a question of which every word is: a column, a value, a number, a date, a word of the small
grammar below. Anything else is not guessed at: then there is no plan.

    how many [different] ROWS | VALUE | COLUMN …            sum | average | … of COLUMN …
    which COLUMN has the most ROWS | highest [sum] COLUMN    top N COLUMN by …      most common COLUMN
    … in VALUE, where COLUMN is [not] VALUE [or VALUE], COLUMN over N, after DATE, between N and N
    … by | per COLUMN | year | month
"""

from dataclasses import dataclass, replace

from documents.tables import tokens
from documents.tables.conditions import Ambiguous, Conditions
from documents.tables.cursor import NotUnderstood
from documents.tables.plan import MAX_LIMIT, NUMERIC, Plan, PlanError, checked
from documents.tables.schema import Match, Table

ORDERS = {
    "maximum": "highest",
    "most": "highest",
    "common": "highest",
    "minimum": "lowest",
    "fewest": "lowest",
}
ORDERS |= {"rare": "lowest"}


def parse(question: str, table: Table, matches: dict[str, list[Match]]) -> Plan | None:
    """The plan of the first reading that is one; None when there is none.

    Args:
        matches: of `tokens.grams(question)`, as `query.look` found them.

    Raises:
        Ambiguous: all that hinders is a value that stands in several columns.
    """
    doubt: Ambiguous | None = None
    for reading in tokens.readings(question, table, matches):
        try:
            return checked(_Parser(reading, table).plan(), table)
        except (NotUnderstood, PlanError):
            continue
        except Ambiguous as error:
            doubt = doubt or error
    if doubt is not None:
        raise doubt
    return None


@dataclass
class _Parser(Conditions):
    """Recursive descent over one reading.

    Attributes:
        counted: the column whose values "how many" asks for without saying "different".
    """

    counted: int | None = None

    def plan(self) -> Plan:
        plan = self._head()
        self.tail()
        if self.at < len(self.tokens):
            raise NotUnderstood
        if self.by is not None:
            if plan.by is not None:
                raise NotUnderstood
            plan = replace(plan, by=self.by, unit=self.unit)
        if self.counted is not None and self._names(self.counted):
            raise NotUnderstood  # how many where status is open: rows are meant
        return replace(plan, filters=(*plan.filters, *self.filters))

    def _names(self, column: int) -> bool:
        """Whether a condition says which values of the column are meant."""
        return any(one.column == column and one.op in ("=", "in") for one in self.filters)

    # --- what is asked ----------------------------------------------------------------------------

    def _head(self) -> Plan:
        if self.take("list"):
            if not (self.kind("rows") or self.kind("value")):
                raise NotUnderstood
            self._values_before_rows()
            return Plan("list")
        asks_which = self.take("which")
        if asks_which and self.kind("column"):
            return self._which()
        if asks_which:  # who has the highest salary: the row tells
            self.take("have")
        if self.take("top"):
            return self._top()
        if self.peek("common") or self.peek("rare"):
            order = ORDERS[self.word()]
            return Plan("count", by=self.column().index, order=order, limit=1)
        if self.kind("number") and self.next_is("common"):
            limit = self._limit()
            self.word()
            return Plan("count", by=self.column().index, order="highest", limit=limit)
        if self.take("count"):
            return self._counted()
        return self._aggregate()

    def _counted(self) -> Plan:
        if self.take("distinct"):
            return Plan("count_distinct", column=self.column().index)
        if self._values_before_rows():
            return Plan("count")
        if self.kind("column"):
            column = self.column()
            self.take_kind("rows")
            if column.is_key:
                return Plan("count")
            self.counted = column.index
            return Plan("count_distinct", column=column.index)
        raise NotUnderstood

    def _values_before_rows(self) -> bool:
        """[VALUE…] ROWS, or VALUE alone: "open orders", "females"."""
        values = 0
        while self.kind("value"):
            self.value_filter(self.token())
            values += 1
        return self.take_kind("rows") or bool(values)

    def _aggregate(self) -> Plan:
        """sum | highest … [in] COLUMN; also `sum count`-like "total number of" is a count (see PHRASES)."""
        word = self.word()
        self.take("in")
        if word in ("latest", "earliest"):
            column = self.column() if self.kind("column") else self.only_date()
            if column.kind != "date":
                raise NotUnderstood
            return Plan("maximum" if word == "latest" else "minimum", column=column.index)
        if word not in (*NUMERIC, "maximum", "minimum"):
            raise NotUnderstood
        return Plan(word, column=self.column().index)

    def _which(self) -> Plan:
        """COLUMN has the most ROWS | the highest [average] COLUMN | is most common."""
        group = self.column()
        if self.peek("common") or self.peek("rare"):
            return Plan("count", by=group.index, order=ORDERS[self.word()], limit=1)
        self.tail()  # which city in Germany has …
        self.take("have")
        word = self.word()
        if word in ("most", "fewest") and self.take_kind("rows"):
            return Plan("count", by=group.index, order=ORDERS[word], limit=1)
        if word not in ("maximum", "minimum", "most", "fewest"):
            raise NotUnderstood
        order = ORDERS[word]
        if self.peek("count"):
            self.word()
            if not self.take_kind("rows"):
                raise NotUnderstood
            return Plan("count", by=group.index, order=order, limit=1)
        if self.tokens[self.at : self.at + 1] and self.current().text in NUMERIC:
            name = self.word()
            return Plan(name, column=self.column().index, by=group.index, order=order, limit=1)
        if word in ("most", "fewest"):
            column = self.column()
            if column.kind != "number":
                raise NotUnderstood
            # "which city has the most sales" is the sum where cities repeat, else the row
            if not group.is_key:
                return Plan("sum", column=column.index, by=group.index, order=order, limit=1)
            return Plan("maximum" if order == "highest" else "minimum", column=column.index)
        column = self.column()
        return Plan("maximum" if order == "highest" else "minimum", column=column.index)

    def _limit(self) -> int:
        text = self.token().text
        if not text.isdecimal() or len(text) > len(str(MAX_LIMIT)):
            raise NotUnderstood
        return int(text)

    def _top(self) -> Plan:
        """N COLUMN by number of ROWS | [sum of] COLUMN."""
        limit = self._limit() if self.kind("number") else 10
        if self.take_kind("rows"):
            if not self.take("by"):
                raise NotUnderstood
            return Plan("list", column=self.column().index, order="highest", limit=limit)
        group = self.column()
        if not self.take("by"):
            raise NotUnderstood
        if self.take("count"):
            if not self.take_kind("rows"):
                raise NotUnderstood
            return Plan("count", by=group.index, order="highest", limit=limit)
        name = self.word() if self.kind("word") else "sum"
        self.take("in")
        if name not in NUMERIC + ("maximum", "minimum"):
            raise NotUnderstood
        column = self.column()
        if group.is_key:
            return Plan("list", column=column.index, order="highest", limit=limit)
        return Plan(name, column=column.index, by=group.index, order="highest", limit=limit)
