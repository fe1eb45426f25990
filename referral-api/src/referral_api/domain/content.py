"""What a referral says, as JSON values in the shape of `POST /v1/referrals`: tidied, checked, changed.

Nothing here quotes a value: what is wrong is told by where it stands.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from schemas.codes import registry

from referral_api.domain.identifiers import clean_nhs_number, clean_upn
from referral_api.domain.identity import Child
from referral_api.domain.postcodes import clean_postcode
from referral_api.domain.school_years import age_on

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """Who may be referred, from a day on."""

    since: date
    #: The last age, in whole years, at which help can be asked for.
    oldest: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong: where (JSON pointer), a stable code, and what to do."""

    pointer: str
    code: str
    detail: str


#: Field of the child -> how it is brought into its one form (None: it cannot be), the code and what to do.
_FORMS: Final[Mapping[str, tuple[Callable[[str], str | None], str, str]]] = {
    "postcode": (clean_postcode, "not-a-postcode", "Send a postcode such as GL1 4AW, or null."),
    "nhs_number": (
        clean_nhs_number,
        "not-an-nhs-number",
        "Send the ten digits of an NHS number; the last one must be its check digit.",
    ),
    "upn": (clean_upn, "not-a-upn", "Send the 13 characters of a UPN; the first must be its check letter."),
}
#: Where a code stands -> its registry.
_CODES: Final = (
    (("child", "year_group"), "year-groups"),
    (("concern", "risk_of_exclusion"), "risk-of-exclusion"),
    (("urgency",), "urgency"),
    (("basis", "kind"), "basis-kinds"),
    (("basis", "special_category"), "special-category-conditions"),
)


def tidied(content: Content) -> dict[str, Any]:
    """The same with identifiers and postcode in their one form; what cannot be stays, for `flaws` to find."""
    child = dict(content["child"])
    for name, (clean, _, _) in _FORMS.items():
        if child.get(name) is not None:
            child[name] = clean(child[name]) or child[name]
    return {**content, "child": child}


def flaws(content: Content, *, on: date, limits: Limits) -> list[Flaw]:
    """Everything about the content that makes no sense on a day; empty when it is fit to be submitted."""
    return [
        *_flaws_of_child(content["child"], on, limits),
        *_flaws_of_family(content.get("family")),
        *_flaws_of_needs(content["needs"], on),
        *_flaws_of_codes(content, on),
        *_flaws_of_basis(content["basis"], on),
    ]


def merged(content: Content, change: Content) -> dict[str, Any]:
    """The content after a JSON merge patch (RFC 7396): objects are merged, everything else is replaced."""
    result = dict(content)
    for name, value in change.items():
        before = result.get(name)
        if isinstance(value, Mapping):
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def differences(before: Content, after: Content, *, at: str = "") -> list[str]:
    """JSON pointers of what differs, lists whole, in order."""
    found: list[str] = []
    for name in sorted({*before, *after}):
        old, new, pointer = before.get(name), after.get(name), f"{at}/{name}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found.extend(differences(old, new, at=pointer))
        elif old != new:
            found.append(pointer)
    return found


def child_of(content: Content) -> Child:
    """Who the content says the child is."""
    child = content["child"]
    return Child(
        given_name=child["given_name"],
        family_name=child["family_name"],
        date_of_birth=date.fromisoformat(child["date_of_birth"]),
        sex=child.get("sex"),
        postcode=child.get("postcode"),
        nhs_number=child.get("nhs_number"),
        upn=child.get("upn"),
        school_urn=child.get("school_urn"),
    )


def _flaws_of_child(child: Content, on: date, limits: Limits) -> Iterator[Flaw]:
    born = date.fromisoformat(child["date_of_birth"])
    if born > on:
        yield Flaw("/child/date_of_birth", "in-the-future", "The child must have been born.")
    elif age_on(on, born) > limits.oldest:
        yield Flaw("/child/date_of_birth", "too-old", f"Help can be asked for up to the age of {limits.oldest}.")
    for name, (clean, code, detail) in _FORMS.items():
        value = child.get(name)
        if value is not None and clean(value) is None:
            yield Flaw(f"/child/{name}", code, detail)


def _flaws_of_family(family: Content | None) -> Iterator[Flaw]:
    if family is not None and family.get("informed") is None:
        yield Flaw("/family/informed", "required", "Say whether the family knows of this referral.")


def _flaws_of_needs(needs: list[Content], on: date) -> Iterator[Flaw]:
    types, ranks = set[str](), set[int]()
    for index, need in enumerate(needs):
        if not registry("need-types").valid(need["type"], on=on):
            yield unknown(f"/needs/{index}/type", "need-types", on)
        elif need["type"] in types:
            yield Flaw(f"/needs/{index}/type", "repeated", "Name each type of need once.")
        if need["rank"] in ranks:
            yield Flaw(f"/needs/{index}/rank", "repeated", "Give each need a rank of its own.")
        types.add(need["type"])
        ranks.add(need["rank"])
    if 1 not in ranks:
        yield Flaw("/needs", "no-primary-need", "Give one need rank 1: the primary need.")


def _flaws_of_codes(content: Content, on: date) -> Iterator[Flaw]:
    for path, name in _CODES:
        value: Any = content
        for part in path:
            value = value.get(part) if value is not None else None
        if value is not None and not registry(name).valid(value, on=on):
            yield unknown("/" + "/".join(path), name, on)
    for index, asked in enumerate(content["requested"]):
        if not registry("requested-help").valid(asked, on=on):
            yield unknown(f"/requested/{index}", "requested-help", on)
        elif asked in content["requested"][:index]:
            yield Flaw(f"/requested/{index}", "repeated", "Ask for each kind of help once.")


def _flaws_of_basis(basis: Content, on: date) -> Iterator[Flaw]:
    if date.fromisoformat(basis["recorded_on"]) > on:
        yield Flaw("/basis/recorded_on", "in-the-future", "The basis must have been recorded by today.")


def unknown(pointer: str, name: str, on: date) -> Flaw:
    """The flaw of a code that a registry does not have on a day."""
    codes = ", ".join(registry(name).codes(on=on))
    return Flaw(pointer, "unknown-code", f"Use one of: {codes}.")
