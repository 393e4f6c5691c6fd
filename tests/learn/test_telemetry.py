"""The `params` of reward functions, held against the simulator's definitions in shapely."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import atan2, cos, degrees, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import LinearRing, Point, Polygon
from stadium import stadium

from league import DEEPRACER, Batch, Circuit, ConfigError, Episode, League, Starts
from league.learn.reward.params import KEYS, Params
from league.learn.reward.telemetry import Telemetry, course_of

ANYWHERE = Episode(starts=Starts(on_line=0.0, spread=1.0, heading_rad=pi), time_limit_s=1e6)
NOSE_M = 0.14


class Simulator:
    """A circuit by DeepRacer's definitions, from a route file's own rows."""

    def __init__(self, centre: Any, inner: Any, outer: Any, *, reverse: bool) -> None:
        step = -1 if reverse else 1
        self.centre, self.inner, self.outer = (LinearRing(line[::step]) for line in (centre, inner, outer))
        self.road = Polygon(self.outer, [self.inner])
        self.inner_half = Polygon(self.centre, [self.inner])
        self.anticlockwise = LinearRing(centre).is_ccw ^ reverse
        self.reverse = reverse
        points = list(self.centre.coords)
        self.marks = [self.centre.project(Point(p), normalized=True) for p in points[:-1]] + [1.0]


class SimulatedCar:
    """What the simulator tells of one car in an episode."""

    def __init__(self, simulator: Simulator, x: float, y: float) -> None:
        self.road = simulator
        self.start = simulator.centre.project(Point(x, y), normalized=True)
        self.before, self.steps = 0.0, 0

    def tell(self, x: float, y: float, yaw: float) -> dict[str, Any]:
        road = self.road
        nose = Point(x + NOSE_M * cos(yaw), y + NOSE_M * sin(yaw))
        share = road.centre.project(nose, normalized=True)
        foot = road.centre.interpolate(share, normalized=True)
        near_in = road.inner.interpolate(road.inner.project(foot))
        near_out = road.outer.interpolate(road.outer.project(foot))
        ahead = bisect_right(road.marks, share)
        self.before, self.steps = self.progress(share), self.steps + 1
        axles = (
            (DEEPRACER.front_axle_m, DEEPRACER.front_track_m / 2),
            (-DEEPRACER.rear_axle_m, DEEPRACER.rear_track_m / 2),
        )
        wheels = [
            Point(x + along * cos(yaw) - side * sin(yaw), y + along * sin(yaw) + side * cos(yaw))
            for along, half in axles
            for side in (half, -half)
        ]
        return {
            "all_wheels_on_track": all(road.road.contains(wheel) for wheel in wheels),
            "x": nose.x,
            "y": nose.y,
            "heading": degrees(atan2(sin(yaw), cos(yaw))),
            "distance_from_center": foot.distance(nose),
            "projection_distance": share * road.centre.length,
            "progress": float(self.before),
            "steps": float(self.steps),
            "track_width": near_in.distance(near_out),
            "track_length": road.centre.length,
            "closest_waypoints": [
                ahead - 1 if ahead else len(road.marks) - 1,
                ahead if ahead < len(road.marks) else 0,
            ],
            "is_left_of_center": (near_in.distance(nose) < near_out.distance(nose))
            ^ (not road.anticlockwise),
            "is_reversed": road.reverse,
        }

    def progress(self, share: float) -> float:
        progress = 100 * (share - self.start)
        progress += 100 if progress <= 0 else 0
        progress += 100 if self.before > progress + 50 else 0
        progress -= 100 if progress > self.before + 50 else 0
        return min(progress, 100)


def route_rows(file: Path) -> Any:
    """A route's rows less those that repeat the one before, as the simulator reads them."""
    rows = np.load(file)
    kept = np.r_[True, np.hypot(*np.diff(rows[:, :2], axis=0).T) > 1e-9]
    kept[-1] = True
    return rows[kept]


@pytest.mark.parametrize("reverse", [False, True], ids=["as it is", "reversed"])
@pytest.mark.parametrize("name", ["reInvent2019_wide_cw", "reinvent_base", "Vegas_track", "Bowtie_track"])
def test_params_are_what_the_simulator_computes(name: str, reverse: bool, data_folder: Path) -> None:
    file = data_folder / "circuits" / f"{name}.npy"
    rows = route_rows(file)
    simulator = Simulator(rows[:, :2], rows[:, 2:4], rows[:, 4:6], reverse=reverse)
    circuit = League().circuit(f"{file}:reversed" if reverse else str(file))
    waypoints = [tuple(point) for point in (rows[::-1] if reverse else rows)[:, :2]]
    batch = Batch(circuit, DEEPRACER, worlds=8, episode=ANYWHERE, seed=3, again="never")
    telemetry = Telemetry(batch)
    cars = [SimulatedCar(simulator, *batch.pose[car, 0, :2]) for car in range(8)]
    random = np.random.default_rng(0)
    driving = np.ones(8, dtype=bool)
    compared = 0
    for _ in range(40):
        commands = np.stack((random.uniform(-0.5, 0.5, 8), random.uniform(0.5, 4.0, 8)), axis=1)
        batch.step(commands[:, None])
        for car, told in enumerate(telemetry.read(commands).dicts()):
            if not driving[car]:
                continue
            assert np.allclose(told["waypoints"], waypoints, atol=1e-12)
            assert told["steering_angle"] == pytest.approx(degrees(commands[car, 0]), abs=1e-8)
            assert told["speed"] == commands[car, 1]
            for key, value in cars[car].tell(*batch.pose[car, 0].tolist()).items():
                if isinstance(value, float):
                    assert told[key] == pytest.approx(value, abs=1e-6), key
                elif key != "all_wheels_on_track" or not told["is_offtrack"]:
                    assert told[key] == value, key
            compared += 1
        driving &= ~batch.terminated[:, 0]
    assert compared > 60


# -- what the other keys say -----------------------------------------------------------------------


def driven(
    circuit: Circuit, commands: Any, *, episode: Episode | None = None, **places: float
) -> list[dict[str, Any]]:
    """What one car is told, tick by tick."""
    batch = Batch(circuit, DEEPRACER, worlds=1, episode=episode or Episode(time_limit_s=1e6), again="never")
    telemetry = Telemetry(batch)
    if places:
        batch.place(0, 0, **places)
        telemetry.begin()
    told = []
    for command in commands:
        batch.step(np.array(command).reshape(1, 1, 2))
        told += telemetry.read(np.array([command])).dicts()
    return told


def test_every_key_is_there_in_plain_python() -> None:
    (told,) = driven(stadium(), [(0.1, 1.0)])
    assert tuple(told) == KEYS
    kinds = {key: type(value) for key, value in told.items()}
    assert {key for key, kind in kinds.items() if kind is bool} == {
        "all_wheels_on_track", "is_left_of_center", "is_reversed", "object_in_camera", "is_crashed",
        "is_offtrack",
    }  # fmt: skip
    assert {key for key, kind in kinds.items() if kind is list} == {
        "waypoints", "closest_waypoints", "closest_objects", "objects_location", "objects_left_of_center",
        "objects_speed", "objects_heading", "objects_distance_from_center", "objects_distance",
    }  # fmt: skip
    assert set(kinds.values()) == {bool, list, float}
    assert all(type(point) is tuple and type(point[0]) is float for point in told["waypoints"])
    assert [type(index) for index in told["closest_waypoints"]] == [int, int]
    assert told["waypoints"][0] == told["waypoints"][-1]
    assert (told["closest_objects"], told["objects_location"]) == ([0, 0], [])


def test_speed_and_steering_are_what_was_asked_for_in_exact_degrees() -> None:
    told = driven(stadium(), [(np.radians(30.0), 3.7), (np.radians(-15.0), 0.5)])
    assert [(one["steering_angle"], one["speed"]) for one in told] == [(30.0, 3.7), (-15.0, 0.5)]


def test_an_episode_begins_with_the_nose_ahead_of_the_start() -> None:
    told = driven(stadium(), [(0.0, 0.0)] * 3)
    assert [one["steps"] for one in told] == [1.0, 2.0, 3.0]
    expected = 100 * NOSE_M / stadium().length_m
    assert [one["progress"] for one in told] == pytest.approx([expected] * 3, abs=1e-3)
    assert [one["sim_time"] for one in told] == pytest.approx([1 / 15, 2 / 15, 3 / 15])


def test_progress_falls_below_nothing_when_a_car_backs_over_its_start() -> None:
    told = driven(stadium(), [(0.0, 1.5)] * 8, along_m=5.0, heading_error_rad=pi)
    progress = [one["progress"] for one in told]
    assert progress[-1] < progress[0] < 0.0
    assert told[0]["is_reversed"] is False


def test_whoever_comes_round_has_a_hundred_and_begins_another_lap() -> None:
    circuit = stadium()
    batch = Batch(circuit, DEEPRACER, worlds=1, episode=Episode(time_limit_s=1e6), again="never")
    telemetry = Telemetry(batch)
    batch.place(0, 0, 2.0)
    telemetry.begin()
    told: list[dict[str, Any]] = []
    while len(told) < 400:
        x, y = batch.seen[0, 0, 15:17]
        command = np.array([[atan2(0.7 * y, x * x + y * y), 1.2]])
        batch.step(command[:, None])
        told += telemetry.read(command).dicts()
    laps = [number for number, one in enumerate(told) if one["progress"] == 100.0]
    assert laps
    first = laps[0]
    round_ = next(k for k in range(first, len(told)) if told[k + 1]["steps"] == 1.0)
    assert round_ - first <= 3
    step = 100 * 2 * 1.2 / 15 / circuit.length_m
    assert 0.0 < told[round_ + 1]["progress"] - 100 * NOSE_M / circuit.length_m < step
    assert all(a["progress"] < b["progress"] for a, b in pairwise(told[5:first]))


def test_leaving_the_road_is_told_in_the_tick_that_ends_the_episode() -> None:
    told = driven(stadium(), [(0.5, 3.0)] * 40)
    off = [one["is_offtrack"] for one in told]
    assert off.count(True) == 1
    assert told[off.index(True)]["all_wheels_on_track"] is False
    assert told[off.index(True) - 1]["all_wheels_on_track"] in (True, False)


def test_a_batch_that_hides_how_episodes_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="starts again in the same step"):
        Telemetry(Batch(stadium(), DEEPRACER, worlds=1))


def test_starts_are_counted_as_episodes_and_steps_begin_again() -> None:
    batch = Batch(stadium(), DEEPRACER, worlds=3, again="never")
    telemetry = Telemetry(batch)
    telemetry.begin()
    commands = np.tile((0.0, 1.0), (3, 1))
    for _ in range(4):
        batch.step(commands[:, None])
        last = telemetry.read(commands)
    which = np.array([False, True, False])
    batch.reset(worlds=which)
    telemetry.begin(which)
    batch.step(commands[:, None])
    now = telemetry.read(commands)
    assert [one["steps"] for one in last.dicts()] == [4.0, 4.0, 4.0]
    assert [one["steps"] for one in now.dicts()] == [5.0, 1.0, 5.0]
    assert now.rows[:, -1].tolist() == [0.0, 1.0, 0.0]


# -- objects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
def test_other_cars_are_objects_as_the_simulator_tells_of_them(reverse: bool) -> None:
    circuit = stadium().reversed() if reverse else stadium()
    inner, outer = (circuit.right, circuit.left) if circuit.clockwise else (circuit.left, circuit.right)
    simulator = Simulator(circuit.centre, inner, outer, reverse=False)
    batch = Batch(circuit, DEEPRACER, worlds=2, cars_per_world=4, seed=1, again="never")
    telemetry = Telemetry(batch)
    random = np.random.default_rng(5)
    for world in range(2):
        for car in range(4):
            batch.place(world, car, random.uniform(0, 10), random.uniform(-0.4, 0.4), 0.1, 0.8)
    telemetry.begin()
    commands = np.tile((0.02, 0.8), (8, 1))
    batch.step(commands.reshape(2, 4, 2))
    for number, told in enumerate(telemetry.read(commands).dicts()):
        world, car = divmod(number, 4)
        others = [other for other in range(4) if other != car]
        points = [Point(*batch.pose[world, other, :2]) for other in others]
        along = [simulator.centre.project(point) for point in points]
        nose = simulator.centre.project(Point(told["x"], told["y"]))
        order = sorted(range(3), key=lambda k: along[k])
        ahead = bisect_right([along[k] for k in order], nose)
        assert told["closest_objects"] == [order[ahead - 1], order[ahead % 3]]
        assert np.allclose(told["objects_location"], [(p.x, p.y) for p in points])
        assert told["objects_distance"] == pytest.approx(along)
        gaps = [simulator.centre.distance(point) for point in points]
        assert told["objects_distance_from_center"] == pytest.approx(gaps)
        assert told["objects_left_of_center"] == [
            simulator.inner_half.contains(point) ^ (not simulator.anticlockwise) for point in points
        ]
        assert told["objects_heading"] == pytest.approx([batch.pose[world, other, 2] for other in others])
        assert told["objects_speed"] == pytest.approx([batch.speed_mps[world, other] for other in others])


@pytest.mark.parametrize(
    ("ahead_m", "aside_m", "seen"),
    [(1.0, 0.0, True), (1.0, 0.3, True), (-1.0, 0.0, False), (0.2, 0.4, False)],
)
def test_the_next_object_is_in_the_camera_if_it_is_in_front_of_it(
    ahead_m: float, aside_m: float, seen: bool
) -> None:
    batch = Batch(stadium(), DEEPRACER, worlds=1, cars_per_world=2, again="never")
    telemetry = Telemetry(batch)
    batch.place(0, 0, 1.5, -0.2)
    batch.place(0, 1, 1.5 + ahead_m, -0.2 + aside_m)
    batch.step(np.zeros((1, 2, 2)))
    first, _ = telemetry.read(np.zeros((2, 2))).dicts()
    assert first["object_in_camera"] is seen


def test_a_car_that_is_out_is_no_longer_an_object() -> None:
    batch = Batch(stadium(), DEEPRACER, worlds=1, cars_per_world=3, again="never")
    telemetry = Telemetry(batch)
    commands = np.array([[[0.0, 0.5], [0.5, 4.0], [0.0, 0.5]]])
    for _ in range(40):
        batch.step(commands)
        params = telemetry.read(commands[0])
        if batch.out[0, 1]:
            break
    first, _, last = params.dicts()
    for told in (first, last):
        assert len(told["objects_location"]) == len(told["objects_speed"]) == 1
        assert told["closest_objects"] == [0, 0]


# -- the two forms ---------------------------------------------------------------------------------


def test_arrays_say_the_same_as_dicts() -> None:
    roads = [stadium(), stadium(radius_m=1.5).reversed()]
    batch = Batch(roads, DEEPRACER, worlds=5, cars_per_world=2, episode=ANYWHERE, seed=2, again="never")
    telemetry = Telemetry(batch)
    commands = np.tile((0.1, 1.0), (10, 1))
    batch.step(commands.reshape(5, 2, 2))
    params = telemetry.read(commands)
    dicts = list(params.dicts())
    for course in range(2):
        mine = [one for number, one in enumerate(dicts) if number // 2 % 2 == course]
        arrays = params.arrays(course)
        assert tuple(arrays) == KEYS
        for key in KEYS:
            if key in ("waypoints", "track_length", "is_reversed"):
                assert np.array_equal(arrays[key], mine[0][key])
            else:
                assert np.array_equal(arrays[key], [one[key] for one in mine]), key


def test_several_batches_count_on() -> None:
    batches = [Batch(stadium(), DEEPRACER, worlds=2, cars_per_world=2, again="never") for _ in range(2)]
    batches.append(Batch(stadium(radius_m=1.4), DEEPRACER, worlds=3, again="never"))
    telemetry = Telemetry(batches)
    assert telemetry.cars == 2 * 4 + 3
    for batch in batches:
        batch.step(np.zeros((batch.worlds, batch.cars_per_world, 2)))
    params = telemetry.read(np.zeros((11, 2)))
    assert isinstance(params, Params)
    assert [len(told["objects_location"]) for told in params.dicts()] == [1] * 8 + [0] * 3
    lengths = [told["track_length"] for told in params.dicts()]
    assert lengths[0] == lengths[7] != lengths[8]


def test_waypoints_are_a_files_own_rows_where_a_reader_added_some() -> None:
    centre = stadium(step_m=0.2)
    own = list(range(0, len(centre.centre), 3))
    circuit = Circuit("c", centre.centre, centre.left, centre.right, facts={"waypoints": own})
    assert np.array_equal(course_of(circuit).points[:-1], centre.centre[own])
    turned = course_of(circuit.reversed())
    assert turned.reversed
    assert np.array_equal(turned.points[1:], centre.centre[own][::-1])
