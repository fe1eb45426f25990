"""How pages are drawn: Jinja with the Design System's macros, and the filters that say things in words."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from schemas.codes import NoSuchCode, NoSuchRegistry, registry

from portal import policy
from portal.domain import words

_PAGES: Final = (
    ("my-work", "/", "My work"),
    ("board", "/board", "Clusters"),
    ("queues", "/queues", "Queues"),
    ("search", "/search", "Search"),
    ("money", "/money", "Money"),
    ("places", "/places", "Places"),
    ("insights", "/insights", "Insights"),
    ("integrators", "/integrators", "Integrators"),
    ("data-protection", "/data-protection", "Data protection"),
)


@cache
def environment() -> Environment:
    """The templates of the package."""
    made = Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(str(files("portal") / "data" / "templates")),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "day": words.day,
        "short_day": words.short_day,
        "instant": words.instant,
        "ago": words.ago,
        "money": words.money,
        "label": label,
        "words": words.plain,
        "plural": words.plural,
    }
    return made


def draw(template: str, *, path: str, viewer: Any, **shown: Any) -> str:
    """The page as HTML."""
    menu = [
        {"text": text, "href": href, "active": _is_at(href, path)}
        for name, href, text in _PAGES
        if viewer is not None and viewer.may(name)
    ]
    return (
        environment().get_template(template).render(path=path, viewer=viewer, menu=menu, terms=_terms(shown), **shown)
    )


def _terms(shown: dict[str, Any]) -> policy.Terms:
    return policy.terms(shown["now"].date())


def _is_at(href: str, path: str) -> bool:
    return path == "/" if href == "/" else path == href or path.startswith(f"{href}/")


def label(code: Any, name: str) -> str:
    """A code in words, by its registry; a strange one as it is."""
    if code is None:
        return ""
    try:
        return registry(name).label(str(code))
    except (NoSuchRegistry, NoSuchCode):
        return words.plain(code)
