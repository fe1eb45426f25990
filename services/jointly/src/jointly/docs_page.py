"""The page of routes, made from the OpenAPI document: no script, nothing from elsewhere."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from jointly.docs.frame import code_marks, page

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_DEPTH: Final = 6


def docs_page(document: Mapping[str, Any], *, tokens: bool) -> str:
    """The page. `tokens`: whether this house issues its own, so that the page can say how to get one."""
    info = document["info"]
    sections = "".join(
        f'<section aria-labelledby="{escape(tag["name"])}"><h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2>'
        f"<p>{escape(tag['description'])}</p>{_operations(document, tag['name'])}</section>"
        for tag in document["tags"]
    )
    index = "".join(f'<li><a href="#{escape(tag["name"])}">{escape(tag["name"])}</a></li>' for tag in document["tags"])
    head = (
        f'<p>Version {escape(info["version"])}, from the <a href="/openapi.json">OpenAPI document</a>. What the house '
        'says by itself: <a href="/docs/events">Events</a>.</p>'
        f"<p>{code_marks(info['description'])}</p>{_token_help() if tokens else ''}"
        f'<nav aria-label="Services"><ul class="columns">{index}</ul></nav>'
    )
    return page("/docs", "Routes", f'{head}<div class="routes">{sections}</div>')


def _token_help() -> str:
    return (
        "<p>A token for trying things out: <code>TOKEN=$(make -s token O=school-115482)</code>, then "
        '<code>curl -H "Authorization: Bearer $TOKEN" ...</code>. It lives for five minutes.</p>'
    )


def _operations(document: Mapping[str, Any], tag: str) -> str:
    return "".join(
        _operation(document, path, method, operations[method])
        for path, operations in document["paths"].items()
        for method in _METHODS
        if method in operations and tag in operations[method]["tags"]
    )


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> str:
    said = operation.get("description") or ""
    return (
        f'<details><summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary>{f'<p>{code_marks(said)}</p>' if said else ''}"
        f"{_parameters(operation)}{_body(document, operation)}{_answers(document, operation)}</details>"
    )


def _parameters(operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope=row><code>{escape(one['name'])}</code></th><td>{escape(one['in'])}"
        f"{', required' if one.get('required') else ''}</td><td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    return f"<h3>Parameters</h3><table>{rows}</table>" if rows else ""


def _body(document: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    bodies = operation.get("requestBody", {}).get("content", {})
    return "".join(
        f"<h3>Body <code>{escape(media)}</code></h3>{_schema(document, content.get('schema', {}))}"
        for media, content in bodies.items()
    )


def _answers(document: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    shown = "".join(
        f"<h3>{escape(status)} {escape(answer.get('description', ''))}</h3>"
        + "".join(_schema(document, content.get("schema", {})) for content in answer.get("content", {}).values())
        for status, answer in operation.get("responses", {}).items()
        if status != "default"
    )
    return f"{shown}<p>Refusals are <code>application/problem+json</code>.</p>"


def _schema(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if not schema:
        return ""
    shown = json.dumps(_resolved(document, schema, _DEPTH), indent=2, ensure_ascii=False)
    return f'<pre tabindex="0">{escape(shown)}</pre>'


def _resolved(document: Mapping[str, Any], node: Any, depth: int) -> Any:
    """A schema with its references filled in, so far down that one can read it."""
    if isinstance(node, Mapping):
        target = node.get("$ref")
        if isinstance(target, str):
            name = target.rsplit("/", 1)[-1]
            found = document["components"]["schemas"].get(name)
            return name if found is None or not depth else _resolved(document, found, depth - 1)
        return {key: _resolved(document, value, depth) for key, value in node.items() if key != "title"}
    if isinstance(node, list):
        return [_resolved(document, value, depth) for value in node]
    return node
