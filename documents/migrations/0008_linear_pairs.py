"""`verbatim_pairs` in linear time; its text, and so what is stored, stays the same letter by letter.

`substr(run, i, 2)` counts characters from the run's beginning each time: a run of 100,000 took 20 s. Now the
run is taken apart once, and each letter gets the next one.
"""

from importlib import import_module

from django.db import migrations

before = import_module("documents.migrations.0006_lexemes")

PAIRS = before.FUNCTION.format(
    "verbatim_pairs",
    rf"""(
  SELECT string_agg(letter || coalesce(follower, ''), ' ' ORDER BY nth, i)
    FROM (SELECT nth, i, letter, lead(letter) OVER (PARTITION BY nth ORDER BY i) AS follower
            FROM regexp_split_to_table(content, '[^{before.UNSPACED}]+') WITH ORDINALITY AS runs(run, nth),
                 unnest(string_to_array(run, NULL)) WITH ORDINALITY AS letters(letter, i)) AS pairs
   WHERE follower IS NOT NULL OR i = 1)""",
)


def replacing(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


class Migration(migrations.Migration):
    dependencies = [("documents", "0007_rebuild_language")]
    operations = [migrations.RunSQL(replacing(PAIRS), replacing(before.PAIRS))]
