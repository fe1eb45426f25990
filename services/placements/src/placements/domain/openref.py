"""From a service of Open Referral UK to a provider: its ages, needs, kind and place; or why it is none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from placements.domain.providers import Check, Provider, Source, check_id


class NotAProvider(Exception):
    """The service cannot be a provider; the message is a code."""


@dataclass(frozen=True, slots=True)
class OpenReferralRules:
    """How services are read; dated."""

    since: date
    kind: str
    active: tuple[str, ...]
    taught_from_age: int
    #: First and last age of each phase.
    ages: Mapping[str, tuple[int, int]]
    kinds: Mapping[str, tuple[str, ...]]
    needs: Mapping[str, tuple[str, ...]]


def services_in(document: Any) -> list[Mapping[str, Any]]:
    """The services of a document: a page of a list (`contents`), a bare list, or one service."""
    found = document.get("contents", [document]) if isinstance(document, dict) else document
    if not isinstance(found, list) or not all(isinstance(each, dict) and "name" in each for each in found):
        raise NotAProvider("no-services")
    return found


def provider_of(service: Mapping[str, Any], rules: OpenReferralRules, *, organisations: Mapping[str, str]) -> Provider:
    """The provider that a service is. Raises `NotAProvider`.

    `organisations` are ids of ours by their name, in lower case: a service belongs to one when its own has the name.
    """
    id, name = service.get("id"), service.get("name")
    if not isinstance(id, str) or not isinstance(name, str) or not name.strip():
        raise NotAProvider("no-id-or-name")
    phases = _phases(service, rules)
    if not phases:
        raise NotAProvider("not-for-school-age")
    text = " ".join(_words(service)).casefold()
    organization = service.get("organization")
    owner = str(organization.get("name", "")) if isinstance(organization, dict) else ""
    easting, northing = _place(service)
    return Provider(
        id=f"or-{id}"[:64],
        name=" ".join(name.split())[:200],
        organisation_id=organisations.get(owner.casefold()),
        kind=next((kind for kind, words in rules.kinds.items() if any(word in text for word in words)), rules.kind),
        phases=phases,
        needs=tuple(need for need, words in rules.needs.items() if any(word in text for word in words)),
        easting=easting,
        northing=northing,
        active=service.get("status") in rules.active,
        source=Source.OPEN_REFERRAL,
        external_id=id,
    )


def assurance_of(service: Mapping[str, Any], provider_id: str) -> Check | None:
    """The quality check that `assured_date` stands for. It is no safeguarding check: somebody must make that here."""
    try:
        on = date.fromisoformat(str(service.get("assured_date"))[:10])
    except ValueError:
        return None
    return Check(check_id(provider_id, "quality", on), provider_id, "quality", "met", on, None)


def _phases(service: Mapping[str, Any], rules: OpenReferralRules) -> tuple[str, ...]:
    ages = [service] + [each for each in service.get("eligibility") or () if isinstance(each, dict)]
    least = min((a for each in ages if (a := _number(each.get("minimum_age"))) is not None), default=None)
    most = max((a for each in ages if (a := _number(each.get("maximum_age"))) is not None), default=None)
    # Without an age it is for everybody, which is nobody in particular.
    if least is None and most is None:
        return ()
    low, high = least if least is not None else rules.taught_from_age, most if most is not None else 10**3
    return tuple(phase for phase, (first, last) in rules.ages.items() if low <= last and high >= first)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _words(service: Mapping[str, Any]) -> Iterable[str]:
    yield str(service.get("name") or "")
    yield str(service.get("description") or "")
    for each in [*(service.get("eligibility") or ()), *(service.get("attributes") or ())]:
        if isinstance(each, dict):
            term = each.get("taxonomy_term") if isinstance(each.get("taxonomy_term"), dict) else each
            yield str((term or {}).get("name") or "")
            yield str((term or {}).get("eligibility") or "")


def _place(service: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Where it is, where its location says so in metres. Degrees are looked up by postcode by whoever has the codes."""
    for each in service.get("service_at_locations") or ():
        location = each.get("location") if isinstance(each, dict) else None
        if isinstance(location, dict):
            easting, northing = _number(location.get("easting")), _number(location.get("northing"))
            if easting is not None and northing is not None:
                return int(easting), int(northing)
    return None, None


def postcode_of(service: Mapping[str, Any]) -> str | None:
    """The postcode of the first location that has one, without spaces."""
    for each in service.get("service_at_locations") or ():
        location = each.get("location") if isinstance(each, dict) else None
        for address in (location or {}).get("addresses") or ():
            code = str(address.get("postal_code") or "") if isinstance(address, dict) else ""
            if code.strip():
                return "".join(code.split()).upper()
    return None
