"""The cars that come with the league: DeepRacer by generation and simulator, and F1TENTH."""

from __future__ import annotations

from collections.abc import Mapping

from league import (
    DEEPRACER,
    DEEPRACER_2021,
    DEEPRACER_2022,
    DEEPRACER_GZSIM,
    F1TENTH,
    CarSpec,
    hookimpl,
)


@hookimpl
def register_cars() -> Mapping[str, CarSpec]:
    """The cars by their ids."""
    return {car.id: car for car in (DEEPRACER, DEEPRACER_2021, DEEPRACER_2022, DEEPRACER_GZSIM, F1TENTH)}
