from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league import DEEPRACER, F1TENTH, Circuit, World
from league.sim import road


def wheels(car, pose):
    """Centres of the four wheels, from the car's dimensions."""
    x, y, yaw = pose
    forward, left = np.array([math.cos(yaw), math.sin(yaw)]), np.array([-math.sin(yaw), math.cos(yaw)])
    return np.array(
        [
            (x, y) + ahead * forward + side * left
            for ahead, track in ((car.front_axle_m, car.front_track_m), (-car.rear_axle_m, car.rear_track_m))
            for side in (-track / 2, track / 2)
        ]
    )


def agrees(world, index=0):
    """Hold what the world measured of a car against the circuit's own answers."""
    circuit, car = world.circuit, world.cars[index]
    nose, pose = world.nose[index], world.pose[index]
    assert np.hypot(*(nose - pose[:2])) == pytest.approx(car.nose_m)
    for point, along, offset in (
        (nose, world.along_m[index], world.offset_m[index]),
        (pose[:2], world.origin_along_m[index], world.origin_offset_m[index]),
    ):
        there = circuit.project(point)
        assert abs(offset) == pytest.approx(abs(float(there.offset_m)), abs=1e-9)
        gap = abs(along - there.along_m)
        # Inside a corner two feet can be equally near, and rounding decides between them.
        if min(gap, circuit.length_m - gap) < 1e-9 and abs(offset) > 1e-9:
            assert (offset > 0) == (there.offset_m > 0)
    error = pose[2] - circuit.heading_at(world.origin_along_m[index])
    assert math.cos(error - world.heading_error_rad[index]) == pytest.approx(1.0, abs=1e-12)
    assert world.wheels_off[index] == (~circuit.on_road(wheels(car, pose))).sum()


@st.composite
def circuits(draw, make):
    """Closed roads around a wavy ring, either way round, with rows that are not evenly spaced."""
    count = draw(st.integers(24, 160))
    waves = draw(st.lists(st.tuples(st.integers(2, 4), st.floats(-0.25, 0.25), st.floats(0, 6)), max_size=2))
    jitter = draw(st.lists(st.floats(-0.3, 0.3), min_size=count, max_size=count))
    turn = (np.arange(count) + jitter) / count * 2 * np.pi
    radius = 5.0 + sum(a * np.cos(k * turn + phase) for k, a, phase in waves)
    rows = np.stack((radius * np.cos(turn), radius * np.sin(turn)), axis=1)
    circuit = make(rows, half_width=draw(st.floats(0.3, 1.0)), name="wavy")
    return circuit.reversed() if draw(st.booleans()) else circuit


@settings(max_examples=150)
@given(data=st.data())
def test_a_placed_car_is_measured_as_the_circuit_measures_points(make_ring, data):
    circuit = data.draw(circuits(make_ring))
    car = data.draw(st.sampled_from([DEEPRACER, F1TENTH]))
    world = World(circuit, [car])
    for _ in range(5):
        along = data.draw(st.floats(0, circuit.length_m))
        world.place(0, along, data.draw(st.floats(-1.3, 1.3)), data.draw(st.floats(-math.pi, math.pi)))
        agrees(world)


@settings(max_examples=60)
@given(data=st.data())
def test_a_driving_car_is_measured_as_the_circuit_measures_points(make_ring, data):
    circuit = data.draw(circuits(make_ring))
    world = World(circuit, [DEEPRACER])
    world.place(0, data.draw(st.floats(-1, 1)), 0.0, data.draw(st.sampled_from([0.0, math.pi])))
    steers = data.draw(st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=20))
    for steer in steers:
        for _ in range(3):
            world.step([[steer, 3.0]])
            agrees(world)


def test_on_the_border_is_off_and_a_hair_inside_is_on():
    # Square corners, so that the borders' coordinates are exact.
    centre = np.array([(0, -2), (2, -2), (2, 2), (-2, 2), (-2, -2)], dtype=float)
    circuit = Circuit("square", centre, centre * 0.75, centre * 1.25)
    car = DEEPRACER.changed(front_track_m=0.25, rear_track_m=0.25, front_axle_m=0.125, rear_axle_m=0.125)
    world = World(circuit, [car])
    # The origin 0.125 m inside the outer border at y = -2.5, so the right wheels' centres lie on it.
    world.place(0, 0.0, -0.375)
    assert world.pose[0, 1:].tolist() == [-2.375, 0.0]
    assert world.wheels_off[0] == 2
    world.place(0, 0.0, -0.3749999)
    assert world.wheels_off[0] == 0


@settings(max_examples=200)
@given(x=st.integers(-24, 24), y=st.integers(-24, 24), flip=st.booleans())
def test_points_on_a_grid_with_the_corners_are_judged_as_the_circuit_does(x, y, flip):
    # Every coordinate is exact here, so points fall on borders, on corners and level with corners.
    centre = np.array(
        [(0, -2), (2, -2), (2, 0), (3, 1), (2, 2), (0, 1), (-2, 2), (-2, 0), (-2, -2)], dtype=float
    )
    circuit = Circuit("grid", centre, centre * 0.75, centre * 1.25)
    circuit = circuit.reversed() if flip else circuit
    rows, point = road.road_rows(circuit), (x / 8, y / 8)
    assert road.on_road(rows, road.road_slabs(circuit), *point) == circuit.on_road(point)
    there = circuit.project(point)
    segment, reach = road.follow(rows, *point, int(there.segment))
    assert abs(road.offset_at(rows, segment, reach, *point)) == pytest.approx(abs(float(there.offset_m)))
    assert 0.0 <= road.along_at(rows, segment, reach) < circuit.length_m
    assert road.along_at(rows, int(there.segment), circuit.segment_m[there.segment]) < circuit.length_m


@pytest.mark.parametrize("name", ["club", "twin"])
def test_distance_along_never_jumps_at_the_closing_seam(request, name):
    circuit = request.getfixturevalue(name)
    world = World(circuit, [DEEPRACER])
    world.place(0, -1.0)
    seen = [world.along_m[0]]
    for _ in range(30):
        world.step([[-0.02, 1.5]])
        seen.extend(world.trace_m[1:, 0])
    seen = np.array(seen)
    assert ((seen >= 0) & (seen < circuit.length_m)).all()
    step = (np.diff(seen) + circuit.length_m / 2) % circuit.length_m - circuit.length_m / 2
    assert seen.min() < 0.5
    assert seen.max() > circuit.length_m - 0.5
    assert (step >= -1e-12).all()
    assert step.max() < 0.05


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_a_car_does_not_jump_to_a_neighbouring_part_of_the_road(twin, side):
    # From one straight it drives right across the other one, 10 cm from border to border.
    world = World(twin, [DEEPRACER.changed(steer_bias_rad=0.0)])
    world.place(0, 2.0 if side == "lower" else twin.length_m / 2 + 2.0, 0.0, math.pi / 2)
    start, crossed = world.nose[0, 1], False
    for _ in range(60):
        before = world.along_m[0]
        world.step([[0.0, 1.0]])
        if abs(world.nose[0, 1] - start) > 1.4:
            break
        assert abs(world.along_m[0] - before) < 0.01
        assert abs(world.origin_along_m[0] - before) < 0.01
        crossed = crossed or abs(float(twin.project(world.nose[0]).along_m) - world.along_m[0]) > 5
    assert crossed


def test_a_car_that_went_far_astray_is_found_again(twin):
    world = World(twin, [DEEPRACER.changed(steer_bias_rad=0.0)])
    world.place(0, 2.0, 0.0, math.pi / 2)
    for _ in range(60):
        world.step([[0.0, 2.0]])
    assert world.pose[0, 1] > 3.0
    agrees(world)


def test_a_car_off_a_hairpin_whose_border_folds_over_itself_is_measured_exactly(make_ring):
    # The bend is tighter than half the road is wide: the inner border crosses itself.
    turn = np.arange(60) / 60 * 2 * np.pi
    rows = np.stack((5 * np.cos(turn), 0.9 * np.sin(turn)), axis=1)
    circuit = make_ring(rows, half_width=0.5, name="folded")
    world = World(circuit, [DEEPRACER])
    rng = np.random.default_rng(3)
    for along, offset, error in zip(
        rng.uniform(0, circuit.length_m, 300),
        rng.uniform(-0.6, 0.6, 300),
        rng.uniform(-3, 3, 300),
        strict=True,
    ):
        world.place(0, along, offset, error)
        assert world.wheels_off[0] == (~circuit.on_road(wheels(DEEPRACER, world.pose[0]))).sum()


def test_every_deepracer_route_is_measured_as_the_circuit_measures_points(data_folder):
    rng = np.random.default_rng(1)
    tried = 0
    for file in sorted((data_folder / "circuits").glob("*.npy")):
        try:
            route = np.load(file)
        except ValueError:
            continue
        if (
            route.ndim != 2
            or route.shape[1] != 6
            or not np.isfinite(route).all()
            or (route[0] != route[-1]).any()
        ):
            continue
        keep = np.hypot(*(np.roll(route[:-1, :2], -1, axis=0) - route[:-1, :2]).T) > 1e-9
        centre, inner, outer = np.hsplit(route[:-1][keep], 3)
        x, y = centre.T
        anticlockwise = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0
        circuit = Circuit(file.stem, centre, *((inner, outer) if anticlockwise else (outer, inner)))
        world = World(circuit, [DEEPRACER])
        for along, offset in zip(
            rng.uniform(0, circuit.length_m, 80), rng.uniform(-0.6, 0.6, 80), strict=True
        ):
            world.place(0, along, offset, rng.uniform(-0.5, 0.5))
            assert world.wheels_off[0] == (~circuit.on_road(wheels(DEEPRACER, world.pose[0]))).sum()
            there = circuit.project(world.nose[0])
            gap = abs(world.along_m[0] - there.along_m)
            # Where parts of the road lie close together the circuit may see a point on the other one.
            if min(gap, circuit.length_m - gap) < 1.0:
                assert abs(world.offset_m[0]) == pytest.approx(abs(float(there.offset_m)), abs=1e-9)
        tried += 1
    assert tried >= 10


@settings(max_examples=100)
@given(data=st.data())
def test_the_short_way_to_the_nearest_segment_finds_what_the_long_way_finds(make_ring, data):
    # Wavy roads with uneven rows, points anywhere on or near the road, and a start a few rows away.
    circuit = data.draw(circuits(make_ring))
    rows, count = road.road_rows(circuit), len(circuit.centre)
    assert (rows[:, road.SURE_LEFT] > 0).any()
    for _ in range(20):
        there = data.draw(st.floats(0, circuit.length_m))
        point = circuit.at(there, data.draw(st.floats(-1.3, 1.3)))
        away = data.draw(st.integers(-4, 4))
        start = (int(circuit.project(circuit.at(there)).segment) + away) % count
        segment, reach = road.follow(rows, *point, start)
        foot = circuit.centre[segment] + reach * circuit.tangent[segment]
        found = np.hypot(*(point - foot))
        # Nothing nearer within half a metre along the road of what was found.
        ahead = np.linspace(-road.LOOK_M + 0.3, road.LOOK_M - 0.3, 200)
        near = np.hypot(*(circuit.at(circuit.along_m[segment] + reach + ahead) - point).T)
        assert found <= near.min() + 1e-9


def test_the_segment_at_a_distance_is_found_at_once(club, twin):
    for circuit in (club, twin):
        rows = road.road_rows(circuit)
        for along in np.concatenate((np.linspace(0, circuit.length_m, 777)[:-1], circuit.along_m[:-1])):
            segment = road.find(rows, along)
            assert circuit.along_m[segment] <= along + 1e-9
            assert along < circuit.along_m[segment + 1]
