"""Assessments, advice, plans, requests and clocks as rows, and rows as values."""

from datetime import date
from typing import Any

from assessments.domain import advice as advices
from assessments.domain import assessment as assessments
from assessments.domain import clocks, plans
from assessments.domain.advice import Advice, Agreement, Party
from assessments.domain.assessment import Assessment, Finding, Provision
from assessments.domain.clocks import Clock, Excuse
from assessments.domain.plans import Cycle, Plan
from assessments.domain.statutory import Request, Taken


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def row_of_assessment(one: Assessment) -> dict[str, Any]:
    """An assessment at its next version."""
    return {
        "id": one.id, "case_id": one.case_id, "cluster_id": one.cluster_id, "organisation_id": one.organisation_id,
        "needs": list(one.needs), "disciplines": list(one.disciplines), "opened_on": one.opened_on,
        "state": one.state.value, "completed_on": one.completed_on, "outcome": one.outcome,
        "findings": [
            {"need": f.need, "provisions": [{"kind": p.kind, "outcome": p.outcome} for p in f.provisions]}
            for f in one.findings
        ],
        "version": one.version + 1,
    }  # fmt: skip


def assessment_of(row: Any) -> Assessment:
    """A row of `assessment` as a value."""
    return Assessment(
        id=row["id"], case_id=row["case_id"], cluster_id=row["cluster_id"], organisation_id=row["organisation_id"],
        needs=tuple(row["needs"]), disciplines=tuple(row["disciplines"]), opened_on=row["opened_on"],
        state=assessments.State(row["state"]), completed_on=row["completed_on"], outcome=row["outcome"],
        findings=tuple(
            Finding(f["need"], tuple(Provision(p["kind"], p["outcome"]) for p in f["provisions"]))
            for f in row["findings"]
        ),
        version=row["version"],
    )  # fmt: skip


def row_of_advice(one: Advice) -> dict[str, Any]:
    """Advice at its next version."""
    return {
        "id": one.id, "case_id": one.case_id, "assessment_id": one.assessment_id, "discipline": one.discipline,
        "state": one.state.value, "asked_of": one.asked_of, "requested_on": one.requested_on, "due_on": one.due_on,
        "received_on": one.received_on, "earlier_id": one.earlier_id,
        "agreements": [
            {"party": a.party.value, "agreed_by": a.agreed_by, "agreed_on": _text(a.agreed_on)} for a in one.agreements
        ],
        "statutory": one.statutory, "basis_ended_on": one.basis_ended_on, "version": one.version + 1,
    }  # fmt: skip


def advice_of(row: Any) -> Advice:
    """A row of `advice` as a value."""
    return Advice(
        id=row["id"], case_id=row["case_id"], assessment_id=row["assessment_id"], discipline=row["discipline"],
        state=advices.State(row["state"]), asked_of=row["asked_of"], requested_on=row["requested_on"],
        due_on=row["due_on"], received_on=row["received_on"], earlier_id=row["earlier_id"],
        agreements=tuple(
            Agreement(Party(a["party"]), a["agreed_by"], date.fromisoformat(a["agreed_on"])) for a in row["agreements"]
        ),
        statutory=row["statutory"], basis_ended_on=row["basis_ended_on"], version=row["version"],
    )  # fmt: skip


def row_of_plan(one: Plan) -> dict[str, Any]:
    """A plan at its next version."""
    return {
        "id": one.id, "case_id": one.case_id, "assessment_id": one.assessment_id, "stage": one.stage,
        "state": one.state.value, "basis": one.basis, "basis_on": one.basis_on,
        "basis_ended_on": one.basis_ended_on,
        "cycles": [
            {
                "number": c.number, "agreed_on": _text(c.agreed_on), "review_on": _text(c.review_on),
                "provisions": list(c.provisions), "reviewed_on": _text(c.reviewed_on), "outcome": c.outcome,
                "next_stage": c.next_stage,
            }
            for c in one.cycles
        ],
        "version": one.version + 1,
    }  # fmt: skip


def plan_of(row: Any) -> Plan:
    """A row of `plan` as a value."""
    return Plan(
        id=row["id"], case_id=row["case_id"], stage=row["stage"], basis=row["basis"], basis_on=row["basis_on"],
        cycles=tuple(
            Cycle(
                c["number"], date.fromisoformat(c["agreed_on"]), date.fromisoformat(c["review_on"]),
                tuple(c["provisions"]), _day(c["reviewed_on"]), c["outcome"], c["next_stage"],
            )
            for c in row["cycles"]
        ),
        assessment_id=row["assessment_id"], state=plans.State(row["state"]), basis_ended_on=row["basis_ended_on"],
        version=row["version"],
    )  # fmt: skip


def row_of_request(one: Request) -> dict[str, Any]:
    """A statutory request at its next version."""
    return {
        "id": one.id, "case_id": one.case_id, "assessment_id": one.assessment_id, "asked_by": one.asked_by,
        "received_on": one.received_on, "state": one.state,
        "taken": [{"step": t.step, "on": _text(t.on), "by": t.by} for t in one.taken], "version": one.version + 1,
    }  # fmt: skip


def request_of(row: Any) -> Request:
    """A row of `statutory_request` as a value."""
    return Request(
        id=row["id"], case_id=row["case_id"], assessment_id=row["assessment_id"], asked_by=row["asked_by"],
        received_on=row["received_on"], state=row["state"],
        taken=tuple(Taken(t["step"], date.fromisoformat(t["on"]), t["by"]) for t in row["taken"]),
        version=row["version"],
    )  # fmt: skip


def row_of_clock(one: Clock) -> dict[str, Any]:
    """A clock at its next version."""
    return {
        "id": one.id, "case_id": one.case_id, "assessment_id": one.assessment_id, "kind": one.kind, "about": one.about,
        "started_on": one.started_on, "due_on": one.due_on, "rule_since": one.rule_since,
        "cluster_id": one.cluster_id, "state": one.state.value,
        "excuses": [{"code": e.code, "since": _text(e.since), "until": _text(e.until)} for e in one.excuses],
        "told": one.told, "breached_on": one.breached_on, "met_on": one.met_on, "version": one.version + 1,
    }  # fmt: skip


def clock_of(row: Any) -> Clock:
    """A row of `clock` as a value."""
    return Clock(
        id=row["id"], case_id=row["case_id"], assessment_id=row["assessment_id"], kind=row["kind"],
        about=row["about"], started_on=row["started_on"], due_on=row["due_on"], rule_since=row["rule_since"],
        cluster_id=row["cluster_id"], state=clocks.State(row["state"]),
        excuses=tuple(Excuse(e["code"], date.fromisoformat(e["since"]), _day(e["until"])) for e in row["excuses"]),
        told=row["told"], breached_on=row["breached_on"], met_on=row["met_on"], version=row["version"],
    )  # fmt: skip
