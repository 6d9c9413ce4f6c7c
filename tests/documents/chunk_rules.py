"""What holds for the chunks of every text, and texts that make it hard."""

import random
from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise

import regex

from documents.chunking.base import ChunkDraft, ChunkPlan
from documents.chunking.registry import chunk_blocks
from documents.embedding.registry import get_embedder
from documents.parsing.base import Block

BETWEEN = "。！？；，、"  # words of languages that put no blank after them end here
LONGEST_CLUSTER = 64
MODEL_TOKENS, SPECIAL = 256, 2


@lru_cache(maxsize=99)
def weight(text: str) -> int:
    """Tokens of a text, and at least one for eight characters."""
    return max(get_embedder().count_tokens([text])[0], -(-len(text) // 8))


def blank(character: str) -> bool:
    return character.isspace() or character == "\u200b"


def made_of(blocks: list[Block], strategy: str, plan: ChunkPlan) -> list[ChunkDraft]:
    """The chunks, after everything that holds for all was looked at."""
    made = chunk_blocks(tuple(blocks), strategy=strategy, plan=plan, embedder=get_embedder())
    rest = list(made)
    for block in blocks:
        own = [chunk for chunk in rest if chunk.char_start < block.start + len(block.text)]
        rest = rest[len(own) :]
        check(block, own, plan)
    assert rest == []
    return made


def check(block: Block, made: list[ChunkDraft], plan: ChunkPlan) -> None:
    """Everything that holds for the chunks of one block."""
    text = block.text
    ranges = [(chunk.char_start - block.start, chunk.char_end - block.start) for chunk in made]
    tokens = get_embedder().count_tokens([chunk.content for chunk in made])
    embedded = get_embedder().count_tokens([chunk.embedded_text for chunk in made])
    assert max(embedded, default=0) <= MODEL_TOKENS - SPECIAL
    assert [chunk.token_count for chunk in made] == tokens
    for chunk, (start, end), count in zip(made, ranges, tokens, strict=True):
        assert chunk.content == text[start:end]
        assert chunk.content == chunk.content.strip() != ""
        assert (chunk.page, chunk.section) == (block.page, block.section)
        assert count <= plan.size <= 240
        assert len(chunk.content) <= plan.size * 8
        assert may_cut(text, start, plan.size), text[max(0, start - 30) : start + 30]
        assert may_cut(text, end, plan.size), text[max(0, end - 30) : end + 30]
    for (start, end), (after, last) in pairwise(ranges):
        assert start < after, "one stands within the other"
        assert end < last, "one stands within the other"
        if after < end:
            assert not block.rows
            assert blank(text[after - 1]) or text[after - 1] in BETWEEN
            shared = text[after:end]
            assert "\u200b" in shared or get_embedder().count_tokens([shared])[0] <= plan.overlap
    assert not [c for c in uncovered(text, ranges) if c.isalnum() or c >= "\U0001f300"]


def uncovered(text: str, ranges: list[tuple[int, int]]) -> str:
    """The text that no chunk holds."""
    edges = [0, *(edge for pair in ranges for edge in pair), len(text)]
    return "".join(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))


def may_cut(text: str, at: int, size: int) -> bool:
    """Whether a chunk may begin or end here: between words, or within one that is longer than a chunk."""
    if at in (0, len(text)) or blank(text[at - 1]) or blank(text[at]) or ends_sentence(text, at):
        return True
    return weight(word_at(text, at)) > size and not within_cluster(text, at)


def ends_sentence(text: str, at: int) -> bool:
    return regex.search(f"[{BETWEEN}][”’」』）]*$", text[max(0, at - 5) : at]) is not None


def word_at(text: str, at: int) -> str:
    """What stands around this place between blanks."""
    words = words_of(text)
    start, end = words[bisect_right(words, (at, 0)) - 1]
    assert start < at < end
    return text[start:end]


@lru_cache(maxsize=4)
def words_of(text: str) -> list[tuple[int, int]]:
    """Where the text's words stand."""
    return [
        found.span() for found in regex.finditer(rf"[^\s\u200b{BETWEEN}]+[{BETWEEN}]*|[{BETWEEN}]+", text)
    ]


def within_cluster(text: str, at: int) -> bool:
    """Whether what people see as one character stands on both sides."""
    clusters = clusters_of(text)
    start, end = clusters[bisect_right(clusters, (at, 0)) - 1]
    return start < at < end and end - start <= LONGEST_CLUSTER


@lru_cache(maxsize=4)
def clusters_of(text: str) -> list[tuple[int, int]]:
    """Where what people see as one character stands."""
    return [found.span() for found in regex.finditer(r"\X", text)]


FAMILY, FLAG, THUMB = "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽"
SENTENCE = "The committee met in the spring, and heard the report of its chair. "
ARABIC = "اجتمعت اللجنة في الربيع واستمعت إلى تقرير رئيسها عن حال المرفأ، ثم قررت بناء رصيف جديد؟ "
CHINESE = "委员会在春天开会，听取了主席关于港口状况的报告；随后决定在东端修建新码头。“同意！”他们说。"
JAPANESE = "委員会は春に開かれ、港の状況についての報告を聞いた。「賛成！」と全員が言った。"
THAI = "คณะกรรมการประชุมในฤดูใบไม้ผลิและรับฟังรายงานของประธานเกี่ยวกับสภาพของท่าเรือน้ำลึก"
HINDI = "समिति की बैठक वसंत में हुई और उसने बंदरगाह की स्थिति पर अध्यक्ष की रिपोर्ट सुनी। "
KOREAN = "위원회는 봄에 모여 항구의 상태에 관한 의장의 보고를 들었다. "
dice = random.Random(5)
BASE64 = "".join(dice.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=9000))

NASTY = {
    "prose": SENTENCE * 150,
    "one word": "word",
    "heading, then a paragraph": f"Heading\n\n{SENTENCE * 11}\n\nAnother\n\n{SENTENCE * 40}",
    "Arabic": ARABIC * 60,
    "Chinese without blanks": CHINESE * 80,
    "Chinese without stops": CHINESE.translate({ord(c): None for c in BETWEEN + "“”"}) * 80,
    "Japanese": JAPANESE * 80,
    "Thai without blanks": THAI * 60,
    "Hindi": HINDI * 60,
    "Hindi without blanks": "".join(HINDI.split()) * 60,
    "Korean": KOREAN * 60,
    "Korean in letters": "".join(chr(0x1112) + chr(0x1161) + chr(0x11AB) for _ in range(1500)),
    "a long address": "See https://example.org/?"
    + "&".join(f"key{n}=value{n}" for n in range(330))
    + " there.",
    "base64": f"Content: {BASE64}== end",
    "base64 in lines": "\n".join(BASE64[n : n + 76] for n in range(0, 9000, 76)),
    "an endless word": "x9" * 3000,
    "a word that fits alone": "It says " + "pneumono" * 12 + "-" + "co/ni" * 42 + " there. " + SENTENCE * 9,
    "many blank lines": "first line\n" + "\n" * 5000 + "last line",
    "many blanks": SENTENCE + " " * 5000 + SENTENCE * 9,
    "carriage returns": SENTENCE.replace(". ", ".\r\n") * 99,
    "tabs": "cell\tother cell\t1,234\t" * 400,
    "tabs alone between words": "cell\tother\t1,234\t" * 400,
    "no-break blanks": "cell\u00a0other\u3000cell\u2003" * 400,
    "zero-width blanks": "word\u200bother\u200b" * 600,
    "zero-width characters": "\u200bwo\u200crd\u200d \u2060\ufeff" * 600,
    "families": FAMILY * 900,
    "flags": "x" + FLAG * 900,
    "skin": THUMB * 900,
    "families in prose": f"{SENTENCE}{FAMILY}{FLAG}{THUMB} " * 99,
    "accents apart": "e\u0301a\u0308\u0323" * 2000,
    "piled accents": ("Z" + "\u0301\u0323\u0308" * 8 + " ") * 300 + "o" + "\u0301" * 4000,
    "rules between words": ("word " + "-" * 300 + "\n" + "=" * 300 + " word\n") * 9,
    "dotted contents": "".join(f"Chapter {n} {'.' * 90} {n * 7}\n" for n in range(60)),
    "quotes": '("[{' + SENTENCE * 40 + '}])"' * 50,
    "numbers": "1,234.56 (78) -9% 2021 " * 300,
    "controls": "a\x00b\x07c \x1b[31mred\x1b[0m " * 200,
    "astral letters": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕥𝕖𝕩𝕥 𠀀𠀁𠀂 " * 200,
    "unknown to the model": "ߒߞߏ ꦧꦱꦗꦮ ᠮᠣᠩᠭᠣᠯ " * 200,
}
SILENT = {"punctuation": "!?;:... --- *** " * 300, "blank": " \n\t\u00a0" * 500, "empty": ""}


def mixed(seed: int, length: int = 400) -> str:
    """Bits of all of them after one another, in any order."""
    dice = random.Random(seed)
    sources = list(NASTY.values())
    pieces = []
    for _ in range(length):
        source = dice.choice(sources)
        start = dice.randrange(len(source))
        pieces.append(source[start : start + int(dice.expovariate(1 / 40)) + 1])
        pieces.append(dice.choice(["", "", " ", "\n", "\n\n", "\r\n", "\t", ". ", "。"]))
    return "".join(pieces)
