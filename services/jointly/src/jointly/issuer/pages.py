"""The issuer's two pages: choose who to be, and why not. Plain HTML that a screen reader can walk."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from jointly.issuer.registry import Person

_STYLE: Final = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#0b0c0c}"
    "fieldset{border:0;padding:0;margin:0 0 1.5rem}legend{font-weight:700;font-size:1.25rem;padding:0}"
    "button{font:inherit;background:#00703c;color:#fff;border:0;padding:.6rem 1rem;margin:.25rem 0;"
    "text-align:left;width:100%;cursor:pointer}"
    "button:focus{outline:3px solid #fd0;color:#0b0c0c;background:#fd0}"
    "button span{display:block;font-size:.9rem}"
    "nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}nav a{color:#1a65a6}"
    "a:focus{outline:3px solid #fd0;background:#fd0;color:#0b0c0c}"
    ".note{border-left:.5rem solid #1d70b8;padding:.5rem 1rem;margin:1.5rem 0}"
)
#: Nothing but this page's own style and its own form.
CSP: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http:"
)


def choose_person(people: Sequence[Person], fields: Mapping[str, str], application: str) -> str:
    """The development sign-in: one button per person, grouped by where they work."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    groups: dict[str, list[Person]] = {}
    for person in sorted(people, key=_place):
        groups.setdefault(_group(person), []).append(person)
    index = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in groups)
    lists = "".join(
        f'<fieldset id="{_anchor(name)}"><legend>{escape(name)}</legend>{"".join(map(_button, members))}</fieldset>'
        for name, members in groups.items()
    )
    return _page(
        "Who do you want to be?",
        f'<p class="note">This is the development sign-in of the demo county. It asks for no password and is '
        f"switched off anywhere but on a development machine.</p>"
        f"<p>You are signing in to <strong>{escape(application)}</strong>.</p>"
        f'<nav aria-label="Where they work"><ul>{index}</ul></nav>'
        f'<form method="post" action="/oauth/authorize">{hidden}{lists}</form>',
    )


def _group(person: Person) -> str:
    """Where somebody works: the whole county, a cluster, or a school on its own."""
    if person.clusters:
        return ", ".join(person.clusters).replace("-", " ").capitalize()
    return "Schools" if person.sector == "education" else "The whole county"


def _place(person: Person) -> tuple[bool, bool]:
    """The county's people first, single schools last; otherwise as the file has them."""
    return not person.clusters and person.sector == "education", bool(person.clusters)


def _anchor(name: str) -> str:
    return "at-" + "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def refused(description: str) -> str:
    """The person cannot be sent back, so they read it here."""
    return _page("This sign-in link does not work", f"<p>{escape(description)}</p>")


def _button(person: Person) -> str:
    return (
        f'<button type="submit" name="person" value="{escape(person.sub)}">{escape(person.name)}'
        f"<span>{escape(', '.join(person.roles))}</span></button>"
    )


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} - Jointly</title>"
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
