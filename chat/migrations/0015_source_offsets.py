"""A source remembers where on its page, or in its file, its passage stands: the chunk may go.

The sources there are get it from their chunk where that is there still; a computed passage is not its text.
"""

from django.db import migrations, models

FILL = """UPDATE chat_messagesource s SET char_start = c.char_start, char_end = c.char_end
            FROM documents_chunk c WHERE c.id = s.chunk_id AND c.content = s.content"""


class Migration(migrations.Migration):
    dependencies = [("chat", "0014_continued_answers"), ("documents", "0001_initial")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="messagesource",
            name="char_start",
            field=models.PositiveIntegerField(
                help_text="As the chunk's; null for a computed passage, or where it is not known any more.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="messagesource",
            name="char_end",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
