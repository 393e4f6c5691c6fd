from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LinearRing, LineString, Point, box
from shapely.ops import unary_union

from league import (
    DEEPRACER,
    F1TENTH,
    Box,
    ConfigError,
    DiscretizedLidarSensor,
    F1tenthLidarSensor,
    LidarSensor,
    SectorLidarSensor,
    World,
)
from league.sim.angles import sine_cosine
from league.sim.scene import Scene, scene_of
from league.sim.walls import build_walls, shorten, walls_of


def walls(world, car, *, borders=True):
    """Everything that reflects a beam of this car, as lines."""
    lines = [LinearRing(world.circuit.left), LinearRing(world.circuit.right)] if borders else []
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


def scan_by_shapely(world, car, lidar=None, *, borders=True):
    lidar = lidar or LidarSensor()
    x, y, yaw = world.pose[car]
    x, y = x + lidar.ahead_m * math.cos(yaw), y + lidar.ahead_m * math.sin(yaw)
    around = walls(world, car, borders=borders)
    distances = []
    for angle in lidar.angles_rad + yaw:
        far = lidar.farthest_m
        beam = LineString([(x, y), (x + far * math.cos(angle), y + far * math.sin(angle))])
        met = beam.intersection(around)
        distances.append(far if met.is_empty else max(Point(x, y).distance(met), lidar.nearest_m))
    return np.array(distances)


def test_lidar_measures_the_distances_that_shapely_does(crowd):
    crowd.remove(9)
    crowd.hold(4, True)
    seen = LidarSensor().sense(crowd)
    for car in range(9):
        np.testing.assert_allclose(seen[car], scan_by_shapely(crowd, car), atol=1e-5)


@settings(max_examples=40)
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


# -- other forms -----------------------------------------------------------------------------------


def test_the_f1tenth_lidar_measures_the_distances_that_shapely_does(crowd):
    lidar = F1tenthLidarSensor()
    seen = lidar.sense(crowd)
    assert seen.shape == (10, 1080)
    for car in (0, 3):
        expected = scan_by_shapely(crowd, car, lidar)
        assert (np.abs(seen[car] - expected) > 1e-5).sum() <= 1  # one may graze a corner


def test_a_few_beams_meet_what_they_meet_among_all(crowd):
    """Which stretches of the borders are looked at, and in which order, depends on the beams."""
    around, seen = scene_of(crowd), F1tenthLidarSensor().sense(crowd)
    lidar = F1tenthLidarSensor()
    angles, step_rad = lidar.angles_rad, lidar.angles_rad[1] - lidar.angles_rad[0]
    directions = np.array([sine_cosine(angle)[::-1] for angle in angles.tolist()])
    nowhere = build_walls([np.array([[900.0, 900], [901, 900], [901, 901]])])
    for eye, view, scan in zip(around.eyes, around.views, seen, strict=True):
        assert view[0] >= 0
        q, c = sine_cosine(eye[2])
        bodies = lidar.scan(nowhere, around)[view[2]]
        for first in range(0, 1080, 135):
            some = slice(first, first + 135)
            part = bodies[some].astype(float)
            walls_around = walls_of(crowd.circuit)
            shorten(part, walls_around, eye[0], eye[1], c, q, angles[first], step_rad, directions[some])
            np.testing.assert_array_equal(scan[some], np.maximum(part, 0.02).astype("f4"))


def test_a_lidar_that_faces_the_rear_is_blind_ahead(airfield):
    world = World(airfield, [DEEPRACER] * 2)
    world.place(0, 4.0)
    world.place(1, 6.0)
    lidar = LidarSensor(rear=True)
    assert np.degrees(lidar.angles_rad[[0, -1]]) == pytest.approx([30.0, 330.0])
    np.testing.assert_allclose(lidar.sense(world)[0], scan_by_shapely(world, 0, lidar), atol=1e-5)
    assert lidar.sense(world)[0].min() > 2.0
    assert lidar.sense(world)[1].min() == pytest.approx(2.0 + 0.029 - 0.166, abs=0.01)


def test_a_lidar_that_sees_no_borders_sees_only_bodies(crowd):
    lidar = LidarSensor(borders=False)
    seen = lidar.sense(crowd)
    for car in range(10):
        np.testing.assert_allclose(seen[car], scan_by_shapely(crowd, car, lidar, borders=False), atol=1e-5)
    assert (seen == 12.0).any()


def test_a_shorter_reach_cuts_distances_off(crowd):
    full, cut = LidarSensor().sense(crowd), LidarSensor(reach_m=1.0).sense(crowd)
    assert (full > 1.0).any()
    np.testing.assert_array_equal(cut, np.minimum(full, 1.0))


@pytest.mark.parametrize("reach_m", [0.1, 12.5, float("nan"), float("inf")])
def test_a_reach_beyond_the_lidars_is_refused(reach_m):
    with pytest.raises(ConfigError, match=r"reach_m is .*, expected more than 0.15 and 12 at most"):
        LidarSensor(reach_m=reach_m)


def test_sectors_say_whether_something_is_near(crowd):
    distances = LidarSensor(rear=True).sense(crowd)
    seen = SectorLidarSensor().sense(crowd)
    for car in range(10):
        for sector in range(8):
            near = (distances[car, 8 * sector : 8 * sector + 8] < 0.5).any()
            assert seen[car, sector] == near
    assert 0 < seen.mean() < 1


def test_discretized_sectors_say_in_which_step_the_nearest_thing_is():
    scan = np.full((1, 64), 12.0, dtype=np.float32)
    scan[0, 3], scan[0, 8], scan[0, 20] = 0.30, 1.99, 2.0
    seen = DiscretizedLidarSensor().read(scan).reshape(8, 8)
    assert np.argwhere(seen).tolist() == [[0, 1], [1, 7]]
    assert DiscretizedLidarSensor(sectors=4, values=2, clip_m=1.0).read(scan).tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0]
    ]


def test_a_car_that_is_not_there_has_nothing_in_any_sector(crowd):
    crowd.remove(2)
    assert not SectorLidarSensor(near_m=12.0).sense(crowd)[2].any()
    assert not DiscretizedLidarSensor(clip_m=12.0).sense(crowd)[2].any()


@pytest.mark.parametrize("kind", [SectorLidarSensor, DiscretizedLidarSensor])
@pytest.mark.parametrize("sectors", [0, 7, 65, -8])
def test_sectors_must_divide_the_beams(kind, sectors):
    with pytest.raises(ConfigError, match=f"sectors is {sectors}, expected a divisor of the 64 beams"):
        kind(sectors=sectors)


def test_distances_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match=r"near_m is 13.0, expected 0.15 to 12"):
        SectorLidarSensor(near_m=13.0)
    with pytest.raises(ConfigError, match=r"clip_m is nan, expected 0.15 to 12"):
        DiscretizedLidarSensor(clip_m=float("nan"))
    with pytest.raises(ConfigError, match="values is 0, expected 1 to 64"):
        DiscretizedLidarSensor(values=0)


# -- the walls -------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=3, max_size=9, unique=True),
    x=st.floats(-12, 12),
    y=st.floats(-12, 12),
    angle=st.one_of(st.floats(-math.pi, math.pi), st.sampled_from([0.0, math.pi / 2, math.pi, -math.pi / 2])),
)
def test_a_beam_finds_the_nearest_segment_of_any_line_from_anywhere(rows, x, y, angle):
    """Also from outside, along an axis, and among lines that cross themselves."""
    ring = np.array(rows, dtype=float) / 4
    reach = np.array([30.0])
    ux, uy = math.cos(angle), math.sin(angle)
    shorten(reach, build_walls([ring]), x, y, 1.0, 0.0, angle, 1.0, np.array([[ux, uy]]))
    line = LinearRing(ring)
    met = LineString([(x, y), (x + 30 * ux, y + 30 * uy)]).intersection(line)
    expected = 30.0 if met.is_empty else Point(x, y).distance(met)
    # A beam that grazes a corner, or runs along a segment, may be decided either way by the last digit; and
    # who stands on a corner sees it in no direction.
    grazes = np.abs(ring - (x, y)).max(axis=1).min() < 1e-6 or any(
        abs((px - x) * uy - (py - y) * ux) < 1e-6 and (px - x) * ux + (py - y) * uy > -1e-6 for px, py in ring
    )
    assume(not grazes)
    assert reach[0] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=100)
@given(
    x=st.floats(-1, 5), y=st.floats(-1, 5), turn=st.floats(-math.pi, math.pi), first=st.floats(-4, 4),
    beams=st.integers(1, 40), share=st.floats(0.01, 1.0),
)  # fmt: skip
def test_beams_over_any_part_of_a_turn_meet_what_each_of_them_meets_alone(x, y, turn, first, beams, share):
    """However wide the gap between the last beam and the first, and wherever it is."""
    assume(np.abs(np.concatenate((SQUARE, SQUARE / 3 + 1.0)) - (x, y)).max(axis=1).min() > 1e-6)
    walls_around = build_walls([SQUARE, SQUARE / 3 + 1.0])
    angles = first + share * 2 * math.pi / beams * np.arange(beams)
    directions, step_rad = np.stack((np.cos(angles), np.sin(angles)), axis=1), share * 2 * math.pi / beams
    c, q = math.cos(turn), math.sin(turn)
    together, alone = np.full(beams, 9.0), np.full(beams, 9.0)
    shorten(together, walls_around, x, y, c, q, first, step_rad, directions)
    for k in range(beams):
        shorten(alone[k : k + 1], walls_around, x, y, c, q, angles[k], 1.0, directions[k : k + 1])
    np.testing.assert_array_equal(together, alone)


SQUARE = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])


def test_a_beam_straight_along_an_axis_finds_a_wall_across_it():
    reach = np.full(4, 9.0)
    ways = np.array([(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)])
    shorten(reach, build_walls([SQUARE]), 1.0, 1.5, 1.0, 0.0, 0.0, math.pi / 2, ways)
    assert reach == pytest.approx([3.0, 2.5, 1.0, 1.5])


def test_a_large_circuit_is_seen_as_exactly_as_a_small_one(make_ring):
    turn = np.arange(600) / 600 * 2 * np.pi
    wide = make_ring(np.stack((150 * np.cos(turn), 150 * np.sin(turn)), axis=1), half_width=3.0)
    world = World(wide, [DEEPRACER])
    world.place(0, 3.0, 1.0, 0.3)
    np.testing.assert_allclose(LidarSensor().sense(world)[0], scan_by_shapely(world, 0), atol=1e-5)


def test_a_scene_of_several_worlds_keeps_them_apart(club):
    worlds = []
    for turn in range(2):
        world = World(club, [DEEPRACER] * 2)
        world.place(0, 1.0 + turn)
        world.place(1, 1.7 + 2 * turn, 0.1)
        worlds.append(world)
    scenes = [scene_of(world) for world in worlds]
    joined = Scene(
        np.concatenate([scene.eyes for scene in scenes]),
        np.concatenate([scene.bodies for scene in scenes]),
        np.concatenate([scene.views + 2 * k for k, scene in enumerate(scenes)]),
    )
    seen = LidarSensor().scan(walls_of(club), joined)
    np.testing.assert_array_equal(seen, np.concatenate([LidarSensor().sense(world) for world in worlds]))
