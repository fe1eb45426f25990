"""What decides where a case belongs, made of what the senders of its referrals say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from schemas.codes import registry
from schemas.referral import Circumstances, Home, Need

from referral_api.domain import postcodes
from referral_api.domain.content import Content
from referral_api.domain.school_years import school_age

_KILOMETRE: Final = 1000
#: What an event can carry; there are not many more types of need than that.
_MOST_NEEDS: Final = 13


@dataclass(frozen=True, slots=True)
class Statement:
    """What one sender says that bears on where the case belongs."""

    said_at: datetime
    #: Whether its sender still asks for help.
    active: bool
    born: date
    school_urn: str | None
    year_group: str | None
    needs: tuple[Need, ...]
    home: Home
    urgency: str
    risk_of_exclusion: str
    #: Whether the needs are what is usual rather than what somebody said.
    assumed: bool = False

    @classmethod
    def of(cls, content: Content, home: Home, *, said_at: datetime, active: bool) -> "Statement":
        """What a referral's content says."""
        child: Any = content["child"]
        return cls(
            said_at=said_at,
            active=active,
            born=date.fromisoformat(child["date_of_birth"]),
            school_urn=child.get("school_urn"),
            year_group=child.get("year_group"),
            needs=tuple(Need(type=need["type"], rank=need["rank"]) for need in content["needs"]),
            home=home,
            urgency=content["urgency"],
            risk_of_exclusion=content["concern"]["risk_of_exclusion"],
            assumed=bool(content.get("needs_assumed")),
        )


def home_of(content: Content, square: tuple[int, int] | None) -> Home:
    """Where the content says that the child lives; `square` is its postcode's, in kilometres, when we know it."""
    child: Any = content["child"]
    if child.get("address_restricted"):
        return Home(state="restricted")
    if child.get("postcode") == postcodes.NO_FIXED_ABODE:
        return Home(state="none")
    if square is None:
        return Home(state="unknown")
    easting, northing = square
    return Home(state="known", easting=easting * _KILOMETRE, northing=northing * _KILOMETRE)


def combined(statements: Sequence[Statement], *, on: date) -> Circumstances:
    """One picture of all that is said: the latest on school, year and home, every need, the worst urgency and risk.

    Those who no longer ask for help are not listened to, unless nobody else is left; needs that were assumed count only
    where nobody names any. If anybody says that the
    address is restricted, it is: neither square nor school is given.
    """
    heard = sorted(
        [said for said in statements if said.active] or statements, key=lambda said: said.said_at, reverse=True
    )
    named = [said for said in heard if not said.assumed] or heard
    restricted = any(said.home.state == "restricted" for said in heard)
    return Circumstances(
        school_urn=None if restricted else _latest([said.school_urn for said in heard]),
        year_group=_latest([said.year_group for said in heard]),
        age=school_age(heard[0].born, on=on),
        needs=_ranked([need for said in reversed(named) for need in said.needs]),
        home=Home(state="restricted") if restricted else _home([said.home for said in heard]),
        urgency=_worst("urgency", [said.urgency for said in heard]),
        risk_of_exclusion=_worst("risk-of-exclusion", [said.risk_of_exclusion for said in heard]),
    )


def changed(before: Circumstances, after: Circumstances) -> tuple[str, ...]:
    """Names of the parts that differ, in the contract's order."""
    return tuple(name for name in Circumstances.model_fields if getattr(before, name) != getattr(after, name))


def _latest(words: Sequence[str | None]) -> str | None:
    return next((word for word in words if word is not None), None)


def _home(homes: Sequence[Home]) -> Home:
    return next((home for home in homes if home.state != "unknown"), Home(state="unknown"))


def _ranked(needs: Sequence[Need]) -> tuple[Need, ...]:
    """Each type once, by its best rank, the earlier said first among equals."""
    best: dict[str, int] = {}
    for need in needs:
        best[need.type] = min(need.rank, best.get(need.type, need.rank))
    types = sorted(best, key=lambda kind: best[kind])[:_MOST_NEEDS]
    return tuple(Need(type=kind, rank=rank) for rank, kind in enumerate(types, start=1))


def _worst(name: str, codes: Sequence[str]) -> str:
    """The gravest of these codes; a registry lists its codes from the least to the most grave."""
    order = [entry.code for entry in registry(name).entries]
    return max(codes, key=order.index)


def forgotten(before: Circumstances) -> Circumstances:
    """What may stay when everything that describes the child goes: how urgent it was."""
    return Circumstances(
        age=0,
        needs=(),
        home=Home(state="unknown"),
        urgency=before.urgency,
        risk_of_exclusion=before.risk_of_exclusion,
    )
