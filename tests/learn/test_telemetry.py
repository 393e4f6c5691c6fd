"""The `params` of reward functions, held against the simulator's definitions in shapely."""

from __future__ import annotations

from bisect import bisect_right
from math import atan2, cos, degrees, pi, radians, sin, tan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import LinearRing, Point, Polygon
from stadium import stadium

from league import DEEPRACER, Batch, Circuit, Episode, League, Starts
from league.learn.params import KEYS, OBJECT_KEYS
from league.learn.telemetry import Telemetry, course_of

ANYWHERE = Episode(starts=Starts(on_line=0.0, spread=1.0, heading_rad=pi), time_limit_s=1e6)


class Simulator:
    """DeepRacer's definitions, one car at a time, from the file's own rows."""

    def __init__(self, centre: Any, inner: Any, outer: Any, *, reverse: bool) -> None:
        step = -1 if reverse else 1
        self.centre, self.inner, self.outer = (LinearRing(line[::step]) for line in (centre, inner, outer))
        self.road = Polygon(self.outer, [self.inner])
        self.inner_half = Polygon(self.centre, [self.inner])
        self.anticlockwise = LinearRing(centre).is_ccw ^ reverse
        self.reverse = reverse
        points = list(self.centre.coords)
        self.marks = [self.centre.project(Point(p), normalized=True) for p in points[:-1]] + [1.0]

    def begin(self, x: float, y: float) -> None:
        self.start = self.centre.project(Point(x, y), normalized=True)
        self.before, self.steps = 0.0, 0

    def tell(self, x: float, y: float, yaw: float) -> dict[str, Any]:
        nose = Point(x + 0.14 * cos(yaw), y + 0.14 * sin(yaw))
        share = self.centre.project(nose, normalized=True)
        foot = self.centre.interpolate(share, normalized=True)
        near_in = self.inner.interpolate(self.inner.project(foot))
        near_out = self.outer.interpolate(self.outer.project(foot))
        ahead = bisect_right(self.marks, share)
        progress = 100 * (share - self.start)
        progress += 100 if progress <= 0 else 0
        progress += 100 if self.before > progress + 50 else 0
        progress -= 100 if progress > self.before + 50 else 0
        progress = min(progress, 100)
        self.before, self.steps = progress, self.steps + 1
        wheels = [
            Point(x + along * cos(yaw) - side * sin(yaw), y + along * sin(yaw) + side * cos(yaw))
            for along, side in (
                (DEEPRACER.front_axle_m, DEEPRACER.front_track_m / 2),
                (DEEPRACER.front_axle_m, -DEEPRACER.front_track_m / 2),
                (-DEEPRACER.rear_axle_m, DEEPRACER.rear_track_m / 2),
                (-DEEPRACER.rear_axle_m, -DEEPRACER.rear_track_m / 2),
            )
        ]
        return {
            "all_wheels_on_track": all(self.road.contains(wheel) for wheel in wheels),
            "x": nose.x,
            "y": nose.y,
            "heading": degrees(atan2(sin(yaw), cos(yaw))),
            "distance_from_center": foot.distance(nose),
            "projection_distance": share * self.centre.length,
            "progress": progress,
            "steps": self.steps,
            "track_width": near_in.distance(near_out),
            "track_length": self.centre.length,
            "waypoints": list(self.centre.coords),
            "closest_waypoints": [
                ahead - 1 if ahead else len(self.marks) - 1,
                ahead if ahead < len(self.marks) else 0,
            ],
            "is_left_of_center": (near_in.distance(nose) < near_out.distance(nose))
            ^ (not self.anticlockwise),
            "is_reversed": self.reverse,
        }


def rows_of(circuit: Circuit) -> tuple[Any, Any, Any]:
    """Centre, inner and outer border with their closing rows, as a route file has them."""
    inner, outer = (circuit.right, circuit.left) if circuit.clockwise else (circuit.left, circuit.right)
    return tuple(np.vstack((line, line[:1])) for line in (circuit.centre, inner, outer))  # type: ignore[return-value]


def hold_against(circuit: Circuit, simulator: Simulator, *, ticks: int = 40) -> None:
    """Drive cars about at random, off the road too, and compare every key."""
    cars = 6
    batch = Batch(circuit, DEEPRACER, worlds=cars, episode=ANYWHERE, seed=3, again="never")
    telemetry = Telemetry(batch)
    for car in range(cars):
        simulator_of = Simulator.__new__(Simulator)
        simulator_of.__dict__.update(simulator.__dict__)
        simulators.append(simulator_of) if car else simulators.__init__([simulator_of])  # type: ignore[misc]
        simulators[car].begin(*batch.pose[car, 0, :2])
    random = np.random.default_rng(0)
    driving = np.ones(cars, dtype=bool)
    compared = 0
    for _ in range(ticks):
        commands = np.stack((random.uniform(-0.5, 0.5, cars), random.uniform(0.5, 4.0, cars)), axis=1)
        batch.step(commands[:, None])
        for car, told in enumerate(telemetry.read(commands).dicts()):
            if not driving[car]:
                continue
            expected = simulators[car].tell(*batch.pose[car, 0].tolist())
            for key, value in expected.items():
                if isinstance(value, float) or key in ("progress", "steps"):
                    assert told[key] == pytest.approx(value, abs=1e-6), key
                elif key == "waypoints":
                    assert np.allclose(told[key], value, atol=1e-12)
                elif key != "all_wheels_on_track" or not told["is_offtrack"]:
                    assert told[key] == value, key
            assert told["steering_angle"] == pytest.approx(degrees(commands[car, 0]), abs=1e-8)
            assert told["speed"] == commands[car, 1]
            compared += 1
        driving &= ~batch.terminated[:, 0]
    assert compared > 50


simulators: list[Simulator] = []


@pytest.mark.parametrize("reverse", [False, True], ids=["as it is", "reversed"])
@pytest.mark.parametrize("name", ["reInvent2019_wide_cw", "reinvent_base", "Vegas_track", "Bowtie_track"])
def test_params_are_what_the_simulator_computes(name: str, reverse: bool, data_folder: Path) -> None:
    file = data_folder / "circuits" / f"{name}.npy"
    rows = np.load(file)
    kept = np.r_[True, np.hypot(*np.diff(rows[:, :2], axis=0).T) > 1e-9]
    kept[-1] = True
    rows = rows[kept]
    circuit = League().circuit(f"{file}:reversed" if reverse else str(file))
    simulator = Simulator(rows[:, :2], rows[:, 2:4], rows[:, 4:6], reverse=reverse)
    hold_against(circuit, simulator)
