"""A client's own id names one question of its user, so that what is sent twice is asked once.

Questions that were asked before keep `asked_by` empty: their ids were never promised to be unique.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0007_evaluation"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField(
            model_name="message",
            name="asked_by",
            field=models.ForeignKey(
                db_index=False,
                help_text="Of a question with a client_id: whose id that is. "
                "It names one question of his for good.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                fields=("asked_by", "client_id"), name="message_client_id_once"
            ),
        ),
    ]
