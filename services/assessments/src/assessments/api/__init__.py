"""The routes: assessments, advice and the links to answer it, plans, clocks and figures."""

from typing import Final

from fastapi import APIRouter

from assessments.api import advice, assessments, clocks, links, plans

ROUTERS: Final[tuple[APIRouter, ...]] = (
    assessments.router,
    # Before advice by its id: `answers` is not one.
    links.router,
    advice.router,
    plans.router,
    clocks.router,
)
