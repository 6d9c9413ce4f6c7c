"""Everything that changes test questions; `runs` has what changes runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from chat.evaluation.rules import MAX_QUESTIONS, Documents, Known, Wanted, wrong
from chat.models import EvaluationQuestion
from chat.text import one_line, storable
from collections_app.access import get_managed
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from documents.selectors import documents_of_collection

FULL = f"A model has at most {MAX_QUESTIONS} test questions."


@dataclass(frozen=True)
class Imported:
    """What became of a file's questions. `warnings` are (number of the line, sentence)."""

    added: int
    updated: int
    unchanged: int
    warnings: tuple[tuple[int, str], ...] = ()


def question_create(*, actor: User, collection: Collection, wanted: Wanted) -> EvaluationQuestion:
    """Keep a test question.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; VALIDATION_ERROR by field; CONFLICT when there are
            MAX_QUESTIONS already.
    """
    get_managed(actor, collection.pk)
    with transaction.atomic():
        locked(collection)
        rows = EvaluationQuestion.objects.filter(collection=collection)
        if rows.count() >= MAX_QUESTIONS:
            raise VerbatimError(ErrorCode.CONFLICT, FULL)
        values = _values(actor, collection, wanted)
        _require_new(collection, values["question"])
        return EvaluationQuestion.objects.create(collection=collection, created_by=actor, **values)


def question_update(*, actor: User, question: EvaluationQuestion, wanted: Wanted) -> EvaluationQuestion:
    """Change a test question. Runs that asked it keep what they asked.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; VALIDATION_ERROR by field.
    """
    get_managed(actor, question.collection_id)
    with transaction.atomic():
        locked(question.collection)
        kept = wanted.document_id is None and wanted.document_name == question.document_name
        values = _values(actor, question.collection, wanted, known_only=not kept)
        _require_new(question.collection, values["question"], besides=question.pk)
        for name, value in values.items():
            setattr(question, name, value)
        question.save(update_fields=[*values, "updated_at"])
    return question


def question_delete(*, actor: User, question: EvaluationQuestion) -> None:
    """Forget a test question; what runs found for it stays.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    get_managed(actor, question.collection_id)
    question.delete()


def questions_import(
    *, actor: User, collection: Collection, lines: Sequence[tuple[int, Wanted]]
) -> tuple[Imported, list[tuple[int, str]]]:
    """Keep the questions of a file. One with the text of a question that is there takes its place.

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
        documents = documents_of(actor, collection)
        there = {one.question: one for one in EvaluationQuestion.objects.filter(collection=collection)}
        batch = _Batch(actor, collection, documents, there)
        for number, wanted in lines:
            batch.take(number, wanted)
        batch.write()
        audit.record(
            actor, "evaluation.imported", collection, added=len(batch.new), updated=len(batch.changed)
        )
    done = Imported(len(batch.new), len(batch.changed), batch.unchanged, tuple(batch.warnings))
    return done, batch.refused


class _Batch:
    """The lines of a file on their way into the database."""

    def __init__(
        self, actor: User, collection: Collection, documents: Documents, there: dict[str, EvaluationQuestion]
    ) -> None:
        self.actor, self.collection = actor, collection
        self.documents, self.there = documents, there
        self.new: list[EvaluationQuestion] = []
        self.changed: dict[int, EvaluationQuestion] = {}
        self.unchanged = 0
        self.warnings: list[tuple[int, str]] = []
        self.refused: list[tuple[int, str]] = []
        self._seen: dict[str, int] = {}

    def take(self, number: int, wanted: Wanted) -> None:
        problems = wrong(wanted, self.documents, known_only=False)
        values = {} if problems else _resolved(wanted, self.documents)
        text = values.get("question", "")
        if problems:
            self.refused.append(
                (number, " ".join(reason for reasons in problems.values() for reason in reasons))
            )
        elif text in self._seen:
            self.refused.append((number, f"The same question stands in line {self._seen[text]}."))
        elif text not in self.there and len(self.there) + len(self.new) >= MAX_QUESTIONS:
            self.refused.append((number, FULL))
        else:
            self._seen[text] = number
            name = wanted.document_name.strip()
            if name and not self.documents.named(name):
                self.warnings.append(
                    (number, f"The model has no document {name!r} yet; it is kept by its name.")
                )
            self._keep(values)

    def _keep(self, values: dict[str, Any]) -> None:
        row = self.there.get(values["question"])
        if row is None:
            self.new.append(EvaluationQuestion(collection=self.collection, created_by=self.actor, **values))
        elif all(getattr(row, name) == value for name, value in values.items()):
            self.unchanged += 1
        else:
            for name, value in values.items():
                setattr(row, name, value)
            row.updated_at = timezone.now()
            self.changed[row.pk] = row

    def write(self) -> None:
        EvaluationQuestion.objects.bulk_create(self.new, batch_size=500)
        names = ["answerable", "document", "document_name", "page", "passage", "updated_at"]
        EvaluationQuestion.objects.bulk_update(self.changed.values(), names, batch_size=500)


def documents_of(actor: User, collection: Collection) -> Documents:
    """The model's own documents, to be found by name."""
    rows = documents_of_collection(actor, collection.pk).values_list("pk", "name", "page_count")
    return Documents(Known(*row) for row in rows)


def locked(collection: Collection) -> Collection:
    """The model's row, so that changes to its questions and runs come one after another."""
    row = Collection.objects.select_for_update(no_key=True).filter(pk=collection.pk).first()
    if row is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return row


def _values(
    actor: User, collection: Collection, wanted: Wanted, *, known_only: bool = True
) -> dict[str, Any]:
    documents = documents_of(actor, collection)
    details = wrong(wanted, documents, known_only=known_only)
    if details:
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details=details)
    return _resolved(wanted, documents)


def _resolved(wanted: Wanted, documents: Documents) -> dict[str, Any]:
    """The columns. A name that several documents have is kept as a name: each of them will do."""
    wanted = replace(
        wanted,
        question=storable(wanted.question).strip(),
        passage=storable(wanted.passage).strip(),
        document_name=one_line(wanted.document_name, 255),
    )
    known = None
    if wanted.document_id is not None:
        known = documents.by_id(wanted.document_id)
    elif wanted.document_name:
        candidates = documents.named(wanted.document_name)
        known = candidates[0] if len(candidates) == 1 else None
    return {
        "question": wanted.question,
        "answerable": wanted.answerable,
        "document_id": known.id if known else None,
        "document_name": known.name if known else wanted.document_name,
        "page": wanted.page,
        "passage": wanted.passage,
    }


def _require_new(collection: Collection, question: str, besides: int | None = None) -> None:
    same = EvaluationQuestion.objects.filter(collection=collection, question=question).exclude(
        pk=besides or 0
    )
    if same.exists():
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"question": ["This question is there already."]}
        )
