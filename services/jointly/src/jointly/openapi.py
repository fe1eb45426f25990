"""One OpenAPI 3.1 document for all services, whose components may have the same names."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

_REF: Final = "#/components/"


def merge(
    documents: Mapping[str, Mapping[str, Any]], *, title: str, version: str, server: str, description: str
) -> dict[str, Any]:
    """The documents of several services, by service name, as one.

    Components that two services describe alike are kept once; those that differ carry their service's name in front.
    """
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description, "license": {"name": "MIT"}},
        "servers": [{"url": server}],
        "tags": [],
        "paths": {},
        "components": {},
    }
    contested = _contested(documents)
    for service, document in documents.items():
        own = _renamed(document, service, contested)
        merged["tags"].append({"name": service, "description": own["info"].get("summary", "")})
        for path, operations in own["paths"].items():
            for operation in operations.values():
                operation["tags"] = [service]
                operation["operationId"] = f"{_words(service)}_{operation.get('operationId', '')}"
            merged["paths"].setdefault(path, {}).update(operations)
        for kind, entries in own.get("components", {}).items():
            merged["components"].setdefault(kind, {}).update(entries)
    for entries in merged["components"].values():
        ordered = dict(sorted(entries.items()))
        entries.clear()
        entries.update(ordered)
    return merged


def _contested(documents: Mapping[str, Mapping[str, Any]]) -> set[tuple[str, str]]:
    """(kind, name) of components that are not the same everywhere, or that speak of such a one."""
    seen: dict[tuple[str, str], Any] = {}
    contested: set[tuple[str, str]] = set()
    for document in documents.values():
        for kind, entries in document.get("components", {}).items():
            for name, entry in entries.items():
                if seen.setdefault((kind, name), entry) != entry:
                    contested.add((kind, name))
    while True:
        speaking = {
            place
            for document in documents.values()
            for kind, entries in document.get("components", {}).items()
            for name, entry in entries.items()
            if (place := (kind, name)) not in contested and not contested.isdisjoint(_referred(entry))
        }
        if not speaking:
            return contested
        contested |= speaking


def _referred(node: Any) -> set[tuple[str, str]]:
    """The components that a piece of a document refers to."""
    found: set[tuple[str, str]] = set()
    if isinstance(node, Mapping):
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith(_REF):
            kind, _, name = target.removeprefix(_REF).partition("/")
            found.add((kind, name))
        for value in node.values():
            found |= _referred(value)
    elif isinstance(node, list):
        for value in node:
            found |= _referred(value)
    return found


def _renamed(document: Mapping[str, Any], service: str, contested: set[tuple[str, str]]) -> dict[str, Any]:
    own: dict[str, Any] = deepcopy(dict(document))

    def called(kind: str, name: str) -> str:
        return f"{_words(service)}.{name}" if (kind, name) in contested else name

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            target = node.get("$ref")
            if isinstance(target, str) and target.startswith(_REF):
                kind, _, name = target.removeprefix(_REF).partition("/")
                node["$ref"] = f"{_REF}{kind}/{called(kind, name)}"
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(own)
    own["components"] = {
        kind: {called(kind, name): entry for name, entry in entries.items()}
        for kind, entries in own.get("components", {}).items()
    }
    return own


def _words(service: str) -> str:
    return "".join(word.capitalize() for word in service.split("-"))
