"""The notifier's routes: inboxes, preferences, channels, families."""

from typing import Final

from fastapi import APIRouter

from notifier.api import channels, families, inbox, preferences

ROUTERS: Final[tuple[APIRouter, ...]] = (
    preferences.router, channels.router, families.router, inbox.router,
)  # fmt: skip
