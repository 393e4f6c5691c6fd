"""Cars that differ a little: the same car with other figures, as the next one off the shelf would have."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from league.sim.car import CarSpec

_FIXED = {
    "length_m",
    "width_m",
    "body_rear_m",
    "rear_axle_m",
    "front_axle_m",
    "rear_track_m",
    "front_track_m",
    "nose_m",
    "base_to_nose_m",
    "max_steer_rad",
    "min_speed_mps",
    "max_speed_mps",
}
"""Dimensions and what drivers may ask for: a tape measure and the rules keep them as they are."""


def dynamics(car: CarSpec) -> tuple[str, ...]:
    """Names of the figures that say how a car moves."""
    return tuple(
        item.name
        for item in fields(car)
        if item.name not in _FIXED and isinstance(getattr(car, item.name), int | float)
    )


def varied(car: CarSpec, share: float, random: np.random.Generator) -> CarSpec:
    """The car with every figure of its dynamics off by up to a share, each drawn evenly and by itself."""
    return car.changed(
        **{
            name: getattr(car, name) * (1.0 + share * float(random.uniform(-1.0, 1.0)))
            for name in dynamics(car)
        }
    )
