"""The routes: providers, placements, exclusions with their duties and risks."""

from typing import Final

from fastapi import APIRouter

from placements.api import exclusions, placements, providers, risks

ROUTERS: Final[tuple[APIRouter, ...]] = (providers.router, placements.router, risks.router, exclusions.router)
