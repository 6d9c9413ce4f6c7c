"""An answer may go on from one that ended early."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0013_conversation_tree")]
    operations = [
        migrations.AddField(
            model_name="message",
            name="continues",
            field=models.ForeignKey(
                help_text="The answer whose text this one begins with and whose place it takes.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="continuations",
                to="chat.message",
            ),
        ),
    ]
