"""Who may see and change what in the directory: pure functions.

Organisations and schools are for everybody who is signed in. Of people, names and roles are too, so that anybody can
find whom to turn to; a work e-mail address is shown to signed-in staff of the same organisation, to the council's staff
and to operators, and never to a system: systems reach people by their roles. An organisation is changed by an operator
or by its own lead, a school by the register alone.
"""

from typing import Final, Protocol

#: A system speaks for its agency; whoever holds another role is a person.
_SYSTEM_ROLES: Final = ("agency-system", "service")
_STAFF_ROLES: Final = (
    "referrer", "caseworker", "cluster-lead", "adviser", "finance-officer", "provider-staff",
    "data-protection-officer", "intake", "safeguarding-lead", "operator",
)  # fmt: skip
OPERATOR: Final = "operator"
LEAD: Final = "cluster-lead"
#: Whom routes that change something let in; what they may change is decided below.
CHANGERS: Final = (OPERATOR, LEAD)


class Viewer(Protocol):
    """Who asks; an access token's caller is one."""

    @property
    def subject(self) -> str:
        """Who they are: a person's id, or a system's."""

    @property
    def organisation(self) -> str:
        """The organisation they act for."""

    @property
    def sector(self) -> str:
        """That organisation's sector."""

    def has(self, *roles: str) -> bool:
        """Whether they hold any of these roles."""


def changes_organisation(viewer: Viewer, organisation_id: str) -> bool:
    """Whether they may change this organisation, its people and their roles."""
    return viewer.has(OPERATOR) or (viewer.has(LEAD) and viewer.organisation == organisation_id)


def makes_organisations(viewer: Viewer) -> bool:
    """Whether they may add organisations."""
    return viewer.has(OPERATOR)


def gives_role(viewer: Viewer, role: str) -> bool:
    """Whether they may give this role to somebody: only an operator makes operators."""
    return viewer.has(OPERATOR) or role != OPERATOR


def sees_email(viewer: Viewer, organisation_id: str) -> bool:
    """Whether they see the work e-mail addresses of this organisation's people."""
    if viewer.has(OPERATOR):
        return True
    if viewer.has(*_SYSTEM_ROLES) or not viewer.has(*_STAFF_ROLES):
        return False
    return viewer.organisation == organisation_id or viewer.sector == "council"


def sees_absences(viewer: Viewer, organisation_id: str) -> bool:
    """Whether they see who is away; everybody sees who is on duty instead."""
    return viewer.has(OPERATOR) or (viewer.organisation == organisation_id and viewer.has(*_STAFF_ROLES))


def reports_absence(viewer: Viewer, person_id: str, organisation_id: str) -> bool:
    """Whether they may say that this person is away: the person, their organisation's lead, or an operator."""
    return viewer.subject == person_id or changes_organisation(viewer, organisation_id)
