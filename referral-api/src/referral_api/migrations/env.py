"""Alembic's way in: the migrations of referral-api's schema."""

from chassis.migrations import run
from referral_api.tables import metadata

run(metadata, "referral_api")
