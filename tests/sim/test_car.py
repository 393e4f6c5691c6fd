from __future__ import annotations

import numpy as np
import pytest

import league_plugins.cars
import league_plugins.sensors
from league import DEEPRACER, DEEPRACER_GZSIM, F1TENTH, ConfigError, League, World
from league.sim.kernel import drive_open_loop


def test_the_three_cars_and_three_sensors_are_offered_by_name():
    league = League(installed=False, extra=[league_plugins.cars, league_plugins.sensors])
    assert [league.car(name) for name in ("deepracer", "deepracer-gzsim", "f1tenth")] == [
        DEEPRACER,
        DEEPRACER_GZSIM,
        F1TENTH,
    ]
    for name in ("state", "pose", "lidar"):
        assert league.sensor(name).name == name
        assert league.sensor(name) is not league.sensor(name)


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"length_m": 0.0}, "length_m"),
        ({"lateral_mps2": 0.0}, "lateral_mps2"),
        ({"yaw_lag_s": -1.0}, "yaw_lag_s"),
        ({"brake_mps2": -1.0}, "brake_mps2"),
        ({"steer_dead_s": 2.0}, "steer_dead_s"),
        ({"top_speed_mps": float("nan")}, "top_speed_mps"),
        ({"min_speed_mps": 5.0}, "speeds 5.0 to 4.0"),
        ({"max_steer_rad": 1.6}, "1.6 rad"),
    ],
)
def test_a_car_that_cannot_be_is_refused_by_its_figure(figures, named):
    with pytest.raises(ConfigError, match=named):
        DEEPRACER.changed(**figures)


def test_a_car_says_its_figures():
    assert F1TENTH.wheelbase_m == pytest.approx(0.3302)
    assert F1TENTH.as_dict()["max_speed_mps"] == 8.0


@pytest.mark.parametrize("car", [DEEPRACER, DEEPRACER_GZSIM, F1TENTH], ids=lambda car: car.id)
def test_every_car_laps_a_circuit_under_a_simple_driver(make_ring, car):
    turn = np.arange(120) / 120 * 2 * np.pi
    circuit = make_ring(np.stack((4 * np.cos(turn), 2.5 * np.sin(turn)), axis=1), half_width=0.6)
    world = World(circuit, [car])
    world.place(0, 0.0)
    driven, last = 0.0, 0.0
    for _ in range(60 * 15):
        bend = circuit.curvature_at(world.origin_along_m + 0.3) * car.wheelbase_m * 2
        steer = bend - world.origin_offset_m - 1.2 * world.heading_error_rad
        world.step(np.stack((steer, [1.5]), axis=1))
        driven += (world.along_m[0] - last + circuit.length_m / 2) % circuit.length_m - circuit.length_m / 2
        last = world.along_m[0]
        assert world.wheels_off[0] == 0
        if driven > circuit.length_m:
            break
    assert driven > circuit.length_m


def test_an_f1tenth_reaches_its_speed_and_turns_by_its_wheelbase():

    assert drive_open_loop(F1TENTH, [(0.0, 8.0)] * 60)[-1, 3] == pytest.approx(8.0, abs=0.01)
    slow = drive_open_loop(F1TENTH, [(0.4, 1.0)] * 60)[-1]
    assert slow[3] / slow[4] == pytest.approx(0.3302 / np.tan(0.4), rel=0.02)
