"""How somebody wants to be told, and when they are away."""

from typing import Annotated, Final, cast

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import VERSIONED, Body, json_body, takes
from chassis.errors import Invalid
from chassis.http import allow, cause, etag, if_match, json_response, runtime
from chassis.wire import as_json
from fastapi import APIRouter, Depends, Request, Response

from notifier.handlers import preferences
from notifier.settings import Settings
from notifier.views.inbox import PreferencesIn, PreferencesOut

router: Final = APIRouter(tags=["notifications"])
SignedIn = Annotated[Caller, Depends(allow())]


class ChannelNotOffered(Invalid):
    """This council has not set up that channel."""

    code = "channel-not-offered"


@router.get("/v1/preferences", response_model=PreferencesOut)
async def get_preferences(request: Request, caller: SignedIn) -> Response:
    """How you want to be told, beside your inbox."""
    async with runtime(request).transaction() as tx:
        kept = await tx.wishes.get(caller.subject)
        tx.audit(
            action="read",
            what="preferences",
            what_id=caller.subject,
            caller=caller,
            correlation_id=cause(request).correlation_id,
        )
    out = PreferencesOut.of(kept.wish, cover=kept.cover, mobile=kept.mobile, offered=_settings(request).offered)
    return json_response(as_json(out), headers={"ETag": etag(kept.version)})


@router.put("/v1/preferences", response_model=PreferencesOut, openapi_extra=takes(PreferencesIn, VERSIONED))
async def put_preferences(
    request: Request, caller: SignedIn, body: Annotated[Body[PreferencesIn], Depends(json_body(PreferencesIn))]
) -> Response:
    """Say how you want to be told. Letters that are already on their way still obey it."""
    said, offered, version = body.value, _settings(request).offered, if_match(request)
    wanted = {*said.channels, *(c for own in said.roles.values() for c in own.channels or ())}
    if not wanted <= set(offered):
        raise ChannelNotOffered(f"Choose from {', '.join(offered)}.", pointer="/channels")
    if "sms" in wanted and said.mobile is None:
        raise Invalid("A text message needs your work mobile.", pointer="/mobile")
    return await runtime(request).actions.perform(
        preferences.say,
        preferences.Say(caller.subject, caller.organisation, said.wish(), said.mobile, version, cause(request)),
        view=lambda command, version: Answer(
            200,
            as_json(PreferencesOut.of(command.wish, cover=command.wish.cover, mobile=command.mobile, offered=offered)),
            {"ETag": etag(version)},
        ),
    )


def _settings(request: Request) -> Settings:
    return cast("Settings", runtime(request).settings)
