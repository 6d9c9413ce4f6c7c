"""A conversation becomes a tree: each message has a parent, each session the head of the path that is shown.

What was shown stays shown: a question goes below the current answer to the question before it, and the head
is the last current message. Superseded answers stay, as older versions beside the current one.
"""

import django.db.models.deletion
from django.db import migrations, models

# Constraints are checked at once, because PostgreSQL alters no table whose rows wait for a check.
IMMEDIATE = "SET CONSTRAINTS ALL IMMEDIATE"

PARENTS = """
WITH asked AS (
    SELECT id, lag(id) OVER (PARTITION BY session_id ORDER BY id) AS previous
      FROM chat_message WHERE role = 'user'
)
UPDATE chat_message question
   SET parent_id = coalesce(
           (SELECT answer.id FROM chat_message answer WHERE answer.parent_id = asked.previous
             ORDER BY answer.superseded, answer.id DESC LIMIT 1),
           asked.previous)
  FROM asked WHERE asked.id = question.id AND asked.previous IS NOT NULL
"""
HEADS = """
UPDATE chat_chatsession session
   SET head_id = (SELECT id FROM chat_message
                   WHERE session_id = session.id AND NOT superseded
                   ORDER BY CASE role WHEN 'user' THEN id ELSE coalesce(parent_id, id) END DESC, id DESC
                   LIMIT 1)
"""
SUPERSEDED = """
UPDATE chat_message answer
   SET superseded = EXISTS (SELECT FROM chat_message other
                             WHERE other.parent_id = answer.parent_id AND other.id > answer.id)
 WHERE role = 'assistant'
"""
NO_PARENTS = "UPDATE chat_message SET parent_id = NULL WHERE role = 'user'"


class Migration(migrations.Migration):
    dependencies = [("chat", "0012_session_given")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", "SET LOCAL statement_timeout = 0"),
        migrations.RenameField("message", "reply_to", "parent"),
        migrations.AlterField(
            model_name="message",
            name="parent",
            field=models.ForeignKey(
                help_text="Null for a first question.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="children",
                to="chat.message",
            ),
        ),
        migrations.AddField(
            model_name="chatsession",
            name="head",
            field=models.ForeignKey(
                help_text="The last message of the path that is shown; see chat.tree.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="chat.message",
            ),
        ),
        # backwards they are undone from the last to the first
        migrations.RunSQL(PARENTS, IMMEDIATE),
        migrations.RunSQL(HEADS, NO_PARENTS),
        migrations.RunSQL(IMMEDIATE, SUPERSEDED),
        migrations.RemoveField("message", "superseded"),
    ]
