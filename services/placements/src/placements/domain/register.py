"""From a school of the register to a provider: pupil referral units and alternative provision academies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from schemas.directory import SchoolChanged

from placements.domain.providers import Provider, Source


@dataclass(frozen=True, slots=True)
class RegisterRules:
    """Which types are providers, of which kind; which statuses are open; dated."""

    since: date
    kinds: Mapping[str, str]
    open: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PhaseRules:
    """Whom a place is for; dated."""

    since: date
    default: str
    secondary_from_age: int
    post_16_from_age: int
    years: Mapping[str, tuple[str, ...]]
    register: Mapping[str, tuple[str, ...]]

    def of_child(self, year_group: str | None, age: int | None) -> str:
        """The phase of a child: by year group, else by age, else the usual one."""
        for phase, years in self.years.items():
            if year_group in years:
                return phase
        if age is None:
            return self.default
        if age >= self.post_16_from_age:
            return "post-16"
        return "secondary" if age >= self.secondary_from_age else "primary"

    def of_school(self, phase: int, low_age: int | None, high_age: int | None) -> tuple[str, ...]:
        """The phases of a school: by the register's phase, where that says nothing by ages, else all of school age."""
        known = self.register.get(str(phase))
        if known:
            return known
        low, high = low_age if low_age is not None else 0, high_age if high_age is not None else self.post_16_from_age
        phases = []
        if low < self.secondary_from_age:
            phases.append("primary")
        if high > self.secondary_from_age:
            phases.append("secondary")
        return tuple(phases)


def provider_of(school: SchoolChanged, rules: RegisterRules, phases: PhaseRules) -> Provider | None:
    """The provider that a school is; None when it is no provider."""
    kind = rules.kinds.get(school.establishment_type)
    if kind is None:
        return None
    return Provider(
        id=school.organisation_id,
        name=school.name,
        organisation_id=school.organisation_id,
        kind=kind,
        phases=phases.of_school(school.phase, school.low_age, school.high_age),
        needs=(),
        easting=school.easting,
        northing=school.northing,
        active=school.status in rules.open,
        source=Source.REGISTER,
        external_id=school.school_urn,
    )
