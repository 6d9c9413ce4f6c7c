"""Answers become HTML that runs nothing and loads nothing, whole and at every moment of the stream."""

import re
import time
from html.parser import HTMLParser

import pytest

from chat.rendering import ATTRIBUTES, TAGS, render_markdown

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](  javascript:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example/x)",
    '[x](https://ok.example/" onmouseover="alert(1))',
    "[x](<https://ok.example/ onmouseover=alert(1)>)",
    "[x](https://ok.example 'a\" onclick=\"alert(1)')",
    "![x](https://evil.example/track.png)",
    "![x][1]\n\n[1]: https://evil.example/track.png",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    '```html" onclick="alert(1)\n<script>alert(1)</script>\n```',
    "```\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "[1](javascript:alert(1))",
    '[1" onclick="alert(1)]',
    "<button class=cite data-marker=1 onclick=alert(1)>1</button>",
    "<style>@import 'https://evil.example'</style>",
    "<link rel=stylesheet href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action=https://evil.example><input name=password></form>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "$\\href{javascript:alert(1)}{x}$",
    "# <b onmouseover=alert(1)>x</b>",
    "> - <details open ontoggle=alert(1)>",
    "\u202e[x](https://ok.example)\u202c",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
]


class Inspector(HTMLParser):
    """Fails on anything that the pages must not contain."""

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, tag
        for name, value in attributes:
            allowed = ATTRIBUTES.get(tag, set()) | ({"rel", "target"} if tag == "a" else set())
            assert name in allowed, (tag, name)
            if name == "href":
                assert re.match(r"(?i)https?://|mailto:", value), value
        if tag == "a" and dict(attributes).get("href"):
            assert dict(attributes)["rel"] == "noopener nofollow"
            assert dict(attributes)["target"] == "_blank"


def inspect(markup: str) -> None:
    inspector = Inspector()
    inspector.feed(markup)
    inspector.close()


@pytest.mark.parametrize("text", CORPUS, ids=lambda text: repr(text)[:40])
def test_no_payload_survives_at_any_moment_of_the_stream(text):
    answer = f"Before [1] {text} after [2]."
    for end in range(len(answer) + 1):
        inspect(render_markdown(answer[:end]))
    inspect(render_markdown(answer, citations=False))


def test_citations_become_buttons_in_text_but_not_in_code_or_links():
    markup = render_markdown(
        "Yes [1][2], **no [3]** `[4]` [see [5]](https://a.example)\n\n    [6]\n\n| [7] |\n|-|\n"
    )
    assert re.findall(r'<button type="button" class="cite" data-marker="(\d)">\1</button>', markup) == [
        *("1", "2", "3", "7")
    ]
    assert "<code>[4]</code>" in markup
    assert "button" not in render_markdown("Yes [1]", citations=False)


def test_a_reference_definition_does_not_swallow_a_citation():
    assert "data-marker" in render_markdown("Yes [1]\n\n[1]: https://evil.example")


def test_tables_lists_and_coloured_code_are_rendered():
    markup = render_markdown("| a |\n|--:|\n| 1 |\n\n3. x\n\n```python\ndef f(): ...\n```\n\n~~old~~")
    assert '<td class="align-right">1</td>' in markup
    assert '<ol start="3">' in markup
    assert '<span class="k">def</span>' in markup
    assert "<s>old</s>" in markup
    assert "style=" not in markup


@pytest.mark.parametrize("piece", ["[", "![", "*", "`", "> ", "[a](", "**a ", "<", "- ", "|a", "[1]", "_a "])
def test_hostile_repetition_takes_time_in_proportion_to_its_length(piece):
    text = (piece * 20_000)[:20_000]
    began = time.monotonic()
    inspect(render_markdown(text))
    assert time.monotonic() - began < 10  # a quadratic parser needs minutes


def test_an_enormous_answer_is_shown_as_plain_text():
    markup = render_markdown("<b>" * 50_000)
    assert markup.startswith('<div class="plain">&lt;b&gt;')
