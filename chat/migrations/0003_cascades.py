"""A cited chunk or document may go; PostgreSQL then clears the reference and the answer keeps its quote."""

from django.db import migrations

KEYS = [("chunk_id", "documents_chunk"), ("document_id", "documents_document")]


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_initial"), ("documents", "0002_cascades")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE chat_messagesource ADD CONSTRAINT chat_messagesource_{column}_set_null "
            f"FOREIGN KEY ({column}) REFERENCES {target} (id) ON DELETE SET NULL",
            f"ALTER TABLE chat_messagesource DROP CONSTRAINT chat_messagesource_{column}_set_null",
        )
        for column, target in KEYS
    ]
