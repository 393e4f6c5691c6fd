"""Follow the gap: drives by the LIDAR alone, and so past boxes and cars too.

After V. Sezer and M. Gokasan, "A novel obstacle avoidance algorithm: Follow the Gap Method" (Robotics and
Autonomous Systems, 2012), with the edges of obstacles widened by half a car, as F1TENTH racers do. Speed
comes from how far the car can see along the way it turns.
"""

from __future__ import annotations

from math import atan, copysign, radians, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Agent, Briefing, Command, Observation, hookimpl

FloatArray = NDArray[Any]

HALF_ANGLE_RAD = radians(150.0)
"""The beams of "lidar.v1" go from as much to the right to as much to the left."""
FIELD_RAD = radians(100.0)
"""Gaps farther to the side than this are behind the car."""
SIGHT_M = 4.0
"""Nothing farther away matters."""
ROOM_M = 0.10
"""Room to leave beside the body."""
DEEP_SHARE = 0.7
"""Beams with at least this part of the greatest free distance are in the gap."""
GRIP_SHARE = 0.55
BRAKE_SHARE = 0.4
"""Parts of the car's limits that bends and braking count on."""
STOP_M = 0.25
"""Distance to what is ahead at which to stand, had the car to brake."""
CREEP_MPS = 0.5
LOOK_M, LOOK_S = 0.35, 0.30
"""The circle to drive leads to a point this far ahead, plus what the car drives in this time."""
SERVO_LEAD = 1.5
"""How much further than wanted to command the wheels, per radian that they lag behind."""


class FollowTheGap(Agent):
    """Steer for the deepest gap, at the speed that what is seen of it allows."""

    sensors = ("state", "lidar")

    def prepare(self, briefing: Briefing) -> None:
        """Take the car's limits."""
        self.car = briefing.car

    def act(self, seen: Observation) -> Command:
        """Answer one tick; of the state only speed and wheel angle are looked at."""
        beams_m = np.clip(seen.sensors["lidar"].astype(float), 0.05, SIGHT_M)
        angles_rad = np.linspace(-HALF_ANGLE_RAD, HALF_ANGLE_RAD, len(beams_m))
        free_m = widened(beams_m, angles_rad, self.car.width_m / 2 + ROOM_M)
        aim_rad, depth_m = deepest_gap(free_m, angles_rad)
        look_m = min(depth_m, LOOK_M + LOOK_S * seen.speed_mps)
        bend_per_m = 2 * sin(aim_rad) / look_m
        speed_mps = self.speed_for(bend_per_m, depth_m, seen)
        return Command(self.steering_for(bend_per_m, seen), speed_mps)

    def speed_for(self, bend_per_m: float, depth_m: float, seen: Observation) -> float:
        """What the bend allows, and what still lets the car stop in what it sees."""
        grip_mps2, brake_mps2 = GRIP_SHARE * self.car.lateral_mps2, BRAKE_SHARE * self.car.brake_mps2
        in_bend = sqrt(grip_mps2 / max(abs(bend_per_m), 0.1))
        in_sight = sqrt(2 * brake_mps2 * max(depth_m - STOP_M, 0.0))
        return float(min(max(min(in_bend, in_sight), CREEP_MPS), self.car.max_speed_mps))

    def steering_for(self, bend_per_m: float, seen: Observation) -> float:
        """The command with which the slow servo soon drives this circle at this speed."""
        car, speed_mps = self.car, seen.speed_mps
        bend = min(abs(bend_per_m), 0.9 * car.lateral_mps2 / max(speed_mps, 0.3) ** 2)
        base_m = car.base_m + car.base_per_v2 * speed_mps**2
        tangent = bend * base_m / max(1 - car.base_per_tan * bend, 0.2)
        wheel_rad = atan(copysign(tangent, bend_per_m)) - car.steer_bias_rad
        hold = 1 + car.steer_slow_s * car.steer_aligning_per_m * speed_mps
        steer_rad = wheel_rad * hold + SERVO_LEAD * (wheel_rad - seen.steer_rad)
        return max(-car.max_steer_rad, min(car.max_steer_rad, steer_rad))


def widened(beams_m: FloatArray, angles_rad: FloatArray, wide_m: float) -> FloatArray:
    """How far the car could go along each beam: echoes stand in the way of beams that pass near them."""
    shadow_rad = np.arcsin(np.minimum(wide_m / beams_m, 1.0))
    hidden = np.abs(angles_rad[:, None] - angles_rad) <= shadow_rad
    return np.asarray(np.where(hidden, beams_m, np.inf).min(axis=1))


def deepest_gap(free_m: FloatArray, angles_rad: FloatArray) -> tuple[float, float]:
    """Direction of the middle of the deepest gap ahead, weighted by depth, and how deep it is."""
    ahead = np.abs(angles_rad) <= FIELD_RAD
    free_m, angles_rad = free_m[ahead], angles_rad[ahead]
    best = int(free_m.argmax())
    deep = free_m >= DEEP_SHARE * free_m[best]
    first = last = best
    while first > 0 and deep[first - 1]:
        first -= 1
    while last + 1 < len(deep) and deep[last + 1]:
        last += 1
    gap = slice(first, last + 1)
    return float(np.average(angles_rad[gap], weights=free_m[gap])), float(free_m[best])


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under the name that events use."""
    return {"follow-the-gap": FollowTheGap}
