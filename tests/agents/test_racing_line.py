"""The racing-line driver: its coordinates, its lap, its way back after a reset, its manners in traffic."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, sin
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import Agent, Briefing, Command, League, Observation, Rules, race
from league_agents._drive import Motion
from league_agents._equations import PUSH, ROWS, STATE, STEER, XI, N, R, V, motion, motion_and_slopes
from league_agents._fastest import Fastest
from league_agents._follow import follow_gains
from league_agents._road import Road
from league_agents._traffic import Traffic
from league_agents.racing_line import ALONE, RacingLine

LEAGUE = League()
CAR = LEAGUE.car("deepracer")
CIRCUIT = LEAGUE.circuit("a-to-z-speedway")
ROAD = Road.along(CIRCUIT)
LAP = Fastest(ROAD, CAR, margin_m=0.05)
LAP.solve()


# -- coordinates -----------------------------------------------------------------------------------


def test_the_axis_follows_the_centre_line_and_closes() -> None:
    away = CIRCUIT.project(ROAD.xy).offset_m
    assert np.abs(away).max() < 0.05
    assert ROAD.step_m.sum() == pytest.approx(CIRCUIT.length_m, rel=0.01)
    assert ROAD.turn_rad.sum() == pytest.approx(2 * pi)


def test_the_borders_are_where_the_road_ends() -> None:
    across = np.stack((-np.sin(ROAD.heading_rad), np.cos(ROAD.heading_rad)), axis=1)
    for side, room_m in ((1, ROAD.left_m), (-1, ROAD.right_m)):
        assert CIRCUIT.on_road(ROAD.xy + side * (room_m - 0.01)[:, None] * across).all()
        assert not CIRCUIT.on_road(ROAD.xy + side * (room_m + 0.01)[:, None] * across).any()


@given(
    st.floats(0, len(ROAD.xy), exclude_max=True),
    st.floats(-0.45, 0.45),
    st.floats(-3, 3),
    st.booleans(),
)
def test_a_point_is_found_where_it_was_put(
    place: float, offset_m: float, error_rad: float, known: bool
) -> None:
    node, part = int(place), place - int(place)
    following = (node + 1) % len(ROAD.xy)
    heading = float(ROAD.heading_rad[node] + part * ROAD.turn_rad[node])
    x_m, y_m = ROAD.xy[node] * (1 - part) + ROAD.xy[following] * part
    spot = ROAD.locate(
        x_m - offset_m * sin(heading),
        y_m + offset_m * cos(heading),
        heading + error_rad,
        near=place + 3 if known else None,
    )
    assert abs(ROAD.ahead_m(place, spot.place)) < 0.05
    assert spot.offset_m == pytest.approx(offset_m, abs=0.02)
    assert cos(spot.error_rad - error_rad) > 0.99


def test_ahead_is_the_shorter_way_round() -> None:
    nodes, step_m = len(ROAD.xy), float(ROAD.step_m.mean())
    assert ROAD.ahead_m(nodes - 1, 1) == pytest.approx(2 * step_m)
    assert ROAD.ahead_m(1, nodes - 1) == pytest.approx(-2 * step_m)


# -- the lap ---------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.sampled_from(["deepracer", "deepracer-gzsim", "f1tenth"]))
def test_slopes_are_those_of_the_equations(seed: int, name: str) -> None:
    """The lines differentiated by hand, against the same lines with complex numbers."""
    car, drawn = LEAGUE.car(name), np.random.default_rng(seed)
    most = np.array([0.4, 0.4, 0.0, 2.0, 0.5, 0.5, 0.5, 2.0])
    rows = (drawn.uniform(-1, 1, (len(ROAD.xy), ROWS)) * most).T
    rows[V] = drawn.uniform(1.5, car.top_speed_mps, len(ROAD.xy))
    nudged = np.repeat(rows[:, None].astype(complex), ROWS, axis=1)
    nudged[np.arange(ROWS), np.arange(ROWS)] += 1e-20j
    there, _, cost_s = motion(nudged, ROAD, car)
    _, back = motion_and_slopes(rows, ROAD, car)
    for state in range(STATE):
        worth = np.zeros((STATE, len(ROAD.xy)))
        worth[state] = 1.0
        np.testing.assert_allclose(back(worth, 0.0), there[state].imag / 1e-20, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(back(worth * 0, 1.0), cost_s.imag / 1e-20, rtol=1e-8, atol=1e-10)


def test_the_lap_is_solved_and_keeps_its_bounds() -> None:
    assert LAP.error < 1e-3
    assert LAP.steps < 100
    assert (LAP.y >= LAP.low).all()
    assert (LAP.y <= LAP.high).all()
    assert 5.1 < LAP.time_s.sum() < 5.5


def test_the_lap_uses_what_the_car_has() -> None:
    lateral_mps2 = np.abs(LAP.y[R] * LAP.y[V])
    # The turning rate lags behind the limit: braking into a bend it is above it for a moment.
    assert 0.93 * CAR.lateral_mps2 < lateral_mps2.max() < 1.05 * CAR.lateral_mps2
    assert LAP.y[PUSH].max() > 0.9 * CAR.accelerate_mps2
    assert LAP.y[PUSH].min() < -0.9 * CAR.brake_mps2
    assert np.abs(LAP.y[STEER]).max() <= CAR.max_steer_rad
    assert (LAP.y[N] - LAP.low[N]).min() < 0.02
    assert (LAP.high[N] - LAP.y[N]).min() < 0.02


def test_more_margin_is_kept_and_costs_time() -> None:
    wide = Fastest(ROAD, CAR, margin_m=0.2)
    wide.solve()
    assert wide.time_s.sum() > LAP.time_s.sum() + 0.05


def test_a_better_car_is_faster() -> None:
    better = Fastest(ROAD, CAR.changed(lateral_mps2=1.3 * CAR.lateral_mps2), margin_m=0.05)
    better.solve()
    assert better.time_s.sum() < 0.95 * LAP.time_s.sum()


def test_the_way_from_a_stand_ends_on_the_lap() -> None:
    start = np.array([0.2, 0.05, 0.1, 0.0, 0.0, 0.0])
    goal = LAP.y[:6, 59]
    way = Fastest(ROAD.stretch(0, 60), CAR, margin_m=0.05, start=start, goal=goal)
    way.solve(most_steps=80)
    assert way.error < 1e-2
    assert way.y[:6, 0] == pytest.approx(start, abs=1e-3)
    assert way.y[N, -1] == pytest.approx(goal[N], abs=0.05)
    assert way.y[V, -1] == pytest.approx(goal[V], abs=0.2)


# -- the driver ------------------------------------------------------------------------------------


def test_its_own_model_is_the_one_that_races_run_on() -> None:
    """The driver's copy of the model, against a drive in a real heat."""
    seen: list[Observation] = []

    class Weaving(Agent):
        sensors = ("state", "pose")

        def act(self, look: Observation) -> Command:
            seen.append(look)
            return Command(0.15 * sin(look.tick / 4), 1.0 + 0.5 * cos(look.tick / 7))

    race(CIRCUIT, [Weaving], rules=Rules(laps=1, time_limit_s=4.0), league=LEAGUE)
    back_m = CAR.base_to_nose_m - CAR.nose_m
    x_m, y_m, yaw_rad = (float(value) for value in seen[0].sensors["pose"][:3])
    car = Motion(x_m - back_m * cos(yaw_rad), y_m - back_m * sin(yaw_rad), yaw_rad)
    last = Command(0.0, 0.0)
    for before, after in pairwise(seen[:31]):
        command = after.last_command
        assert before.missed == 0
        for step in range(8):
            if step == 2:
                car.servo_rad += CAR.steer_kick * (command.steer_rad - last.steer_rad)
            steer_rad = (command if step >= 2 else last).steer_rad
            car.advance(CAR, steer_rad, (command if step >= 4 else last).speed_mps, 1 / 120)
        last = command
        assert car.wheel_rad == pytest.approx(after.steer_rad, abs=1e-4)
        assert car.speed_mps == pytest.approx(after.speed_mps, abs=1e-4)
        assert car.turn_radps == pytest.approx(after.yaw_rate_radps, abs=1e-3)
    origin = (car.x_m + back_m * cos(car.yaw_rad), car.y_m + back_m * sin(car.yaw_rad))
    assert origin == pytest.approx(seen[30].sensors["pose"][:2], abs=0.01)


def test_the_wheel_angle_for_a_circle_drives_that_circle() -> None:
    driver = RacingLine()
    driver.car = CAR
    for bend, speed_mps in ((0.8, 1.5), (-0.8, 1.5), (0.3, 2.5), (1.4, 1.0), (-0.05, 3.0)):
        wheel_rad = driver.wheel_for(bend, speed_mps)
        car = Motion(0, 0, 0, speed_mps, 0, wheel_rad, wheel_rad)
        held = wheel_rad * (1 + CAR.steer_slow_s * CAR.steer_aligning_per_m * speed_mps)
        for _ in range(240):
            asked = speed_mps * (1 + CAR.corner_drag * abs(car.speed_mps * car.turn_radps)) / CAR.speed_gain
            car.advance(CAR, held, asked, 1 / 120)
        assert car.turn_radps / car.speed_mps == pytest.approx(bend, rel=0.05)


def test_its_gains_bring_the_car_back_to_the_lap() -> None:
    """Small deviations die out along the lap when they are answered, by the problem's own equations."""
    gains = follow_gains(LAP)
    assert gains.shape == (LAP.nodes, 2, 6)
    assert gains[:, 0, N].mean() > 0.5  # left of the lap: steer to the right
    assert gains[:, 1, V].mean() > 0.2  # too fast: accelerate less
    off = np.diag([0.05, 0.05, 0.2, 0.2, 0.02, 0.02])
    began = off[[N, XI, V], [N, XI, V]]
    for node in range(LAP.nodes):
        step = LAP.jacobians[node, :, :6] - LAP.jacobians[node, :, 6:] @ gains[node]
        off = step @ off
    assert np.abs(off[[N, XI, V]]).max() < 0.1 * began.min()


def test_pushed_to_the_side_it_finds_back() -> None:
    class Pushed(RacingLine):
        away: ClassVar[list[float]] = []

        def act(self, seen: Observation) -> Command:
            command = super().act(seen)
            if seen.lap == 0 and 40 < seen.tick < 46:
                command = Command(max(-CAR.max_steer_rad, command.steer_rad - 0.4), command.speed_mps)
            here = self.line.at(self.near or 0.0, len(self.road.xy))
            back_m = CAR.base_to_nose_m - CAR.nose_m
            x_m, y_m, yaw_rad = (float(value) for value in seen.sensors["pose"][:3])
            spot = self.road.locate(x_m - back_m * cos(yaw_rad), y_m - back_m * sin(yaw_rad), yaw_rad)
            self.away.append(abs(spot.offset_m - float(here[N])))
            return command

    driver = Pushed()
    (entry,) = race(CIRCUIT, [driver], laps=2, league=LEAGUE).standings
    assert entry.status == "FIN"
    pushed_m = max(driver.away[40:60])
    assert pushed_m > 0.02
    assert max(driver.away[-40:]) < pushed_m


def test_a_car_that_was_put_back_plans_its_way_once() -> None:
    """In the 3 s that it stands, not at every tick of them."""

    class Off(RacingLine):
        plans = 0

        def prepare(self, briefing: Briefing) -> None:
            super().prepare(briefing)
            self.plans = 0

        def act(self, seen: Observation) -> Command:
            command = super().act(seen)
            if seen.lap == 0 and 30 < seen.tick < 45:
                return Command(0.5, 3.0)  # straight off the road
            return command

        def plan_start(self, place: float, state: np.ndarray) -> object:  # type: ignore[override, type-arg]
            self.plans += 1
            return super().plan_start(place, state)

    driver = Off()
    (entry,) = race(CIRCUIT, [driver], laps=1, league=LEAGUE).standings
    assert entry.status == "FIN"
    assert entry.resets == 1
    assert driver.plans == 1  # the way off the grid was planned before the start


def test_it_steers_within_its_share_and_the_lap_is_kept_for_the_next_heat() -> None:
    first, second = RacingLine(), RacingLine()
    for driver in (first, second):
        race(CIRCUIT, [driver], laps=1, league=LEAGUE)
    assert first.lap is second.lap
    assert np.abs(first.lap.rows[:, STEER]).max() <= ALONE.steer_share * CAR.max_steer_rad


def test_where_its_trial_runs_wide_the_next_lap_keeps_more_room() -> None:
    driver = RacingLine()
    (entry,) = race(LEAGUE.circuit("clubhouse-loop").reversed(), [driver], laps=1, league=LEAGUE).standings
    assert (entry.status, entry.off_tracks) == ("FIN", 0)
    room_m = driver.road.left_m + driver.road.right_m - driver.inner.left_m - driver.inner.right_m
    assert (room_m >= -1e-9).all()
    wanted = np.zeros((2, len(driver.road.xy)))
    wanted[0, 30] = 0.1
    more = driver.spread(wanted)
    assert more[0, 30] == more.max()
    assert more.max() == pytest.approx(0.1)
    assert 0 < more[0, 33] < more[0, 31] < more[0, 30]
    assert more[0, 60] == 0.0
    assert more[1].max() == 0.0


# -- traffic ---------------------------------------------------------------------------------------


class Crawler(Agent):
    """Slow along the middle of the road."""

    def act(self, seen: Observation) -> Command:
        x_m, y_m = (float(value) for value in seen.ahead[1, :2])
        return Command(max(-0.5, min(0.5, 1.4 * y_m / max(x_m, 0.1))), 0.7)


def test_it_passes_a_slow_car_without_touching_it() -> None:
    outcome = race(CIRCUIT.reversed(), [Crawler, RacingLine], laps=2, league=LEAGUE)
    first, second = outcome.standings
    assert (first.name, first.off_tracks, first.collisions) == ("RacingLine", 0, 0)
    assert second.collisions == 0
    assert first.total_s is not None
    assert second.total_s is not None
    assert first.total_s < 0.6 * second.total_s


def test_behind_a_car_it_slows_down_with_the_gap() -> None:
    traffic = Traffic(ROAD, CAR, 1 / 15)
    speeds = [traffic.behind(1.0, ahead_m) for ahead_m in (0.3, 0.6, 1.0, 2.0, 4.0)]
    assert speeds == sorted(speeds)
    assert speeds[0] < 1.0 < speeds[2]


def test_it_follows_its_lap_however_often_it_is_asked() -> None:
    """At 60 Hz a command takes effect a tick late, and what the motor is told two ticks."""
    entry = race(CIRCUIT, [RacingLine], rules=Rules(laps=2, control_hz=60), league=LEAGUE).standings[0]
    assert (entry.status, entry.off_tracks) == ("FIN", 0)
    assert entry.fastest_lap_s == pytest.approx(5.29, abs=0.05)
