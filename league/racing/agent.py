"""What a driver is told and what it answers: `Agent`, `Briefing`, `Observation`, `Command`.

Pure: an agent sees numbers and gives numbers. How they travel is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import atan2
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from league.racing.rules import Rules
from league.sim.car import CarSpec
from league.sim.layout import (
    AHEAD_M,
    AHEAD_START,
    BOX,
    OPPONENTS,
    OPPONENTS_START,
    STANDING,
    STATE_SIZE,
)
from league.sim.objects import Box
from league.track.circuit import Circuit

FloatVector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Command:
    """What a driver wants: a steering angle of the front wheels and a target speed.

    Args:
        steer_rad: Positive turns left. Beyond the car's own limit it is clamped.
        speed_mps: 0 brakes to a stand; cars do not reverse. Beyond the car's limit it is refused.
        note: Free text of up to 256 bytes that ends up in the recording, for debugging.
    """

    steer_rad: float
    speed_mps: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Penalty:
    """A penalty that is being served: the car stands, or may not drive faster than `cap_mps`."""

    kind: str
    """"off_track", "collision", "immobilised", "reversed" or "steward"."""
    left_ticks: int
    cap_mps: float = 0.0


@dataclass(frozen=True, slots=True)
class Opponent:
    """Another car, a bot or a box, seen from this car's origin: x forward, y left."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float
    standing: bool = False
    """It stands for a penalty and cannot be touched; it will be let go when nobody is about to pass."""
    box: bool = False
    """It is a box: it stands there for good. It is 0.5 m long along its yaw and 0.4 m wide."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a driver knows before the start."""

    heat: str
    seat: int
    """Place on the grid, from 0."""
    circuit: Circuit
    car: CarSpec
    rules: Rules
    seed: int
    sensors: tuple[str, ...]
    """What each observation will carry."""
    opponents: tuple[tuple[int, str], ...] = ()
    """The other seats and the names in them."""
    boxes: tuple[Box, ...] = ()
    """What stands in the way."""

    @property
    def tick_s(self) -> float:
        """Time from one observation to the next."""
        return 1.0 / self.rules.control_hz


@dataclass(slots=True)
class Observation:
    """What a driver sees at one tick.

    The *state* sensor ("state.v1") is a float32 vector of shape (105,); the properties below name its
    entries. The car's frame has its origin at the chassis origin, x forward and y to the left.

    | entries | are |
    |---|---|
    | 0 | speed_mps |
    | 1 | yaw_rate_radps, positive to the left |
    | 2 | steer_rad, where the wheels point now (the servo is slow) |
    | 3 | offset_m, of the origin from the centre line, positive to the left |
    | 4, 5 | sine and cosine of heading_error_rad, the car's direction less the road's |
    | 6, 7 | the last command: steer_rad, speed_mps |
    | 8, 9 | width of the road to the left and to the right of the centre line, m |
    | 10–69 | the road at 0.4, 0.8 … 4.8 m ahead of the origin along the centre line, five numbers \
    each: x, y of the centre line in the car's frame, curvature (1/m), width left, width right (m) |
    | 70–104 | up to 7 opponents, bots and boxes, nearest first, five numbers each: 1 if it is a car that \
    drives, 0.5 if it stands for a penalty and cannot be touched, 2 if it is a box; x, y (of a car's \
    origin, of a bot's or box's middle) and yaw in the car's frame; speed. Zeros if absent |
    """

    tick: int
    """Number of the tick that an answer must name."""
    time_us: int
    """Race time since the green light."""
    state: FloatVector
    """The state vector; zeros if the event does not offer that sensor."""
    sensors: Mapping[str, FloatVector] = field(default_factory=dict)
    """Every other sensor by its name, each a float32 array."""
    lap: int = 0
    """Laps finished."""
    flag: str = "green"
    """"green", "yellow", "red" or "chequered"."""
    penalty: Penalty | None = None
    """The penalty this car is serving, if any; commands have no effect while it stands."""
    missed: int = 0
    """Ticks in a row, up to now, for which no usable answer came from this driver."""

    @property
    def speed_mps(self) -> float:
        """Speed along the car's axis."""
        return float(self.state[0])

    @property
    def yaw_rate_radps(self) -> float:
        """Turning rate, positive to the left."""
        return float(self.state[1])

    @property
    def steer_rad(self) -> float:
        """Where the front wheels point now."""
        return float(self.state[2])

    @property
    def offset_m(self) -> float:
        """Distance from the centre line, positive to the left."""
        return float(self.state[3])

    @property
    def heading_error_rad(self) -> float:
        """The car's direction less the road's, in (-pi, pi]."""
        return atan2(float(self.state[4]), float(self.state[5]))

    @property
    def last_command(self) -> Command:
        """The command in effect before this tick."""
        return Command(float(self.state[6]), float(self.state[7]))

    @property
    def width_left_m(self) -> float:
        """Road to the left of the centre line, here."""
        return float(self.state[8])

    @property
    def width_right_m(self) -> float:
        """Road to the right of the centre line, here."""
        return float(self.state[9])

    @property
    def ahead(self) -> FloatVector:
        """The road ahead, shape (12, 5): x, y, curvature, width left, width right at `AHEAD_M`."""
        return self.state[AHEAD_START:OPPONENTS_START].reshape(len(AHEAD_M), 5)

    @property
    def opponents(self) -> list[Opponent]:
        """The other cars on the circuit, bots and boxes too, nearest first."""
        rows = self.state[OPPONENTS_START:STATE_SIZE].reshape(OPPONENTS, 5)
        return [
            Opponent(x_m, y_m, yaw_rad, speed_mps, standing=mark == STANDING, box=mark == BOX)
            for mark, x_m, y_m, yaw_rad, speed_mps in rows.tolist()
            if mark > 0
        ]

    @property
    def along_m(self) -> float:
        """Distance of the origin from the start line; needs the "pose" sensor.

        Raises:
            KeyError: The driver did not ask for "pose", or the event does not offer it.
        """
        return float(self.sensors["pose"][3])


class Agent:
    """A driver: one instance drives one car through one heat.

    Subclass it, say in `sensors` what you need to see, and answer `act` once a tick. Everything else is
    optional. `act` should take less than a tick; in ranked simulation there are 50 ms and a bank of 2 s.
    """

    sensors: ClassVar[tuple[str, ...]] = ("state",)
    """Names of the sensors to be sent: "state", "pose", "lidar", or what a plugin offers."""

    def prepare(self, briefing: Briefing) -> None:
        """Get ready for a heat: read the circuit, load a model.

        Called once before each heat; it may take up to 20 s.
        """

    def act(self, seen: Observation) -> Command:
        """Answer one tick.

        A command that is not finite or out of range counts as missing: the car holds its last command for
        two ticks, then brakes. Raising ends the drive.
        """
        raise NotImplementedError(f"{type(self).__name__} must define act(seen) -> Command")

    def finish(self, result: Mapping[str, Any]) -> None:
        """Be told the heat's result, in the form of the result JSON."""
