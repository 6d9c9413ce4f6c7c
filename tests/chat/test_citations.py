"""Markers while the answer streams, and whether what is cited holds what is said."""

import random
import re
import time
from itertools import pairwise

import pytest

from chat.engine.citations import check, likely_sources, supported_markers
from chat.engine.marker_filter import MarkerFilter
from chat.markers import find, without
from chat.rendering import render_markdown
from documents.retrieval.types import Passage


def passage(content, number=1, name="handbook.pdf", section=""):
    return Passage(
        chunk_id=number,
        document_id=number,
        document_name=name,
        content=content,
        similarity_score=0.6,
        score=0.03,
        section=section,
    )


HOLIDAY = passage(
    "Employees of Northwind receive twenty-six days of paid holiday per year."
    " Five of them may be carried over.",
    1,
)
INVOICES = passage("Invoices above 7,500 euros need the signature of two directors.", 2, "finance.pdf")
PUMP = passage("Spare part AB-1234 is the seal of the main pump; order it in Bremen.", 3, "parts.csv")
PASSAGES = [HOLIDAY, INVOICES, PUMP]


def filtered(text, passages=3):
    marker_filter = MarkerFilter(passages)
    return marker_filter.feed(text) + marker_filter.flush(), marker_filter


class TestMarkerFilter:
    def test_a_long_text_full_of_unknown_numbers_takes_a_moment(self):
        marker_filter, text = MarkerFilter(2), "word [9] " * 80_000
        began = time.monotonic()
        assert (marker_filter.feed(text) + marker_filter.flush()).count("word") == 80_000
        assert time.monotonic() - began < 5  # half a second, or 15 where each marker looks at all before it

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("Yes [1].", "Yes [1]."),
            ("Yes [1][3].", "Yes [1][3]."),
            ("Yes [1, 2].", "Yes [1][2]."),
            ("Yes [1,2;3].", "Yes [1][2][3]."),
            ("Yes [1 and 2].", "Yes [1][2]."),
            ("Yes [1-3].", "Yes [1][2][3]."),
            ("Yes [1–2].", "Yes [1][2]."),
            ("Yes [2-9].", "Yes [2][3]."),
            ("Yes 【1】.", "Yes [1]."),
            ("Yes 【2†source】.", "Yes [2]."),
            ("Yes ［2］.", "Yes [2]."),
            ("Yes [ 1 ].", "Yes [1]."),
            ("Yes [^1].", "Yes [1]."),
            ("Yes [[1]].", "Yes [1]."),
            ("Yes [1, 1].", "Yes [1]."),
            ("[1] says so", "[1] says so"),
            ("[see [1]]", "[see [1]]"),
            ("found[1] here", "found[1] here"),
        ],
    )
    def test_every_way_of_writing_a_marker_comes_out_the_same(self, written, shown):
        assert filtered(written)[0] == shown

    @pytest.mark.parametrize(
        ("written", "shown", "dropped"),
        [
            ("Yes [4].", "Yes.", [4]),
            ("Yes [0].", "Yes.", [0]),
            ("Yes [12] and no.", "Yes and no.", [12]),
            ("Yes [1, 7].", "Yes [1].", [7]),
            ("Yes [7][1].", "Yes [1].", [7]),
            ("Yes [7][8].", "Yes.", [7, 8]),
            ("Yes [7][8]", "Yes", [7, 8]),
            ("Yes [100].", "Yes.", [100]),
            ("Yes [1, 2019].", "Yes [1].", [2019]),
            ("Yes 【9】.", "Yes.", [9]),
            ("Yes **[9]**.", "Yes.", [9]),
            ("Yes **[9][8]**!", "Yes!", [9, 8]),
            ("Yes **[9] [1]**.", "Yes **[1]**.", [9]),
            ("**[9] Note:** see below.", "**Note:** see below.", [9]),
            ("Yes __[9]__ and *[8]*.", "Yes and.", [9, 8]),
            ("Yes ([9]).", "Yes.", [9]),
            ("Yes.\n\n[9]: http://x.example", "Yes.\n\nhttp://x.example", [9]),
            ("- [9]: http://x.example", "- http://x.example", [9]),
            ("As in [9]: yes.", "As in: yes.", [9]),
        ],
    )
    def test_a_number_without_a_passage_never_comes_out(self, written, shown, dropped):
        text, marker_filter = filtered(written)
        assert text == shown
        assert marker_filter.dropped == dropped

    def test_without_passages_no_marker_comes_out(self):
        assert filtered("I think [1] so [2].", passages=0)[0] == "I think so."

    @pytest.mark.parametrize(
        "text",
        [
            "[x] done, [ ] open, [note], [^note], [a1], []",
            "In [2019] and [2018, 2019] and [2018-2020].",
            "See [the page](https://example.com/a_(b)) or [1](https://example.com).",
            "Look: ![1](https://example.com/x.png)",
            "Use `row[1]` and ``x[2] ` y[9]`` here",
            "```python\nprint(row[9])\nprint(row[1])\n```\n",
            "unfinished [1",
            "unfinished [",
            "unfinished [1](http://example.com/",
            "two blanks  \nnew line",
            "[1, p. 5] and [1.2]",
            "array[1:9]",
        ],
    )
    def test_what_is_no_marker_is_untouched(self, text):
        shown, marker_filter = filtered(text)
        assert shown == text
        assert marker_filter.dropped == []

    def test_brackets_with_words_after_a_marker_are_no_link(self):
        assert filtered("Revenue [1](in millions) rose")[0] == "Revenue [1](in millions) rose"
        assert filtered("Revenue [1](in millions) rose")[1].cited == [1]
        assert filtered("a link [1](https://example.com)")[1].cited == []

    def test_a_stray_backtick_does_not_silence_the_next_line(self):
        text, marker_filter = filtered("a ` b\nYes [9] and [1].")
        assert text == "a ` b\nYes and [1]."
        assert marker_filter.cited == [1]

    def test_cited_numbers_are_recorded_once_in_order(self):
        assert filtered("A [3]. B [1, 3]. C [2]. D [9].")[1].cited == [3, 1, 2]

    ANSWER = (
        "Yes 【1】, and [1, 2] `x[9]` — [^3] [12]. See [1](https://e.com/é) [2019] [x] [[2]]; [1-3]"
        "【2†source】 [7][8].\n```\na[9]\n``` end [ 2 ] 🦜[3"
    )

    def test_a_marker_cut_anywhere_comes_out_as_if_whole(self):
        whole, reference = filtered(self.ANSWER)
        assert "[9]" in whole  # in code
        for cut in range(len(self.ANSWER) + 1):
            marker_filter = MarkerFilter(3)
            out = marker_filter.feed(self.ANSWER[:cut]) + marker_filter.feed(self.ANSWER[cut:])
            assert out + marker_filter.flush() == whole, cut
            assert marker_filter.cited == reference.cited

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
    def test_an_answer_in_small_pieces_comes_out_as_if_whole(self, size):
        whole = filtered(self.ANSWER)[0]
        marker_filter = MarkerFilter(3)
        pieces = [self.ANSWER[at : at + size] for at in range(0, len(self.ANSWER), size)]
        assert "".join(map(marker_filter.feed, pieces)) + marker_filter.flush() == whole

    def test_random_answers_come_out_the_same_however_they_are_cut(self):
        rng = random.Random(11)
        pieces = [
            "[",
            "]",
            "[[",
            "]]",
            "【",
            "】",
            "［",
            "］",
            "†",
            "(",
            ")",
            "`",
            "```",
            "\n",
            " ",
            "  ",
            ",",
            ";",
            "-",
            "–",
        ]
        pieces += ["*", "**", "_", ":", "**[9]**", "([9])", "[9]: x"]
        pieces += [
            "^",
            "and",
            "&",
            "1",
            "2",
            "3",
            "4",
            "0",
            "12",
            "2019",
            "[1]",
            "[2][3]",
            "[9]",
            "[1, 2]",
            "x",
            "é",
            "🦜",
            ".",
        ]
        for _ in range(400):
            answer = "".join(rng.choices(pieces, k=rng.randint(1, 24)))
            whole, reference = filtered(answer)
            assert set(reference.cited) <= {1, 2, 3}
            for _ in range(6):
                marker_filter = MarkerFilter(3)
                cuts = sorted(rng.choices(range(len(answer) + 1), k=rng.randint(1, 8)))
                deltas = [answer[a:b] for a, b in pairwise([0, *cuts, len(answer)])]
                out = "".join(map(marker_filter.feed, deltas)) + marker_filter.flush()
                assert (out, marker_filter.cited, marker_filter.dropped) == (
                    whole,
                    reference.cited,
                    reference.dropped,
                ), (answer, cuts)

    def test_only_a_possible_marker_is_held_back(self):
        marker_filter = MarkerFilter(3)
        assert marker_filter.feed("The answer is") == "The answer is"
        assert marker_filter.feed(" yes [") == " yes"
        assert marker_filter.feed("see below") == " [see below"
        assert marker_filter.feed(" [1") == ""
        assert marker_filter.feed("]") == ""
        assert marker_filter.feed(".") == " [1]."
        assert marker_filter.flush() == ""

    def test_what_is_held_back_is_bounded(self):
        marker_filter = MarkerFilter(3)
        for piece in ("[" + "1," * 5000, "[1](" + "x" * 5000, "【1†" + "y" * 5000, "[" * 5000, "[ " * 3000):
            shown = marker_filter.feed(piece)
            assert len(piece) - len(shown) < 700
        marker_filter.flush()


SHOWN = (
    "Use `row[1]` and ``a ` b[2]``, see [1](https://e.example), [page [2]](https://e.example),"
    " [3] \\[1] \\[2\\].\n\n"
    "~~~\nrow[1]\n~~~\n```python\nx[2]\n```\n| a | b |\n|---|---|\n| `t[1]` | yes [2] |\n\n    code[1]\n\n"
    "> quoted **[1]**, [2]: [1](javascript:x) <https://e.example/[3]> a\ue000[2]\ue001[\ue0000\ue001]\n"
)


class TestFind:
    def test_markers_are_what_is_shown_as_citations(self):
        found = find(SHOWN)
        assert [one.number for one in found] == [3, 2, 1, 2, 1, 2]
        assert all(SHOWN[one.start : one.end] == f"[{one.number}]" for one in found)
        shown = re.findall(r'data-marker="(\d+)"', render_markdown(SHOWN))
        assert [int(one) for one in shown] == [one.number for one in found]

    def test_random_answers_cite_what_is_shown_as_citations(self):
        rng = random.Random(3)
        pieces = [
            "[1]",
            "[2]",
            "`",
            "``",
            "```",
            "\n",
            "\n\n",
            "](https://e.example)",
            "[",
            "(",
            ")",
            "*",
            "**",
            "~~",
        ]
        pieces += ["x", " ", "    ", "- ", "|", "|---|\n", "<https://e.example/", ">", "\\", "&#91;", "]"]
        for _ in range(500):
            answer = "".join(rng.choices(pieces, k=rng.randint(1, 20)))
            shown = re.findall(r'data-marker="(\d+)"', render_markdown(answer))
            assert [int(one) for one in shown] == [one.number for one in find(answer)], answer

    def test_only_markers_and_the_blanks_before_them_are_taken_out(self):
        assert without("Use `row[1]`  [1], [2].") == "Use `row[1]`,."
        assert without("See [1](https://e.example) [1]") == "See [1](https://e.example)"


class TestCheck:
    def verdict(self, answer):
        return [sentence.supported for sentence in check(answer, PASSAGES)]

    @pytest.mark.parametrize(
        "answer",
        [
            "Employees receive twenty-six days of paid holiday [1].",
            "Employees receive 26 days of paid holiday per year. [1]",
            "- **Invoices** above 7500 euros need two directors' signatures [2]",
            "1. Part AB-1234 is the seal of the main pump [3].",
            "At Northwind, five days may be carried over [1].",
        ],
    )
    def test_what_the_passage_says_is_supported(self, answer):
        assert [all(one.values()) for one in self.verdict(answer)] == [True]

    @pytest.mark.parametrize(
        ("answer", "missing"),
        [
            ("Employees receive thirty days of paid holiday per year [1].", "30"),
            ("Invoices above 75,000 euros need the signature of two directors [2].", "75000"),
            ("Spare part AB-1299 is the seal of the main pump [3].", "ab-1299"),
            ("The seal of the main pump is ordered in Hamburg [3].", "hamburg"),
        ],
    )
    def test_a_wrong_number_code_or_name_is_not_supported(self, answer, missing):
        (sentence,) = check(answer, PASSAGES)
        assert not any(sentence.supported.values())
        assert missing in sentence.missing

    def test_the_right_sentence_with_the_wrong_passage_is_not_supported(self):
        # always the first source; or numbered one too high
        assert self.verdict("Invoices above 7,500 euros need two signatures of directors [1].") == [
            {1: False}
        ]
        assert self.verdict("Employees receive 26 days of paid holiday per year [2].") == [{2: False}]

    def test_an_invention_with_a_marker_is_not_supported(self):
        assert self.verdict("The office closes early on Fridays during summer months [1].") == [{1: False}]

    def test_each_of_several_markers_is_judged_by_itself(self):
        both = (
            "Employees receive 26 days of paid holiday and invoices above 7,500 euros need directors [1][2]."
        )
        assert self.verdict(both) == [{1: True, 2: True}]
        padded = "Employees receive 26 days of paid holiday per year [1][3]."
        assert self.verdict(padded) == [{1: True, 3: False}]

    def test_sentences_without_markers_and_unknown_numbers_are_not_judged(self):
        assert check("Nothing is cited here. Nor here [9].", PASSAGES) == []

    def test_each_sentence_is_judged_alone(self):
        answer = (
            "Employees receive 26 days of paid holiday [1]. Invoices above 9,000 euros need directors [2]."
        )
        assert self.verdict(answer) == [{1: True}, {2: False}]
        assert supported_markers(check(answer, PASSAGES)) == {1: True, 2: False}
        twice = answer + " Invoices above 7,500 euros need the signature of two directors [2]."
        assert supported_markers(check(twice, PASSAGES)) == {1: True, 2: False}

    def test_a_sentence_tells_where_it_stands(self):
        answer = "Intro line.\n\nDr. Miller says employees receive 26 days of paid holiday [1]. Next."
        (sentence,) = check(answer, PASSAGES)
        assert answer[sentence.start : sentence.end].startswith("Dr. Miller")
        assert answer[sentence.start : sentence.end].endswith("[1].")

    def test_a_table_row_and_a_heading_may_cite(self):
        answer = "| part | use |\n|---|---|\n| AB-1234 | seal of the main pump [3] |"
        assert self.verdict(answer) == [{3: True}]

    def test_german_and_chinese_are_compared_too(self):
        passages = [passage("Der Urlaub beträgt 30 Tage im Jahr."), passage("员工每年有二十六天带薪假期。")]
        assert [s.supported for s in check("Der Urlaub beträgt 30 Tage [1].", passages)] == [{1: True}]
        assert [s.supported for s in check("员工每年有二十六天带薪假期。[2]", passages)] == [{2: True}]
        assert [s.supported for s in check("公司食堂十一点开门。[2]", passages)] == [{2: False}]

    def test_code_and_link_texts_cite_nothing(self):
        cited = "Employees receive 26 days of paid holiday"
        for answer in (
            f"{cited} `row[1]`.",
            f"{cited} [1](https://e.example).",
            f"{cited}\n```\nrow[1]\n```",
        ):
            assert check(answer, PASSAGES) == []
        (sentence,) = check(f"{cited} in `row[2]` [1].", PASSAGES)
        assert list(sentence.supported) == [1]
        assert sentence.text == f"{cited} in row[2]."

    def test_odd_answers_are_judged_without_an_error(self):
        for answer in ("", "[1]", "[1][2]", "...", "\x00 [1]", "🦜 [1]!", "[1] " * 2000):
            check(answer, PASSAGES)


class TestLikelySources:
    def test_an_answer_without_markers_gets_the_passages_it_rests_on(self):
        answer = (
            "Invoices above 7,500 euros need the signature of two directors."
            " Order the main pump's seal in Bremen."
        )
        assert likely_sources(answer, PASSAGES) == [2, 3]

    def test_an_answer_that_no_passage_carries_gets_none(self):
        assert likely_sources("The capital of France is Paris, on the river Seine.", PASSAGES) == []
        assert likely_sources("The documents do not hold the answer.", PASSAGES) == []
        assert (
            likely_sources("Invoices above 9,999 euros need the signature of two directors.", PASSAGES) == []
        )
        assert likely_sources("Anything.", []) == []
