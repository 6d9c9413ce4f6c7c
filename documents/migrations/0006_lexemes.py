"""Text vectors of our own making: the language's lexemes, and what they leave out.

`verbatim_lexemes(language, context, content)` fills the column of the chunks: the union of

- what the text search configuration makes of the text (PostgreSQL's `to_tsvector`);
- pairs of characters where words are not parted by blanks, or carry endings that no dictionary here knows:
  Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese. Their runs are kept from `to_tsvector`, which would
  make one word of each;
- codes and numbers once more, joined (`AB-1234`: ab1234), and the longer parts of what PostgreSQL takes for
  the name of a file or host (`docs/report_2019.pdf`: docs, report, 2019, pdf);
- words with accents once more without them, German umlauts also as ae, oe, ue.

The last two count as present, not as often as they occur: the lexemes of the language are there already.

`verbatim_terms(language, question)` makes a question's terms in the same way, but looks for a word whose stem
has accents only in its forms without: every passage that has the one has the others, and no word counts twice.

A filled table is written anew, its indexes too, while nobody reads it. After a change of a function the
column must be made again, in the way of this migration.
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


SQL = "LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT RETURN"
FUNCTION = "CREATE FUNCTION {}(content text) RETURNS text " + SQL + " {}"
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
           ELSE concat_ws(' ',
             CASE WHEN word ~ '\d' THEN regexp_replace(word, '[^[:alnum:]]+', '', 'g') END,
             CASE WHEN word ~ '^[[:alpha:]]{1,3}\d[\d.]{2,}'
                  THEN regexp_replace(word, '^[[:alpha:]]+', '') END,
             CASE WHEN word ~ '[_/.:@\\]' THEN regexp_replace(
               regexp_replace(word, '[^[:alnum:]]+', ' ', 'g'), '\m[[:alnum:]]{1,2}\M', '', 'g') END)
         END, ' ')
    FROM regexp_split_to_table(content, '\s+') AS words(raw),
         LATERAL (SELECT btrim(raw, '.,;:!?()[]{}<>|*"''„“”‘’«»$€£¥%§#+-')) AS trimmed(word)
   WHERE raw ~ '\d|[[:alnum:]][_/.:@\\][[:alnum:]]' AND length(word) BETWEEN 2 AND 80
     AND word ~ ('[[:alpha:]].*\d|\d.*[[:alpha:]]|[[:alnum:]][_/:@\\-][[:alnum:]]'
              || '|[[:alpha:]]\.[[:alpha:]]|\d[,'']\d'))""",
)
BARE = FUNCTION.format(
    "verbatim_bare",
    rf"""(
  SELECT string_agg(concat_ws(' ', {bare(AS_TWO.format(AS_ONE.format("word")))},
                              {bare(AS_TWO.format(AS_ONE.format(UMLAUTS.format("word"))))}), ' ')
    FROM regexp_split_to_table(lower(content), '[^[:alpha:]{MARKS}]+') AS words(word)
   WHERE word ~ '[{LATIN}]')""",
)
WHOLE = "context || ' ' || content"
LEXEMES = rf"""
CREATE FUNCTION verbatim_lexemes(language regconfig, context text, content text) RETURNS tsvector {SQL}
     to_tsvector(language, regexp_replace({WHOLE}, '[{UNSPACED}]+', ' ', 'g'))
  || coalesce(to_tsvector('simple'::regconfig, verbatim_pairs({WHOLE})), ''::tsvector)
  || strip(coalesce(to_tsvector(language, verbatim_codes({WHOLE})), ''::tsvector))
  || strip(coalesce(to_tsvector(language, verbatim_bare({WHOLE})), ''::tsvector))"""
TERMS = rf"""
CREATE FUNCTION verbatim_terms(language regconfig, question text) RETURNS text[] {SQL} ARRAY(
  SELECT lexeme FROM unnest(
         to_tsvector(language, regexp_replace(question, '[{UNSPACED}]+', ' ', 'g'))
      || coalesce(to_tsvector('simple'::regconfig, verbatim_pairs(question)), ''::tsvector)
      || coalesce(to_tsvector(language, verbatim_codes(question)), ''::tsvector))
   WHERE lexeme !~ '[{LATIN}]'
   UNION
  SELECT unnest(tsvector_to_array(to_tsvector(language, verbatim_bare(word))))
    FROM regexp_split_to_table(question, '[^[:alpha:]{MARKS}]+') AS words(word)
   WHERE word ~ '[{LATIN}]' AND to_tsvector(language, word)::text ~ '[{LATIN}]')"""
DROPS = [
    "DROP FUNCTION verbatim_terms(regconfig, text)",
    "DROP FUNCTION verbatim_lexemes(regconfig, text, text)",
    *(f"DROP FUNCTION verbatim_{name}(text)" for name in ("bare", "codes", "pairs")),
]


class Migration(migrations.Migration):
    dependencies = [("documents", "0005_serving_and_building")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.RunSQL([PAIRS, CODES, BARE, LEXEMES, TERMS], DROPS),
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
        migrations.RunSQL("ANALYZE documents_chunk", migrations.RunSQL.noop),  # the ranking asks pg_stats
    ]
