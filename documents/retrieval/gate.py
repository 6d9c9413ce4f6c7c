"""Which passages may carry an answer. Strict collections refuse when none does."""

from documents.retrieval.lexical import is_code, unsigned

RARE_SHARE = 0.02  # a term is rare when at most this share of the chunks (or RARE_CHUNKS of them) hold it
RARE_CHUNKS = 3
WHOLE_QUESTION_TERMS = 3  # a passage that holds every word of a question this long is about it
LEXICAL_FLOOR = 0.5  # of the similarity threshold: words alone do not carry a passage that is far off
# Where the embedding model does not know the language, all texts are near each other for it. Twice the share
# of their ceiling that the words reach takes the place of its cosine; what is refused: bench/languages.py.
WORDS_FOR_MEANING = 2.0
LEAST_OF_QUESTION = 0.125  # of the weight of all its words: that a passage holds one of many says nothing


def rare_terms(frequency: dict[str, float], chunks: int) -> frozenset[str]:
    """The question's terms that tell chunks apart, those that no chunk holds included."""
    most = max(RARE_CHUNKS, chunks * RARE_SHARE)
    return frozenset(term for term, count in frequency.items() if count <= most)


def lexically_strong(held: frozenset[str], rare: frozenset[str]) -> bool:
    """Whether a passage holds all rare terms of the question: two of them, or a code.

    `-1234` and `1234` are two spellings of one term.
    """
    wanted = {unsigned(term) for term in rare}
    found = {unsigned(term) for term in held}
    return wanted <= found and (len(wanted) >= 2 or any(is_code(term) for term in wanted))


def holds_whole_question(held: frozenset[str], terms: frozenset[str]) -> bool:
    """Whether a passage holds every term of a question of at least WHOLE_QUESTION_TERMS.

    Rows of a table are far from any question in meaning, several of them in one passage still farther; but a
    row that holds all of its words answers it.
    """
    wanted = {unsigned(term) for term in terms}
    return len(wanted) >= WHOLE_QUESTION_TERMS and wanted <= {unsigned(term) for term in held}


def nearness(similarity: float, words: float, held: float, *, understood: bool) -> float:
    """What is compared with the threshold, from 0 to 1.

    Args:
        similarity: cosine of question and chunk.
        words: the chunk's BM25 as a share of what it can reach at most.
        held: the weight of the question's terms that it holds, as a share of all of them.
        understood: whether the embedding model knows the language; see `catalogue.understands`.
    """
    if understood:
        return similarity
    return min(1.0, WORDS_FOR_MEANING * words) if held >= LEAST_OF_QUESTION else 0.0


def passes(
    *,
    near: float,
    threshold: float,
    held: frozenset[str],
    rare: frozenset[str],
    terms: frozenset[str],
) -> bool:
    """Whether one passage is near enough, or holds the question's rare words.

    Args:
        near: from `nearness`.
        threshold: the collection's similarity_threshold.
        held: the question's terms that the passage holds.
        rare: from `rare_terms`.
        terms: all of the question's terms.
    """
    if near >= threshold:
        return True
    if not (lexically_strong(held, rare) or holds_whole_question(held, terms)):
        return False
    return any(is_code(term) for term in rare) or near >= threshold * LEXICAL_FLOOR
