"""Referral-api as a value."""

from typing import Final

from chassis.service import Service

from referral_api.api import (
    cases,
    children,
    exclusions,
    fhir,
    fhir_reading,
    fhir_sending,
    information,
    matching,
    protection,
    referrals,
    timeline,
)
from referral_api.settings import Settings
from referral_api.store import Tx
from referral_api.subscriptions import SUBSCRIPTIONS
from referral_api.tables import chassis, metadata
from referral_api.workers import know_search_words, know_some_postcodes

SERVICE: Final = Service(
    name="referral-api",
    package="referral_api",
    summary="Takes referrals and keeps the one record of child, referral and case.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=(
        "/v1/referrals",
        "/v1/cases",
        "/v1/cases:search",
        "/v1/children:names",
        "/v1/possible-matches",
        "/v1/exclusion-notices",
        "/v1/exclusion-notices:import",
        "/fhir",
    ),
    routers=(
        referrals.router,
        exclusions.router,
        information.router,
        cases.router,
        protection.router,
        timeline.router,
        children.router,
        matching.router,
        fhir_sending.router,
        fhir_reading.router,
        # Its last route fits every address under /fhir.
        fhir.router,
    ),
    subscriptions=SUBSCRIPTIONS,
    workers=(know_some_postcodes, know_search_words),
    settings=Settings,
)
