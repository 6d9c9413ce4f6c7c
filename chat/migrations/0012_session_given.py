"""Chats whose client keeps the conversation itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0011_usage")]

    operations = [
        migrations.AddField(
            model_name="chatsession",
            name="given",
            field=models.JSONField(
                null=True,
                help_text="What a client of /v1 sent along, see chat.given; such a chat is not listed.",
            ),
        ),
    ]
