from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, Polygon, box

from league import DEEPRACER, F1TENTH, Box, Contact, World

STRAIGHT = DEEPRACER.changed(steer_bias_rad=0.0)


def outline(car, pose) -> Polygon:
    """A car's body as a polygon."""
    x, y, yaw = pose
    body = box(-car.body_rear_m, -car.width_m / 2, car.length_m - car.body_rear_m, car.width_m / 2)
    return affinity.translate(affinity.rotate(body, yaw, origin=(0, 0), use_radians=True), x, y)


def bodies(world):
    cars = [outline(car, pose) for car, pose in zip(world.cars, world.pose, strict=True)]
    boxes = []
    for x, y, yaw, length, width in world.boxes:
        shape = affinity.rotate(
            box(-length / 2, -width / 2, length / 2, width / 2), yaw, (0, 0), use_radians=True
        )
        boxes.append(affinity.translate(shape, x, y))
    return cars, boxes


def overlap_area(world):
    cars, boxes = bodies(world)
    together = [a.intersection(b).area for a, b in combinations(cars, 2)]
    return max([*together, *(car.intersection(other).area for car in cars for other in boxes)], default=0.0)


def energy(world):
    return float((np.asarray(world.speed_mps) ** 2).sum() / 2)


def test_two_cars_head_on_stop_each_other_and_do_not_pass_through(airfield):
    world = World(airfield, [STRAIGHT] * 2)
    world.place(0, 4.0, speed_mps=3.6)
    world.place(1, 12.0, heading_error_rad=math.pi, speed_mps=3.6)
    hit = None
    for _ in range(60):
        world.step([[0.0, 4.0]] * 2)
        hit = hit or (world.contacts and world.contacts[0])
        assert world.along_m[0] < world.along_m[1]
        assert overlap_area(world) < 1e-4
    assert (hit.car, hit.other) == (0, 1)
    top_mps = min(4.0 * STRAIGHT.speed_gain, STRAIGHT.top_speed_mps)
    assert hit.closing_mps == pytest.approx(2 * top_mps, abs=0.2)
    assert np.abs(world.speed_mps).max() < 0.1


def test_a_rear_end_shares_the_speed_and_is_reported_once_per_tick(airfield):
    world = World(airfield, [STRAIGHT] * 2)
    world.place(0, 4.0, speed_mps=3.0)
    world.place(1, 4.4, speed_mps=1.0)
    world.step([[0.0, 0.0], [0.0, 0.0]])
    assert len(world.contacts) == 1
    contact = world.contacts[0]
    assert (contact.car, contact.other) == (0, 1)
    assert 1.5 < contact.closing_mps <= 2.0
    assert world.speed_mps[0] == pytest.approx(world.speed_mps[1], abs=0.3)
    assert world.speed_mps[1] > 1.0


def test_cars_that_part_again_keep_their_speeds(airfield):
    world = World(airfield, [STRAIGHT] * 2)
    apart = [World(airfield, [STRAIGHT]) for _ in range(2)]
    for car, (along, speed) in enumerate(((4.0, 1.0), (4.3, 3.0))):
        world.place(car, along, speed_mps=speed)
        apart[car].place(0, along, speed_mps=speed)
        apart[car].step([[0.0, speed]])
    world.step([[0.0, 1.0], [0.0, 3.0]])
    assert [contact.closing_mps for contact in world.contacts] == [0.0]
    assert world.speed_mps.tolist() == [alone.speed_mps[0] for alone in apart]


def test_a_wide_car_hit_by_many_at_once_gets_no_more_energy_than_they_had(airfield):
    wide = STRAIGHT.changed(width_m=3.0)
    world = World(airfield, [wide] + [STRAIGHT] * 8)
    world.place(0, 5.0)
    for car in range(1, 9):
        world.place(car, 4.67, 0.3 * car - 1.35, speed_mps=3.0)
    before = energy(world)
    world.step([[0.0, 0.0]] * 9)
    assert len(world.contacts) == 8
    assert 0.0 < energy(world) < before


def test_leaning_on_each_other_sideways_costs_no_speed(airfield):
    world = World(airfield, [STRAIGHT] * 2)
    world.place(0, 4.0, 0.0, speed_mps=2.0)
    world.place(1, 4.0, 0.180, speed_mps=2.0)
    alone = World(airfield, [STRAIGHT])
    alone.place(0, 4.0, 0.0, speed_mps=2.0)
    world.step([[0.0, 2.0]] * 2)
    alone.step([[0.0, 2.0]])
    assert [(c.car, c.other) for c in world.contacts] == [(0, 1)]
    assert world.contacts[0].closing_mps == pytest.approx(0.0, abs=1e-12)
    assert world.speed_mps.tolist() == pytest.approx([alone.speed_mps[0]] * 2)
    assert world.offset_m[1] - world.offset_m[0] == pytest.approx(0.188, abs=1e-6)
    # Each gave way by half.
    assert world.offset_m[0] == pytest.approx(-0.004, abs=1e-6)


def test_a_car_that_hits_anothers_side_is_stopped_and_pushes_it_away(airfield):
    world = World(airfield, [STRAIGHT] * 2)
    world.place(0, 4.0, 0.0, math.pi / 2, speed_mps=3.0)
    world.place(1, 4.1, 0.4)
    before = world.offset_m[1]
    touched = 0
    for _ in range(10):
        world.step([[0.0, 3.0], [0.0, 0.0]])
        touched += len(world.contacts)
        assert overlap_area(world) < 1e-6
    assert touched > 0
    assert world.speed_mps[0] < 0.2
    assert world.speed_mps[1] == 0.0
    assert world.offset_m[1] > before + 0.01


def test_a_box_stands_where_it_is_and_stops_a_car(airfield):
    x, y = airfield.at(8.0)
    world = World(airfield, [STRAIGHT], boxes=[Box(float(x), float(y), 0.3)])
    world.place(0, 6.0, 0.05, speed_mps=3.0)
    hits = []
    for _ in range(20):
        world.step([[0.0, 4.0]])
        hits += world.contacts
        assert overlap_area(world) < 1e-6
    assert {(c.car, c.other) for c in hits} == {(0, -1)}
    assert hits[0].closing_mps > 2.0
    assert world.along_m[0] < 8.0


def test_boxes_are_told_apart_by_their_numbers(airfield):
    boxes = [Box(*map(float, airfield.at(along)), 0.0) for along in (8.0, 14.0)]
    world = World(airfield, [STRAIGHT] * 2, boxes=boxes)
    world.place(0, 13.6)
    world.place(1, 7.6)
    seen = set()
    for _ in range(10):
        world.step([[0.0, 2.0]] * 2)
        seen |= {(c.car, c.other) for c in world.contacts}
    assert seen == {(0, -2), (1, -1)}


def test_the_order_of_the_cars_does_not_matter(airfield):
    spots = [(5.0, 0.0, 0.1, 2.0), (5.25, 0.05, -0.3, 1.0), (5.1, -0.15, 0.5, 3.0), (5.45, 0.1, 2.0, 2.5)]
    results = []
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        world = World(airfield, [STRAIGHT] * 4)
        for car, spot in enumerate(order):
            along, offset, error, speed = spots[spot]
            world.place(car, along, offset, error, speed)
        touching = set()
        for _ in range(5):
            world.step([[0.1 * spots[spot][3] - 0.2, spots[spot][3]] for spot in order])
            touching |= {frozenset((order[c.car], order[c.other])) for c in world.contacts}
        back = np.argsort(order)
        results.append((world.pose[back].copy(), world.speed_mps[back].copy(), touching))
    for pose, speed, touching in results[1:]:
        np.testing.assert_allclose(pose, results[0][0], atol=1e-9)
        np.testing.assert_allclose(speed, results[0][1], atol=1e-9)
        assert touching == results[0][2]


def test_contacts_come_in_the_order_of_their_numbers(airfield):
    world = World(airfield, [STRAIGHT] * 4)
    for car, along in enumerate((5.0, 5.9, 5.3, 5.6)):
        world.place(car, along)
    world.step([[0.0, 0.0]] * 4)
    assert world.contacts == sorted(world.contacts)
    assert [(c.car, c.other) for c in world.contacts] == [(0, 2), (1, 3), (2, 3)]
    assert all(isinstance(c, Contact) and c.closing_mps == 0.0 for c in world.contacts)


spot = st.tuples(st.floats(0, 0.8), st.floats(-0.4, 0.4), st.floats(-math.pi, math.pi), st.floats(0, 4))


@settings(max_examples=150)
@given(spots=st.lists(spot, min_size=2, max_size=8), with_box=st.booleans(), data=st.data())
def test_no_heap_of_cars_ever_gains_energy_or_stays_overlapped(airfield, spots, with_box, data):
    boxes = [Box(*map(float, airfield.at(10.4)), 0.4)] if with_box else []
    kinds = [data.draw(st.sampled_from([DEEPRACER, F1TENTH])) for _ in spots]
    world = World(airfield, kinds, boxes=boxes)
    for car, (along, offset, error, speed) in enumerate(spots):
        world.place(car, 10.0 + along, offset, error, speed)
    steer = data.draw(st.floats(-0.5, 0.5))
    for _ in range(12):
        before = energy(world)
        world.step([[steer, 0.0]] * world.n)
        assert energy(world) <= before + 1e-12
        assert np.isfinite(world.pose).all()
        assert (world.speed_mps >= 0.0).all()
        pairs = [(contact.car, contact.other) for contact in world.contacts]
        assert len(set(pairs)) == len(pairs)
    assert overlap_area(world) < 1e-3


@settings(max_examples=80)
@given(first=spot, second=spot)
def test_two_cars_are_parted_at_once_and_touch_exactly_when_their_outlines_meet(airfield, first, second):
    world = World(airfield, [STRAIGHT] * 2)
    for car, (along, offset, error, _) in enumerate((first, second)):
        world.place(car, 10.0 + along, offset, error)
    shared = overlap_area(world)
    world.step([[0.0, 0.0]] * 2)
    assert overlap_area(world) < 1e-9
    if shared > 1e-6:
        assert world.contacts
    if shared == 0.0:
        assert not world.contacts


@settings(max_examples=60)
@given(offset=st.floats(-0.18, 0.18), angle=st.floats(-0.6, 0.6), gap=st.floats(0.5, 0.8))
def test_nothing_tunnels_at_top_speed(airfield, offset, angle, gap):
    # The fastest car against another one that comes as fast: both at 8 m/s.
    fast = F1TENTH
    world = World(airfield, [fast] * 2)
    world.place(0, 10.0, speed_mps=8.0)
    world.place(1, 10.0 + 2 * gap, offset, math.pi + angle, speed_mps=8.0)
    hit = False
    for _ in range(3):
        world.step([[0.0, 8.0]] * 2)
        hit = hit or bool(world.contacts)
    if abs(offset) + 0.5 * abs(angle) < 0.2:
        assert hit


def test_held_and_removed_cars_touch_nothing(airfield):
    world = World(airfield, [STRAIGHT] * 3)
    for car in range(3):
        world.place(car, 5.0 + 0.5 * car)
    world.hold(1, True)
    world.remove(2)
    for _ in range(30):
        world.step([[0.0, 2.0]] * 3)
        assert not world.contacts
    assert world.along_m[0] > 6.5
    assert world.along_m[1] == pytest.approx(5.5)


fast_cars = st.floats(4.0, 80.0)


@settings(max_examples=60)
@given(
    speed=fast_cars, gap=st.floats(0.5, 3.0), aside=st.floats(-0.15, 0.15), turned=st.floats(-1.5, 1.5),
    hz=st.sampled_from([15, 30, 60]),
)  # fmt: skip
def test_nothing_passes_through_a_box_however_fast_it_is(airfield, speed, gap, aside, turned, hz):
    """Cars of other specifications, up to 80 m/s: 67 cm in a physics step, more than a box is long."""
    car = STRAIGHT.changed(max_speed_mps=100.0, top_speed_mps=100.0)
    x, y = map(float, airfield.at(12.0))
    world = World(airfield, [car], boxes=[Box(x, y, turned)], control_hz=hz)
    world.place(0, 12.0 - 0.5 - gap, aside, speed_mps=speed)
    (obstacle,) = bodies(world)[1]
    heading = world.pose[0, 2]
    hit = False
    for _ in range(3 * hz // 15):
        before = bodies(world)[0][0].centroid
        world.step([[0.0, speed]])
        after = bodies(world)[0][0].centroid
        hit = hit or bool(world.contacts)
        assert overlap_area(world) < 1e-9
        if not hit:
            assert not LineString([before, after]).intersects(obstacle)
    # It was aimed at the middle of the box, and is still on its near side, or was turned off to a side.
    away = np.array([world.pose[0, 0] - x, world.pose[0, 1] - y])
    ahead, across = away @ (np.cos(heading), np.sin(heading)), away @ (-np.sin(heading), np.cos(heading))
    if speed * 0.2 > gap + 1.0:
        assert hit
    assert ahead < 0 or abs(across) > 0.15


@settings(max_examples=60)
@given(first=fast_cars, second=fast_cars, gap=st.floats(0.4, 4.0), aside=st.floats(-0.08, 0.08))
def test_no_two_cars_pass_through_each_other_however_fast_they_are(airfield, first, second, gap, aside):
    car = STRAIGHT.changed(max_speed_mps=100.0, top_speed_mps=100.0)
    world = World(airfield, [car] * 2)
    world.place(0, 8.0, speed_mps=first)
    world.place(1, 8.0 + 0.28 + gap, aside, math.pi, speed_mps=second)
    way = math.cos(world.pose[0, 2]), math.sin(world.pose[0, 2])
    assert (world.pose[1] - world.pose[0])[:2] @ way > 0.0
    hit = False
    for _ in range(3):
        world.step([[0.0, first], [0.0, second]])
        hit = hit or bool(world.contacts)
        assert overlap_area(world) < 1e-9
    if (first + second) * 0.2 > gap + 1.0:
        assert hit
        assert (world.pose[1] - world.pose[0])[:2] @ way > 0.0, "they are on the other side of each other"


def test_crossing_ways_at_any_speed_meet(airfield):
    """One car shoots across the other's way: both are moving, and neither is ever in the other."""
    car = STRAIGHT.changed(max_speed_mps=100.0, top_speed_mps=100.0)
    for speed in (5.0, 20.0, 45.0, 90.0):
        world = World(airfield, [car] * 2)
        world.place(0, 10.0, speed_mps=speed)
        ahead = speed / 120
        # Beside the way, so that both middles are at one point after one physics step.
        world.place(1, 10.0 + ahead, -ahead - 0.14, math.pi / 2, speed_mps=speed)
        world.step([[0.0, speed]] * 2)
        assert world.contacts, speed
        assert overlap_area(world) < 1e-9
