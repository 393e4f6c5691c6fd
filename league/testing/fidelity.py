"""Cars as callables that a tool can measure against recordings of the real thing.

Each takes where the nose is and points, how fast the car is and what it is told to do, and gives where the
nose goes; each runs the very kernel that races run on.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import InputError
from league.sim.car import DEEPRACER, DEEPRACER_2021, DEEPRACER_2022, DEEPRACER_GZSIM, CarSpec
from league.sim.kernel import drive_open_loop

FloatArray = NDArray[np.float64]
Path = tuple[FloatArray, FloatArray, FloatArray]

# A kinematic bicycle: no delay, no lag, and tyres that do not slip. Its rear axle follows its wheels, so the
# turning radius is the wheelbase over the tangent of the steering angle.
KINEMATIC = DEEPRACER.changed(
    id="kinematic",
    name="kinematic bicycle",
    source="the wheelbase of the car's description files; the rest idealised",
    base_to_nose_m=DEEPRACER.nose_m + DEEPRACER.rear_axle_m,
    steer_dead_s=0.0,
    speed_dead_s=0.0,
    steer_kick=1.0,
    steer_aligning_per_m=0.0,
    steer_fast_s=1e-6,
    steer_bias_rad=0.0,
    speed_gain=1.0,
    top_speed_mps=1e3,
    corner_drag=0.0,
    speed_lag_s=1 / 120,
    brake_mps2=1e6,
    accelerate_mps2=1e6,
    base_m=DEEPRACER.wheelbase_m,
    base_per_v2=0.0,
    base_per_tan=0.0,
    base_per_push=0.0,
    lateral_mps2=1e6,
    lateral_per_push=0.0,
    yaw_lag_s=1e-6,
)

# The figures that were published with the recordings: a fit to 101 of them, most of which are not at hand.
PUBLISHED = DEEPRACER.changed(
    id="published",
    name="AWS DeepRacer, as published",
    source="published with the recordings: fitted to 101 runs",
    base_to_nose_m=0.203,
    steer_kick=0.323,
    steer_slow_s=0.551,
    steer_aligning_per_m=0.292,
    steer_fast_s=0.0984,
    steer_bias_rad=0.0183,
    speed_gain=1.065,
    top_speed_mps=3.65,
    corner_drag=0.0458,
    speed_lag_s=0.205,
    brake_mps2=3.54,
    accelerate_mps2=2.83,
    base_m=0.136,
    base_per_v2=0.0212,
    base_per_tan=0.236,
    lateral_mps2=2.525,
    yaw_lag_s=0.0367,
)

GENERATIONS = (DEEPRACER_2021, DEEPRACER_2022)
"""The classic cars that recordings are of, the earlier one first."""

CARS: dict[str, CarSpec] = {
    "deepracer": DEEPRACER,
    "deepracer-2021": DEEPRACER_2021,
    "deepracer-2022": DEEPRACER_2022,
    "deepracer-gzsim": DEEPRACER_GZSIM,
    "kinematic": KINEMATIC,
    "published": PUBLISHED,
}


def simulate(
    car: CarSpec,
    x0: float,
    y0: float,
    yaw0: float,
    v0: float,
    steer_deg: ArrayLike,
    speed: ArrayLike,
    dt: ArrayLike,
) -> Path:
    """Drive a car open loop.

    Args:
        car: What is driven.
        x0: Where the nose is, in m.
        y0: The same across.
        yaw0: Direction, in rad.
        v0: Speed, in m/s.
        steer_deg: Steering command of each step, in degrees, positive to the left.
        speed: Speed command of each step, in m/s.
        dt: Length of each step, in s; all alike, a whole number of them in a second.

    Returns:
        x, y (m) of the nose and yaw (rad, not wrapped), before the first step and after each.

    Raises:
        InputError: The steps are not of one length of which a second holds a whole number.
    """
    steps = np.asarray(dt, dtype=np.float64)
    hz = round(1.0 / float(steps.mean())) if steps.size and steps.min() > 0 else 0
    if steps.size and (hz < 1 or np.abs(steps * hz - 1).max() > 1e-6):
        raise InputError(f"steps of {steps.min():g} to {steps.max():g} s, expected one length, as 1/15 s")
    commands = np.stack((np.radians(np.asarray(steer_deg, dtype=np.float64)), np.asarray(speed)), axis=1)
    path = drive_open_loop(car, commands, nose=(x0, y0), yaw_rad=yaw0, speed_mps=v0, control_hz=hz or 15)
    return path[:, 0], path[:, 1], path[:, 2]


deepracer = partial(simulate, DEEPRACER)
"""The classic car: one fit to both of its generations."""
deepracer_2021 = partial(simulate, DEEPRACER_2021)
"""The classic car of 2021 and before."""
deepracer_2022 = partial(simulate, DEEPRACER_2022)
"""The classic car from 2022 on."""
deepracer_gzsim = partial(simulate, DEEPRACER_GZSIM)
"""The car of the 2026 simulator."""
kinematic = partial(simulate, KINEMATIC)
"""A kinematic bicycle that obeys at once: what the others have to beat."""
