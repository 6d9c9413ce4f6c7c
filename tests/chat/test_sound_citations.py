"""What says the same as its passage in other words or another order: nothing may be held against it."""

import pytest

from chat.engine.citations import check
from documents.retrieval.types import Passage

PARAPHRASES = {
    "negation at another place": (
        "The device must not be opened by the user.",
        "Users may not open the device [1].",
    ),
    "prohibition as an order": ("The device must not be opened by the user.", "Do not open the device [1]."),
    "scale of a number with a capital": (
        "Der Umsatz stieg 2022 auf 1.234,5 Mio. Euro.",
        "Der Umsatz lag 2022 bei 1.234,5 Millionen Euro [1].",
    ),
    "currency before the number": (
        "Der Umsatz stieg 2022 auf 1.234,5 Mio. Euro.",
        "Revenue in 2022 was about EUR 1.23 billion [1].",
    ),
    "fiscal year spelled out": (
        "Capital expenditures were $1.3bn in FY2022, up 8% on the year before.",
        "Capital expenditures were $1.3 billion in fiscal year 2022 [1].",
    ),
    "fiscal year of two digits": (
        "Capital expenditures in FY22 were $1.3bn.",
        "In fiscal 2022 capital expenditures were $1.3 billion [1].",
    ),
    "amount in brackets": (
        "Interest expense was $(12) million compared to $15 million.",
        "Interest expense was $12 million, down from $15 million [1].",
    ),
    "Chinese with digits": ("保修期为两年。", "保修期是2年 [1]。"),
    "Chinese in another order": ("公司2022年收入增长了5%，达到100万元。", "收入为100万元，增长5% [1]。"),
}
TURNED = {
    "negation left out": ("The device must not be opened by the user.", "Users may open the device [1]."),
    "negation moved to another thing": (
        "It does not contain lactose but contains gluten.",
        "It contains lactose but does not contain gluten [1].",
    ),
    "negation of a negation": ("There is no lift in the house.", "There is not no lift in the house [1]."),
    "another year": ("Capital expenditures were $1.3bn in FY2022.", "They were $1.3 billion in 2021 [1]."),
    "another scale": ("Der Umsatz lag bei 12 Mio. Euro.", "Der Umsatz lag bei 12 Milliarden Euro [1]."),
    "another amount in brackets": ("Interest was $(12) million.", "Interest was $12 billion [1]."),
    "Chinese with another number": ("保修期为两年。", "保修期是3年 [1]。"),
    "Chinese with another share": ("公司2022年收入增长了5%。", "收入增长7% [1]。"),
}


def why(content: str, answer: str) -> str:
    """What tells against the sentence, the words apart: of those alone a paraphrase has too few."""
    passage = Passage(
        chunk_id=1,
        document_id=1,
        document_name="report.pdf",
        content=content,
        similarity_score=0.5,
        score=0.5,
        section="",
    )
    (found,) = check(answer, [passage], meaning=False)
    return "" if found.why == "words" else found.why


@pytest.mark.parametrize("name", PARAPHRASES)
def test_nothing_is_held_against_a_paraphrase(name: str) -> None:
    assert why(*PARAPHRASES[name]) == ""


@pytest.mark.parametrize("name", TURNED)
def test_what_is_turned_is_still_seen(name: str) -> None:
    assert why(*TURNED[name]) != ""
