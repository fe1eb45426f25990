"""Reading FHIR tolerantly: what is there and of the right kind counts, everything else is as if it were not there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UUID: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Node:
    """A place in what was sent: what stands there (None: nothing), and its FHIRPath."""

    value: Any
    path: str

    def __bool__(self) -> bool:
        """Whether anything stands there."""
        return self.value is not None

    def get(self, *names: str) -> "Node":
        """What stands under these names, one below the other; of a list the first."""
        here = self
        for name in names:
            here = here.each(name)[0] if here.each(name) else Node(None, f"{here.path}.{step(name)}")
        return here

    def each(self, name: str) -> list["Node"]:
        """Everything under a name: one thing is a list of one, since senders mix these up."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        path = f"{self.path}.{step(name)}"
        if isinstance(value, list):
            return [Node(each, f"{path}[{index}]") for index, each in enumerate(value) if each is not None]
        return [] if value is None else [Node(value, path)]

    @property
    def text(self) -> str | None:
        """The text that stands there; blank is nothing."""
        return self.value.strip() or None if isinstance(self.value, str) else None

    @property
    def type(self) -> str | None:
        """Of a resource: which."""
        return self.get("resourceType").text


def step(name: str) -> str:
    """A name as FHIRPath writes it."""
    if _NAME.fullmatch(name):
        return name
    return "`" + "".join(each if each.isalnum() and each.isascii() else "?" for each in name[:60]) + "`"


@dataclass(slots=True)
class Resources:
    """The resources of a message, or those contained in one, found by how others point at them."""

    every: list[Node] = field(default_factory=list)
    _by_address: dict[str, Node] = field(default_factory=dict)

    @classmethod
    def of_bundle(cls, bundle: Node) -> "Resources":
        """Those of its entries."""
        found = cls()
        for entry in bundle.each("entry"):
            resource = entry.get("resource")
            if isinstance(resource.value, dict):
                found._add(resource, entry.get("fullUrl").text)
        return found

    @classmethod
    def contained_in(cls, resource: Node) -> "Resources":
        """Those that it carries inside."""
        found = cls()
        for each in resource.each("contained"):
            if isinstance(each.value, dict):
                found._add(each, None)
        return found

    def of_type(self, *types: str) -> Iterator[Node]:
        """Every resource of these types, in order."""
        return (each for each in self.every if each.type in types)

    def named(self, reference: Node, *types: str) -> Node | None:
        """What a reference points at, if it is here and of one of these types."""
        address = reference.get("reference").text
        if address is None:
            return None
        for form in (address, address.removeprefix(_UUID), address.removeprefix("#"), address.rpartition("/")[2]):
            found = self._by_address.get(form)
            if found is not None and (not types or found.type in types):
                return found
        return None

    def _add(self, resource: Node, full_url: str | None) -> None:
        self.every.append(resource)
        id = resource.get("id").text
        # The full address counts; ids and ends of addresses help where a sender leaves parts out.
        for address in (full_url, (full_url or "").removeprefix(_UUID), id and f"{resource.type}/{id}", id):
            if address:
                self._by_address.setdefault(address, resource)


def codings(concept: Node) -> Iterator[tuple[str, str, Node]]:
    """(system, code, where) of everything that a CodeableConcept is coded by."""
    for coding in concept.each("coding"):
        code = coding.get("code").text
        if code is not None:
            yield coding.get("system").text or "", code, coding


def words(concept: Node) -> list[tuple[str, Node]]:
    """What a CodeableConcept says in words: its text, and what its codes are called."""
    said = [concept.get("text"), *(coding.get("display") for coding in concept.each("coding"))]
    return [(each.text, each) for each in said if each.text is not None]


def extension(node: Node, *urls: str) -> Node | None:
    """The first extension by one of these addresses."""
    return next((each for each in node.each("extension") if each.get("url").text in urls), None)
