"""The synthetic county and its staff."""

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from jointly.county import synthetic
from jointly.county.credentials import keep_credentials
from jointly.county.staff import DemoCluster, agencies, workers
from jointly.county.synthetic import Place
from jointly.issuer.registry import Registry
from jointly.state import StateFolder

#: A grid of postcodes over the county, and the one that the README's first request names.
PLACES = [
    Place("GL1 4AW", 383967, 218224),
    *(
        Place(f"GL{east} {north}AA", 355_000 + east * 2_500, 198_000 + north * 4_000)
        for east in range(2, 22)
        for north in range(10)
    ),
]
CLUSTERS = [
    DemoCluster("gloucester-primary", "Gloucester primary", "900001"),
    DemoCluster("stroud-secondary", "Stroud secondary", "900050"),
]


def test_the_county_is_the_same_every_time() -> None:
    assert synthetic.schools(PLACES) == synthetic.schools(list(reversed(PLACES)))


def test_the_county_has_six_districts_with_schools_of_both_phases() -> None:
    made = synthetic.schools(PLACES)
    by_phase = Counter(school.phase for school in made)
    assert by_phase == {"Primary": 60, "Secondary": 14}
    assert len({(school.district, school.phase) for school in made}) == 12
    assert len({school.urn for school in made}) == len(made)
    assert len({school.name for school in made}) == len(made)


def test_the_readmes_school_is_at_the_readmes_postcode() -> None:
    (first,) = [school for school in synthetic.schools(PLACES) if school.urn == "115482"]
    assert (first.place.postcode, first.district) == ("GL1 4AW", "Gloucester")


def test_every_other_school_is_plainly_synthetic() -> None:
    for school in synthetic.schools(PLACES):
        assert school.name.endswith("(synthetic)")
        assert school.urn == "115482" or school.urn.startswith("900")
        assert school.pupils <= school.capacity


def test_without_the_readmes_postcode_there_is_no_county() -> None:
    with pytest.raises(ValueError, match="GL1 4AW"):
        synthetic.schools(PLACES[1:])


def test_the_extract_has_the_registers_own_columns() -> None:
    made = synthetic.schools(PLACES)
    rows = list(csv.DictReader(io.StringIO(synthetic.as_register(made).decode())))
    assert len(rows) == len(made)
    assert rows[0]["EstablishmentStatus (name)"] == "Open"
    assert {row["PhaseOfEducation (name)"] for row in rows} == {"Primary", "Secondary"}


def test_every_cluster_has_a_lead_at_its_lead_school_and_people_of_all_three_sectors() -> None:
    staff = workers(CLUSTERS)
    for cluster in CLUSTERS:
        own = [worker for worker in staff if worker.cluster == cluster.id]
        (lead,) = [worker for worker in own if "cluster-lead" in worker.roles]
        assert lead.organisation == f"school-{cluster.lead_school_urn}"
        for role in ("caseworker", "adviser"):
            assert {w.sector for w in own if role in w.roles} == {"education", "health", "social-care"}


def test_the_county_has_somebody_for_everything_that_is_not_a_clusters() -> None:
    roles = {role for worker in workers(CLUSTERS) if worker.cluster is None for role in worker.roles}
    assert {"intake", "finance-officer", "data-protection-officer", "operator", "referrer"} <= roles


def test_nobody_has_a_name_or_an_address_that_could_be_somebodys() -> None:
    staff = workers(CLUSTERS)
    assert len({worker.id for worker in staff}) == len(staff)
    for worker in staff:
        assert worker.name.startswith(worker.title)
        assert worker.email.endswith(".example")


def test_credentials_are_private_complete_and_keep_their_secrets(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    first = keep_credentials(state, CLUSTERS[:1], token_url="http://127.0.0.1:8000/oauth/token")
    again = keep_credentials(state, CLUSTERS, token_url="http://127.0.0.1:8100/oauth/token")
    assert state.file("credentials.json").stat().st_mode & 0o777 == 0o600
    assert {"organisation", "sector", "client_id", "client_secret", "token_url"} <= first["systems"][0].keys()
    assert {"name", "title", "roles"} <= first["people"][0].keys()
    secrets = {row["client_id"]: row["client_secret"] for row in first["systems"]}
    assert secrets.items() <= {row["client_id"]: row["client_secret"] for row in again["systems"]}.items()
    assert again["systems"][0]["token_url"] == "http://127.0.0.1:8100/oauth/token"
    assert first["systems"][0]["organisation"] == "school-115482"
    assert {row["sector"] for row in first["systems"]} == {"education", "health", "social-care", "council"}
    assert {agency.id for agency in agencies()} <= {row["organisation"] for row in first["systems"]}


def test_the_issuer_knows_everybody_in_the_file(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    written = keep_credentials(state, CLUSTERS, token_url="http://127.0.0.1:8000/oauth/token")
    registry = Registry(state)
    assert [person.name for person in registry.people()] == [row["name"] for row in written["people"]]
    assert all(system.keys for system in registry.systems())
    lead = next(person for person in registry.people() if person.answers_to("cluster-lead"))
    assert lead.clusters == ("gloucester-primary",)
