"""The page of codes: every list that events take their values from, with the days between which each code holds."""

from collections.abc import Mapping
from html import escape
from typing import Any

from jointly.docs.frame import page


def codes_page(registries: Mapping[str, Mapping[str, Any]]) -> str:
    """All lists, as `codes.json` has them."""
    index = "".join(f'<li><a href="#{name}">{escape(each["title"])}</a></li>' for name, each in registries.items())
    lists = "".join(_list(name, each) for name, each in registries.items())
    head = (
        "<p>Events carry codes, never free text. A code is never taken away; one that no longer holds has a last day. "
        'Expect codes that you do not know. Which field takes which: <a href="/docs/events">Events</a>.</p>'
        f'<nav aria-label="Code lists"><ul class="columns">{index}</ul></nav>'
    )
    return page("/docs/codes", "Codes", head + lists)


def _list(name: str, each: Mapping[str, Any]) -> str:
    grouped = "groups" in each
    heads = ("Code", "Meaning", "Holds", *(["Group"] if grouped else []))
    body = "".join(
        f'<tr role="row"><th scope="row" role="rowheader"><code>{escape(code["code"])}</code></th>'
        f'<td role="cell">{escape(code["label"])}</td><td role="cell">{_holds(code)}</td>'
        + (f'<td role="cell">{escape(code.get("group") or "")}</td>' if grouped else "")
        + "</tr>"
        for code in each["codes"]
    )
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(each["title"])}</h2>'
        f"<p><code>{name}</code>. {escape(each['source'])}</p>"
        f'<table role="table"><caption>{escape(each["title"])}</caption><thead role="rowgroup"><tr role="row">'
        + "".join(f'<th scope="col" role="columnheader">{head}</th>' for head in heads)
        + f'</tr></thead><tbody role="rowgroup">{body}</tbody></table></section>'
    )


def _holds(code: Mapping[str, Any]) -> str:
    return f"from {code['since']}" + (f", before {code['until']}" if code.get("until") else "")
