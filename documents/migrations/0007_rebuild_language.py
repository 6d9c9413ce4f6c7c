"""A rebuild goes to a language as it goes to an embedding model; one that runs keeps the present one."""

from django.db import migrations, models

FILL = """
UPDATE documents_rebuild r SET text_search_config = c.text_search_config
  FROM collections_app_collection c WHERE c.id = r.collection_id
"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0006_lexemes"), ("collections_app", "0002_language")]
    operations = [
        migrations.AddField(
            "rebuild",
            "text_search_config",
            models.CharField(max_length=63, default="english"),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
