"""The text vectors of chats, as expressions of generated columns."""

from django.contrib.postgres.search import SearchVectorField
from django.db.models import Case, Value, When
from django.db.models.functions import Cast, Left

from documents.fields import Lexemes, TextSearchConfigField

SEARCHED_CHARS = 20_000  # of a message; a text vector holds one megabyte at most


def words_of(column: str) -> Lexemes:
    """The lexemes of a text in whatever language: `simple`."""
    language = Cast(Value("simple"), TextSearchConfigField())
    return Lexemes(language, Value(""), Left(column, SEARCHED_CHARS))


def words_when_finished() -> Case:
    """The lexemes of a message's content; none while it is being written."""
    return Case(
        When(status="streaming", then=Value(None, output_field=SearchVectorField())),
        default=words_of("content"),
    )
