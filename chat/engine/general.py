"""Which sentences of an answer come from no passage, where a model may answer without them."""

import re

from chat.engine.citations import Statement, bearer, statements
from chat.engine.outcome import Draft
from chat.engine.wording import says_no
from chat.sentences import CLAIM_WORDS
from chat.support.evidence import Evidence
from chat.support.tokens import key, tokens
from chat.support.verdict import claim_of
from collections_app.models import AnswerMode

_ENDS = re.compile(r"[.!?…。！？|][\s*_\"'”’»)」』]*\Z")
_LEADS_ON = re.compile(r"[?？؟:：][\s*_\"'”’»)」』]*\Z")  # a question, or what a list follows
_HEADING = re.compile(r"\s*(?:>\s*)*#{1,6}\s|\s*(?:```|~~~)")
_BOLD_LINE = re.compile(r"\s*(\*\*|__)(?:(?!\1)[^.!?])+\1\s*\Z")
_UNDERLINED = re.compile(
    r"[ \t]*\r?\n[ \t]*(?:\|?[ \t]*:?-{2,}|={2,})"
)  # a setext heading, the head of a table
_TALK = """
    yes okay sure certainly course right correct indeed please thanks thank welcome sorry hope help helps
    know let want need ask question questions answer answers detail details information more further
    however therefore thus hence moreover furthermore additionally besides also similarly likewise
    meanwhile otherwise instead still finally lastly overall summary summarize short brief briefly
    conclusion conclude addition contrast comparison general generally example instance note first
    firstly second secondly third next then now here following follows below above based known knowledge
    nein gerne klar natürlich hier kurz kurzum zusammenfassend zusammenfassung fazit außerdem zudem
    ferner jedoch allerdings dennoch daher deshalb somit also ebenso zuerst zunächst dann danach
    schließlich beispiel beispielsweise allgemein allgemeinen hinweis frage fragen antwort wissen weitere
    folgende folgendes
    además también embargo obstante tanto resumen conclusión ejemplo general primero segundo luego
    finalmente aquí claro supuesto nota pregunta respuesta
    oui bien donc ainsi cependant toutefois résumé conclusion exemple général ensuite enfin voici aussi
    да конечно однако также кроме итак итог например вот далее
"""
TALK = frozenset(key(word) for word in _TALK.split())


def general_parts(draft: Draft, *, is_whole: bool = True) -> list[dict[str, int]]:
    """Where these sentences stand: [{start, end}] in characters of the answer, in its order.

    Each sentence that says something, cites nothing and that no passage bears out. None for a strict model:
    what is not in its passages is no knowledge there, but unsupported. What we say ourselves is none either,
    say how a table was read.

    Args:
        is_whole: the answer has come to its end; False where it was stopped or failed.
    """
    context = draft.context
    if context is None or context.collection.answer_mode != AnswerMode.ASSIST or draft.refused:
        return []
    theirs = draft.content[: draft.ours_from]
    evidence = [Evidence.of(passage) for passage in draft.passages]
    said = [one for one in statements(theirs) if not one.markers and _says_something(one, theirs, is_whole)]
    return [
        {"start": one.start, "end": one.end}
        for one in said
        if bearer(claim_of(one.bare, theirs, evidence), evidence) is None
    ]


def _says_something(said: Statement, answer: str, is_whole: bool) -> bool:
    """Whether a sentence is more than a heading, a question, what leads to a list, or a mere transition."""
    text, rest = answer[said.start : said.end], answer[said.end :]
    if _HEADING.match(text) or _LEADS_ON.search(text) or _UNDERLINED.match(rest):
        return False
    if (_BOLD_LINE.match(text) and rest.strip()) or says_no(said.bare):
        return False
    words = {one.key for one in tokens(said.bare) if one.key} - TALK
    is_cut = not is_whole and not rest.strip() and not _ENDS.search(text)
    return len(words) >= (CLAIM_WORDS if is_cut else 1)
