"""A source remembers the bytes that it was read from, so that a reader is told of a newer version.

The sources there are get those of their document where their chunk is still served: it is unchanged then.
"""

from django.db import migrations, models

FILL = """UPDATE chat_messagesource s SET document_sha256 = d.sha256
            FROM documents_document d WHERE d.id = s.document_id AND s.chunk_id IS NOT NULL"""


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_message_error_next_step"), ("documents", "0005_serving_and_building")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="messagesource",
            name="document_sha256",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Of the bytes that the passage was read from.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
