"""Who may see and do what: pure functions. What a viewer may not see does not exist for them."""

from collections.abc import Collection
from typing import Final, Protocol

from referral_api.domain.participation import WORKING_ROLES, Participants, present

#: By fetch each sector gets its own identifier of the child and no other.
_IDENTIFIERS: Final = {"education": frozenset({"upn"}), "health": frozenset({"nhs_number"})}
#: Who works cases in a cluster's team, whatever organisation pays them.
TEAM_ROLES: Final = ("cluster-lead", "caseworker", "adviser")


class Viewer(Protocol):
    """Who asks; an access token's caller is one."""

    @property
    def organisation(self) -> str:
        """The organisation they act for."""

    @property
    def sector(self) -> str:
        """That organisation's sector."""

    @property
    def clusters(self) -> frozenset[str]:
        """The clusters whose teams they are in."""

    def has(self, *roles: str) -> bool:
        """Whether they hold any of these roles."""


def sees_case(viewer: Viewer, organisations: Collection[str], cluster_id: str | None) -> bool:
    """Whether this case exists for them: their organisation takes part, or they are in its cluster's team."""
    return viewer.organisation in organisations or is_of_team(viewer, cluster_id)


def works_case(viewer: Viewer, participants: Participants, cluster_id: str | None) -> bool:
    """Whether they read all of it: they answer for it, are asked to, or are in its cluster's team."""
    return viewer.organisation in present(participants, roles=WORKING_ROLES) or is_of_team(viewer, cluster_id)


def is_of_team(viewer: Viewer, cluster_id: str | None) -> bool:
    """Whether they work in this cluster's team."""
    return cluster_id is not None and cluster_id in viewer.clusters and viewer.has(*TEAM_ROLES)


def is_intake(viewer: Viewer, intake: str) -> bool:
    """Whether they sit at the intake desk, which decides who is who."""
    return viewer.organisation == intake and viewer.has("caseworker")


def is_officer(viewer: Viewer, intake: str) -> bool:
    """Whether they are the council's data protection officer, who answers for every case."""
    return viewer.organisation == intake and viewer.has("data-protection-officer")


def leads_case(viewer: Viewer, participants: Participants, cluster_id: str | None) -> bool:
    """Whether they lead the team that holds it."""
    return viewer.has("cluster-lead") and (
        is_of_team(viewer, cluster_id) or viewer.organisation in present(participants, roles=("holder",))
    )


def may_ask_to_see(viewer: Viewer, *, leads_a_cluster: bool) -> bool:
    """Whether they may read outside their team when they say why: the council's and the clusters' own people."""
    return viewer.has("caseworker", "cluster-lead") and (
        viewer.sector == "council" or bool(viewer.clusters) or leads_a_cluster
    )


def identifiers(viewer: Viewer) -> frozenset[str]:
    """Which of the child's numbers they get."""
    return _IDENTIFIERS.get(viewer.sector, frozenset())


def sees_restricted_address(viewer: Viewer, *, own: bool) -> bool:
    """Whether a restricted address and school are shown: to who sent it, to social care and to the intake desk."""
    return own or viewer.sector in {"social-care", "council"}


def tells_of_exclusions(viewer: Viewer) -> bool:
    """Whether suspensions and exclusions are theirs to tell of: a school's, or the council's on its behalf."""
    return viewer.sector in {"education", "council"}
