"""Assessment, plan, money, place and sharing on a case's page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.clients.api import Part
from portal.domain.words import day, plain
from portal.domain.words import money as pounds
from portal.views import acts
from portal.views.wording import label

Json = dict[str, Any]


def _id(row: Json) -> str:
    return str(row.get("id") or next((value for name, value in row.items() if name.endswith("_id")), ""))


def assessments(wholes: Sequence[Part], back: str) -> list[Json]:
    """Each assessment with the advice that was asked for it, what child and family say, and what it found."""
    return [
        {
            "state": plain(one.get("state", "")).lower(),
            "opened_on": one.get("opened_on"),
            "completed_on": one.get("completed_on"),
            "outcome": label(one.get("outcome"), "assessment-outcomes"),
            "findings": [_finding(each) for each in one.get("findings") or ()],
            "bare": [label(need, "need-types") for need in one.get("needs_without_provision") or ()],
            "advice": [_advice(each, back) for each in (*(one.get("advice") or ()), *(one.get("offers") or ()))],
            "views": [_views(each) for each in one.get("views") or ()],
            "views_missing": [label(each, "views-of").lower() for each in one.get("views_missing") or ()],
            "requests": [_request(each, _id(one), back) for each in one.get("statutory_requests") or ()],
            "actions": acts.offered(one.get("actions") or [], f"/v1/assessments/{_id(one)}", back),
        }
        for one in (part.data for part in wholes if part.ok)
    ]


def _finding(row: Json) -> Json:
    return {
        "need": label(row.get("need"), "need-types"),
        "provisions": [
            {"kind": label(each.get("kind"), "provision-kinds"), "outcome": each.get("outcome") or ""}
            for each in row.get("provisions") or ()
        ],
    }


def _advice(row: Json, back: str) -> Json:
    return {
        "discipline": label(row.get("discipline"), "advice-disciplines"),
        "state": plain(row.get("state", "")).lower(),
        "due_on": row.get("due_on") if row.get("state") == "requested" else None,
        "received_on": row.get("received_on"),
        "text": row.get("text"),
        "missing": [plain(each).lower() for each in row.get("missing_agreements") or ()],
        "actions": acts.offered(row.get("actions") or [], f"/v1/advice/{_id(row)}", back),
    }


def _views(row: Json) -> Json:
    return {
        "of": label(row.get("of"), "views-of"),
        "asked_on": row.get("asked_on"),
        "method": label(row.get("method"), "views-methods"),
        "not_given": label(row.get("not_given"), "views-absences"),
        "text": row.get("text"),
    }


def _request(row: Json, assessment_id: str, back: str) -> Json:
    return {
        "asked_by": plain(row.get("asked_by", "")).lower(),
        "received_on": row.get("received_on"),
        "state": plain(row.get("state", "")).lower(),
        "steps": [{"text": plain(each["step"]), "on": each["on"]} for each in row.get("steps") or ()],
        "actions": acts.offered(row.get("actions") or [], f"/v1/assessments/{assessment_id}", back),
    }


def plans(found: Part, back: str) -> list[Json]:
    """Plans in their cycles."""
    return [
        {
            "stage": label(one.get("stage"), "plan-stages"),
            "state": plain(one.get("state", "")),
            "review_by": one.get("review_on") if one.get("state") == "active" else None,
            "cycles": [
                {
                    "number": cycle.get("number") or n,
                    "provisions": ", ".join(label(each, "provision-kinds") for each in cycle.get("provisions") or ()),
                    "from": cycle.get("agreed_on"),
                    "review": cycle.get("reviewed_on"),
                    "text": cycle.get("text"),
                    "outcome": label(cycle.get("outcome"), "review-outcomes"),
                }
                for n, cycle in enumerate(one.get("cycles") or (), 1)
                if isinstance(cycle, dict)
            ],
            "actions": acts.offered(one.get("actions") or [], f"/v1/plans/{_id(one)}", back),
        }
        for one in found.items
    ]


def money(requests: Part, awards: Part, back: str) -> list[Json]:
    """What was asked, what was given, what was paid."""
    by_request: dict[str, list[Json]] = {}
    for one in awards.items:
        by_request.setdefault(one.get("request_id", ""), []).append(one)
    rows = []
    for one in requests.items:
        id = _id(one)
        given = by_request.get(id, [])
        rows.append(
            {
                "purpose": label(one.get("purpose"), "funding-purposes"),
                "asked": pounds(one.get("amount_pence")),
                "asked_at": one.get("asked_at"),
                "state": plain(one.get("state", "")),
                "waits": plain(one["waits_because"]) if one.get("waits_because") else "",
                "refusal": label(one.get("refusal"), "funding-refusals"),
                "by_rule": one.get("by_rule"),
                "from": one.get("since"),
                "until": one.get("until"),
                "paid": pounds(sum(each.get("paid_pence", 0) for each in given)) if given else "",
                "awarded": pounds(sum(each.get("amount_pence", 0) for each in given)) if given else "",
                "actions": [
                    *acts.offered(one.get("actions") or [], f"/v1/funding/requests/{id}", back),
                    *(
                        each
                        for award in given
                        for each in acts.offered(award.get("actions") or [], f"/v1/funding/awards/{_id(award)}", back)
                    ),
                ],
            }
        )
    return rows


def placements(found: Part, providers: Mapping[str, str], back: str) -> list[Json]:
    """Places that were looked for, offered and taken."""
    return [
        {
            "id": _id(one),
            "provider": providers.get(one.get("provider_id") or "", one.get("provider_id")),
            "state": plain(one.get("state") or "").lower(),
            "looks": one.get("state") == "requested",
            "wanted_from": one.get("wanted_from"),
            "sessions": one.get("sessions_a_week"),
            "started_on": one.get("started_on"),
            "ended_on": one.get("ended_on"),
            "ending": label(one.get("ending"), "placement-endings"),
            "reintegrated_on": one.get("reintegrated_on"),
            "review_on": one.get("next_review_on"),
            "km": f"{one['metres_from_home'] / 1000:.1f} km from home" if one.get("metres_from_home") else "",
            "at_risk": [label(each, "placement-risks") for each in one.get("at_risk") or ()],
            "holds": [
                {"provider": providers.get(each["provider_id"], each["provider_id"]), "until": each.get("until")}
                for each in one.get("holds") or ()
                if each.get("state") in {"open", "held", "active"}
            ],
            "offers": [
                {
                    "provider": providers.get(each["provider_id"], each["provider_id"]),
                    "state": plain(each.get("state", "")).lower(),
                    "answer_by": each.get("answer_by"),
                    "reason": label(each.get("reason"), "offer-refusals"),
                }
                for each in one.get("offers") or ()
            ],
            "actions": acts.offered(one.get("actions") or [], f"/v1/placements/{_id(one)}", back),
        }
        for one in found.items
    ]


def exclusions(found: Part, back: str) -> list[Json]:
    """Suspensions and exclusions, each with its duties."""
    return [
        {
            "kind": label(one.get("kind"), "exclusion-kinds"),
            "reasons": ", ".join(label(each, "exclusion-reasons") for each in one.get("reasons") or ()),
            "first_on": one.get("first_on"),
            "sessions": one.get("sessions"),
            "in_term": one.get("sessions_in_term"),
            "in_year": one.get("sessions_in_year"),
            "cancelled": label(one.get("cancelled"), "exclusion-cancellations"),
            "actions": [
                *acts.offered(one.get("actions") or [], f"/v1/exclusions/{_id(one)}", back),
                *(
                    {**act, "title": f"{act['title']}: {duty.get('label', '')}"}
                    for duty in one.get("duties") or ()
                    for act in acts.offered(duty.get("actions") or [], f"/v1/exclusions/{_id(one)}", back)
                    if act["allowed"]
                ),
            ],
        }
        for one in found.items
    ]


def duties_of(found: Part) -> list[Json]:
    """The clocks that run from exclusions, each with its case."""
    return [
        {**duty, "case_id": one.get("case_id")}
        for one in found.items
        for duty in one.get("duties") or ()
        if isinstance(duty, dict)
    ]


def risks(found: Part, back: str) -> list[Json]:
    """Risks that were raised before a permanent exclusion."""
    return [
        {
            "because": one.get("because") or [],
            "raised_on": one.get("raised_on"),
            "state": one.get("state"),
            "state_words": plain(one.get("state") or ""),
            "actions": acts.offered(one.get("actions") or [], f"/v1/exclusions/risks/{_id(one)}", back),
        }
        for one in found.items
    ]


def disciplines(wholes: Sequence[Part]) -> dict[str, str]:
    """Advice -> its discipline in words, for the clocks that run for it."""
    return {
        _id(one): label(one.get("discipline"), "advice-disciplines")
        for part in wholes
        for one in part.data.get("advice") or ()
    }


def knows(ledger: Part) -> list[Json]:
    """Who was told what, and whether they fetched and acknowledged it."""
    return [
        {
            "who": recipient(one),
            "what": event_words(one.get("type")),
            "told": one.get("told_at"),
            "withheld": one.get("withheld_at"),
            "fetched": one.get("fetched_at"),
            "acknowledged": one.get("acknowledged_at"),
            "basis": label(one.get("basis"), "basis-kinds"),
        }
        for one in ledger.items
    ]


def told_to(ledger: Part) -> list[Json]:
    """The same in one line for each who was told, and everybody who read the case by fetch."""
    found: dict[str, Json] = {}
    for one in ledger.items:
        row = found.setdefault(recipient(one), {"who": recipient(one), "told": 0, "fetched": 0, "last": ""})
        row["told"] += bool(one.get("told_at"))
        row["fetched"] += bool(one.get("fetched_at"))
        row["last"] = max(row["last"], one.get("told_at") or "")
    for one in ledger.data.get("disclosures") or ():
        who = one["organisation_id"]
        row = found.setdefault(who, {"who": who, "told": 0, "fetched": 0, "last": ""})
        row["fetched"] += 1
        row["last"] = max(row["last"], one.get("at") or "")
    return sorted(found.values(), key=lambda row: row["who"])


def recipient(row: Json) -> str:
    """Who a telling went to."""
    return row.get("organisation_id") or f"{label(row.get('sector'), 'sectors')}: the county-wide system"


def event_words(type: Any) -> str:
    """An event's type in words."""
    return plain(str(type or "").removeprefix("jointly.").removesuffix(".v1").replace(".", " "))


def candidates(trace: Json, names: Mapping[str, str]) -> list[Json]:
    """The clusters that were weighed, in the order in which they came out."""
    rows = [
        {
            "name": names.get(one.get("cluster", ""), one.get("cluster", "")),
            "rank": one.get("rank"),
            "why_not": one.get("why_not") or "",
            "metres": one.get("metres", one.get("distance")),
            "load": one.get("load"),
            "cost": one.get("cost", one.get("price")),
        }
        for one in trace.get("candidates") or ()
    ]
    return sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0))


#: What else a decision went by, and what it is called.
_STEPS: Final = (("rules", "Rules of"), ("on", "Decided on"), ("phase", "Phase"), ("occasion", "Because the case was"))


def steps(trace: Json) -> list[tuple[str, str]]:
    """What else the decision went by."""
    rows = [(text, day(trace[name]) or plain(trace[name])) for name, text in _STEPS if trace.get(name)]
    went = ", then ".join(plain(each).lower() for each in trace.get("rule_steps") or trace.get("steps") or ())
    return [*rows, ("Steps of the rules", went)] if went else rows
