"""A file's test questions on their way into the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from chat.evaluation.matching import Place
from chat.evaluation.rules import (
    MAX_PLACES,
    MAX_QUESTIONS,
    TOO_MANY_PLACES,
    Documents,
    Wanted,
    sentences_of,
    wrong,
)
from chat.evaluation.services import FULL, documents_of, locked, places_add, places_of, resolved
from chat.models import EvaluationPlace, EvaluationQuestion
from collections_app.access import get_managed
from collections_app.models import Collection


@dataclass(frozen=True)
class Imported:
    """What became of a file's questions. `warnings` are (number of the line, sentence)."""

    added: int
    updated: int
    unchanged: int
    warnings: tuple[tuple[int, str], ...] = ()


def questions_import(
    *, actor: User, collection: Collection, lines: Sequence[tuple[int, Wanted]]
) -> tuple[Imported, list[tuple[int, str]]]:
    """Keep the questions of a file. One with the text of a question that is there takes its place.

    Lines with the same question are one question with the places of all of them.

    Args:
        lines: (number of the line, question), as `exchange.read` gives them.

    Returns:
        What was done, and (number, reason) for each line that was refused. The others are kept.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    get_managed(actor, collection.pk)
    with transaction.atomic():
        locked(collection)
        rows = EvaluationQuestion.objects.filter(collection=collection).prefetch_related("places")
        batch = _Batch(documents_of(actor, collection), {one.question: one for one in rows})
        for number, wanted in lines:
            batch.take(number, wanted)
        done = batch.write(actor, collection)
        audit.record(actor, "evaluation.imported", collection, added=done.added, updated=done.updated)
    return done, batch.refused


@dataclass
class _Taken:
    """A question of the file. `places`: each with the number of its line."""

    number: int
    answerable: bool
    places: dict[Place, int] = field(default_factory=dict)


class _Batch:
    """The lines of a file, gathered by their questions."""

    def __init__(self, documents: Documents, there: dict[str, EvaluationQuestion]) -> None:
        self.documents, self.there = documents, there
        self.taken: dict[str, _Taken] = {}
        self.new = 0
        self.warnings: list[tuple[int, str]] = []
        self.refused: list[tuple[int, str]] = []

    def take(self, number: int, wanted: Wanted) -> None:
        """One line: a question, or more places of one that an earlier line began."""
        problems = wrong(wanted, self.documents, known_only=False)
        if problems:
            self.refused.append((number, " ".join(sentences_of(problems))))
            return
        stored = resolved(wanted, self.documents)
        reason = self._refusal(stored)
        if reason:
            self.refused.append((number, reason))
            return
        if stored.question not in self.taken:
            self.new += stored.question not in self.there
            self.taken[stored.question] = _Taken(number, stored.answerable)
        self.taken[stored.question].places |= dict.fromkeys(stored.places, number)
        for name in dict.fromkeys(place.document_name for place in stored.places):
            if name and not self.documents.named(name):
                self.warnings.append(
                    (number, f"The model has no document {name!r} yet; it is kept by its name.")
                )

    def _refusal(self, stored: Wanted) -> str:
        """Why a line that is right in itself cannot be taken after those before it; "" when it can."""
        earlier = self.taken.get(stored.question)
        if earlier is None:
            is_new = stored.question not in self.there
            return FULL if is_new and len(self.there) + self.new >= MAX_QUESTIONS else ""
        if not (earlier.answerable and stored.answerable):
            same = earlier.answerable == stored.answerable
            return f"{'The same question stands in' if same else 'It contradicts'} line {earlier.number}."
        again = [earlier.places[place] for place in stored.places if place in earlier.places]
        if again:
            return f"The same question with the same place stands in line {again[0]}."
        return TOO_MANY_PLACES if len(earlier.places) + len(stored.places) > MAX_PLACES else ""

    def write(self, actor: User, collection: Collection) -> Imported:
        """Store what was taken."""
        new, changed, placed = [], [], []
        for text, taken in self.taken.items():
            row = self.there.get(text)
            if row is None:
                row = EvaluationQuestion(collection=collection, created_by=actor, question=text)
                new.append(row)
            elif row.answerable == taken.answerable and places_of(row) == list(taken.places):
                continue
            else:
                row.updated_at = timezone.now()
                changed.append(row)
            row.answerable = taken.answerable
            placed.append((row, list(taken.places)))
        EvaluationQuestion.objects.bulk_create(new, batch_size=500)
        EvaluationQuestion.objects.bulk_update(changed, ["answerable", "updated_at"], batch_size=500)
        EvaluationPlace.objects.filter(question__in=changed).delete()
        places_add(placed)
        unchanged = len(self.taken) - len(new) - len(changed)
        return Imported(len(new), len(changed), unchanged, tuple(self.warnings))
