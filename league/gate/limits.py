"""The limits of one physical car, as data: how fast, how far, how long without a word.

Pure. Its owner sets them beside the car; a server can only lower what it is told about.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from league.errors import ConfigError
from league.gate.car import Capabilities

DEFAULT_THROTTLE_CAP = 0.25
DEFAULT_SPEED_CAP_MPS = 1.5
LEAST_HOLD_S = 0.1


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What a car may do.

    Args:
        drive_cap: Largest drive that is ever let through, in the car's unit.
        steer_cap_rad: Largest steering angle that is ever let through.
        drive_max: A command beyond this is no command.
        steer_max_rad: The largest `steer_cap_rad`.
        reverse: Whether drive may be negative.
        hold_s: A command is good for so long after it was born, 0.1 to 0.5 s.
        pulse_s: The gate has to be asked at least so often while the car may move; it must be shorter than
            a guardian's patience, so that after every stall that a guardian may have answered the gate has
            closed by itself.
        neutral_s: The car must have been in neutral so long before it can be made ready.
        ready_s: A car made ready and not driven is not ready any more after this.
        rise_per_s: Drive may grow so fast; it may fall at once.
        steer_per_s: The steering angle may change so fast, in rad/s.
        centre_after_s: The wheels stay where they are so long after the drive was taken away.
    """

    drive_cap: float = DEFAULT_THROTTLE_CAP
    steer_cap_rad: float = 0.42
    drive_max: float = 1.0
    steer_max_rad: float = 0.42
    reverse: bool = False
    hold_s: float = 0.25
    pulse_s: float = 0.15
    neutral_s: float = 1.0
    ready_s: float = 600.0
    rise_per_s: float = 2.0
    steer_per_s: float = 8.0
    centre_after_s: float = 0.3

    def __post_init__(self) -> None:
        for name, least, most in (
            ("drive_max", 0.0, 100.0),
            ("drive_cap", 0.0, self.drive_max),
            ("steer_max_rad", 0.0, 1.6),
            ("steer_cap_rad", 0.0, self.steer_max_rad),
            ("hold_s", LEAST_HOLD_S, 0.5),
            ("pulse_s", 0.02, 0.15),
            ("neutral_s", 1.0, 60.0),
            ("ready_s", 1.0, 600.0),
            ("rise_per_s", 0.01, 1000.0),
            ("steer_per_s", 0.01, 1000.0),
            ("centre_after_s", 0.0, 5.0),
        ):
            value = getattr(self, name)
            if not (isfinite(value) and least <= value <= most):
                raise ConfigError(f"{name}: found {value!r}, expected a number from {least:g} to {most:g}")

    @classmethod
    def of(cls, car: Capabilities, *, cap: float | None = None, hold_s: float = 0.25) -> GateLimits:
        """The limits for a car that has just told what it can.

        Args:
            car: What it can.
            cap: The owner's cap on drive, in the car's unit; without one, a quarter of full throttle, or
                1.5 m/s.
            hold_s: How long a command is good for, from when it was born until the motor has let go of it.

        Raises:
            ConfigError: A limit is out of range for this car.
        """
        by_throttle = car.drive_unit == "throttle"
        default = DEFAULT_THROTTLE_CAP if by_throttle else DEFAULT_SPEED_CAP_MPS
        if cap is not None and not 0 <= cap <= car.drive_max:
            unit = "a share of full throttle" if by_throttle else "a speed in m/s"
            raise ConfigError(f"cap: found {cap:g}, expected {unit}, from 0 to {car.drive_max:g}")
        return cls(
            drive_cap=min(default, car.drive_max) if cap is None else cap,
            steer_cap_rad=car.steer_max_rad,
            drive_max=car.drive_max,
            steer_max_rad=car.steer_max_rad,
            reverse=car.reverse,
            hold_s=max(hold_s - car.lag_s, min(hold_s, LEAST_HOLD_S)),
        )


def drive_for(speed_mps: float, car: Capabilities) -> float:
    """A speed in the car's own unit.

    A car that knows no speeds gets the share of its full speed as its throttle; that is a guess which its
    owner improves by measuring the full speed.
    """
    return speed_mps if car.drive_unit == "mps" else speed_mps / car.full_speed_mps * car.drive_max


def speed_for(drive: float, car: Capabilities) -> float:
    """The speed that a drive stands for; the other way round."""
    return drive if car.drive_unit == "mps" else drive / car.drive_max * car.full_speed_mps
