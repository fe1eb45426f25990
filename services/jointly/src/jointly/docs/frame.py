"""What all documentation pages share: head, menu, style and script from this origin, and what browsers may do."""

from html import escape
from importlib.resources import files
from typing import Final

from fastapi.responses import HTMLResponse

_FOLDER: Final = files("jointly") / "data" / "docs"
_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
#: Nothing but our own files; no script or style in a page, and no page in another.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
#: Address, and what the menu calls it.
MENU: Final = (
    ("/docs", "Routes"),
    ("/docs/events", "Events"),
    ("/docs/codes", "Codes"),
    ("/docs/integrators", "First event in ten minutes"),
)


def page(here: str, title: str, body: str, *, aside: str = "") -> str:
    """A whole page. `here` is its address; `aside` stands beside it where there is room."""
    menu = "".join(
        f'<li><a href="{address}"{" aria-current=page" if address == here else ""}>{name}</a></li>'
        for address, name in MENU
    )
    script = '<script src="/docs/filter.js" defer></script>' if aside else ""
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
        f'<title>{escape(title)} - Jointly</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="stylesheet" href="/docs/pages.css">{script}</head><body>'
        '<a class="skip" href="#main">Skip to main content</a>'
        f'<header><p class="name"><a href="/">Jointly</a></p><nav aria-label="Documentation"><ul>{menu}</ul></nav>'
        f'</header><div class="{"beside" if aside else "alone"}">{aside}'
        f'<main id="main" tabindex="-1"><h1>{escape(title)}</h1>{body}</main></div></body></html>'
    )


def answer(html: str) -> HTMLResponse:
    """A page as it is sent."""
    return HTMLResponse(html, headers=HEADERS)


def asset(name: str) -> tuple[bytes, str]:
    """The style or the script, with its media type."""
    return (_FOLDER / name).read_bytes(), _TYPES[name.rpartition(".")[2]]


def code_marks(text: str) -> str:
    """Escaped text in which what stood in backticks is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
