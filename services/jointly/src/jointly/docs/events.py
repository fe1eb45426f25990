"""The page of events, made from the AsyncAPI document: who says what on which topic, field by field, with examples."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

from jointly.docs.fields import Row, rows
from jointly.docs.frame import code_marks, page

Document = Mapping[str, Any]

_VERSION: Final = re.compile(r"\.v([0-9]+)$")
#: Which CloudEvents attributes are numbers outside Kafka's headers.
_NUMBERS: Final = frozenset({"subjectsequence"})
_MOST_WORDS: Final = 12
#: What CloudEvents says of its attributes, where our envelope adds nothing.
_ATTRIBUTES: Final = {
    "content-type": "The form of the data.",
    "ce_specversion": "The version of CloudEvents.",
    "ce_source": "Who says it: a service, or the stream that tells it. Sequences count within it.",
    "ce_type": "Which event it is; its last part is the version of its contract.",
    "ce_dataschema": "Where the schema of the data is published.",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An event, drawn: and the words that it is found by."""

    type: str
    title: str
    words: str
    html: str


@dataclass(frozen=True, slots=True)
class Group:
    """Topics that carry the same events: one, but for feeds and dead letters."""

    anchor: str
    title: str
    head: str
    events: tuple[Shown, ...]


class EventsPage:
    """Draws the page once, and what a search leaves of it each time."""

    def __init__(self, document: Document, *, released: Collection[str], titles: Mapping[str, str]) -> None:
        self._document = document
        self._heard = _heard_by(document)
        self._released = released
        self._titles = titles
        self._groups = [self._group(names, channels) for names, channels in _by_messages(document).items()]
        self._count = sum(len(group.events) for group in self._groups)
        self._whole = self._draw(lambda _: True, "", self._count)

    def html(self, query: str = "") -> str:
        """The page; with a query, of the events that have all its words."""
        wanted = query.lower().split()[:_MOST_WORDS]
        if not wanted:
            return self._whole
        fits = {
            shown.type
            for group in self._groups
            for shown in group.events
            if all(word in shown.words for word in wanted)
        }
        return self._draw(lambda shown: shown.type in fits, query, len(fits))

    def _draw(self, fits: Callable[[Shown], bool], query: str, found: int) -> str:
        left = [(group, [shown for shown in group.events if fits(shown)]) for group in self._groups]
        left = [(group, events) for group, events in left if events]
        index = "".join(
            f'<li data-group="{group.anchor}"><a href="#{group.anchor}">{escape(group.title)}</a><ul>'
            + "".join(f'<li data-for="{shown.type}"><a href="#{shown.type}">{shown.title}</a></li>' for shown in events)
            + "</ul></li>"
            for group, events in left
        )
        aside = (
            '<aside><form role="search" action="/docs/events" method="get" data-filter>'
            '<label for="q">Find an event or a field</label>'
            f'<span class="ask"><input id="q" name="q" type="search" value="{escape(query)}" autocomplete="off" '
            'spellcheck="false" maxlength="100"><button>Find</button></span>'
            f'<p role="status" data-count>{_counted(found, self._count)}</p></form>'
            f'<nav aria-label="Events by topic"><ul class="index">{index}</ul></nav></aside>'
        )
        none = "" if left else "<p>Nothing has all these words. <a href=/docs/events>Show every event</a>.</p>"
        sections = "".join(
            f'<section id="{group.anchor}" aria-labelledby="{group.anchor}-head" data-topic>'
            f"{group.head}{''.join(shown.html for shown in events)}</section>"
            for group, events in left
        )
        head = f"<div data-intro{' hidden' if query else ''}>{self._head()}</div>"
        return page("/docs/events", "Events", head + none + sections, aside=aside)

    def _head(self) -> str:
        info = self._document["info"]
        envelope = self._document["components"]["schemas"]["Envelope"]
        held = [
            row if row.meaning else replace(row, meaning=_ATTRIBUTES.get(row.path, ""))
            for row in rows(self._document["components"]["schemas"], envelope)
        ]
        return (
            f"<p>{code_marks(info['description'])}</p>"
            f'<p>Contracts version {escape(info["version"])}, from the <a href="/asyncapi.json">AsyncAPI document</a>. '
            'Each schema is at its <code>dataschema</code>; every code is on <a href="/docs/codes">its page</a>. '
            'To hear the first event: <a href="/docs/integrators">ten minutes</a>.</p>'
            '<section aria-labelledby="envelope"><h2 id="envelope">What every event carries</h2>'
            "<p>CloudEvents 1.0. On Kafka the attributes are record headers that begin with <code>ce_</code> and the "
            "value is the data. Elsewhere they are members beside <code>data</code>, without <code>ce_</code>.</p>"
            f"{_table(held, 'Headers of a Kafka record')}</section>"
        )

    def _group(self, names: tuple[str, ...], channels: list[Mapping[str, Any]]) -> Group:
        first, several = channels[0], len(channels) > 1
        title = _joint_name([channel["address"] for channel in channels])
        said = "".join(_channel(channel, several=several) for channel in channels)
        internal = any(tag["name"] == "internal" for tag in first["tags"])
        anchor = f"topic-{first['address']}"
        kept = [] if several else [first["description"]]
        kept += ["Internal: none of it is ever told outside."] if internal else []
        return Group(
            anchor,
            title,
            f'<h2 id="{anchor}-head">{escape(title)}</h2>{said}<p>{escape(" ".join(kept))}</p>',
            tuple(self._event(name, title) for name in names),
        )

    def _event(self, name: str, topic: str) -> Shown:
        message = self._document["components"]["messages"][name]
        components = self._document["components"]["schemas"]
        payload = message["payload"]
        schema = components[payload["$ref"].rpartition("/")[2]] if "$ref" in payload else payload
        held = rows(components, schema)
        version = _VERSION.search(name)
        facts = [
            ("Said by", ", ".join(tag["name"] for tag in message["tags"])),
            ("Heard by", ", ".join(self._heard.get(name, ())) or "nobody in this process"),
            (
                "Subject and key",
                message["bindings"]["kafka"]["key"]["description"].removeprefix("The subject: ").rstrip("."),
            ),
            ("Version", self._version(name, version[1]) if version else "that of the event"),
        ]
        words = [name, message["title"], message["summary"], topic, *(f"{row.path} {row.codes or ''}" for row in held)]
        html = (
            f'<article id="{name}" aria-labelledby="{name}-head" data-event="{name}" '
            f'data-words="{escape(" ".join(words).lower())}"><h3 id="{name}-head">{escape(message["title"])} '
            f'<a class="type" href="#{name}"><code>{name}</code></a></h3>'
            f"<p>{code_marks(message['summary'])}{_more(message)}</p><dl>"
            + "".join(f"<div><dt>{term}</dt><dd>{code_marks(said)}</dd></div>" for term, said in facts)
            + f"</dl>{_table(held, f'Fields of {name}', self._titles)}"
            + "".join(
                _example(example, name, n, len(message["examples"]))
                for n, example in enumerate(message.get("examples", ()), start=1)
            )
            + "</article>"
        )
        return Shown(name, escape(message["title"]), " ".join(words).lower(), html)

    def _version(self, name: str, number: str) -> str:
        if name in self._released:
            return f"{number}, released: it only ever gets optional fields"
        return f"{number}, not released yet: it may still change"


def _more(message: Mapping[str, Any]) -> str:
    said = message.get("description")
    return f" {code_marks(said)}" if said else ""


def _by_messages(document: Document) -> dict[tuple[str, ...], list[Mapping[str, Any]]]:
    """Topics by what is said on them, in the document's order."""
    found: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for channel in document["channels"].values():
        found.setdefault(tuple(channel["messages"]), []).append(channel)
    return found


def _heard_by(document: Document) -> dict[str, list[str]]:
    """Event type -> the services that read it."""
    found: dict[str, list[str]] = {}
    for operation in document["operations"].values():
        if operation["action"] == "receive":
            for message in operation["messages"]:
                found.setdefault(message["$ref"].rpartition("/")[2], []).append(operation["tags"][0]["name"])
    return found


def _joint_name(names: list[str]) -> str:
    """One topic's name; of several, the end that they share."""
    if len(names) == 1:
        return names[0]
    ends = {name.rpartition("-")[2] for name in names}
    shared = " ".join(names[0].rsplit("-", 2)[1:]) if ends == {"letters"} else f"{ends.pop()}s"
    return shared[0].upper() + shared[1:]


def _channel(channel: Mapping[str, Any], *, several: bool) -> str:
    kafka = channel["bindings"]["kafka"]
    named = f"<code>{escape(channel['address'])}</code>: " if several else ""
    return f"<p>{named}{escape(channel['summary'])} {kafka['partitions']} partitions.</p>"


def _table(held: list[Row], caption: str, titles: Mapping[str, str] | None = None) -> str:
    if not held:
        return ""
    body = "".join(
        f'<tr role="row"><th scope="row" role="rowheader"><code>{_breakable(row.path)}</code></th>'
        f'<td role="cell">{escape(row.type)}</td>'
        f'<td role="cell">{"required" if row.required else "optional"}</td>'
        f'<td role="cell">{code_marks(row.meaning)}{_codes(row, titles or {})}</td></tr>'
        for row in held
    )
    return (
        f'<table role="table" class="fields"><caption>{escape(caption)}</caption><thead role="rowgroup"><tr role="row">'
        + "".join(
            f'<th scope="col" role="columnheader">{head}</th>' for head in ("Field", "Type", "Required", "Meaning")
        )
        + f'</tr></thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def _breakable(path: str) -> str:
    """A path that a narrow column breaks between its words."""
    return re.sub(r"([._])", r"\1<wbr>", escape(path))


def _codes(row: Row, titles: Mapping[str, str]) -> str:
    if row.codes is None:
        return ""
    title = titles.get(row.codes, row.codes)
    return f' <span class="codes">Code list: <a href="/docs/codes#{escape(row.codes)}">{escape(title)}</a></span>'


def _example(example: Mapping[str, Any], name: str, number: int, of: int) -> str:
    shown = json.dumps(structured(example), indent=2, ensure_ascii=False)
    which = f" {number}" if of > 1 else ""
    return (
        f"<details><summary>Example{which}<span class=hidden> of {name}</span></summary>"
        f'<pre tabindex="0" role="region" aria-label="Example{which} of {name}">{escape(shown)}</pre></details>'
    )


def structured(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example of a Kafka record as structured JSON, as every other way delivers it."""
    event: dict[str, Any] = {}
    for header, value in example["headers"].items():
        attribute = header.removeprefix("ce_")
        if header == "content-type":
            event["datacontenttype"] = value
        else:
            event[attribute] = int(value) if attribute in _NUMBERS else value
    return {**event, "data": example["payload"]}


def _counted(found: int, of: int) -> str:
    return f"{of} shown" if found == of else f"{found} of {of} shown"
