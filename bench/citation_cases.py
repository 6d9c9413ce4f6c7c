"""True and false citations made from the corpora: what a reader may trust, and what he must be warned of.

True: sentences of a passage, the same with numbers and dates written another way, answers that people wrote
from it, and statements about the rows of tables. False: the same sentences with another passage of their
document, a changed number or name, an added negation, a turned direction, or facts of another row.
"""

import csv
import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chat.sentences import sentences

PASSAGE_CHARS = 900
ROWS = 6  # of a table in one passage
_NUMBER = re.compile(r"(?<![\w.,/-])\d{1,3}(?:,\d{3})+(?![\d.,%])|(?<![\w.,/-])\d+(?:\.\d+)?(?![\w.,/-]*\d)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?![\w-])")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|must|may|has been|have been|had been)\b(?! not)"
)
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(rf"\b({_MONTH}) (\d{{1,2}}), (\d{{4}})\b")
TURNED = {
    "increased": "decreased", "decreased": "increased", "increase": "decrease", "decrease": "increase",
    "higher": "lower", "lower": "higher", "more than": "less than", "less than": "more than",
    "before": "after", "after": "before", "at least": "at most", "at most": "at least",
    "highest": "lowest", "largest": "smallest", "lowest": "highest", "rose": "fell", "fell": "rose",
    "above": "below", "below": "above", "up to": "at least", "greater": "smaller", "reduced": "increased",
    "growth": "decline", "decline": "growth", "earlier": "later", "later": "earlier",
}  # fmt: skip
_TURN = re.compile(r"\b(" + "|".join(sorted(TURNED, key=len, reverse=True)) + r")\b")


@dataclass(frozen=True)
class Base:
    """A true statement: the sentence, its passage, and another passage of the same document."""

    source: str
    document: str
    sentence: str
    passage: str
    other: str
    title: str = ""
    other_title: str = ""


@dataclass(frozen=True)
class Case:
    """A citation with what is true about it."""

    kind: str
    source: str
    document: str
    sentence: str
    passage: str
    true: bool
    is_table: bool = False
    title: str = ""

    @property
    def half(self) -> str:
        """`tune` or `report`, by its document."""
        return "tune" if hashlib.sha256(self.document.encode()).digest()[0] % 2 else "report"


def cases(corpora: Path, seed: int = 7) -> list[Case]:
    """All cases, the same for the same seed."""
    rng = random.Random(seed)
    found: list[Case] = []
    for base in [*_texts(corpora, rng), *_answers(corpora, rng), *_northwind(corpora, rng)]:
        found += _of(base, rng)
    return [*found, *_rows(corpora, rng), *_questions(corpora, rng)]


def _of(base: Base, rng: random.Random) -> Iterator[Case]:
    """A statement as it is, and every way of spoiling it that fits it."""

    def case(
        kind: str, sentence: str, *, true: bool, passage: str = base.passage, title: str = base.title
    ) -> Case:
        return Case(kind, base.source, base.document, sentence, passage, true, title=title)

    yield case(f"true_{base.source.split('/')[0]}", base.sentence, true=True)
    written = _written_otherwise(base.sentence)
    if written != base.sentence:
        yield case("true_reformatted", written, true=True)
    if base.other:
        yield case("wrong_passage", base.sentence, true=False, passage=base.other, title=base.other_title)
    for kind, spoil in _SPOILERS.items():
        spoilt = spoil(base, rng)
        if spoilt and spoilt != base.sentence:
            yield case(kind, spoilt, true=False)


def _written_otherwise(sentence: str) -> str:
    """The same with its dates and large numbers written another way."""
    names = _MONTH.split("|")

    def date(match: re.Match[str]) -> str:
        month, day, year = match.groups()
        return (
            f"{day} {month} {year}" if int(day) % 2 else f"{year}-{names.index(month) + 1:02}-{int(day):02}"
        )

    def number(match: re.Match[str]) -> str:
        value = int(match.group().replace(",", ""))
        if value % 100_000 == 0 and value >= 1_000_000:
            return f"{value / 1e6:g} million"
        return f"{value}" if "," in match.group() else match.group()

    return re.sub(r"\b\d{1,3}(?:,\d{3})+\b(?![.,]\d)", number, _DATE.sub(date, sentence))


def _changed_number(base: Base, rng: random.Random) -> str:
    found = list(_NUMBER.finditer(base.sentence))
    if not found:
        return ""
    match = rng.choice(found)
    value = match.group()
    changed = (
        str(int(float(value.replace(",", ""))) + rng.choice([1, 2, 3, 10]))
        if "." not in value
        else f"{float(value.replace(',', '')) + 1.3:.1f}"
    )
    return "" if changed in base.passage else _put(base.sentence, match, changed)


def _number_of_another(base: Base, rng: random.Random) -> str:
    """One of its numbers replaced by another number of the same passage."""
    found = list(_NUMBER.finditer(base.sentence))
    others = sorted({one.group() for one in _NUMBER.finditer(base.passage)} - {one.group() for one in found})
    others = [one for one in others if one not in base.sentence]
    if not found or not others:
        return ""
    match = rng.choice(found)
    alike = [one for one in others if len(one) == len(match.group())]
    return _put(base.sentence, match, rng.choice(alike)) if alike else ""


def _swapped_numbers(base: Base, rng: random.Random) -> str:
    found = list(_NUMBER.finditer(base.sentence))
    if (
        len(found) != 2
        or found[0].group() == found[1].group()
        or len(found[0].group()) != len(found[1].group())
    ):
        return ""
    first, second = found
    text = base.sentence
    between = text[first.end() : second.start()]
    if not re.search(r"[a-z]{3}", between) or re.fullmatch(r"\s*(?:and|to|or|through)\s*", between):
        return ""
    return text[: first.start()] + second.group() + between + first.group() + text[second.end() :]


def _changed_name(base: Base, rng: random.Random) -> str:
    found = list(_NAME.finditer(base.sentence))
    strangers = [one for one in _STRANGERS if one not in base.passage]
    return _put(base.sentence, rng.choice(found), rng.choice(strangers)) if found else ""


def _name_of_another(base: Base, rng: random.Random) -> str:
    found = list(_NAME.finditer(base.sentence))
    others = sorted({one.group() for one in _NAME.finditer(base.passage) if one.group() not in base.sentence})
    return _put(base.sentence, rng.choice(found), rng.choice(others)) if found and others else ""


def _negated(base: Base, rng: random.Random) -> str:
    without = re.sub(
        r"\b(is|are|was|were|can|could|will|would|should|must|may|do|does|did) not\b|\b(can)not\b",
        r"\1\2",
        base.sentence,
        count=1,
    )
    if without != base.sentence:
        return without
    match = _AUXILIARY.search(base.sentence)
    if match is None:
        return ""
    first, _, rest = match.group().partition(" ")
    return _put(base.sentence, match, f"{first} not {rest}".strip())


def _turned(base: Base, rng: random.Random) -> str:
    match = _TURN.search(base.sentence)
    return _put(base.sentence, match, TURNED[match.group()]) if match else ""


def _put(text: str, match: re.Match[str], instead: str) -> str:
    return text[: match.start()] + instead + text[match.end() :]


_STRANGERS = (
    "Oldenburg",
    "Kowalski",
    "Meridian",
    "Tanaka",
    "Fairbanks",
    "Lindqvist",
    "Norwich",
    "Castellano",
)
_SPOILERS = {
    "changed_number": _changed_number,
    "number_of_another": _number_of_another,
    "swapped_numbers": _swapped_numbers,
    "changed_name": _changed_name,
    "name_of_another": _name_of_another,
    "negated": _negated,
    "turned_direction": _turned,
}


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _passages(text: str) -> list[str]:
    """A text in stretches of whole sentences, without its references to literature."""
    text = re.sub(r"\s*\[\d[\d, –-]*\](?=\s?\.)?", "", text).replace(" .", ".")
    found, now = [], ""
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9“\"])", text):
        if now and len(now) + len(sentence) > PASSAGE_CHARS:
            found.append(now)
            now = ""
        now = f"{now} {sentence}".strip()
    return [*found, now] if now else found


def _texts(corpora: Path, rng: random.Random) -> Iterator[Base]:
    """Sentences of running text."""
    folder = corpora / "retrieval"
    documents = [
        (f"quoted/{one['id']}", one["text"][:20_000])
        for one in _lines(folder / "covid-qa" / "corpus.jsonl")[:60]
    ]
    for name in ("finance", "wikitexts", "pubmed", "state_of_the_union"):
        text = (folder / "chroma-chunking-eval" / "docs" / f"{name}.md").read_text(encoding="utf-8")
        documents += [
            (f"quoted/{name}-{at}", text[at : at + 20_000])
            for at in range(0, min(len(text), 200_000), 20_000)
        ]
    xquad = [one["text"] for one in _lines(folder / "xquad-en" / "corpus.jsonl")]
    documents += [(f"quoted/xquad-{at}", "\n".join(xquad[at : at + 5])) for at in range(0, len(xquad), 5)]
    for name, text in documents:
        passages = [one for one in _passages(text) if len(one) > 300]
        for at in rng.sample(range(len(passages)), min(5, len(passages))):
            sentence = _a_sentence(passages[at], rng)
            other = (
                passages[(at + rng.randint(1, len(passages) - 1)) % len(passages)]
                if len(passages) > 1
                else ""
            )
            if sentence:
                yield Base("quoted", name, sentence, passages[at], other if sentence not in other else "")


def _a_sentence(passage: str, rng: random.Random) -> str:
    found = [one.strip() for one in re.split(r"(?<=[a-z0-9)][.!?])\s+(?=[A-Z])", passage.replace("\n", " "))]
    good = [one for one in found if 50 < len(one) < 350 and one[0].isupper() and one[-1] in ".!?"]
    good = [one for one in good if len(sentences(one)) == 1]
    return rng.choice(good) if good else ""


def _answers(corpora: Path, rng: random.Random) -> Iterator[Base]:
    """What people wrote as an answer from one passage, sentence by sentence."""
    folder = corpora / "retrieval" / "clapnq-dev"
    texts = {one["id"]: one for one in _lines(folder / "corpus.jsonl")}
    everything = list(texts.values())
    for entry in _lines(folder / "answers.jsonl"):
        if not entry["answerable"] or len(entry["passage_ids"]) != 1:
            continue
        one = texts[entry["passage_ids"][0]]
        for sentence in re.split(
            r"(?<=[a-z0-9)'] [.!?])\s+|(?<=[a-z0-9)][.!?])\s+(?=[A-Z])", entry["output"][0]["answer"]
        ):
            if 40 < len(sentence.strip()) < 350:
                other = rng.choice(everything)
                yield Base(
                    "answers",
                    one["title"],
                    sentence.strip(),
                    one["text"],
                    other["text"],
                    one["title"],
                    other["title"],
                )


def _northwind(corpora: Path, rng: random.Random) -> Iterator[Base]:
    """Answers that a language model wrote from one page of a handbook, sentence by sentence."""
    import pypdfium2

    folder = corpora / "pdfqa" / "azure-northwind"
    pages: dict[str, list[str]] = {}
    for entry in _lines(folder / "questions.jsonl"):
        evidence = entry["evidence"]
        if len(evidence) != 1 or evidence[0]["overlap_stated"] < 0.7:
            continue
        name = evidence[0]["doc"]
        if name not in pages:
            pdf = pypdfium2.PdfDocument(folder / name)
            pages[name] = [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in pdf]
        number = evidence[0]["page"] - 1
        other = pages[name][(number + rng.randint(2, len(pages[name]) - 2)) % len(pages[name])]
        for sentence in re.split(r"(?<=[a-z0-9)][.!?])\s+(?=[A-Z])", entry["answer"]):
            if 40 < len(sentence.strip()) < 350:
                title = name.split("/")[1]
                yield Base(
                    "handbook", f"{name}-{number}", sentence.strip(), pages[name][number], other, title, title
                )


def _questions(corpora: Path, rng: random.Random) -> Iterator[Case]:
    """Questions with their answers, in words of their own; the passage in English, German or Spanish."""
    folder = corpora / "retrieval"
    asked = _lines(folder / "xquad-en" / "queries.jsonl")
    answers = {
        one["query_id"]: one["answers"][0]["text"] for one in _lines(folder / "xquad-en" / "answers.jsonl")
    }
    for language in ("en", "de", "es"):
        texts = {one["id"]: one["text"] for one in _lines(folder / f"xquad-{language}" / "corpus.jsonl")}
        order = list(texts)
        gold = {
            one["query_id"]: one["doc_id"] for one in _lines(folder / f"xquad-{language}" / "answers.jsonl")
        }
        name = "question" if language == "en" else "foreign"
        for one in rng.sample(asked, 400 if language == "en" else 120):
            if one["id"] not in gold or one["id"] not in answers:
                continue
            at = order.index(gold[one["id"]])
            article = order[at - at % 5 : at - at % 5 + 5]
            near = rng.choice([other for other in article if other != order[at]])
            said = f"{one['text'].rstrip('?').strip()}: {answers[one['id']]}."
            if len(sentences(said)) == 1:
                document = f"question-{at // 5}"
                yield Case(f"true_{name}", name, document, said, texts[order[at]], True)
                yield Case(f"near_{name}", name, document, said, texts[near], False)


def _rows(corpora: Path, rng: random.Random) -> Iterator[Case]:
    """Statements about rows of real tables, true and with the value of another row."""
    for path in sorted((corpora / "csv").glob("*.csv")):
        try:
            table = list(csv.reader(path.read_text(encoding="latin-1").splitlines()))[:120]
        except csv.Error:
            continue
        if len(table) < 8 or not 3 <= len(table[0]) <= 40 or len(set(map(len, table))) != 1:
            continue
        header = table[0]
        for at in range(1, len(table) - ROWS, ROWS):
            rows = table[at : at + ROWS]
            lines = ["; ".join(map(": ".join, zip(header, row, strict=True))) for row in rows]
            yield from _row_cases(path.name, header, rows, "\n".join(lines), rng)


def _row_cases(
    name: str, header: list[str], rows: list[list[str]], text: str, rng: random.Random
) -> Iterator[Case]:
    subject = next(
        (
            at
            for at in range(len(header))
            if len({row[at] for row in rows}) == len(rows)
            and all(re.search("[a-z]{3}", row[at]) for row in rows)
        ),
        None,
    )
    numeric = [
        at
        for at in range(len(header))
        if len({row[at] for row in rows}) > 3 and all(re.fullmatch(r"[\d.,$%-]+", row[at]) for row in rows)
    ]
    if subject is None or not numeric:
        return
    for at, row in enumerate(rows):
        column = rng.choice(numeric)
        other = rows[(at + rng.randint(1, len(rows) - 1)) % len(rows)]
        if len(row[subject]) > 80 or other[column] == row[column]:
            continue
        said = f"The {header[column]} of {row[subject]} is "
        yield Case("true_row", "rows", name, f"{said}{row[column]}.", text, True, True)
        yield Case("other_row", "rows", name, f"{said}{other[column]}.", text, False, True)
