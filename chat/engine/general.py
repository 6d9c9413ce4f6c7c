"""Which sentences of an answer come from no passage, where a model may answer without them."""

import re

from chat.engine.citations import likely_sources
from chat.engine.outcome import Draft
from chat.sentences import content_words, sentences
from collections_app.models import AnswerMode

LEAST_WORDS = 3  # that mean something; a shorter sentence claims little
_MARKER = re.compile(r"\[\d{1,3}\]")


def general_parts(draft: Draft) -> list[dict[str, int]]:
    """Where these sentences stand: [{start, end}] in characters of the answer, in its order.

    None for a strict model: what is not in its passages is no knowledge there, but unsupported. What we say
    ourselves is none either, say how a table was read.
    """
    context = draft.context
    if context is None or context.collection.answer_mode != AnswerMode.ASSIST or draft.refused:
        return []
    found = []
    theirs = draft.content[: draft.ours_from]
    for sentence in sentences(theirs):
        if _MARKER.search(sentence.text) or len(content_words(sentence.text)) < LEAST_WORDS:
            continue
        if not likely_sources(sentence.text, draft.passages):
            found.append({"start": sentence.start, "end": sentence.end})
    return found
