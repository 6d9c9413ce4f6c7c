"""Text vectors of our own making: the language's lexemes, and what they leave out.

`verbatim_lexemes(language, context, content)` fills the column of the chunks, and the same function makes the
terms of a question: so both are always cut alike. It is the union of

- what the text search configuration makes of the text (PostgreSQL's `to_tsvector`);
- pairs of characters where words are not parted by blanks, or carry endings that no dictionary here knows:
  Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese. Their runs are kept from `to_tsvector`, which would
  make one word of each;
- codes, numbers and file names once more, in their parts and joined (`AB-1234`: ab, 1234, ab1234);
- words with accents once more without them, German umlauts also as ae, oe, ue.

The last two count as present, not as often as they occur: the lexemes of the language are there already.

A filled table is written anew, its indexes too, while nobody reads it. After a change of a function the column
must be made again, in the way of this migration.
"""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

import documents.fields

# Thai, Lao; Burmese; Khmer; kana; Han; Hangul; Han for compatibility; half-width kana; rare Han
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f"
)
MARKS = r"\u0300-\u036f"  # accents on their own, as NFD parts them from their letters
LATIN = rf"\u00c0-\u024f\u1e00-\u1eff{MARKS}"
AS_TWO = "replace(replace(replace({}, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')"
AS_ONE = "translate({}, 'øłđı', 'oldi')"
UMLAUTS = "replace(replace(replace(replace({}, 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ø', 'oe')"


def bare(word: str) -> str:
    return f"normalize(regexp_replace(normalize({word}, NFD), '[{MARKS}]', '', 'g'), NFC)"


FUNCTION = (
    "CREATE FUNCTION {}(content text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT RETURN {}"
)
PAIRS = FUNCTION.format(
    "verbatim_pairs",
    rf"""(
  SELECT string_agg(substr(run, i, 2), ' ')
    FROM regexp_split_to_table(content, '[^{UNSPACED}]+') AS runs(run),
         generate_series(1, greatest(length(run) - 1, 1)) AS i
   WHERE run <> '')""",
)
CODES = FUNCTION.format(
    "verbatim_codes",
    r"""(
  SELECT string_agg(CASE
           WHEN word ~ '^[\d.,'']+$' THEN translate(word, ',''', '')
           ELSE concat_ws(' ', regexp_replace(word, '[^[:alnum:]]+', ' ', 'g'), CASE WHEN word ~ '\d' THEN
             concat_ws(' ', regexp_replace(word, '[^[:alnum:]]+', '', 'g'),
                       regexp_replace(word, '^[[:alpha:]]{1,3}(?=\d)', '')) END)
         END, ' ')
    FROM regexp_split_to_table(content, '\s+') AS words(raw),
         LATERAL (SELECT btrim(raw, '.,;:!?()[]{}<>|*"''„“”‘’«»$€£¥%§#+-')) AS trimmed(word)
   WHERE raw ~ '\d|[[:alnum:]][_/.:@\\][[:alnum:]]' AND length(word) BETWEEN 2 AND 80
     AND word ~ '[[:alpha:]].*\d|\d.*[[:alpha:]]|[[:alnum:]][_/:@\\-][[:alnum:]]|[[:alpha:]]\.[[:alpha:]]|\d[,'']\d')""",
)
BARE = FUNCTION.format(
    "verbatim_bare",
    rf"""(
  SELECT string_agg(concat_ws(' ', {bare(AS_TWO.format(AS_ONE.format("word")))},
                              {bare(AS_TWO.format(AS_ONE.format(UMLAUTS.format("word"))))}), ' ')
    FROM regexp_split_to_table(lower(content), '[^[:alpha:]{MARKS}]+') AS words(word)
   WHERE word ~ '[{LATIN}]')""",
)
LEXEMES = rf"""
CREATE FUNCTION verbatim_lexemes(language regconfig, context text, content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT RETURN
     to_tsvector(language, regexp_replace(context || ' ' || content, '[{UNSPACED}]+', ' ', 'g'))
  || coalesce(to_tsvector('simple'::regconfig, verbatim_pairs(context || ' ' || content)), ''::tsvector)
  || strip(coalesce(to_tsvector(language, verbatim_codes(context || ' ' || content)), ''::tsvector))
  || strip(coalesce(to_tsvector(language, verbatim_bare(context || ' ' || content)), ''::tsvector))"""
DROPS = [
    "DROP FUNCTION verbatim_lexemes(regconfig, text, text)",
    *(f"DROP FUNCTION verbatim_{name}(text)" for name in ("bare", "codes", "pairs")),
]


class Migration(migrations.Migration):
    dependencies = [("documents", "0005_serving_and_building")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.RunSQL([PAIRS, CODES, BARE, LEXEMES], DROPS),
        migrations.RemoveIndex("chunk", "chunk_search_vector"),
        migrations.RemoveField("chunk", "search_vector"),
        migrations.AddField(
            "chunk",
            "search_vector",
            models.GeneratedField(
                expression=documents.fields.Lexemes("language", "context", "content"),
                output_field=django.contrib.postgres.search.SearchVectorField(),
                db_persist=True,
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE documents_chunk ALTER COLUMN search_vector SET STATISTICS 1000",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            "chunk",
            django.contrib.postgres.indexes.GinIndex(fields=["search_vector"], name="chunk_search_vector"),
        ),
    ]
