from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LinearRing, LineString, Point, box
from shapely.ops import unary_union

from league import DEEPRACER, F1TENTH, Box, LidarSensor, Observation, PoseSensor, StateSensor, World
from league.sim.layout import AHEAD_M

SENSORS = [StateSensor, PoseSensor, LidarSensor]


@pytest.fixture
def crowd(club):
    """Ten cars spread over the club circuit, driving."""
    world = World(club, [DEEPRACER, F1TENTH] * 5, boxes=[Box(*map(float, club.at(5.1, 0.2)), 0.7)])
    for car in range(10):
        world.place(car, 1.1 * car, 0.2 * (-1) ** car, 0.1 * car - 0.4, 1.0)
    for _ in range(3):
        world.step([[0.05 * car - 0.2, 1.0 + 0.1 * car] for car in range(10)])
    return world


def observed(world, car):
    return Observation(tick=0, time_us=0, state=StateSensor().sense(world)[car])


@pytest.mark.parametrize("kind", SENSORS)
def test_a_sensor_gives_a_float32_row_per_car_and_says_what_it_is(crowd, kind):
    sensor = kind()
    seen = sensor.sense(crowd)
    assert seen.shape == (10, sensor.size)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    said = json.loads(json.dumps(sensor.describe()))
    assert said["id"] == sensor.id == f"{sensor.name}.v1"
    assert said["shape"] == [sensor.size]
    first = seen.copy()
    crowd.step([[0.0, 3.0]] * 10)
    assert (seen == first).all()


@pytest.mark.parametrize("kind", SENSORS)
def test_a_car_that_is_not_there_sees_nothing(crowd, kind):
    crowd.remove(3)
    seen = kind().sense(crowd)
    assert (seen[3] == 0).all()
    assert (seen[2] != 0).any()


def test_the_state_says_how_the_car_moves_and_where_it_is(crowd):
    for car in range(crowd.n):
        seen = observed(crowd, car)
        x, y = crowd.pose[car, :2]
        there = crowd.circuit.project((x, y))
        assert seen.speed_mps == pytest.approx(crowd.speed_mps[car], rel=1e-6)
        assert seen.yaw_rate_radps == pytest.approx(crowd.yaw_rate_radps[car], rel=1e-6)
        assert seen.steer_rad == pytest.approx(crowd.steer_rad[car], rel=1e-6)
        assert seen.offset_m == pytest.approx(float(there.offset_m), abs=1e-6)
        error = crowd.pose[car, 2] - float(there.heading_rad)
        assert math.cos(seen.heading_error_rad - error) == pytest.approx(1.0, abs=1e-9)
        assert seen.last_command.steer_rad == pytest.approx(0.05 * car - 0.2, abs=1e-6)
        assert seen.last_command.speed_mps == pytest.approx(1.0 + 0.1 * car, rel=1e-6)
        assert seen.width_left_m == pytest.approx(float(crowd.circuit.width_left_at(there.along_m)), rel=1e-6)
        assert seen.width_right_m == pytest.approx(
            float(crowd.circuit.width_right_at(there.along_m)), rel=1e-6
        )


def test_the_state_shows_the_road_ahead_in_the_cars_frame(crowd):
    circuit = crowd.circuit
    for car in range(crowd.n):
        seen = observed(crowd, car)
        x, y, yaw = crowd.pose[car]
        along = crowd.origin_along_m[car] + np.array(AHEAD_M)
        away = circuit.at(along) - (x, y)
        turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
        np.testing.assert_allclose(seen.ahead[:, :2], away @ turn, atol=1e-5)
        np.testing.assert_allclose(seen.ahead[:, 2], circuit.curvature_at(along), atol=1e-4)
        np.testing.assert_allclose(seen.ahead[:, 3], circuit.width_left_at(along), atol=1e-5)
        np.testing.assert_allclose(seen.ahead[:, 4], circuit.width_right_at(along), atol=1e-5)


def test_the_state_shows_the_seven_nearest_opponents_nearest_first(crowd):
    crowd.remove(9)
    crowd.hold(4, True)
    for car in range(9):
        seen = observed(crowd, car)
        x, y, yaw = crowd.pose[car]
        others = [k for k in range(9) if k != car]
        others.sort(key=lambda k: math.hypot(*(crowd.pose[k, :2] - (x, y))))
        assert len(seen.opponents) == 7
        for other, index in zip(seen.opponents, others, strict=False):
            dx, dy = crowd.pose[index, :2] - (x, y)
            assert other.x_m == pytest.approx(dx * math.cos(yaw) + dy * math.sin(yaw), abs=1e-5)
            assert other.y_m == pytest.approx(dy * math.cos(yaw) - dx * math.sin(yaw), abs=1e-5)
            assert math.cos(other.yaw_rad - (crowd.pose[index, 2] - yaw)) == pytest.approx(1.0, abs=1e-6)
            assert other.speed_mps == pytest.approx(crowd.speed_mps[index], abs=1e-6)


def test_two_opponents_in_one_place_are_both_seen(club):
    world = World(club, [DEEPRACER] * 3)
    for car, along in enumerate((1.0, 2.0, 2.0)):
        world.place(car, along, speed_mps=1.0 + car)
    speeds = [other.speed_mps for other in observed(world, 0).opponents]
    assert speeds == [2.0, 3.0]


def test_a_car_alone_sees_no_opponents(club):
    world = World(club, [DEEPRACER] * 2)
    world.place(0, 1.0)
    assert observed(world, 0).opponents == []


def test_the_pose_is_that_of_the_origin(crowd):
    seen = PoseSensor().sense(crowd)
    np.testing.assert_allclose(seen[:, :3], crowd.pose, rtol=1e-6)
    np.testing.assert_allclose(seen[:, 3], crowd.origin_along_m, rtol=1e-6)


# -- LIDAR -----------------------------------------------------------------------------------------


def walls(world, car):
    """Everything that reflects a beam of this car, as lines."""
    lines = [LinearRing(world.circuit.left), LinearRing(world.circuit.right)]
    for x, y, yaw, length, width in world.boxes:
        shape = affinity.rotate(
            box(-length / 2, -width / 2, length / 2, width / 2), yaw, (0, 0), use_radians=True
        )
        lines.append(affinity.translate(shape, x, y).exterior)
    for other, (spec, pose) in enumerate(zip(world.cars, world.pose, strict=True)):
        if other != car and world.present[other]:
            rear, side = -spec.body_rear_m, spec.width_m / 2
            shape = box(rear, -side, rear + spec.length_m, side)
            shape = affinity.rotate(shape, pose[2], (0, 0), use_radians=True)
            lines.append(affinity.translate(shape, *pose[:2]).exterior)
    return unary_union(lines)


def scan_by_shapely(world, car):
    x, y, yaw = world.pose[car]
    x, y = x + 0.029 * math.cos(yaw), y + 0.029 * math.sin(yaw)
    around = walls(world, car)
    distances = []
    for angle in np.radians(np.linspace(-150, 150, 64)) + yaw:
        beam = LineString([(x, y), (x + 12 * math.cos(angle), y + 12 * math.sin(angle))])
        met = beam.intersection(around)
        distances.append(12.0 if met.is_empty else max(Point(x, y).distance(met), 0.15))
    return np.array(distances)


def test_lidar_measures_the_distances_that_shapely_does(crowd):
    crowd.remove(9)
    crowd.hold(4, True)
    seen = LidarSensor().sense(crowd)
    for car in range(9):
        np.testing.assert_allclose(seen[car], scan_by_shapely(crowd, car), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    along=st.floats(0, 12),
    offset=st.floats(-0.9, 0.9),
    error=st.floats(-math.pi, math.pi),
    ahead=st.floats(-1, 2),
)
def test_lidar_measures_rightly_from_anywhere_even_off_the_road(club, along, offset, error, ahead):
    world = World(club, [DEEPRACER, F1TENTH], boxes=[Box(*map(float, club.at(along + ahead + 1.0)), 0.3)])
    world.place(0, along, offset, error)
    world.place(1, along + ahead, -offset / 2, error / 2)
    seen = LidarSensor().sense(world)[0]
    expected = scan_by_shapely(world, 0)
    assume(expected.max() > 0.15)  # else it stands on a line, or wholly inside something small
    # A beam that just grazes a corner may be decided either way by the last digit.
    assert (np.abs(seen - expected) > 1e-5).sum() <= 1


def test_lidar_on_a_border_reads_the_least_distance_all_around(airfield):
    world = World(airfield, [DEEPRACER])
    world.place(0, 4.0, 4.0)
    assert (LidarSensor().sense(world) == np.float32(0.15)).all()


def test_lidar_reads_the_greatest_distance_where_nothing_is_in_reach(make_ring):
    turn = np.arange(200) / 200 * 2 * np.pi
    wide = make_ring(np.stack((40 * np.cos(turn), 40 * np.sin(turn)), axis=1), half_width=15.0)
    world = World(wide, [DEEPRACER])
    world.place(0, 3.0)
    assert (LidarSensor().sense(world) == 12.0).all()


def test_lidar_sees_held_cars_and_not_removed_ones(airfield):
    world = World(airfield, [DEEPRACER] * 2)
    world.place(0, 4.0)
    world.place(1, 6.0)
    ahead = np.abs(LidarSensor().angles_rad).argmin()
    seen = LidarSensor().sense(world)[0, ahead]
    assert seen == pytest.approx(2.0 - 0.029 - 0.158, abs=0.01)
    world.hold(1, True)
    assert LidarSensor().sense(world)[0, ahead] == seen
    world.remove(1)
    assert LidarSensor().sense(world)[0, ahead] > 4.0


def test_lidar_beams_turn_from_right_to_left(airfield):
    world = World(airfield, [DEEPRACER])
    world.place(0, 4.0, 2.0)
    seen = LidarSensor().sense(world)[0]
    angles = LidarSensor().angles_rad
    left, right = np.abs(angles - math.pi / 2).argmin(), np.abs(angles + math.pi / 2).argmin()
    assert seen[left] == pytest.approx(2.0, abs=0.05)
    assert seen[right] == pytest.approx(6.0, abs=0.1)
