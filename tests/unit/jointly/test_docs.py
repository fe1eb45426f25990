"""The pages for integrators, drawn from the documents: every event, every field, every code, in words."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from jointly.docs.codes import codes_page
from jointly.docs.events import EventsPage, structured
from jointly.docs.fields import in_words, rows
from jointly.docs.frame import HEADERS, MENU, asset, code_marks
from jointly.docs.guide import guide_page, guide_text
from jointly.docs_page import docs_page
from schemas.asyncapi import PROJECTED, asyncapi
from schemas.codes import registries
from schemas.contracts import every_event
from schemas.envelope import Envelope
from schemas.export import examples_folder, published_codes, read_examples, released_types

EXAMPLES = read_examples(examples_folder())
DOCUMENT = asyncapi(hears={"notifier": {"jointly.case.assigned.v1"}}, examples=EXAMPLES)
TITLES = {name: each.title for name, each in registries().items()}
EVENTS = EventsPage(DOCUMENT, released={"jointly.case.opened.v1"}, titles=TITLES)
CODES = codes_page(published_codes())
GUIDE = guide_page("# First\n\nSay <b>.\n\n## One & two\n\n[kit](../x.md), [us](/docs)\n\n```sh\ncurl http://127.0.0.1:8000/x\n```\n",
                   origin="https://house.example")  # fmt: skip
ROUTES = docs_page(
    {"info": {"title": "Jointly", "version": "1", "description": "All."}, "tags": [], "paths": {}, "components": {}},
    tokens=True,
)
PAGES = {"/docs": ROUTES, "/docs/events": EVENTS.html(), "/docs/codes": CODES, "/docs/integrators": GUIDE}
COMPONENTS: dict[str, Any] = {
    "Need": {"title": "AdditionalNeed", "description": "One need.", "properties": {"rank": {"type": "integer"}},
             "required": ["rank"]},
}  # fmt: skip


class Links(HTMLParser):
    """Ids and addresses of a page, and whether what opens also closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.to: list[str] = []
        self.inline: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.to += [values[name] or "" for name in ("href", "src", "action") if name in values]
        self.inline += [name for name in values if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in values) else []
        if tag not in {"meta", "link", "input", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("address", list(PAGES))
def test_a_page_is_whole_and_strict_and_all_its_links_lead_somewhere(address: str) -> None:
    links = Links(PAGES[address])
    assert links.open == []
    assert links.inline == [], "the policy allows no script and no style within a page"
    assert len(set(links.ids)) == len(links.ids)
    known = {name: Links(html).ids for name, html in PAGES.items()}
    for target in links.to:
        page, _, place = target.partition("#")
        if (page or address) in known:
            assert not place or place in known[page or address], target
        else:
            assert page in {"/", "/asyncapi.json", "/openapi.json", "/docs/pages.css", "/docs/filter.js"}, target


def test_every_page_leads_to_every_other() -> None:
    for html in PAGES.values():
        assert {address for address, _ in MENU} <= set(Links(html).to)
    assert list(PAGES) == [address for address, _ in MENU]


def test_browsers_are_told_to_take_nothing_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert asset("pages.css")[1] == "text/css"
    assert b"http" not in asset("pages.css")[0] + asset("filter.js")[0]


@pytest.mark.parametrize("name", sorted(every_event()))
def test_an_event_has_its_place_its_meaning_its_fields_and_its_example(name: str) -> None:
    html = EVENTS.html()
    shown = html[html.index(f'<article id="{name}"') :].partition("</article>")[0]
    text = unescape(re.sub(r"<[^>]+>", "", shown))
    assert (every_event()[name].__doc__ or "").partition("\n")[0].replace("`", "") in text
    for field in every_event()[name].model_fields:
        assert field in text
    for example in EXAMPLES[name]:
        assert example["id"] in text
    assert f'<a href="#{name}">' in html


def test_an_event_says_who_says_it_who_hears_it_its_key_and_its_release() -> None:
    html = EVENTS.html()
    assigned = html[html.index('<article id="jointly.case.assigned.v1"') :].partition("</article>")[0]
    opened = html[html.index('<article id="jointly.case.opened.v1"') :].partition("</article>")[0]
    assert "<dt>Said by</dt><dd>cluster-router</dd>" in assigned
    assert "<dt>Heard by</dt><dd>notifier</dd>" in assigned
    assert "<dt>Subject and key</dt><dd><code>case_id</code></dd>" in assigned
    assert "1, not released yet" in assigned
    assert "1, released" in opened
    assert '<a href="/docs/codes#need-types">Types of special educational need</a>' in opened


def test_topics_that_carry_the_same_are_shown_once() -> None:
    html = EVENTS.html()
    assert html.count('data-event="jointly.event.dead-lettered.v1"') == 1
    assert html.count(f'data-event="{PROJECTED}"') == 1
    for topic in DOCUMENT["channels"]:
        assert topic in html


@pytest.mark.parametrize("query", ["holder", "HOLDER", " cluster   holder ", "jointly.case.opened.v1", "need-types"])
def test_the_server_finds_what_has_all_the_words(query: str) -> None:
    html = EVENTS.html(query)
    words = query.lower().split()
    left = re.findall(r'data-event="[^"]+" data-words="([^"]+)"', html)
    everything = re.findall(r'data-event="[^"]+" data-words="([^"]+)"', EVENTS.html())
    assert left == [each for each in everything if all(word in unescape(each) for word in words)]
    assert 0 < len(left) < len(everything)
    assert f"{len(left)} of {len(everything)} shown" in html
    assert "<div data-intro hidden>" in html


def test_what_is_found_nowhere_is_said_and_what_is_asked_is_never_markup() -> None:
    html = EVENTS.html('"><script>x')
    assert "Nothing has all these words" in html
    assert "<script>x" not in html
    assert Links(html).open == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"}, "id"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "date-time"}, "date and time, UTC"),
        ({"type": "string", "maxLength": 9}, "text, up to 9 characters"),
        ({"type": "string", "pattern": "^x$"}, "text like ^x$"),
        ({"type": "integer", "minimum": 1, "maximum": 10000}, "whole number from 1 to 10,000"),
        ({"type": "integer", "multipleOf": 1000}, "whole number, in steps of 1,000"),
        ({"type": "number", "minimum": 0}, "number from 0"),
        ({"type": "boolean"}, "true or false"),
        ({"enum": ["a", "b"], "type": "string"}, "one of a, b"),
        ({"const": "known"}, "always known"),
        ({"$ref": "#/x/Need"}, "additional need"),
        ({"allOf": [{"$ref": "#/x/Need"}], "description": "The first."}, "additional need"),
        ({"type": "array", "items": {"$ref": "#/x/Need"}, "minItems": 1}, "list, at least 1: additional need"),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 3}, "list, at most 3: true or false"),
    ],
)
def test_every_rule_is_said_in_words(field: dict[str, Any], words: str) -> None:
    assert in_words(COMPONENTS, field) == words


def test_fields_of_parts_stand_below_them_with_their_way() -> None:
    schema = {
        "properties": {
            "first": {"allOf": [{"$ref": "#/x/Need"}], "description": "The first."},
            "needs": {"type": "array", "items": {"$ref": "#/x/Need"}},
            "decided_on": {"type": "string", "format": "date"},
            "kind": {"type": "array", "items": {"type": "string", "x-codes": "sectors"}},
        },
        "required": ["needs"],
    }
    found = [(row.path, row.required, row.meaning, row.codes) for row in rows(COMPONENTS, schema)]
    assert found == [
        ("first", False, "The first.", None),
        ("first.rank", True, "", None),
        ("needs", True, "One need.", None),
        ("needs[].rank", True, "", None),
        ("decided_on", False, "The day: decided.", None),
        ("kind", False, "", "sectors"),
    ]


def test_a_part_within_itself_ends() -> None:
    node = {"title": "Node", "properties": {"child": {"$ref": "#/x/Node"}}}
    assert len(rows({"Node": node}, node)) == 5


def test_an_example_is_shown_as_every_way_but_kafka_delivers_it() -> None:
    said = EXAMPLES["jointly.case.opened.v1"]
    shown = [structured(each) for each in DOCUMENT["components"]["messages"]["jointly.case.opened.v1"]["examples"]]
    assert [Envelope.from_structured(each) for each in shown] == [Envelope.from_structured(each) for each in said]


def test_every_code_of_every_list_is_shown_with_its_days() -> None:
    for name, registry in published_codes().items():
        section = CODES[CODES.index(f'<h2 id="{name}"') :].partition("</section>")[0]
        for code in registry["codes"]:
            assert f"<code>{code['code']}</code>" in section
            assert f"from {code['since']}" in section


def test_the_guide_has_this_houses_origin_and_no_links_into_the_tree() -> None:
    assert "curl https://house.example/x" in GUIDE
    assert "kit, <a" in GUIDE
    assert "&lt;b&gt;" in GUIDE
    assert '<h2 id="one---two">' in GUIDE
    assert (guide_text() or "").startswith("# Your first event")


def test_what_a_contract_says_is_text_and_its_backticks_are_code() -> None:
    assert code_marks("`a<b` & <i>") == "<code>a&lt;b</code> &amp; &lt;i&gt;"


def test_what_was_released_is_told_from_what_is_not() -> None:
    assert "jointly.case.opened.v1" in released_types() <= every_event().keys()
