"""Pure pursuit: drives along the centre line at a speed that the road ahead allows.

The method is R. C. Coulter, "Implementation of the Pure Pursuit Path Tracking Algorithm" (CMU, 1992):
steer along the circle that leads from the rear axle to a point of the path some way ahead. What the car
adds to it comes from its `CarSpec`: wheels that must turn further the faster it goes, and a slow servo.
"""

from __future__ import annotations

from math import atan

import numpy as np

from league import Agent, Briefing, CarSpec, Command, Observation, hookimpl

GRIP_SHARE = 0.64
"""Part of the car's lateral limit that bends are taken with."""
BRAKE_SHARE = 0.55
"""Part of the car's braking that the approach to a bend counts on."""
REACTION_S = 0.2
"""Distance to every bend is shortened by what the car drives in this time."""
LOOK_M, LOOK_S = 0.45, 0.30
"""The point to steer for lies this far ahead, plus what the car drives in this time."""
SERVO_LEAD = 2.5
"""How much further than wanted to command the wheels, per radian that they lag behind."""
BOX_SEEN_M, BOX_PASSED_M = 2.4, 0.5
"""A box changes the way from this far ahead of the car to this far behind it."""
AHEAD_STEP_M = 0.4
"""Distance between two points that are seen of the road."""
BOX_HALF_M, BOX_MPS = 0.2, 1.4
"""Half the width of a box, and how fast to go round one."""
ROOM_M = 1.1
"""Gap to a car ahead at which to stand; the speed allowed grows with the gap beyond it."""


class PurePursuit(Agent):
    """Follow the centre line on every circuit; three clean laps matter more than fast ones."""

    def prepare(self, briefing: Briefing) -> None:
        """Take the car's limits."""
        self.car = briefing.car

    def act(self, seen: Observation) -> Command:
        """Steer along the circle to a point ahead, at the speed that the road allows."""
        speed_mps = min(self.speed_for_road(seen), self.speed_for_traffic(seen))
        look_m = LOOK_M + LOOK_S * seen.speed_mps
        x_m, y_m = self.point_ahead(seen, look_m)
        beside_m = self.way_round(seen)
        if beside_m:
            speed_mps = min(speed_mps, BOX_MPS)
            x_m, y_m = moved_aside(seen, x_m, y_m, beside_m)
        x_m += self.car.rear_axle_m
        curvature_per_m = 2 * y_m / (x_m * x_m + y_m * y_m)
        wheel_rad = wheel_angle(self.car, curvature_per_m, seen.speed_mps)
        return Command(steer_rad=self.servo(wheel_rad, seen), speed_mps=speed_mps)

    def point_ahead(self, seen: Observation, look_m: float) -> tuple[float, float]:
        """The first place on the centre line ahead that is `look_m` away, in the car's frame."""
        points = seen.ahead[:, :2].astype(float)
        away_m = np.hypot(points[:, 0], points[:, 1])
        beyond = np.flatnonzero(away_m >= look_m)
        last = int(beyond[0]) if beyond.size else len(points) - 1
        if last == 0:
            return float(points[0, 0]), float(points[0, 1])
        near, far = away_m[last - 1], away_m[last]
        part = min(max((look_m - near) / max(far - near, 1e-6), 0.0), 1.0)
        x_m, y_m = points[last - 1] * (1 - part) + points[last] * part
        return float(x_m), float(y_m)

    def way_round(self, seen: Observation) -> float:
        """How far to the left of the centre line to drive because of a box; 0 if there is none."""
        for other in seen.opponents:
            if not other.box or not -BOX_PASSED_M < other.x_m < BOX_SEEN_M:
                continue
            spot = nearest(seen, other.x_m, other.y_m)
            x_m, y_m, _, left_m, right_m = (float(value) for value in seen.ahead[spot])
            tangent_x, tangent_y = direction(seen, spot)
            before_m = tangent_x * (other.x_m - x_m) + tangent_y * (other.y_m - y_m)
            off_m = tangent_x * (other.y_m - y_m) - tangent_y * (other.x_m - x_m)
            if abs(before_m) > BOX_PASSED_M + AHEAD_STEP_M or not -right_m < off_m < left_m:
                continue  # it stands on another part of the road
            if off_m > 0:
                return (off_m - BOX_HALF_M - right_m) / 2
            return (off_m + BOX_HALF_M + left_m) / 2
        return 0.0

    def speed_for_road(self, seen: Observation) -> float:
        """The highest speed from which the car can still slow down for every bend in sight."""
        car = self.car
        bends = np.abs(seen.ahead[:, 2]).astype(float)
        bends = np.maximum(bends, (np.r_[bends[1:], bends[-1]] + bends) / 2)
        allowed_mps = np.sqrt(GRIP_SHARE * car.lateral_mps2 / np.maximum(bends, 0.05))
        gap_m = np.maximum(0.4 * np.arange(1, len(bends) + 1) - REACTION_S * seen.speed_mps - 0.4, 0.0)
        now_mps = np.sqrt(allowed_mps**2 + 2 * BRAKE_SHARE * car.brake_mps2 * gap_m)
        lost = abs(seen.offset_m) + 0.5 * abs(seen.heading_error_rad)
        top_mps = car.max_speed_mps / (1 + lost)
        return float(max(min(now_mps.min(), top_mps), 0.5))

    def speed_for_traffic(self, seen: Observation) -> float:
        """Keep behind a car that is in the way: a collision is charged to the one behind."""
        allowed_mps = self.car.max_speed_mps
        for other in seen.opponents:
            if other.standing or other.box:
                continue
            if 0 < other.x_m < 3.0 and abs(other.y_m) < 0.25 + 0.15 * other.x_m:
                allowed_mps = min(allowed_mps, max(other.speed_mps + 1.5 * (other.x_m - ROOM_M), 0.0))
        return allowed_mps

    def servo(self, wheel_rad: float, seen: Observation) -> float:
        """The command that brings the wheels to an angle soon, though the servo is slow."""
        car = self.car
        hold = 1 + car.steer_slow_s * car.steer_aligning_per_m * seen.speed_mps
        steer_rad = wheel_rad * hold + SERVO_LEAD * (wheel_rad - seen.steer_rad)
        return max(-car.max_steer_rad, min(car.max_steer_rad, steer_rad))


def nearest(seen: Observation, x_m: float, y_m: float) -> int:
    """Which of the points ahead is nearest to a point in the car's frame."""
    return int(np.hypot(seen.ahead[:, 0] - x_m, seen.ahead[:, 1] - y_m).argmin())


def direction(seen: Observation, spot: int) -> tuple[float, float]:
    """The road's direction at one of the points ahead, in the car's frame."""
    first = min(spot, len(seen.ahead) - 2)
    way_x, way_y = (seen.ahead[first + 1, :2] - seen.ahead[first, :2]).tolist()
    size = float(np.hypot(way_x, way_y))
    return way_x / size, way_y / size


def moved_aside(seen: Observation, x_m: float, y_m: float, beside_m: float) -> tuple[float, float]:
    """A point of the centre line, moved to the left of it."""
    tangent_x, tangent_y = direction(seen, nearest(seen, x_m, y_m))
    return x_m - beside_m * tangent_y, y_m + beside_m * tangent_x


def wheel_angle(car: CarSpec, curvature_per_m: float, speed_mps: float) -> float:
    """The wheel angle that drives a circle at a speed: the turning law of the car model, solved for it."""
    wanted = abs(curvature_per_m)
    lateral = min(wanted * speed_mps**2 / car.lateral_mps2, 0.97)
    wanted /= (1 - lateral**4) ** 0.25
    base_m = car.base_m + car.base_per_v2 * speed_mps**2
    tangent = wanted * base_m / max(1 - car.base_per_tan * wanted, 0.2)
    return float(atan(tangent if curvature_per_m > 0 else -tangent) - car.steer_bias_rad)


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under the name that events use."""
    return {"pure-pursuit": PurePursuit}
