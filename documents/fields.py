"""Column types that Django does not bring."""

from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import models


class TextSearchConfigField(models.Field):
    """PostgreSQL's `regconfig`: a text search configuration by name.

    With the type in the column, `to_tsvector(column, text)` is immutable and may fill a generated column.
    """

    def db_type(self, connection: Any) -> str:
        return "regconfig"

    def get_internal_type(self) -> str:
        return "TextSearchConfigField"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else str(value)


class Lexemes(models.Func):
    """`verbatim_lexemes(language, context, content)`: see documents/migrations/0006_lexemes.py."""

    function = "verbatim_lexemes"
    arity = 3
    output_field = SearchVectorField()
