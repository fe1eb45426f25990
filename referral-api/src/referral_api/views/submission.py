"""The answer to a referral that was just sent or changed."""

from collections.abc import Mapping
from typing import Any

from chassis.actions import Answer
from chassis.http import etag

from referral_api.handlers.amendment import Changed
from referral_api.handlers.intake import SubmitReferral, Submitted
from referral_api.views.outgoing import actions_of_sender, actions_of_worker

#: Name, telephone, hours, advice.
FrontDoor = Mapping[str, Any]


def submitted(result: Submitted, front_door: FrontDoor) -> Answer:
    """201: the same whether the child was known or not."""
    referral = result.referral
    return Answer(
        201,
        {
            "referral_id": referral.referral_id,
            "case_id": referral.case_id,
            "reference": result.reference,
            "status": referral.status.value,
            "actions": actions_of_sender(referral),
            **_immediate(referral.content, front_door),
            **_notices(result),
        },
        {"Location": f"/v1/referrals/{referral.referral_id}", "ETag": etag(referral.version)},
    )


def rehearsed(command: SubmitReferral, home: str, front_door: FrontDoor) -> dict[str, Any]:
    """What sending it would do. Whether the child is known is not said: the answer to the real one does not say it."""
    return {
        "dry_run": True,
        "status": "submitted",
        "home": home,
        **_immediate(command.content, front_door),
    }


def changed(result: Changed, front_door: FrontDoor | None = None) -> Answer:
    """200: the referral's new version; with whom to call, when it has become immediate."""
    referral = result.file.referral
    door = _immediate(referral.content, front_door) if front_door and "/urgency" in result.fields else {}
    return Answer(200, {**_changed(result), **door}, {"ETag": etag(referral.version)})


def would_change(result: Changed) -> dict[str, Any]:
    """What the change would do."""
    return {
        "dry_run": True,
        "status": result.file.referral.status.value,
        "fields": list(result.fields),
        "circumstances_changed": list(result.circumstances_changed),
        "closes_case": result.closes_case,
    }


def worked(result: Changed, **more: str) -> dict[str, Any]:
    """A referral after whoever works the case did something with it."""
    return {**_changed(result), **more, "actions": actions_of_worker(result.file.referral)}


def _changed(result: Changed) -> dict[str, Any]:
    file = result.file
    return {
        "referral_id": file.referral.referral_id,
        "case_id": file.case.case_id,
        "reference": file.case.reference,
        "status": file.referral.status.value,
        "version": file.referral.version,
        "fields": list(result.fields),
        "circumstances_changed": list(result.circumstances_changed),
        "actions": actions_of_sender(file.referral),
    }


def _immediate(content: Mapping[str, Any], front_door: FrontDoor) -> dict[str, Any]:
    return {"safeguarding": dict(front_door)} if content["urgency"] == "immediate" else {}


def _notices(result: Submitted) -> dict[str, Any]:
    """The sender's own referrals are no secret to it."""
    if not result.repeats:
        return {}
    return {
        "notices": [
            {
                "code": "already-referred",
                "detail": f"You have an open referral for this child: {', '.join(result.repeats)}. If you meant to"
                " change it, amend it; if this one is a mistake, withdraw it.",
            }
        ]
    }
