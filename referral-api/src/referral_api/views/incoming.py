"""Bodies: a referral as in `POST /v1/referrals`, a change of one, and the smaller ones."""

from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin

from chassis.wire import Day, In, Line, Moment, Prose, Word, clean, listed, one_line
from pydantic import AfterValidator, Field, create_model

M = TypeVar("M", bound=In)

Name = Annotated[Line, Field(max_length=100)]
#: As typed, with or without spaces; brought into one form and checked afterwards.
Typed = Annotated[str, Field(min_length=1, max_length=20), AfterValidator(one_line)]
Words = Annotated[Prose, Field(min_length=1)]
Code = Annotated[Word, Field(max_length=64)]


class ChildIn(In):
    """Who the child is, as far as the sender knows."""

    given_name: Name
    family_name: Name
    date_of_birth: Day
    sex: Literal["female", "male", "other", "unknown"]
    postcode: Typed | None = None
    nhs_number: Typed | None = None
    upn: Typed | None = None
    #: Absent for a child who is home-educated, or whose school is not known.
    school_urn: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None
    #: N, R or 1-14; absent: judged by age.
    year_group: Annotated[Code, listed("year-groups")] | None = None
    #: True: where the child lives must not be found out; neither home nor school leaves this service.
    address_restricted: bool = False
    has_social_worker: bool = False


class ContactIn(In):
    """Somebody of the family."""

    name: Name
    relationship: Name
    parental_responsibility: bool
    #: False: contacting this person may put somebody at risk.
    safe_to_contact: bool


class FamilyIn(In):
    """What the family knows and says."""

    #: Whether the family knows of this referral.
    informed: bool
    views: Prose | None = None
    interpreter_language: Name | None = None
    contacts: Annotated[tuple[ContactIn, ...], Field(max_length=20)] = ()


class NeedIn(In):
    """A need, by the registry `need-types`; rank 1 is the primary one."""

    type: Annotated[Code, listed("need-types")]
    rank: Annotated[int, Field(ge=1, le=13)]


class ConcernIn(In):
    """What worries the sender."""

    summary: Words
    risk_of_exclusion: Annotated[Code, listed("risk-of-exclusion")]
    #: Of the sessions so far this school year: 0 to 1.
    attendance: Annotated[float, Field(ge=0, le=1)] | None = None


class BasisIn(In):
    """Why the law allows this to be shared."""

    kind: Annotated[Code, listed("basis-kinds")]
    special_category: Annotated[Code, listed("special-category-conditions")] | None = None
    recorded_on: Day


class ReferrerIn(In):
    """Who refers."""

    name: Name
    role: Name
    email: (
        Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"), AfterValidator(clean)] | None
    ) = None
    #: The sender's own id of this referral.
    reference: Name | None = None


class ReferralIn(In):
    """A request for help for a child."""

    child: ChildIn
    family: FamilyIn | None = None
    needs: Annotated[tuple[NeedIn, ...], Field(min_length=1, max_length=13)]
    concern: ConcernIn
    requested: Annotated[tuple[Annotated[Code, listed("requested-help")], ...], Field(min_length=1, max_length=10)]
    urgency: Annotated[Code, listed("urgency")]
    basis: BasisIn
    referrer: ReferrerIn


def _absent() -> None:
    return None


@cache
def partial(model: type[In], name: str) -> type[In]:
    """The same with every field optional, down to the leaves; what is not null stays so. Lists are sent whole."""
    fields: dict[str, Any] = {}
    for field_name, field in model.model_fields.items():
        kind: Any = field.annotation
        inner = _model_of(kind)
        if inner is not None:
            changed = partial(inner, f"{inner.__name__.removesuffix('In')}Change")
            kind = changed | None if type(None) in get_args(kind) else changed
        described = Annotated[(kind, *field.metadata)] if field.metadata else kind
        fields[field_name] = (described, Field(default_factory=_absent))
    return create_model(
        name, __base__=In, __doc__=f"A change of {model.__name__.removesuffix('In').lower()}.", **fields
    )


def _model_of(kind: Any) -> type[In] | None:
    """The model that a field holds, or may hold; None for lists of them and for everything else."""
    if get_origin(kind) is tuple:
        return None
    return next((each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, In)), None)


#: A JSON merge patch: what is named is replaced, what is not stays.
ReferralChange: Final = partial(ReferralIn, "ReferralChange")


def change_of(value: In) -> dict[str, Any]:
    """What a change names, as JSON values."""
    return value.model_dump(mode="json", exclude_unset=True)


@cache
def pointers(model: type[In] = ReferralIn, at: str = "") -> frozenset[str]:
    """The JSON pointers of everything that a referral can say, lists whole."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(f"{at}/{name}")
        inner = _model_of(field.annotation)
        if inner is not None:
            found |= pointers(inner, f"{at}/{name}")
    return frozenset(found)


def _known_pointer(pointer: str) -> str:
    if pointer not in pointers():
        raise ValueError("must point at a field of a referral, such as /child/postcode")
    return pointer


Pointer = Annotated[
    str, Field(max_length=100, json_schema_extra={"enum": [*sorted(pointers())]}), AfterValidator(_known_pointer)
]


class WithdrawalIn(In):
    """Why a referral is withdrawn."""

    reason: Annotated[Code, listed("withdrawal-reasons")]


class InformationRequestIn(In):
    """What is missing or unclear."""

    #: What it concerns, as JSON pointers: they travel in events, the question does not.
    fields: Annotated[tuple[Pointer, ...], Field(max_length=40)] = ()
    question: Words
    due_on: Day


class AnswerIn(In):
    """The sender's answer; what changes in the referral itself is amended."""

    answer: Words


class ClosingIn(In):
    """Why a case ends."""

    reason: Annotated[Code, listed("closing-reasons")]


class DecisionIn(In):
    """Whether two children that look alike are one."""

    same: bool


class UnlinkingIn(In):
    """Why a referral does not belong to its case."""

    reason: Annotated[Code, listed("unlink-reasons")]


class LinkingIn(In):
    """Where a referral belongs."""

    case_id: Code


class CaseSearchIn(In):
    """Whose case is looked for. At least one of name, numbers, day of birth, school and reference; all must fit."""

    #: Beginnings of words of the child's names, in any order; accents and case do not matter.
    name: Annotated[Line, Field(max_length=100)] | None = None
    date_of_birth: Day | None = None
    #: For education alone.
    upn: Typed | None = None
    #: For health alone.
    nhs_number: Typed | None = None
    #: A case's reference.
    reference: Typed | None = None
    school_urn: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None
    status: Code | None = None
    assignment: Code | None = None
    cluster_id: Code | None = None
    urgency: Annotated[Code, listed("urgency")] | None = None
    opened_since: Moment | None = None
    changed_since: Moment | None = None
    cursor: Annotated[str, Field(pattern=r"^[!-~]{1,600}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    #: A word for the audit, such as search.
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,39}$")] = "search"


class NamesIn(In):
    """Which cases' children are to be shown by name, and what for."""

    case_ids: Annotated[tuple[Code, ...], Field(min_length=1, max_length=200)]
    #: A word for the audit, such as worklist.
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,39}$")]
