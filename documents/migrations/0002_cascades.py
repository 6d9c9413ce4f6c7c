"""What only PostgreSQL can be told: cascading deletes, and how the columns of chunks are stored.

Foreign keys: a document and its million chunks go in one statement. Storage: the vector stays inside the
row, so that an exact scan reads no side table. Statistics: the lexical ranking takes the frequency of terms
from `pg_stats.most_common_elems`.
"""

from django.db import migrations

KEYS = [
    ("documents_documentpart", "document_id", "documents_document"),
    ("documents_chunk", "document_id", "documents_document"),
    ("documents_chunk", "collection_id", "collections_app_collection"),
]


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial"), ("collections_app", "0001_initial")]
    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_cascade FOREIGN KEY ({column}) "
                f"REFERENCES {target} (id) ON DELETE CASCADE",
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_cascade",
            )
            for table, column, target in KEYS
        ),
        migrations.RunSQL(
            "ALTER TABLE documents_chunk ALTER COLUMN embedding SET STORAGE PLAIN,"
            " ALTER COLUMN search_vector SET STATISTICS 1000",
            migrations.RunSQL.noop,
        ),
    ]
