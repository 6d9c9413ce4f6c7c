"""Markdown to HTML, the one renderer of answers, for pages, API and sockets. The sanitiser comes last.

What it makes causes no request by itself: no images, no embedded anything, and links wait for a click.
"""

import html
import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from chat.markers import MARKER, MAX_CHARS, is_link_allowed, running_text, syntax

MAX_CODE_CHARS = 20_000  # longer code is shown without colours
LANGUAGE = re.compile(r"[\w+#.-]{1,30}")

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("strong", "em", "s", "code", "pre", "span", "div", "a", "button"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "button": {"type", "class", "data-marker"},
    "span": {"class"},
    "div": {"class"},
    "ol": {"start"},
    "th": {"class"},
    "td": {"class"},
}
SCHEMES = {"http", "https", "mailto"}


def render_markdown(text: str, *, citations: bool = True) -> str:
    """Safe HTML for an answer, whole or as far as it has arrived.

    Args:
        text: Markdown (CommonMark, tables, strikethrough); HTML in it is shown as text.
        citations: make `[n]` a `<button type="button" class="cite" data-marker="n">n</button>`.
    """
    if len(text) > MAX_CHARS:
        return f'<div class="plain">{html.escape(text)}</div>'
    return _clean(_parser(citations).render(text))


@lru_cache(maxsize=2)
def _parser(citations: bool) -> MarkdownIt:
    parser = syntax(highlight=_highlight)
    parser.core.ruler.push("cell_alignment", _alignment_as_class)
    if citations:
        parser.core.ruler.before("text_join", "citations", _mark_citations)  # `\[2\]` is not yet text there
    return parser


def _mark_citations(state: StateCore) -> None:
    """Replace `[n]` in running text, not in code and not in links, by a button."""
    for block in state.tokens:
        citing = {id(token) for token in running_text(block)}
        if citing:
            parts = (_split(one) if id(one) in citing else [one] for one in block.children or [])
            block.children = [token for some in parts for token in some]


def _split(token: Token) -> list[Token]:
    parts: list[Token] = []
    for position, piece in enumerate(MARKER.split(token.content)):
        if position % 2 == 0:
            parts.append(Token("text", "", 0, content=piece))
            continue
        opening = Token(
            "cite_open", "button", 1, attrs={"type": "button", "class": "cite", "data-marker": piece}
        )
        parts += [opening, Token("text", "", 0, content=piece), Token("cite_close", "button", -1)]
    return parts


def _alignment_as_class(state: StateCore) -> None:
    """A cell's alignment as a class: the pages' policy allows no style attribute."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open") and (style := token.attrs.pop("style", None)):
            token.attrSet("class", "align-" + str(style).removeprefix("text-align:"))


def _highlight(code: str, name: str, _attributes: str) -> str:
    """Coloured code by Pygments' classes, when the language is named and known."""
    if not LANGUAGE.fullmatch(name) or len(code) > MAX_CODE_CHARS:
        return ""
    try:
        lexer = get_lexer_by_name(name, stripnl=False)
    except ClassNotFound:
        return ""
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


def _clean(markup: str) -> str:
    return nh3.clean(
        markup,
        tags=TAGS,
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes=SCHEMES,
        link_rel="noopener nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    if tag == "a" and attribute == "href":
        return value if is_link_allowed(value) else None
    if tag == "button":
        wanted = {"type": value == "button", "class": value == "cite", "data-marker": value.isdecimal()}
        return value if wanted.get(attribute) else None
    return value
