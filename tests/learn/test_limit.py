"""The fastest lap by optimal control: what must hold of it, and how it goes in the real physics."""

from __future__ import annotations

from math import pi
from pathlib import Path

import numpy as np
import pytest
from stadium import stadium

from league.errors import ConfigError
from league.learn.limit import fastest as solving
from league.learn.limit import motion
from league.learn.limit.fastest import FastestLap, V, fastest_lap
from league.learn.limit.reference import reference
from league.racing import BEHAVIOR
from league.sim import kernel
from league.sim.car import DEEPRACER, DEEPRACER_GZSIM, F1TENTH, CarSpec
from league.testing.fidelity import PUBLISHED
from league_plugins.deepracer_route import read_route

casadi = pytest.importorskip("casadi", reason="casadi is not installed (extra: limit)")

STRAIGHT_M, RADIUS_M, HALF_M = 2.0, 1.0, 0.45
ROAD = stadium(straight_m=STRAIGHT_M, radius_m=RADIUS_M, half_m=HALF_M)


@pytest.fixture(scope="module")
def lap() -> FastestLap:
    return fastest_lap(ROAD, DEEPRACER)


def test_no_lap_is_faster_than_the_shortest_way_at_top_speed(lap):
    # Inside the road the shortest way round is the inner border's; a whole axle may lie beyond it.
    beyond_m = DEEPRACER.rear_track_m / 2
    shortest_m = 2 * STRAIGHT_M + 2 * pi * (RADIUS_M - HALF_M - beyond_m)
    assert lap.lap_s > shortest_m / DEEPRACER.top_speed_mps


def test_no_corner_is_faster_than_the_grip_on_the_widest_arc_allows(lap):
    speed, turn = lap.state[:, V], lap.state[:, V + 1]
    # Turning lags behind a falling speed, so the product may pass the limit of grip by a little.
    assert (np.abs(speed * turn) <= 1.1 * DEEPRACER.lateral_mps2).all()
    assert (speed <= DEEPRACER.top_speed_mps).all()
    assert lap.state[:, V].min() < np.sqrt(DEEPRACER.lateral_mps2 * (RADIUS_M + HALF_M + 0.1))


def test_a_wheel_is_on_the_road_everywhere_and_the_rule_is_used_to_the_full(lap):
    on = lap.wheels_on()
    assert (on >= 1).all()
    assert (on < 4).any()


def test_the_lap_closes_and_goes_round_once(lap):
    yaw = np.unwrap(np.append(lap.yaw_rad, lap.yaw_rad[0]))
    assert yaw[-1] - yaw[0] == pytest.approx(2 * pi)
    speed, seconds = lap.state[:, V], lap.step_s
    # The last step ends in the first node: its command leads from one speed to the other.
    gained = np.roll(speed, -1) - speed
    assert gained == pytest.approx(lap.command[:, solving.PUSH] * seconds, abs=2e-3)


def test_the_commands_are_some_that_the_car_takes(lap):
    steer, push = lap.command.T
    assert (np.abs(steer) <= DEEPRACER.max_steer_rad + 1e-6).all()
    assert (push <= DEEPRACER.accelerate_mps2 + 1e-6).all()
    assert (push >= -DEEPRACER.brake_mps2 - 1e-6).all()
    asked = motion.speed_command(DEEPRACER, lap.state[:, V], lap.state[:, V + 1], push)
    assert (asked >= 0).all()
    assert (asked <= DEEPRACER.max_speed_mps).all()


def test_the_same_circuit_and_car_give_the_same_lap(lap):
    again = fastest_lap(ROAD, DEEPRACER)
    assert again.limit().as_dict() == lap.limit().as_dict()


def test_a_finer_mesh_finds_the_same_time(lap):
    assert fastest_lap(ROAD, DEEPRACER, step_m=0.07).lap_s == pytest.approx(lap.lap_s, rel=5e-3)


def test_what_is_kept_says_for_what_it_holds(lap):
    kept = lap.limit()
    assert kept.fits(ROAD, DEEPRACER, behavior=BEHAVIOR)
    assert not kept.fits(ROAD.reversed(), DEEPRACER, behavior=BEHAVIOR)
    assert not kept.fits(ROAD, DEEPRACER.changed(top_speed_mps=3.0), behavior=BEHAVIOR)
    assert not kept.fits(ROAD, DEEPRACER, behavior=BEHAVIOR + 1)
    every = round(len(lap.state) / len(kept.line))
    assert np.array_equal(kept.line[:, 3], lap.state[::every, V])
    origin = lap.points(DEEPRACER.base_to_nose_m - DEEPRACER.nose_m)
    assert np.array_equal(kept.line[:, :2], origin[::every])


@pytest.mark.parametrize("car", [DEEPRACER_GZSIM, F1TENTH], ids=lambda car: car.id)
def test_a_car_that_accelerates_and_grips_more_is_faster(lap, car):
    assert fastest_lap(ROAD, car).lap_s < lap.lap_s


def test_a_wider_road_is_faster(lap):
    wider = stadium(straight_m=STRAIGHT_M, radius_m=RADIUS_M, half_m=HALF_M + 0.1)
    assert fastest_lap(wider, DEEPRACER).lap_s < lap.lap_s - 0.05


def test_without_casadi_one_line_names_the_extra(monkeypatch):
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(solving, "import_module", absent)
    with pytest.raises(ConfigError, match=r"racing-league\[limit\]"):
        fastest_lap(ROAD, DEEPRACER)


# -- the equations -----------------------------------------------------------------------------


@pytest.mark.parametrize("car", [DEEPRACER, DEEPRACER_GZSIM, F1TENTH], ids=lambda car: car.id)
def test_the_rates_are_those_of_the_kernel_that_races_run_on(car: CarSpec):
    def path(steps: int) -> np.ndarray:
        """Speed, yaw rate and wheel angle after half a second of held commands, by our rates."""
        state = np.array([1.5, 0.0, 0.0, 0.0])
        for _ in range(steps):
            ask = min(car.speed_gain * 3.0, car.top_speed_mps)
            push = (ask / (1 + car.corner_drag * abs(state[0] * state[1])) - state[0]) / car.speed_lag_s
            push = min(max(push, -car.brake_mps2), car.accelerate_mps2)
            state = state + 0.5 / steps * np.array(motion.rates(car, state, 0.3, push, np, 0.0))
        return state[:3]

    still = car.changed(steer_dead_s=0.0, speed_dead_s=0.0)
    driven = kernel.drive_open_loop(still, np.tile([0.3, 3.0], (120, 1)), speed_mps=1.5, control_hz=240)
    # The kernel's own step is 1/240 s here; what is left is its first order in that step.
    assert path(20000) == pytest.approx(driven[-1, 3:6], rel=0.03, abs=0.01)


@pytest.mark.parametrize(("hz", "stray_m"), [(960, 0.02), (120, 0.08)])
def test_its_commands_lead_the_same_way_through_the_kernel_without_correction(lap, hz, stray_m):
    # A quarter of a lap from four places. At 960 Hz what is left is the mesh; at the 120 Hz of races, also
    # the first order of the kernel's own step. Dead times shift commands in time and do not matter here.
    car, base, count = DEEPRACER.changed(steer_dead_s=0.0, speed_dead_s=0.0), lap.points(), lap.line.nodes
    row = kernel.parameters(car, 1 / hz)
    for start in range(0, count, count // 4):
        order = (start + np.arange(count)) % count
        at_s = np.concatenate(([0.0], np.cumsum(lap.step_s[order])))
        state = np.zeros(kernel.COMMANDS + 2)
        state[[kernel.X, kernel.Y]], state[kernel.YAW] = base[start], lap.yaw_rad[start]
        state[[kernel.SPEED, kernel.TURN, kernel.WHEEL]] = lap.state[start, V : V + 3]
        state[kernel.STEER_NOW] = lap.command[start, 0]
        state[kernel.SERVO] = lap.state[start, solving.SLOW] + car.steer_kick * lap.command[start, 0]
        steps = round(lap.lap_s / 4 * hz)
        for number in range(steps):
            node = order[np.searchsorted(at_s, (number + 0.5) / hz, side="right") - 1]
            steer, push = lap.command[node]
            v, turn = state[[kernel.SPEED]], state[[kernel.TURN]]
            kernel.take(row, state, steer, motion.speed_command(car, v, turn, np.array([push]))[0])
            kernel.substep(row, state, 0, 1)
        there = [np.interp(steps / hz, at_s[:-1], column) for column in base[order].T]
        assert np.hypot(*(state[[kernel.X, kernel.Y]] - there)) < stray_m


def test_the_reference_line_keeps_between_the_borders(data_folder: Path):
    for name in ("reInvent2019_wide_cw", "Tokyo_Training_track", "2022_reinvent_champ_cw"):
        road = read_route(data_folder / "circuits" / f"{name}.npy")
        line = reference(road, casadi, step_m=0.1)
        points = line.points(line.along_m)
        assert road.on_road(points).all()
        assert np.hypot(*np.diff(points, axis=0).T) == pytest.approx(line.step_m, rel=0.02)
        assert line.length_m < road.length_m


# -- in the real physics -----------------------------------------------------------------------


def test_the_car_can_do_it_in_the_world_that_races_run_on(lap):
    from league.learn.limit.tracking import drive

    done = drive(lap, control_hz=60)
    assert done.finished
    assert done.lap_s == pytest.approx(lap.lap_s, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published_s"),
    [("reInvent2019_wide_cw", 5.76), ("reInvent2019_track", 7.01), ("2022_summit_speedway", 7.84)],
)
def test_an_independent_computation_found_the_same_limits(data_folder: Path, name: str, published_s: float):
    # Minimum-time laps computed elsewhere with the parameters first fitted to the recordings.
    road = read_route(data_folder / "circuits" / f"{name}.npy")
    assert fastest_lap(road, PUBLISHED).lap_s == pytest.approx(published_s, rel=0.005)
