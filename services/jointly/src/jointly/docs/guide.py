"""The integrators' page, drawn from the Markdown beside the exchange: one text, read in the tree and on the house."""

from functools import cache
from html import escape
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from jointly.docs.frame import page

_NAME = "INTEGRATORS.md"
#: What the text calls the house; on the page it is the house that shows it.
_WRITTEN_ORIGIN = "http://127.0.0.1:8000"


@cache
def guide_text() -> str | None:
    """The Markdown: within an installed exchange, or beside one that is worked on. None where neither is."""
    spec = find_spec("exchange")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    places = (package / _NAME, package.parents[1] / _NAME)
    return next((place.read_text(encoding="utf-8") for place in places if place.is_file()), None)


def guide_page(text: str, *, origin: str) -> str:
    """The text as a page, with this house's origin in its commands."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text.replace(_WRITTEN_ORIGIN, origin))
    title, rest = tokens[1].content, tokens[3:]
    index = []
    for heading, inline in pairwise(rest):
        if heading.type == "heading_open":
            heading.attrSet("id", _anchor(inline.content))
            if heading.tag == "h2":
                index.append(f'<li><a href="#{_anchor(inline.content)}">{escape(inline.content)}</a></li>')
    for token in rest:
        if token.type == "inline":
            token.children = _without_files(token.children or [])
    drawn = markdown.renderer.render(rest, markdown.options, {})
    # Whoever has no mouse scrolls a wide command by its focus.
    drawn = drawn.replace("<pre>", '<pre tabindex="0">')
    contents = f'<nav aria-label="On this page"><ol class="columns">{"".join(index)}</ol></nav>'
    before, first, after = drawn.partition("<h2")
    return page("/docs/integrators", title, before + contents + first + after)


def _without_files(tokens: list[Token]) -> list[Token]:
    """Links into the source tree lead nowhere from here: their words stay."""
    kept: list[Token] = []
    inside = False
    for token in tokens:
        if token.type == "link_open":
            inside = not str(token.attrGet("href")).startswith(("#", "/", "http://", "https://"))
        if not (inside and token.type in {"link_open", "link_close"}):
            kept.append(token)
        if token.type == "link_close":
            inside = False
    return kept


def _anchor(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower()).strip("-")
