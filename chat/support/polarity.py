"""Whether two sentences say the opposite: a negation on one side only, or a turned direction.

Words decide, not grammar: a negation belongs to the next words of its clause (to the last ones where none
follow), a direction to the words around it. What is not clear is no contradiction.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from chat.support.tokens import Token, tokens

# fmt: off
NEGATIONS = {
    "": "not no never without cannot nor neither none nobody nothing nowhere",
    "de": "nicht kein keine keinen keiner keinem keines ohne nie niemals nichts niemand weder",
    "es": "no nunca sin jamás ningún ninguna ninguno nadie nada tampoco ni",
    "fr": "ne pas sans jamais aucun aucune rien ni",
    "it": "non mai senza nessun nessuna nessuno niente né",
    "pt": "não nunca sem jamais nenhum nenhuma nem",
    "nl": "niet geen zonder nooit niemand niets noch",
    "ru": "не нет без никогда ни нельзя никто ничего",
    "ar": "لا لم لن ليس ليست غير بدون دون",
}
# Where the language is not known: what is nothing else in another one, as "sin", "mai" and "noch" are.
_SURE_NEGATIONS = """
    nicht kein keine keinen keiner keinem keines ohne niemals nichts niemand weder
    nunca jamás ningún ninguna ninguno nadie tampoco sans jamais aucun aucune
    nessun nessuna nessuno não nenhum nenhuma niet geen zonder nooit не нет без никогда нельзя никто ничего
"""
# Say no in their own way: beside one of these a missing "not" proves nothing.
_SOFT = re.compile(
    r"\b(?:exclud|except|lack|fail|refus|den(?:y|ied|ies)|prohibit|forbid|forbad|banned|unable|unless|ineligible|absen"
    r"|only|instead|rather|hardly|rarely|barely|avoid|prevent|stop|reject|declin|impossib|unlikely|free of"
        r"|away"
    r"|ausgeschlossen|verboten|untersag|außer|statt|nur|kaum|selten|prohib|excepto|salvo|sólo|solo|evita|impid"
    r"|interdit|sauf|seul|кроме|запрещ|только|лишь|un(?:pro|in|known|able|affect|chang|related|available)\w*|non-?\w+"
    r"|in(?:complete|eligible|valid|sufficient|active)|no longer|no more|at most|at least)",
    re.IGNORECASE,
)
_NOT_NEGATIONS = re.compile(
    r"\b(?:not only|not the same|not just|not merely|not least|whether or not|if not|nicht nur|no s[óo]lo"
        r"|no solo|не"
        r" только|pas seulement"
    r"|(?:no|not) (?:more|less|fewer|later|earlier|longer|higher|lower|greater) than|not exceed\w*|no\."
        r" ?\d|nr\. ?\d"
    r"|no later|nicht mehr als|nicht weniger als|no más de|no menos de|не более|не менее|no doubt)",
    re.IGNORECASE,
)
_AXES: dict[str, tuple[str, str]] = {
    "change": (
        r"increas\w*|r(?:ise|ises|ose|isen|ising)|gr(?:ow|ows|ew|own|owing|owth)|climb\w*|gain(?:s|ed)?|higher|upward\w*|raised?"
        r"|rais(?:es|ing)|improv\w*|expand\w*|accelerat\w*|larger|greater|faster|stieg\w*|steig\w*|gestiegen|zunahm\w*"
        r"|zugenommen|erhöh\w*|höher\w*|wuchs\w*|gewachsen|aument\w*|creci\w*|subi(?:ó|eron|r)|superior\w*|mayor(?:es)?"
        r"|augment\w*|hausse|увелич\w*|вырос\w*|рост\w*|выше|增加|增长|上升|提高|زاد\w*|ارتفع\w*",
        r"decreas\w*|declin\w*|f(?:all|alls|ell|allen|alling)|drop(?:s|ped|ping)?|shr(?:ink|inks|ank|unk)|lower(?:s|ed|ing)?"
        r"|downward\w*|reduc\w*|worsen\w*|slow(?:er|ed|s|ing)|smaller|lesser|diminish\w*|sank\w*|sink\w*|gesunken|fiel(?:en)?"
        r"|gefallen|verringer\w*|senk\w*|niedriger\w*|rückgang\w*|ging\w* zurück|disminu\w*|baj(?:ó|aron"
            r"|ar)|redu(?:jo|cir|cción)"
        r"|inferior\w*|menor(?:es)?|baisse|diminu\w*|сниз\w*|уменьш\w*|упал\w*|ниже|减少|下降|降低|انخفض\w*",
    ),
    "order": (
        r"before|prior to|earlier|preced\w*|vor(?:her|dem)?|bevor|antes|avant|до|перед|之前|以前|قبل",
        r"after(?:wards)?|later|subsequent\w*|nach(?:dem|her)?|después|tras|après|после|之后|以后|بعد",
    ),
    "bound": (
        r"at least|more than|no(?:t)? (?:less|fewer) than|minimum(?: of)?|above|over|exceed\w*|from at"
            r" least|mindestens|mehr als"
        r"|über|oberhalb|wenigstens|al menos|más de|como mínimo|mínimo|por encima|au moins|plus de|не"
            r" менее|более|больше|свыше"
        r"|至少|超过|以上|على الأقل|أكثر من",
        r"at most|less than|fewer than|no(?:t)? more than|maximum(?: of)?|below|under|up to|not exceed\w*"
            r"|höchstens|weniger als"
        r"|unter|unterhalb|maximal|bis zu|como máximo|a lo sumo|menos de|hasta|por debajo|máximo|au plus"
            r"|moins de|не более|менее|меньше"
        r"|最多|不超过|以下|على الأكثر|أقل من",
    ),
    "extreme": (
        r"highest|largest|most|best|biggest|longest|greatest|maximum|höchste\w*|größte\w*|meisten|mayor(?:es)?|最高|最大",
        r"lowest|smallest|least|worst|fewest|shortest|minimum|niedrigste\w*|kleinste\w*|wenigsten|menor(?:es)?|最低|最小",
    ),
    "leave": (
        r"allow\w*|permit(?:s|ted)?|may|erlaub\w*|darf|dürfen|permit\w*|разреш\w*",
        r"forbid\w*|forbad\w*|prohibit\w*|disallow\w*|ban(?:s|ned)?|verboten|untersag\w*|prohíb\w*|prohib\w*|запрещ\w*",
    ),
    "part": (
        r"includ(?:e|es|ed|ing)|incluye\w*|einschließlich|enthalten|inklusive|y compris|включая",
        r"exclud(?:e|es|ed|ing)|excluye\w*|ausschließlich|ausgeschlossen|exclusive|исключ\w*",
    ),
    "duty": (
        r"must|mandatory|required|compulsory|obligatory|pflicht\w*|obligator\w*|обязател\w*",
        r"optional\w*|voluntary|freiwillig\w*|opcional\w*|facultati\w*|необязател\w*",
    ),
    "outcome": (
        r"accept(?:s|ed)?|approv(?:e|es|ed)|grant(?:s|ed)?|angenommen|genehmigt|aprob\w*",
        r"reject(?:s|ed)?|refus(?:e|es|ed)|den(?:y|ies|ied)|declined|abgelehnt|rechaz\w*",
    ),
    "side": (r"positive\w*|profit\w*|success\w*|won|wins?", r"negative\w*|loss(?:es)?|failure\w*|lost"
        "|loses?"),
}
# fmt: on
_CJK_NEGATION = re.compile(r"不(?!仅|过|同|断|少|但)|没有|没|未(?!来)|无(?!论)|非(?!常|洲)")


def _pattern(words: str) -> re.Pattern[str]:
    """Whole words; Chinese ones anywhere."""
    inside = [word for word in words.split("|") if "\u3400" <= word[0] <= "\u9fff"]
    whole = "|".join(word for word in words.split("|") if word not in inside)
    return re.compile("|".join([rf"(?<!\w)(?:{whole})(?!\w)", *inside]), re.IGNORECASE)


_DIRECTIONS = {axis: tuple(map(_pattern, sides)) for axis, sides in _AXES.items()}
NEAR = 5  # tokens on each side of a direction that say what it is about
LIKE = 2  # shared words around two directions that make them speak of the same
HEADS = 2  # words after a negation that it surely turns
SAME_WORDS = 0.8


@dataclass(frozen=True)
class Polarity:
    """What a sentence negates and where it points.

    Attributes:
        keys: its words.
        negated: per negation, the words that it turns (the nearest first).
        plain: words that stand outside of every negation.
        soft: it says no in another way than by a negation.
        directions: (axis, 0 or 1, the words around).
        cjk: how many Chinese negations.
    """

    keys: frozenset[str]
    negated: tuple[tuple[str, ...], ...]
    plain: frozenset[str]
    soft: bool
    directions: tuple[tuple[str, int, frozenset[str]], ...]
    cjk: int


def polarity(text: str, language: str) -> Polarity:
    """Read a sentence; its language chooses the negations."""
    words = tokens(_without_false_negations(text))
    keys = frozenset(one.key for one in words if one.key)
    cues = _cues(language)
    negated: list[tuple[str, ...]] = []
    covered: set[int] = set()
    for at, one in enumerate(words):
        if one.low in cues or one.low.endswith("n't"):
            scope = _scope(words, at)
            covered |= set(scope)
            heads = tuple(words[place].key for place in scope if words[place].key)[:HEADS]
            if heads:
                negated.append(heads)
    plain = frozenset(one.key for at, one in enumerate(words) if one.key and at not in covered)
    return Polarity(
        keys,
        tuple(negated),
        plain,
        _SOFT.search(text) is not None,
        tuple(_directions(text, tokens(text))),
        len(_CJK_NEGATION.findall(text)),
    )


@lru_cache(maxsize=32)
def _cues(language: str) -> frozenset[str]:
    """Negations of a language; the English ones too where they are no words of it."""
    english = NEGATIONS[""].split() if language in ("en", "", "de", "zh", "ja", "ko", "ar") else []
    own = NEGATIONS.get(language, "") if language else _SURE_NEGATIONS
    return frozenset([*english, *own.split()])


def negations(words: Sequence[Token], language: str) -> int:
    """How many negations stand among the words."""
    cues = _cues(language)
    return sum(one.low in cues or one.low.endswith("n't") for one in words)


def opposite(one: str, other: str) -> bool:
    """Whether two short stretches point in opposite directions."""
    return any(
        (low.search(one) and high.search(other) and not high.search(one))
        or (high.search(one) and low.search(other) and not low.search(one))
        for high, low in _DIRECTIONS.values()
    )


def _without_false_negations(text: str) -> str:
    return _NOT_NEGATIONS.sub(lambda match: " " * len(match.group()), text)


def _scope(words: tuple[Token, ...], cue: int) -> list[int]:
    """Places of the words that a negation turns: the next few of its clause, or the last ones before it."""
    after: list[int] = []
    for at in range(cue + 1, len(words)):
        if (
            words[at].is_break
            or len(after) == HEADS + 1
            or words[at].low in ("but", "aber", "sondern", "sino", "но")
        ):
            break
        if words[at].key:
            after.append(at)
    if after and not words[after[0]].low[0].isdigit():
        return after
    before: list[int] = []
    for at in range(cue - 1, -1, -1):
        if words[at].is_break or len(before) == HEADS:
            break
        if words[at].key:
            before.append(at)
    return before


def _directions(text: str, words: tuple[Token, ...]) -> list[tuple[str, int, frozenset[str]]]:
    found = []
    for axis, sides in _DIRECTIONS.items():
        places = [
            (match.start(), match.end(), side)
            for side, pattern in enumerate(sides)
            for match in pattern.finditer(text)
        ]
        # "not exceeding" is no "exceeding"; "no more than" no "more than": the longer reading wins.
        places = [
            one
            for one in places
            if not any(a <= one[0] and one[1] <= b and (a, b) != one[:2] for a, b, _ in places)
        ]
        for start, end, side in places:
            found.append((axis, side, _around(words, start, end)))
    return found


def _around(words: tuple[Token, ...], start: int, end: int) -> frozenset[str]:
    before = [one for one in words if one.start < start and (one.key or one.is_break)]
    after = [one for one in words if one.start >= end and (one.key or one.is_break)]
    near: set[str] = set()
    for side in (reversed(before), iter(after)):
        for steps, one in enumerate(side):
            if steps == NEAR or (one.is_break and one.low in (".", ";", "!", "?", "\n")):
                break
            near.add(one.key)
    return frozenset(near - {""})


def is_negation_flipped(said: Polarity, held: Polarity) -> bool:
    """Whether one of two sentences about the same says no where the other does not."""
    shared = said.keys & held.keys
    if said.cjk or held.cjk:
        return (said.cjk > 0) != (held.cjk > 0) and len(shared) >= 0.5 * min(len(said.keys), len(held.keys))
    if held.soft or said.soft:
        return False
    for one, other in ((said, held), (held, said)):
        turned = {word for heads in other.negated for word in heads}
        for head, *_ in one.negated:
            if head in other.plain and head not in turned and head not in one.plain:
                return True
    if bool(said.negated) != bool(held.negated):
        return len(shared) >= SAME_WORDS * len(said.keys | held.keys)
    return False


def is_direction_turned(said: Polarity, held: Sequence[Polarity]) -> bool:
    """Whether a direction of a sentence points the other way wherever the others speak of the same things."""
    for axis, side, about in said.directions:
        shared: tuple[list[int], list[int]] = ([], [])
        for one in held:
            for name, other, near in one.directions:
                if name == axis and not one.negated:
                    shared[other].append(len(about & near))
        turned, same = max(shared[1 - side], default=0), max(shared[side], default=0)
        if not said.negated and turned >= LIKE and turned > same:
            return True
    return False
