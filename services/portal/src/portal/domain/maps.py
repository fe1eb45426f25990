"""A map without tiles: schools as points, homes as 1 km squares, on the British National Grid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, hypot
from typing import Final

KM: Final = 1_000
#: The map's own width; its height follows from the county's shape.
WIDE: Final = 800
_EDGE: Final = 2 * KM
_GRID: Final = 10 * KM


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the map, in metres."""

    easting: int
    northing: int
    name: str
    #: `own`, `lead` or `other`: how it is drawn.
    kind: str = "other"


@dataclass(frozen=True, slots=True)
class Square:
    """A square of homes, by its south-west corner, and how many open cases live in it."""

    easting: int
    northing: int
    name: str
    cases: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A map in its own coordinates, y downwards."""

    wide: int
    high: int
    points: Sequence[tuple[float, float, Place]]
    squares: Sequence[tuple[float, float, float, Square]]
    #: Grid lines every ten kilometres: (x1, y1, x2, y2).
    lines: Sequence[tuple[float, float, float, float]]
    #: How long ten kilometres are.
    scale: float


def draw(places: Sequence[Place], squares: Sequence[Square] = ()) -> Drawn | None:
    """The map of these, or None without any."""
    eastings = [place.easting for place in places] + [one.easting + n for one in squares for n in (0, KM)]
    northings = [place.northing for place in places] + [one.northing + n for one in squares for n in (0, KM)]
    if not eastings:
        return None
    west, east = min(eastings) - _EDGE, max(eastings) + _EDGE
    south, north = min(northings) - _EDGE, max(northings) + _EDGE
    factor = WIDE / max(east - west, 1)
    high = max(round((north - south) * factor), 1)

    def x(easting: float) -> float:
        return round((easting - west) * factor, 1)

    def y(northing: float) -> float:
        return round((north - northing) * factor, 1)

    across = [(x(at), 0.0, x(at), float(high)) for at in _every(west, east)]
    along = [(0.0, y(at), float(WIDE), y(at)) for at in _every(south, north)]
    return Drawn(
        WIDE,
        high,
        tuple((x(place.easting), y(place.northing), place) for place in places),
        tuple((x(one.easting), y(one.northing + KM), round(KM * factor, 1), one) for one in squares),
        (*across, *along),
        round(_GRID * factor, 1),
    )


def _every(first: int, last: int) -> Iterable[int]:
    return range(ceil(first / _GRID) * _GRID, floor(last / _GRID) * _GRID + 1, _GRID)


def square_name(easting: int, northing: int) -> str:
    """The square of a place as maps name it: SO8318."""
    east, north = easting // (100 * KM), northing // (100 * KM)
    first = (19 - north) - (19 - north) % 5 + (east + 10) // 5
    second = (19 - north) * 5 % 25 + east % 5
    letters = "".join(chr(ord("A") + at + (1 if at > 7 else 0)) for at in (first, second))  # noqa: PLR2004  no I
    return f"{letters}{easting // KM % 100:02d}{northing // KM % 100:02d}"


def kilometres(one: tuple[int, int], other: tuple[int, int]) -> float:
    """As the crow flies."""
    return round(hypot(one[0] - other[0], one[1] - other[1]) / KM, 1)
