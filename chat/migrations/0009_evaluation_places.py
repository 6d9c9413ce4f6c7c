"""A test question may have several places; the one of each question so far becomes its first."""

import django.db.models.deletion
from django.db import migrations, models

PLACES = """
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO chat_evaluationplace (question_id, document_id, document_name, page, passage)
    SELECT id, document_id, document_name, page, passage FROM chat_evaluationquestion
    WHERE answerable AND (document_name <> '' OR passage <> '') ORDER BY id;
UPDATE chat_evaluationresult SET
    expected = jsonb_build_array(jsonb_build_object(
        'document_id', expected_document, 'document_name', expected_name,
        'page', expected_page, 'passage', expected_passage)),
    ranks = jsonb_build_array(rank)
    WHERE answerable;
SET CONSTRAINTS ALL DEFERRED;
"""
FIRST_PLACE = """
UPDATE chat_evaluationquestion q SET
    document_id = p.document_id, document_name = p.document_name, page = p.page, passage = p.passage
    FROM (SELECT DISTINCT ON (question_id) * FROM chat_evaluationplace ORDER BY question_id, id) p
    WHERE p.question_id = q.id AND q.answerable;
UPDATE chat_evaluationresult SET
    expected_document = (expected->0->>'document_id')::bigint,
    expected_name = coalesce(expected->0->>'document_name', ''),
    expected_page = (expected->0->>'page')::integer,
    expected_passage = coalesce(expected->0->>'passage', '');
"""


def document_of(table: str) -> tuple[str, str]:
    """A document may go; PostgreSQL then clears the reference and the name stays. SQL that adds and drops it."""
    name = f"{table}_document_id_set_null"
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} "
        "FOREIGN KEY (document_id) REFERENCES documents_document (id) ON DELETE SET NULL",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("chat", "0008_client_id_once"), ("documents", "0005_serving_and_building")]

    operations = [
        migrations.CreateModel(
            name="EvaluationPlace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("document_name", models.CharField(blank=True, max_length=255)),
                ("page", models.PositiveIntegerField(blank=True, null=True)),
                ("passage", models.TextField(blank=True, help_text="Text that the passage must hold.")),
                (
                    "document",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="documents.document",
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to="chat.evaluationquestion",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("document_name", ""), ("passage", ""), _negated=True),
                        name="evaluation_place_names_something",
                    )
                ],
            },
        ),
        migrations.RunSQL(*document_of("chat_evaluationplace")),
        migrations.AddField(
            "evaluationresult",
            "expected",
            models.JSONField(
                default=list, help_text="Its places then: document_id, document_name, page, passage of each."
            ),
        ),
        migrations.AddField(
            "evaluationresult",
            "ranks",
            models.JSONField(
                default=list, help_text="Per expected place, of the first passage there; null for none."
            ),
        ),
        migrations.RunSQL(PLACES, FIRST_PLACE),
        migrations.RemoveConstraint("evaluationquestion", "evaluation_unanswerable_expects_nothing"),
        migrations.RunSQL(*reversed(document_of("chat_evaluationquestion"))),
        *(
            migrations.RemoveField("evaluationquestion", name)
            for name in ("document", "document_name", "page", "passage")
        ),
        *(
            migrations.RemoveField("evaluationresult", f"expected_{name}")
            for name in ("document", "name", "page", "passage")
        ),
    ]
