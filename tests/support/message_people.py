"""Who is who in the county, from what the directory and the router said, as plain JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from schemas.days import Calendar
from schemas.directory import CalendarChanged
from support.message_rules import HERE, Place
from support.term import Facts


@dataclass
class People:
    """Who is who, all month."""

    roles: list[dict[str, Any]] = field(default_factory=list)
    emails: dict[str, str] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)

    @staticmethod
    def of(facts: Facts) -> "People":
        """As the directory's and the router's facts have them."""
        found = People()
        for fact in facts.of("person.changed"):
            if fact.data["active"] and fact.data.get("email"):
                found.emails[fact.data["person_id"]] = fact.data["email"]
        found.roles = [fact.data for fact in facts.of("role.changed")]
        for fact in facts.of("cluster.changed", "cluster.capacity-changed"):
            cluster = fact.data["cluster"]
            found.leads[fact.subject] = cluster["organisation_id"]
            # A team has no dates of its own: it counts from the day on which it was said.
            since = fact.at.astimezone(HERE).date().isoformat()
            for one in cluster.get("team", ()):
                found.roles.append(
                    {**one, "cluster_id": fact.subject, "organisation_id": cluster["organisation_id"], "since": since}
                )
        for fact in facts.of("provider.changed"):
            if organisation := fact.data["provider"].get("organisation_id"):
                found.providers[fact.subject] = organisation
        for fact in facts.of("calendar.changed"):
            if fact.subject == "county":
                found.calendar = Calendar.of(CalendarChanged.from_json(json.dumps(fact.data).encode()))
        return found

    def at(self, roles: Sequence[str], place: Place, day: date) -> set[str]:
        """Everybody in these roles at a place; none named: in any."""
        kind, id = place
        if kind == "provider":
            kind, id = "organisation", self.providers.get(id, "")
        found = set()
        for one in self.roles:
            until = one.get("until")
            if not date.fromisoformat(one["since"]) <= day <= (date.fromisoformat(until) if until else date.max):
                continue
            leads = kind == "cluster" and roles and one["organisation_id"] == self.leads.get(id)
            there = {
                "cluster": one.get("cluster_id") == id or (leads and one.get("cluster_id") is None),
                "organisation": one["organisation_id"] == id,
                "sector": one["sector"] == id,
                "council": one["sector"] == "council",
            }[kind]
            if there and (not roles or one["role"] in roles):
                found.add(one["person_id"])
        return found
