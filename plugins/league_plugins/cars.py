"""The cars that come with the league: DeepRacer in both simulators, and F1TENTH."""

from __future__ import annotations

from collections.abc import Mapping

from league import DEEPRACER, DEEPRACER_GZSIM, F1TENTH, CarSpec, hookimpl


@hookimpl
def register_cars() -> Mapping[str, CarSpec]:
    """The three cars by their ids."""
    return {car.id: car for car in (DEEPRACER, DEEPRACER_GZSIM, F1TENTH)}
