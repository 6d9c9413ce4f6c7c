"""The single place of each question and result becomes the first of its places, and back."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE, AFTER = [("chat", "0008_client_id_once")], [("chat", "0009_evaluation_places")]


def migrated(target):
    """The models as they are at this migration."""
    MigrationExecutor(connection).migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.fixture
def old(transactional_db):
    """The models before; afterwards all migrations are in force again."""
    yield migrated(BEFORE)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_places_are_moved_and_moved_back(old):
    model = old.get_model("collections_app", "Collection").objects.create(
        name="M", embedding_model="m", embedding_dimension=384
    )
    questions = old.get_model("chat", "EvaluationQuestion").objects
    one = questions.create(collection=model, question="one", document_name="a.pdf", page=3, passage="words")
    none = questions.create(collection=model, question="none", answerable=False)
    run = old.get_model("chat", "EvaluationRun").objects.create(collection=model)
    results = old.get_model("chat", "EvaluationResult").objects
    asked = results.create(
        run=run, index=0, question="one", answerable=True, expected_name="a.pdf", expected_page=3, rank=2
    )
    refused = results.create(run=run, index=1, question="none", answerable=False)

    new = migrated(AFTER)
    place = new.get_model("chat", "EvaluationPlace").objects.get()
    assert (place.question_id, place.document_name, place.page, place.passage) == (
        one.pk,
        "a.pdf",
        3,
        "words",
    )
    rows = new.get_model("chat", "EvaluationResult").objects.in_bulk()
    expected = {"document_id": None, "document_name": "a.pdf", "page": 3, "passage": ""}
    assert (rows[asked.pk].expected, rows[asked.pk].ranks) == ([expected], [2])
    assert (rows[refused.pk].expected, rows[refused.pk].ranks) == ([], [])

    back = migrated(BEFORE).get_model("chat", "EvaluationQuestion").objects.in_bulk()
    assert (back[one.pk].document_name, back[one.pk].page, back[one.pk].passage) == ("a.pdf", 3, "words")
    assert (back[none.pk].answerable, back[none.pk].document_name) == (False, "")
