"""What can be searched by, and what was found."""

from collections.abc import Mapping
from typing import Any, Final

from portal.clients.api import Part
from portal.domain.forms import Field
from portal.views.wording import label

FIELDS: Final = (
    Field("reference", "text", required=False),
    Field("name", "text", required=False, says="Beginnings of the child's names, in any order"),
    Field("date_of_birth", "date", required=False),
    Field("number", "text", required=False, says="NHS number or unique pupil number, whichever your sector uses"),
    Field("school", "text", required=False, says="Its name or its number in the register"),
)
LABELS: Final = {
    "reference": "Case reference",
    "name": "Name of the child",
    "date_of_birth": "Date of birth",
    "number": "Identifier",
    "school": "School",
}


def rows(found: Part | None, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The cases that fit."""
    return [
        {
            "case_id": one["case_id"],
            "reference": one["reference"],
            "name": names.get(one["case_id"]),
            "year": label(one.get("year_group"), "year-groups"),
            "need": label(one.get("primary_need"), "need-types"),
            "status": label(one.get("status")),
            "opened_at": one.get("opened_at"),
            "urgency": one.get("urgency"),
        }
        for one in (found.items if found is not None else ())
    ]
