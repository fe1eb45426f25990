"""Which fields of an event leave, and the event without the others."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields that leave, as paths in alphabetical order; the subject's own always does."""

    paths: tuple[str, ...]
    #: Short, the same for the same paths: what is kept of an event in this shape is kept once.
    key: str


def shape_of(paths: Iterable[str]) -> Shape:
    """The shape of these paths."""
    ordered = tuple(sorted(set(paths)))
    return Shape(ordered, hashlib.blake2b("\0".join(ordered).encode(), digest_size=9).hexdigest())


def project(data: Mapping[str, Any], shape: Shape, subject_field: str) -> dict[str, Any]:
    """What of the data leaves. In a list, each member is projected alike."""
    kept: dict[str, Any] = _kept(data, [path.split(".") for path in (subject_field, *shape.paths)])
    return kept


def left_out(data: Mapping[str, Any], shape: Shape, subject_field: str) -> list[str]:
    """The paths of what does not leave, in alphabetical order."""
    return sorted(_leaves(data) - _leaves(project(data, shape, subject_field)))


def _kept(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_kept(each, paths) for each in value]
    if not isinstance(value, Mapping):
        return value
    kept: dict[str, Any] = {}
    for name, each in value.items():
        deeper = [path[1:] for path in paths if path[0] == name]
        if [] in deeper:
            kept[name] = each
        elif deeper:
            kept[name] = _kept(each, deeper)
    return kept


def _leaves(value: Any, at: str = "") -> set[str]:
    if isinstance(value, Mapping) and value:
        return {leaf for name, each in value.items() for leaf in _leaves(each, f"{at}.{name}" if at else name)}
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        return {leaf for each in value for leaf in _leaves(each, at)}
    return {at}
