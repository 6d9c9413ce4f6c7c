"""What changes single test questions; `intake` takes files of them, `runs` has what changes runs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.db import transaction

from accounts.models import User
from chat.evaluation.matching import Place
from chat.evaluation.rules import MAX_PLACES, MAX_QUESTIONS, TOO_MANY_PLACES, Documents, Known, Wanted, wrong
from chat.models import EvaluationPlace, EvaluationQuestion
from chat.text import one_line, storable
from collections_app.access import get_managed
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from documents.selectors import documents_of_collection

FULL = f"A model has at most {MAX_QUESTIONS} test questions."
KEPT_AS_NOWHERE = "This question is kept already, as one that the documents do not answer."
KEPT_WITH_PLACES = "This question is kept already, with places that hold its answer."
CHANGE_IT = "Change it on the model's page Evaluate if that is not so any more."


def question_create(*, actor: User, collection: Collection, wanted: Wanted) -> EvaluationQuestion:
    """Keep a test question.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; VALIDATION_ERROR by field; CONFLICT when there are
            MAX_QUESTIONS already.
    """
    get_managed(actor, collection.pk)
    with transaction.atomic():
        locked(collection)
        valid = _valid(actor, collection, wanted)
        _require_new(collection, valid.question)
        return _created(actor, collection, valid)


def question_keep(
    *, actor: User, collection: Collection, wanted: Wanted
) -> tuple[EvaluationQuestion, int | None]:
    """Keep a question that was just tried; one that is there already takes the places that it lacks.

    Returns:
        The question; and how many places it took, or None when it is new.

    Raises:
        VerbatimError: as `question_create`; CONFLICT also when it is there and says the opposite.
    """
    get_managed(actor, collection.pk)
    with transaction.atomic():
        locked(collection)
        valid = _valid(actor, collection, wanted)
        there = EvaluationQuestion.objects.filter(collection=collection, question=valid.question).first()
        if there is None:
            return _created(actor, collection, valid), None
        if there.answerable != valid.answerable:
            said = KEPT_WITH_PLACES if there.answerable else KEPT_AS_NOWHERE
            raise VerbatimError(ErrorCode.CONFLICT, said, next_step=CHANGE_IT)
        before = places_of(there)
        lacking = [place for place in valid.places if place not in before]
        if len(before) + len(lacking) > MAX_PLACES:
            raise VerbatimError(ErrorCode.CONFLICT, TOO_MANY_PLACES, next_step=CHANGE_IT)
        if lacking:
            places_add([(there, lacking)])
            there.save(update_fields=["updated_at"])
        return there, len(lacking)


def question_update(*, actor: User, question: EvaluationQuestion, wanted: Wanted) -> EvaluationQuestion:
    """Change a test question. Runs that asked it keep what they asked.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; VALIDATION_ERROR by field.
    """
    get_managed(actor, question.collection_id)
    with transaction.atomic():
        locked(question.collection)
        before = places_of(question)
        names = frozenset(place.document_name for place in before)
        valid = _valid(actor, question.collection, wanted, names_kept=names)
        _require_new(question.collection, valid.question, besides=question.pk)
        question.question, question.answerable = valid.question, valid.answerable
        question.save(update_fields=["question", "answerable", "updated_at"])
        if before != list(valid.places):
            question.places.all().delete()
            places_add([(question, valid.places)])
    return question


def question_delete(*, actor: User, question: EvaluationQuestion) -> None:
    """Forget a test question; what runs found for it stays.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    get_managed(actor, question.collection_id)
    question.delete()


def places_of(question: EvaluationQuestion) -> list[Place]:
    """The places of a test question, in their order."""
    return [Place(one.document_id, one.document_name, one.page, one.passage) for one in question.places.all()]


def places_add(wanted: Iterable[tuple[EvaluationQuestion, Sequence[Place]]]) -> None:
    """Store places behind those that are there."""
    rows = [
        EvaluationPlace(question=question, **asdict(place)) for question, places in wanted for place in places
    ]
    EvaluationPlace.objects.bulk_create(rows, batch_size=500)


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


def resolved(wanted: Wanted, documents: Documents) -> Wanted:
    """As it is stored: plain text, documents by id and name, each place once.

    A name that several documents have is kept as a name: each of them will do.
    """
    places = (_resolved_place(place, documents) for place in wanted.places)
    return replace(wanted, question=storable(wanted.question).strip(), places=tuple(dict.fromkeys(places)))


def _resolved_place(place: Place, documents: Documents) -> Place:
    name = one_line(place.document_name, 255)
    known = None
    if place.document_id is not None:
        known = documents.by_id(place.document_id)
    elif name:
        candidates = documents.named(name)
        known = candidates[0] if len(candidates) == 1 else None
    return Place(
        document_id=known.id if known else None,
        document_name=known.name if known else name,
        page=place.page,
        passage=storable(place.passage).strip(),
    )


def _valid(
    actor: User, collection: Collection, wanted: Wanted, names_kept: frozenset[str] = frozenset()
) -> Wanted:
    documents = documents_of(actor, collection)
    details: dict[str, Any] = wrong(wanted, documents, known_only=True, names_kept=names_kept)
    if details:
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details=details)
    return resolved(wanted, documents)


def _created(actor: User, collection: Collection, wanted: Wanted) -> EvaluationQuestion:
    rows = EvaluationQuestion.objects.filter(collection=collection)
    if rows.count() >= MAX_QUESTIONS:
        raise VerbatimError(ErrorCode.CONFLICT, FULL)
    made = rows.create(
        collection=collection, created_by=actor, question=wanted.question, answerable=wanted.answerable
    )
    places_add([(made, wanted.places)])
    return made


def _require_new(collection: Collection, question: str, besides: int | None = None) -> None:
    same = EvaluationQuestion.objects.filter(collection=collection, question=question).exclude(
        pk=besides or 0
    )
    if same.exists():
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"question": ["This question is there already."]}
        )
