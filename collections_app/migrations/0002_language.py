"""The text search configuration is a setting now; what is stored stays as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collections_app", "0001_initial")]
    operations = [
        migrations.AlterField(
            "collection",
            "text_search_config",
            models.CharField(
                verbose_name="language",
                max_length=63,
                default="english",
                help_text="PostgreSQL's text search configuration that its documents are indexed with.",
            ),
        ),
    ]
