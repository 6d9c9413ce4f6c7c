"""What is served and what is being built are told apart; a served document names its embedding model."""

from django.db import migrations, models
from django.db.models import Q

FILL = """
UPDATE documents_document d
   SET served_chunks = n.chunks, served_tokens = n.tokens
  FROM (SELECT c.document_id, c.generation, count(*) AS chunks, sum(c.token_count) AS tokens
          FROM documents_chunk c GROUP BY 1, 2) n
 WHERE n.document_id = d.id AND n.generation = d.active_generation;
UPDATE documents_document SET building_model = embedding_model WHERE building_generation IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0004_ingestion_builds")]
    operations = [
        migrations.AddField(
            "document",
            "building_standby",
            models.BooleanField(default=False, help_text="The build in work is the rebuild's."),
        ),
        migrations.AddField(
            "document",
            "build_facts",
            models.JSONField(
                null=True,
                help_text="What the build in work (or the one on standby) found: {title, page_count, row_count, reading, warnings}, on standby {chunks, tokens} too. The columns of these names tell of what is served.",
            ),
        ),
        migrations.AddField(
            "document",
            "rebuild_error",
            models.JSONField(
                null=True, help_text="Why the rebuild could not build it: {code, message, next_step}."
            ),
        ),
        migrations.AddField(
            "document",
            "served_chunks",
            models.PositiveIntegerField(default=0, help_text="Of active_generation."),
        ),
        migrations.AddField(
            "document", "served_tokens", models.BigIntegerField(default=0, help_text="Of active_generation.")
        ),
        migrations.AddField(
            "documentpart",
            "error",
            models.JSONField(
                null=True, help_text="Why the last attempt ended early: {code, message, next_step}."
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddConstraint(
            "document",
            models.CheckConstraint(
                condition=Q(active_generation__isnull=True) | ~Q(embedding_model=""),
                name="document_served_names_its_model",
            ),
        ),
    ]
