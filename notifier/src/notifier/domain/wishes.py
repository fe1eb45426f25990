"""How somebody wants to be told, when they are away and who covers; and when a message may leave for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from notifier.domain.facts import COUNTY_TIME, county_day

DAILY: Final = "daily"
AT_ONCE: Final = "at-once"


@dataclass(frozen=True, slots=True)
class Hours:
    """The county's usual hours from a day on."""

    since: date
    #: Nothing leaves between these, in the county's own time; they go over midnight.
    quiet_from: time
    quiet_until: time
    #: The hour at which ordinary messages leave together.
    digest_hour: int
    #: Whether digests leave on Saturdays and Sundays.
    digest_at_weekends: bool
    #: At-once messages that nobody has read by then go on to the next step of their ladder.
    unread_hours: int


@dataclass(frozen=True, slots=True)
class RoleWish:
    """What differs in one role; None: as otherwise."""

    email: bool | None = None
    digest: str | None = None
    channels: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """How one person wants to be told, beside their inbox."""

    email: bool = True
    #: daily or at-once.
    digest: str = DAILY
    #: Further channels: sms, push.
    channels: frozenset[str] = frozenset()
    language: str = "en"
    #: None: the county's.
    digest_hour: int | None = None
    quiet_from: time | None = None
    quiet_until: time | None = None
    roles: Mapping[str, RoleWish] = field(default_factory=dict, compare=False)
    absent_from: date | None = None
    absent_until: date | None = None
    #: Who takes their messages meanwhile; None also when that person has left.
    cover: str | None = None

    def in_role(self, role: str) -> "Wish":
        """The wish as it is in one role."""
        own = self.roles.get(role)
        if own is None:
            return self
        return replace(
            self,
            email=self.email if own.email is None else own.email,
            digest=own.digest or self.digest,
            channels=self.channels if own.channels is None else own.channels,
        )

    def away(self, day: date) -> bool:
        """Whether they are absent on a day."""
        return (
            self.absent_from is not None
            and self.absent_from <= day
            and (self.absent_until is None or day <= self.absent_until)
        )


def read_hours(data: Mapping[str, Any]) -> tuple[Hours, ...]:
    """The county's hours from the parsed data file, the newest first."""
    return tuple(
        sorted(
            (
                Hours(
                    since=date.fromisoformat(entry["since"]),
                    quiet_from=time.fromisoformat(entry["quiet"]["from"]),
                    quiet_until=time.fromisoformat(entry["quiet"]["until"]),
                    digest_hour=int(entry["digest_hour"]),
                    digest_at_weekends=bool(entry["digest_at_weekends"]),
                    unread_hours=int(entry["unread_hours"]),
                )
                for entry in data["hours"]
            ),
            key=lambda hours: hours.since,
            reverse=True,
        )
    )


def hours_on(hours: tuple[Hours, ...], day: date) -> Hours:
    """The hours in force on a day; before the first ones, the first."""
    return next((h for h in hours if h.since <= day), hours[-1])


def quiet_ends(at: datetime, wish: Wish, hours: Hours) -> datetime | None:
    """When the quiet around an instant ends; None: it is not quiet. Quiet of no length is none."""
    start, end = wish.quiet_from or hours.quiet_from, wish.quiet_until or hours.quiet_until
    local = at.astimezone(COUNTY_TIME)
    now = local.time().replace(tzinfo=None)
    if start == end or not ((start <= now < end) if start < end else (now >= start or now < end)):
        return None
    ends_on = local.date() + timedelta(days=1 if start > end and now >= start else 0)
    return _at(ends_on, end)


def leaves_at(at: datetime, wish: Wish, hours: Hours, *, urgent: bool, wakes: bool) -> datetime:
    """When a message about something at an instant may leave: now, when the quiet ends, or with the next digest."""
    if wakes:
        return at
    if not urgent and wish.digest == DAILY:
        at = _next_digest(at, wish, hours)
    return quiet_ends(at, wish, hours) or at


def looked_by(at: datetime, hours: Hours) -> datetime:
    """By when somebody must have looked at something urgent: so many hours later, on a working day of the week."""
    then = at + timedelta(hours=hours.unread_hours)
    while county_day(then).weekday() >= 5:  # noqa: PLR2004  Saturday and Sunday
        then += timedelta(days=1)
    return then


def _next_digest(at: datetime, wish: Wish, hours: Hours) -> datetime:
    hour = hours.digest_hour if wish.digest_hour is None else wish.digest_hour
    day = county_day(at)
    while True:
        then = _at(day, time(hour))
        if then >= at and (hours.digest_at_weekends or day.weekday() < 5):  # noqa: PLR2004  Monday to Friday
            return then
        day += timedelta(days=1)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=COUNTY_TIME)
