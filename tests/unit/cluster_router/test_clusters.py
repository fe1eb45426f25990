"""Clusters derived from the register, and read from an operator's files."""

from datetime import date

import pytest
from cluster_router.domain.clusters import (
    Derivation,
    NoSchoolsKnown,
    NotAClusterFile,
    derive_clusters,
    read_capacities,
    read_clusters,
    slug,
)
from cluster_router.domain.county import Capacity, Member
from cluster_router.domain.rules import Phase
from unit.cluster_router.builders import a_school, the_rules

SINCE = date(2026, 9, 1)
HOW = Derivation("916", frozenset({"01", "34"}), on=date(2026, 11, 23), since=SINCE)


def derived(*schools: object) -> dict[str, tuple[str, list[str]]]:
    """Cluster id -> its lead and its members."""
    by_urn = {school.urn: school for school in schools}  # type: ignore[attr-defined]
    clusters = derive_clusters(by_urn, the_rules(), HOW)  # type: ignore[arg-type]
    return {c.id: (c.lead_school_urn, [member.school_urn for member in c.members]) for c in clusters}


def here(urn: str, **rest: object) -> object:
    """An open school of the county in the Forest of Dean."""
    return a_school(urn, **({"local_authority": "916", "district": "Forest of Dean"} | rest))  # type: ignore[arg-type]


def test_each_district_and_phase_makes_a_cluster_led_by_its_largest_school() -> None:
    assert derived(
        here("100001", pupils=100),
        here("100002", pupils=300),
        here("100003", pupils=300),
        here("100004"),
        here("100005", phase=4),
        here("100006", district="Stroud"),
    ) == {
        "forest-of-dean-primary": ("100002", ["100001", "100002", "100003", "100004"]),
        "forest-of-dean-secondary": ("100005", ["100005"]),
        "stroud-primary": ("100006", ["100006"]),
    }


def test_an_all_through_school_is_in_both() -> None:
    assert set(derived(here("100001", phase=7))) == {"forest-of-dean-primary", "forest-of-dean-secondary"}


def test_special_closed_coming_foreign_and_placeless_schools_are_in_none() -> None:
    schools = derived(
        here("100001"),
        here("100002", establishment_type="07"),
        here("100003", phase=0),
        here("100004", status=2),
        here("100005", status=2, closed_on=date(2026, 8, 31)),
        here("100008", status=4),
        here("100006", local_authority="801"),
        here("100007", district=None),
    )
    assert schools == {"forest-of-dean-primary": ("100001", ["100001"])}


def test_a_school_without_a_district_has_that_of_the_school_it_took_over_from() -> None:
    schools = derived(here("100001", status=2, successors=["100002"]), here("100002", district=None))
    assert schools == {"forest-of-dean-primary": ("100002", ["100002"])}


def test_a_membership_begins_when_the_school_does() -> None:
    school = a_school("100001", local_authority="916", district="Stroud", opened_on=date(2026, 11, 1))
    (cluster,) = derive_clusters({"100001": school}, the_rules(), HOW)
    assert cluster.members == (Member("100001", date(2026, 11, 1)),)
    assert (cluster.name, cluster.area, cluster.organisation_id) == ("Stroud primary", "Stroud", "school-100001")


def test_before_any_school_has_arrived_nothing_is_derived() -> None:
    with pytest.raises(NoSchoolsKnown):
        derive_clusters({}, the_rules(), HOW)


@pytest.mark.parametrize(
    ("name", "code"), [("Forest of Dean", "forest-of-dean"), ("Bristol, City of", "bristol-city-of")]
)
def test_names_become_codes(name: str, code: str) -> None:
    assert slug(name) == code


ROW = {
    "cluster_id": "north", "name": "North", "phase": "primary", "area": "The north", "lead_school_urn": "100001",
    "school_urn": "100001", "since": "2026-09-01", "until": "",
}  # fmt: skip


def test_a_file_of_clusters_is_read_row_by_row() -> None:
    rows = [ROW, {**ROW, "school_urn": "100002", "since": "2025-09-01", "until": "2026-12-31"}]
    (cluster,) = read_clusters(rows, {"100001": a_school("100001")})
    assert (cluster.id, cluster.phase, cluster.organisation_id) == ("north", Phase.PRIMARY, "school-100001")
    assert cluster.members == (
        Member("100002", date(2025, 9, 1), date(2026, 12, 31)),
        Member("100001", date(2026, 9, 1)),
    )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"cluster_id": "North!"}, "/2/cluster_id"),
        ({"name": ""}, "/2/name"),
        ({"name": "x" * 121}, "/2/name"),
        ({"phase": "tertiary"}, "/2/phase"),
        ({"lead_school_urn": "1"}, "/2/lead_school_urn"),
        ({"school_urn": "abc"}, "/2/school_urn"),
        ({"since": "1 September"}, "/2/since"),
        ({"since": ""}, "/2/since"),
        ({"until": "never"}, "/2/until"),
        ({"until": "2026-08-31"}, "/2/until"),
    ],
)
def test_a_wrong_cell_is_named_as_a_spreadsheet_counts(change: dict[str, str], pointer: str) -> None:
    with pytest.raises(NotAClusterFile) as refusal:
        read_clusters([{**ROW, **change}], {})
    assert [error.pointer for error in refusal.value.errors] == [pointer]


def test_a_cluster_is_the_same_in_each_of_its_rows() -> None:
    with pytest.raises(NotAClusterFile, match="as in its first row"):
        read_clusters([ROW, {**ROW, "school_urn": "100002", "area": "Elsewhere"}], {})


def test_an_empty_file_is_not_one() -> None:
    with pytest.raises(NotAClusterFile):
        read_clusters([], {})
    with pytest.raises(NotAClusterFile):
        read_capacities([], {"north"})


def test_a_school_is_in_one_cluster_of_a_phase_at_a_time() -> None:
    south = {**ROW, "cluster_id": "south", "name": "South"}
    with pytest.raises(NotAClusterFile, match="one cluster"):
        read_clusters([ROW, south], {})
    assert len(read_clusters([{**ROW, "until": "2027-08-31"}, {**south, "since": "2027-09-01"}], {})) == 2
    assert len(read_clusters([ROW, {**south, "phase": "secondary"}], {})) == 2


def test_capacities_are_dated_hard_or_soft_or_unlimited() -> None:
    rows = [
        {"cluster_id": "north", "since": "2027-01-01", "capacity": "", "kind": ""},
        {"cluster_id": "north", "since": "2026-09-01", "capacity": "40", "kind": "hard"},
        {"cluster_id": "south", "since": "2026-09-01", "capacity": "0", "kind": "soft"},
    ]
    assert read_capacities(rows, {"north", "south"}) == {
        "north": (Capacity(SINCE, 40), Capacity(date(2027, 1, 1), None)),
        "south": (Capacity(SINCE, 0, hard=False),),
    }


@pytest.mark.parametrize(
    "change", [{"cluster_id": "south"}, {"capacity": "-1"}, {"capacity": "many"}, {"kind": "maybe"}, {"since": ""}]
)
def test_a_wrong_capacity_is_refused(change: dict[str, str]) -> None:
    row = {"cluster_id": "north", "since": "2026-09-01", "capacity": "40", "kind": "hard"}
    with pytest.raises(NotAClusterFile):
        read_capacities([{**row, **change}], {"north"})
    with pytest.raises(NotAClusterFile, match="different"):
        read_capacities([row, {**row, "capacity": "41"}], {"north"})
