"""A referral, section by section."""

from typing import Any

from portal.domain.words import day
from portal.views.case import child_rows
from portal.views.wording import label

Json = dict[str, Any]


def sections(said: Json) -> list[tuple[str, list[tuple[str, str]]]]:
    """(heading, rows) of what the sender said; what the viewer may not read is not there."""
    concern, family, basis = said.get("concern") or {}, said.get("family") or {}, said.get("basis") or {}
    referrer = said.get("referrer") or {}
    needs = [label(need["type"], "need-types") for need in sorted(said.get("needs") or (), key=lambda n: n["rank"])]
    contacts = [
        (
            contact.get("relationship", "Contact").capitalize(),
            f"{contact.get('name', '')}{'' if contact.get('safe_to_contact') else ' (not safe to contact)'}",
        )
        for contact in family.get("contacts") or ()
    ]
    attendance = concern.get("attendance")
    found: list[tuple[str, list[tuple[str, Any]]]] = [
        ("The child", [*child_rows(said.get("child") or {})]),
        (
            "What worries the sender",
            [
                ("Concern", concern.get("summary")),
                ("Needs", ", ".join(needs)),
                ("Asked for", ", ".join(label(each, "requested-help") for each in said.get("requested") or ())),
                ("How soon", label(said.get("urgency"), "urgency")),
                ("Risk of exclusion", label(concern.get("risk_of_exclusion"), "risk-of-exclusion")),
                ("Attendance", f"{attendance:.0%}" if attendance is not None else ""),
            ],
        ),
        (
            "The family",
            [
                (
                    "Knows of the referral",
                    "" if family.get("informed") is None else "Yes" if family["informed"] else "No",
                ),
                ("Their views", family.get("views")),
                ("Interpreter", family.get("interpreter_language")),
                *contacts,
            ],
        ),
        (
            "Who sent it, and why it may be shared",
            [
                ("Sent by", " · ".join(filter(None, (referrer.get("name"), referrer.get("role"))))),
                ("Their reference", referrer.get("reference")),
                ("Sent on", day(said.get("submitted_at"))),
                ("Legal basis", label(basis.get("kind"), "basis-kinds")),
                ("Special category", label(basis.get("special_category"), "special-category-conditions")),
            ],
        ),
    ]
    return [
        (heading, kept) for heading, rows in found if (kept := [(name, str(value)) for name, value in rows if value])
    ]


def questions(said: Json) -> list[Json]:
    """What was asked of the sender, and what they answered."""
    return [
        {
            "question": one.get("question"),
            "answer": one.get("answer"),
            "asked_at": one.get("asked_at"),
            "due_on": one.get("due_on"),
            "answered_at": one.get("answered_at"),
        }
        for one in said.get("information_requests") or ()
    ]
