"""Text vectors of titles and messages, for finding one's own chats.

An answer's vector is made once, when it is finished: while it is being written its text changes every second.
A filled table is written anew, its indexes too, while nobody reads it.
"""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

import chat.fields


class Migration(migrations.Migration):
    dependencies = [("chat", "0009_evaluation_places"), ("documents", "0007_rebuild_language")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.AddField(
            "chatsession",
            "title_vector",
            models.GeneratedField(
                expression=chat.fields.words_of("title"),
                output_field=django.contrib.postgres.search.SearchVectorField(),
                db_persist=True,
            ),
        ),
        migrations.AddField(
            "message",
            "search_vector",
            models.GeneratedField(
                expression=chat.fields.words_when_finished(),
                output_field=django.contrib.postgres.search.SearchVectorField(),
                db_persist=True,
            ),
        ),
        migrations.AddIndex(
            "message",
            django.contrib.postgres.indexes.GinIndex(fields=["search_vector"], name="message_search_vector"),
        ),
    ]
