"""A referral in the making: what was said so far, where it stood, and what had to be assumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from referral_api.domain.fhir.reading import Node


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that cannot be taken: where (FHIRPath), a stable code, and what to do."""

    expression: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is taken for granted because nothing was said; the sender is told."""

    code: str
    detail: str


@dataclass(slots=True)
class Draft:
    """What a message says, in the shape of `POST /v1/referrals`, as far as it says it."""

    content: dict[str, Any] = field(default_factory=dict)
    #: JSON pointer -> the FHIRPath of where it was said, or should have been.
    places: dict[str, str] = field(default_factory=dict)
    misfits: list[Misfit] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)

    def put(self, pointer: str, value: Any, where: Node) -> None:
        """Note what stands at a pointer. None: nothing was said, but this is where it would have been."""
        self.places[pointer] = where.path
        if value is not None:
            self._set(pointer, value)

    def assume(self, pointer: str, value: Any, code: str, detail: str) -> None:
        """Fill in what was not said. Nothing happens where something was."""
        if self.said(pointer) is None:
            self._set(pointer, value)
            self.assumptions.append(Assumption(code, detail))

    def fill(self, pointer: str, value: Any) -> None:
        """Fill in what was not said, and is not worth a word."""
        if self.said(pointer) is None:
            self._set(pointer, value)

    def said(self, pointer: str) -> Any:
        """What stands at a pointer so far; None: nothing."""
        here: Any = self.content
        for part in pointer.split("/")[1:]:
            here = here.get(part) if isinstance(here, Mapping) else None
        return here

    def refuse(self, where: Node, code: str, detail: str) -> None:
        """Note what cannot be taken."""
        self.misfits.append(Misfit(where.path, code, detail))

    def _set(self, pointer: str, value: Any) -> None:
        *way, last = pointer.split("/")[1:]
        here = self.content
        for part in way:
            here = here.setdefault(part, {})
        here[last] = value


def located(pointer: str, places: Mapping[str, str]) -> str | None:
    """The FHIRPath of a JSON pointer into the content, or of the nearest part around it; None: said nowhere."""
    while pointer:
        if pointer in places:
            return places[pointer]
        pointer = pointer.rpartition("/")[0]
    return places.get(WHOLE)


#: Where to point when nothing nearer is known.
WHOLE: Final = ""
