"""The REST interface under /api/v1: how strong drivers are, how sure that is, and who would beat whom."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from league.errors import InputError
from league.racing.rating import Group, forms
from league.server.keys import BOOK
from league.server.rest.api import ROOT
from league.server.rest.contract import operation
from league.server.rest.shapes import Shape

MOST_DRIVERS = 64
"""Drivers between whom chances are told; of more, only the ratings."""


class RatedDriver(Shape):
    """A driver in a group."""

    driver: str
    name: str
    strength: float
    """On the logistic scale, 0 for the mean of the group."""
    plus_minus: float
    """Half of the interval that holds the truth 95 times of 100."""
    openskill: float
    openskill_sigma: float
    median_three_laps_s: float | None
    best_three_laps_s: float | None
    starts: int


class RatedGroup(Shape):
    """Drivers whose heats compare."""

    behavior: int
    circuit: str
    sha256: str
    car: str
    heats: int
    drivers: list[RatedDriver]
    beats: list[list[float]]
    """The chance that the driver of a row beats that of a column, both in the order of `drivers`; empty where
    there are very many."""


class Ratings(Shape):
    """Every group."""

    groups: list[RatedGroup]


def routes() -> list[web.RouteDef]:
    """Where ratings are found."""
    return [web.get(f"{ROOT}/ratings", ratings)]


@operation(
    Ratings,
    query={
        "circuit": {"type": "string", "description": "Only heats on this circuit."},
        "event": {"type": "string", "description": "Only heats of this event."},
        "behavior": {"type": "integer", "description": "Only heats of this behaviour version."},
    },
    tag="ratings",
)
async def ratings(request: web.Request) -> web.Response:
    """Ratings from all heats of two or more cars: behaviour version by circuit by car."""
    asked = request.query.get("behavior", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 6):
        raise InputError(f"behavior {asked[:20]!r}: expected a whole number")
    event = request.query.get("event", "")
    if event:
        await request.app[BOOK].revision(event)  # says so if there is none
    heats = await request.app[BOOK].rated_heats(
        circuit=request.query.get("circuit", ""), behavior=int(asked) if asked else None, event=event
    )
    raced = [result for _, result in heats]
    groups = await asyncio.to_thread(forms, raced)
    return web.json_response({"groups": [_group(group) for group in groups]})


def _group(group: Group) -> dict[str, Any]:
    return {
        "behavior": group.behavior,
        "circuit": group.circuit,
        "sha256": group.sha256,
        "car": group.car,
        "heats": group.heats,
        "drivers": [
            {
                "driver": form.driver,
                "name": form.name,
                "strength": round(form.rating.strength, 4),
                "plus_minus": round(form.rating.plus_minus, 4),
                "openskill": round(form.skill, 3),
                "openskill_sigma": round(form.skill_sigma, 3),
                "median_three_laps_s": form.median_three_s,
                "best_three_laps_s": form.best_three_s,
                "starts": form.rating.starts,
            }
            for form in group.drivers
        ],
        "beats": [[round(chance, 4) for chance in row] for row in group.beats()]
        if len(group.drivers) <= MOST_DRIVERS
        else [],
    }
