"""What a sector's system may be given of a case: by the first rule that fits sector, purpose and a standing basis."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from referral_api.domain.case_file import Referral
from referral_api.domain.lifecycle import ReferralStatus


@dataclass(frozen=True, slots=True)
class DisclosureRule:
    """To whom, for what, on which bases, which fields; a dot leads into a part."""

    id: str
    sectors: frozenset[str]
    purposes: frozenset[str]
    #: The one to rely on first, first.
    bases: tuple[str, ...]
    fields: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class DisclosureRules:
    """The rules that hold from a day on."""

    version: str
    since: date
    #: For who names none.
    purpose: str
    rules: tuple[DisclosureRule, ...]


def standing_bases(referrals: Iterable[Referral]) -> frozenset[str]:
    """The bases that senders recorded and have not taken back."""
    return frozenset(each.content["basis"]["kind"] for each in referrals if each.status is not ReferralStatus.WITHDRAWN)


def fitting(
    rules: Sequence[DisclosureRule], *, sector: str, purpose: str, bases: Collection[str], basis: str | None = None
) -> tuple[DisclosureRule, str] | None:
    """The rule and the basis to rely on; `basis`: that one or none."""
    for rule in rules:
        if sector in rule.sectors and purpose in rule.purposes:
            usable = [each for each in rule.bases if each in bases and basis in {None, each}]
            if usable:
                return rule, usable[0]
    return None


def projected(document: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The named fields of a document and nothing else; what the document lacks is left out."""
    found: dict[str, Any] = {}
    for field in fields:
        part, _, rest = field.partition(".")
        if part not in document:
            continue
        if not rest:
            found[part] = document[part]
        elif isinstance(document[part], Mapping):
            found.setdefault(part, {}).update(projected(document[part], [rest]))
    return found
