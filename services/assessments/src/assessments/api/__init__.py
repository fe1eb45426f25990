"""The routes: assessments, advice and the links to answer it, plans, clocks and figures."""

from typing import Final

from fastapi import APIRouter

from assessments.api import advice, assessments, clocks, figures, links, plans

ROUTERS: Final[tuple[APIRouter, ...]] = (
    # Before an assessment by its id.
    figures.router,
    assessments.router,
    # Before advice by its id: `answers` is not one.
    links.router,
    advice.router,
    plans.router,
    clocks.router,
)
