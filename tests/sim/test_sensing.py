from __future__ import annotations

import json
import math

import numpy as np
import pytest

from league import (
    DEEPRACER,
    CameraSensor,
    DiscretizedLidarSensor,
    F1tenthLidarSensor,
    LidarSensor,
    Observation,
    PoseSensor,
    SectorLidarSensor,
    StateSensor,
    StereoCameraSensor,
    World,
)
from league.sim.layout import AHEAD_M

SENSORS = [
    StateSensor,
    PoseSensor,
    LidarSensor,
    F1tenthLidarSensor,
    SectorLidarSensor,
    DiscretizedLidarSensor,
    CameraSensor,
    StereoCameraSensor,
]


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
    assert math.prod(said["shape"]) == sensor.size
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


def test_the_state_shows_the_seven_nearest_opponents_and_boxes_nearest_first(crowd):
    crowd.remove(9)
    crowd.hold(4, True)
    box = crowd.boxes[0]
    there = [(*crowd.pose[k], crowd.speed_mps[k], False) for k in range(9)]
    boxes = 0
    for car in range(9):
        seen = observed(crowd, car)
        x, y, yaw = crowd.pose[car]
        others = [*(there[k] for k in range(9) if k != car), (box.x_m, box.y_m, box.yaw_rad, 0.0, True)]
        others.sort(key=lambda other: math.hypot(other[0] - x, other[1] - y))
        assert len(seen.opponents) == 7
        for other, (its_x, its_y, its_yaw, speed, is_box) in zip(seen.opponents, others, strict=False):
            dx, dy = its_x - x, its_y - y
            assert other.x_m == pytest.approx(dx * math.cos(yaw) + dy * math.sin(yaw), abs=1e-5)
            assert other.y_m == pytest.approx(dy * math.cos(yaw) - dx * math.sin(yaw), abs=1e-5)
            assert math.cos(other.yaw_rad - (its_yaw - yaw)) == pytest.approx(1.0, abs=1e-6)
            assert other.speed_mps == pytest.approx(speed, abs=1e-6)
            assert other.box == is_box
            boxes += other.box
    assert boxes >= 3


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
