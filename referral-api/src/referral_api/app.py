"""Referral-api as a value."""

from typing import Final

from chassis.service import Service

from referral_api.api import cases, children, information, matching, referrals
from referral_api.settings import Settings
from referral_api.store import Tx
from referral_api.subscriptions import SUBSCRIPTIONS
from referral_api.tables import chassis, metadata
from referral_api.workers import know_some_postcodes

SERVICE: Final = Service(
    name="referral-api",
    package="referral_api",
    summary="Takes referrals and keeps the one record of child, referral and case.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/referrals", "/v1/cases", "/v1/children:names", "/v1/possible-matches"),
    routers=(referrals.router, information.router, cases.router, children.router, matching.router),
    subscriptions=SUBSCRIPTIONS,
    workers=(know_some_postcodes,),
    settings=Settings,
)
