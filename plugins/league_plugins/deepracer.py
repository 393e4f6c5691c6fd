"""Drives an AWS DeepRacer through its console: `deepracer:HOST?password_file=FILE`."""

from __future__ import annotations

from collections.abc import Callable

from league import CarAddress, CarDriver, hookimpl


@hookimpl
def register_car_drivers() -> dict[str, Callable[[CarAddress], CarDriver]]:
    """AWS DeepRacer."""
    return {"deepracer": _make}


def _make(address: CarAddress) -> CarDriver:
    # What talks HTTP is loaded when there is a car to talk to.
    from league_plugins._deepracer_console import DeepRacerCar

    return DeepRacerCar(address)
