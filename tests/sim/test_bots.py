"""Bots: on the lane lines at their speed, past boxes, behind whom they meet, seen, and repeatable."""

from __future__ import annotations

import math

import numpy as np
import pytest

from league import DEEPRACER, F1TENTH, Bot, Box, InputError, LidarSensor, StateSensor, World
from league.sim.bots import CHANGE_M
from league.sim.contact import overlap
from league.sim.lanelines import line_rows, offset, point
from league.sim.scene import CAR, KIND, scene_of

FAR = 4.5
"""Distance along at which a car waits out of everybody's way when a test does not need it."""


def alone(circuit, bots, **given) -> World:
    """A world of bots; its one car is not on the circuit."""
    return World(circuit, [DEEPRACER], bots=bots, **given)


def idle(world: World, ticks: int) -> np.ndarray:
    """Where the bots were after each tick, shape (ticks, bots, 3)."""
    seen = []
    for _ in range(ticks):
        world.step([[0.0, 0.0]] * world.n)
        seen.append(world.bots.pose)
    return np.array(seen)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("speed", [0.2, 1.0, 4.0])
def test_a_bot_stays_on_its_lane_line_at_its_speed(club, left, speed):
    world = alone(club, [Bot(2.0, left, speed)])
    path = idle(world, 300)[:, 0]
    offset = club.project(path[:, :2]).offset_m
    assert offset == pytest.approx(0.25 if left else -0.25, abs=0.012)
    steps = np.hypot(*np.diff(path[:, :2], axis=0).T) * 15
    assert steps == pytest.approx(speed, rel=0.01)
    turned = path[:, 2] - club.project(path[:, :2]).heading_rad
    assert np.abs(np.sin(turned)).max() < 0.12
    assert (np.cos(turned) > 0.9).all()
    assert world.bots.speed_mps == pytest.approx(speed)


def test_a_bot_moves_in_every_physics_step_and_not_by_leaps(airfield):
    """At 4 m/s a tick is 27 cm: a car is touched within it, not after it."""
    world = World(airfield, [DEEPRACER], bots=[Bot(5.0, True, 4.0)])
    lane = offset(line_rows(airfield), 5.0, 1.0)
    # It comes towards the bot, from just beyond what the bot heeds.
    world.place(0, 5.0 + 0.76 - 0.14, lane, math.pi, speed_mps=3.5)
    before = world.bots.nose_along_m[0]
    world.step([[0.0, 4.0]])
    (touch,) = world.contacts
    assert (touch.car, touch.other) == (0, -1)
    assert touch.closing_mps == pytest.approx(7.5, abs=0.3)
    assert world.bots.speed_mps[0] == 0.0
    # It stopped where it met the car, and not after its whole way.
    assert 0.05 < world.bots.nose_along_m[0] - before < 0.9 * 4.0 / 15


def test_a_bot_changes_lanes_every_3_to_5_s_over_a_metre(club):
    world = alone(club, [Bot(2.0, True, 1.0, True, seed=3)])
    offset = club.project(idle(world, 15 * 120)[:, 0, :2]).offset_m
    on_left, on_right = offset > 0.235, offset < -0.235
    assert (np.abs(offset) < 0.262).all()
    settled = np.flatnonzero(on_left | on_right)
    sides = on_left[settled]
    flips = np.flatnonzero(sides[1:] != sides[:-1])
    assert 120 / (5 + 1.3) - 1 <= len(flips) <= 120 / 3
    for flip in flips:
        ticks = settled[flip + 1] - settled[flip]
        assert 0.5 * CHANGE_M < ticks / 15 < 1.35 * CHANGE_M
    between = np.diff(settled[flips]) / 15
    assert between.min() >= 2.9
    assert between.max() <= 5 + 1.4
    assert np.ptp(between) > 0.8


def test_the_same_seed_drives_the_same_way_and_another_one_another(club):
    def path(seed: int) -> tuple[np.ndarray, bytes]:
        world = alone(club, [Bot(2.0, True, 1.0, True, seed), Bot(6.0, False, 1.0, True, seed)])
        return idle(world, 200), world.state_bytes()

    (first, state), (again, state_again), (other, _) = path(1), path(1), path(2)
    assert np.array_equal(first, again)
    assert state == state_again
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:, 0, :2], first[:, 1, :2]), "each draws from its own stream"


def test_a_bot_waits_behind_a_standing_car_and_goes_on_when_it_has_left(club):
    world = World(club, [DEEPRACER], bots=[Bot(2.0, True, 1.0)])
    world.place(0, FAR, 0.25)
    idle(world, 60)
    stood = world.bots.pose[0].copy()
    assert world.bots.speed_mps[0] == 0.0
    assert not world.contacts
    assert 0.05 < FAR - 0.14 - 0.158 - world.bots.nose_along_m[0] < 0.45
    idle(world, 30)
    assert np.array_equal(world.bots.pose[0], stood)
    world.remove(0)
    idle(world, 30)
    assert world.bots.speed_mps[0] == 1.0
    assert world.bots.nose_along_m[0] > FAR + 0.5


def test_a_bot_drives_through_a_held_car_which_cannot_be_touched(club):
    world = World(club, [DEEPRACER], bots=[Bot(2.0, True, 1.0)])
    world.place(0, FAR, 0.25)
    world.hold(0, True)
    for _ in range(60):
        world.step([[0.0, 0.0]])
        assert not world.contacts
    assert world.bots.nose_along_m[0] > FAR + 1.0
    assert not world.fits(0, world.bots.nose_along_m[0], 0.25)
    assert world.fits(0, world.bots.nose_along_m[0], -0.25)


def test_a_bot_is_not_pushed_aside(club):
    world = World(club, [F1TENTH], bots=[Bot(4.0, True, 0.5)])
    free = idle(alone(club, [Bot(4.0, True, 0.5)]), 20)
    world.place(0, 3.2, 0.25, speed_mps=3.0)
    seen, touched = [], False
    for _ in range(20):
        world.step([[0.0, 4.0]])
        seen.append(world.bots.pose)
        touched = touched or bool(world.contacts)
        assert world.speed_mps[0] < 4.0
    assert touched
    assert np.array_equal(np.array(seen), free)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("speed", "changes", "with_boxes"), [(1.0, True, True), (3.0, True, False), (2.0, False, True)]
)
def test_bots_never_run_into_each_other_or_into_boxes_and_get_on(seed, speed, changes, with_boxes, make_ring):
    """Bots of different speeds, in each other's way, round bends that are tighter on one lane."""
    turn = np.linspace(0.0, 2 * np.pi, 160, endpoint=False)
    circuit = make_ring(np.column_stack((3.2 * np.cos(turn), 1.7 * np.sin(turn))), half_width=0.4)
    length, lines = circuit.length_m, line_rows(circuit)
    shift = 0.11 * seed
    places = []
    for place, side in ((0.10 + shift, 1), (0.45 + shift, -1)) if with_boxes else ():
        x, y = point(lines, place * length, float(side))
        places.append(Box(x, y, float(circuit.heading_at(place * length))))
    crew = [
        Bot((start + shift) * length, True, speed * (1 + 0.2 * k), changes, seed)
        for k, start in enumerate((0.16, 0.24, 0.52, 0.65, 0.80))
    ]
    world = alone(circuit, crew, boxes=places)
    gone, before = np.zeros(len(crew)), world.bots.pose
    rows = [*world.arrays.boxes[len(places) :], *world.arrays.boxes[: len(places)]]
    for _ in range(15 * 30):
        world.step([[0.0, 0.0]])
        now = world.bots.pose
        gone += np.hypot(*(now - before)[:, :2].T)
        before = now
        for k in range(len(crew)):
            for other in rows[k + 1 :]:
                assert overlap(rows[k], other)[0] == 0.0
    assert (gone > 0.6 * speed * 30).all()


def test_bots_are_seen_by_every_sensor_as_cars(club):
    bots = [Bot(3.0, True, 1.0), Bot(5.0, False, 1.0)]
    world = World(club, [DEEPRACER], boxes=[Box(*map(float, club.at(7.0)), 0.0)], bots=bots)
    world.place(0, 2.0, 0.25)
    without = World(club, [DEEPRACER])
    without.place(0, 2.0, 0.25)
    empty, seen = LidarSensor(borders=False).sense(without)[0], LidarSensor(borders=False).sense(world)[0]
    assert (empty == 12.0).all()
    ahead = float(np.hypot(*(world.bots.pose[0, :2] - world.pose[0, :2])))
    assert seen.min() == pytest.approx(ahead - 0.162 - 0.029, abs=0.02)
    assert (seen < 12.0).sum() >= 3
    kinds = scene_of(world).bodies[:, KIND].tolist()
    assert kinds == [CAR, 0.0, CAR, CAR]
    state = StateSensor().sense(world)[0]
    rows = state[70:].reshape(7, 5)
    assert rows[:, 0].tolist() == [1.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]
    x, y, yaw = world.pose[0]
    for row, (bx, by, turned) in zip(rows, world.bots.pose, strict=False):
        assert math.hypot(row[1], row[2]) == pytest.approx(math.hypot(bx - x, by - y), abs=1e-5)
        assert math.cos(row[3] - (turned - yaw)) == pytest.approx(1.0, abs=1e-6)
    assert rows[0, 4] == 0.0, "it has not set out yet"
    world.step([[0.0, 0.0]])
    assert StateSensor().sense(world)[0][74] == 1.0


def test_the_state_keeps_the_seven_nearest_of_cars_boxes_and_bots(airfield):
    boxes = [Box(*map(float, airfield.at(10.0 + k)), 0.0) for k in range(4)]
    bots = [Bot(14.0 + k, k % 2 == 0, 1.0) for k in range(4)]
    world = World(airfield, [DEEPRACER] * 3, boxes=boxes, bots=bots)
    for car, along in enumerate((9.0, 11.5, 30.0)):
        world.place(car, along)
    rows = StateSensor().sense(world)[0][70:].reshape(7, 5)
    assert rows[:, 0].tolist() == [2.0, 2.0, 1.0, 2.0, 2.0, 1.0, 1.0]
    away = np.hypot(rows[:, 1], rows[:, 2])
    assert (np.diff(away) > 0).all()


def test_a_command_that_is_no_number_moves_no_bot(club):
    world = alone(club, [Bot(2.0, True, 1.0)])
    before = world.state_bytes()
    with pytest.raises(ValueError, match="finite"):
        world.step([[math.nan, 0.0]])
    assert world.state_bytes() == before
    assert world.bots.pose[0, 0] == pytest.approx(alone(club, [Bot(2.0, True, 1.0)]).bots.pose[0, 0])


@pytest.mark.parametrize(
    "bot", [Bot(math.nan, True), Bot(1.0, True, 0.0), Bot(1.0, True, math.inf), Bot(1.0, True, length_m=0.0)]
)
def test_a_bot_that_cannot_be_is_refused(club, bot):
    with pytest.raises(InputError, match="bot 0"):
        alone(club, [bot])


def test_lane_lines_lie_half_way_between_centre_and_border(club):
    lines = line_rows(club)
    for along in np.linspace(-5, 20, 40):
        for side in (1.0, -1.0):
            x, y = point(lines, float(along), side)
            assert abs(float(club.project((x, y)).offset_m)) == pytest.approx(0.25, abs=0.01)
            assert offset(lines, float(along), side) == pytest.approx(0.25 * side, abs=0.01)
