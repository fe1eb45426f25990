"""The referral that the documents show: a synthetic child."""

from typing import Any, Final

REFERRAL: Final[dict[str, Any]] = {
    "child": {
        "given_name": "Zoë",
        "family_name": "O'Brien-Test",
        "date_of_birth": "2016-03-09",
        "sex": "female",
        "postcode": "GL1 4AW",
        "nhs_number": None,
        "upn": None,
        "school_urn": "115482",
        "year_group": "5",
        "address_restricted": False,
        "has_social_worker": False,
    },
    "family": {
        "informed": True,
        "views": None,
        "interpreter_language": None,
        "contacts": [
            {
                "name": "Synthetic Parent-Test",
                "relationship": "mother",
                "parental_responsibility": True,
                "safe_to_contact": True,
            }
        ],
    },
    "needs": [{"type": "SEMH", "rank": 1}, {"type": "SLCN", "rank": 2}],
    "concern": {
        "summary": "Leaves the classroom most days; finds it hard to say what is wrong.",
        "risk_of_exclusion": "emerging",
        "attendance": 0.78,
    },
    "requested": ["assessment", "early-funding"],
    "urgency": "soon",
    "basis": {
        "kind": "public-task",
        "special_category": "substantial-public-interest",
        "recorded_on": "2026-11-20",
    },
    "referrer": {"name": "The inclusion lead", "role": "SENCO", "email": None, "reference": "example-1"},
}
