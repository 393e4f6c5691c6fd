from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from shapely.geometry import MultiPoint, Polygon, box

from league import DEEPRACER, F1TENTH, Box, CameraSensor, ConfigError, League, StereoCameraSensor, World
from league.sim.camera import standard_lens
from league.sim.paint import paint_of
from league.sim.picture import BOX, DASH, FIELD, LIGHT, LINE, ROAD, SKY_LOW, SKY_TOP
from league.sim.raster import EDGE_COLUMNS, blank, draw
from league.sim.scene import scene_of

SHADES = standard_lens()
FOCAL = 80 / math.tan(1.13 / 2)
HORIZON = 60 - FOCAL * math.tan(0.2618)
AHEAD, ABOVE, PITCH = 0.1453, 0.1303, 0.2618


@pytest.fixture(scope="session")
def runway(make_ring):
    """An oval 1 m wide with straights of 20 m."""
    half = np.linspace(0, 10, 41)
    bend = np.linspace(0, np.pi, 40)[1:-1]
    parts = [
        np.stack((half, np.full(41, -3.0)), axis=1),
        np.stack((10 + 3 * np.sin(bend), -3 * np.cos(bend)), axis=1),
        np.stack((np.linspace(10, -10, 81), np.full(81, 3.0)), axis=1),
        np.stack((-10 - 3 * np.sin(bend), 3 * np.cos(bend)), axis=1),
        np.stack((half[:-1] - 10, np.full(40, -3.0)), axis=1),
    ]
    return make_ring(np.concatenate(parts), name="runway")


def place(world, car, along, offset=0.0, error=0.0):
    """Place a car by its origin, on a straight that starts at the line."""
    nose = world.cars[car].nose_m
    world.place(car, along + nose * math.cos(error), offset + nose * math.sin(error), error)


def frame(world, car=0, sensor=None):
    return (sensor or CameraSensor()).sense(world)[car].reshape(-1, 120, 160)[0]


def projected(x, y, z=0.0):
    """Column and row of a point in the car's frame, by rotating it into the camera's."""
    right, down, depth = -y, ABOVE - z, x - AHEAD
    down, depth = (
        down * math.cos(PITCH) - depth * math.sin(PITCH),
        depth * math.cos(PITCH) + down * math.sin(PITCH),
    )
    return 80 + FOCAL * right / depth, 60 + FOCAL * down / depth


def ground_at(row):
    """Distance ahead of the camera of the ground in the middle of a row."""
    angle = PITCH + math.atan((row + 0.5 - 60) / FOCAL)
    return ABOVE / math.tan(angle)


# -- what is where ---------------------------------------------------------------------------------


def test_a_frame_holds_whole_grey_levels(crowd):
    seen = CameraSensor(vary=1.0).sense(crowd)
    assert seen.shape == (10, 160 * 120)
    assert (seen == np.rint(seen)).all()
    assert seen.min() >= 0
    assert seen.max() <= 255


def test_the_horizon_is_where_a_camera_looking_down_has_it(runway):
    world = World(runway, [DEEPRACER])
    place(world, 0, 1.0)
    seen = frame(world)
    assert pytest.approx(26.2, abs=0.1) == HORIZON
    assert CameraSensor().describe()["horizon_px"] == pytest.approx(HORIZON)
    sky = seen[:26]
    assert (sky == sky[:, :1]).all()
    assert SHADES[SKY_TOP] - 1 <= sky.min() <= sky.max() <= SHADES[SKY_LOW] + 1
    assert (np.diff(sky[:, 0]) >= 0).all()
    assert seen[27:].min() < sky.min()


def test_road_field_line_and_dash_have_their_shades(runway):
    world = World(runway, [DEEPRACER])
    place(world, 0, 1.0, 0.25)
    seen = frame(world)
    row = 60
    depth = ground_at(row) * math.cos(PITCH) + ABOVE * math.sin(PITCH)

    def shade(offset):
        return seen[row, round(79.5 - FOCAL * (offset - 0.25) / depth)]

    assert shade(0.30) == shade(0.1) == SHADES[ROAD]
    assert shade(0.475) == SHADES[LINE]
    assert shade(0.56) == SHADES[FIELD]
    assert SHADES[ROAD] < SHADES[FIELD] < SHADES[DASH] < SHADES[LINE]
    assert (seen == SHADES[DASH]).sum() > 50


@settings(max_examples=25)
@given(
    along=st.floats(0.5, 3.0),
    offset=st.floats(-0.3, 0.3),
    error=st.floats(-0.25, 0.25),
    row=st.integers(34, 110),
)
def test_a_line_lies_within_a_pixel_of_its_projection(runway, along, offset, error, row):
    world = World(runway, [DEEPRACER])
    place(world, 0, along, offset, error)
    seen = frame(world)[row]
    checked = 0
    for side in (-1, 1):
        columns = []
        for lateral, ahead in itertools.product((0.45, 0.5), (ground_at(row - 0.5), ground_at(row + 0.5))):
            # In the car's frame the border is y = (side * lateral - offset) / cos - x * tan.
            y = (side * lateral - offset) / math.cos(error) - (AHEAD + ahead) * math.tan(error)
            columns.append(80 - FOCAL * y / (ahead * math.cos(PITCH) + ABOVE * math.sin(PITCH)))
        low, high = min(columns), max(columns)
        if low < 4 or high > 156:
            continue
        first = int(low) - 4
        bright = first + 0.5 + np.flatnonzero(seen[first : int(high) + 5] > SHADES[FIELD] + 8)
        assert bright.min() < low + 1 + (high - low) / 2
        assert bright.max() > high - 1 - (high - low) / 2
        assert low - 1 <= bright.min() <= bright.max() <= high + 1
        checked += 1
    assume(checked)


@pytest.mark.parametrize("car", [DEEPRACER, F1TENTH])
def test_a_box_covers_just_what_the_hull_of_its_corners_does(runway, car):
    world = World(runway, [car], boxes=[Box(*map(float, runway.at(2.0, 0.1)), 0.6)])
    place(world, 0, 1.0, 0.1, 0.05)
    shown = []
    for shade in (10.0, 200.0):
        sensor = CameraSensor()
        sensor.lenses(1)[0, 0, BOX] = shade
        shown.append(frame(world, sensor=sensor))
    changed = shown[0] != shown[1]
    x, y, yaw = world.pose[0]
    corners = []
    for along, aside, z in [(a, b, z) for a in (-0.25, 0.25) for b in (-0.2, 0.2) for z in (0, 0.25)]:
        bx = world.boxes[0].x_m + along * math.cos(0.6) - aside * math.sin(0.6) - x
        by = world.boxes[0].y_m + along * math.sin(0.6) + aside * math.cos(0.6) - y
        point = bx * math.cos(yaw) + by * math.sin(yaw), by * math.cos(yaw) - bx * math.sin(yaw)
        corners.append(projected(*point, z))
    hull = MultiPoint(corners).convex_hull
    for row in range(120):
        for column in range(160):
            covered = hull.intersection(box(column, row, column + 1, row + 1)).area
            if covered == 0:
                assert not changed[row, column]
            elif covered > 0.99:
                assert changed[row, column]


def test_what_is_nearer_hides_what_is_farther(runway):
    behind = Box(*map(float, runway.at(3.0, 0.3)), 0.0)
    views = {}
    for what, boxes, cars in (("box", [behind], 1), ("both", [behind], 2), ("car", [], 2)):
        world = World(runway, [DEEPRACER] * cars, boxes=boxes)
        place(world, 0, 1.0)
        if cars == 2:
            place(world, 1, 1.8)
        views[what] = frame(world)
    west = round(projected(1.8 - 1.0 - 0.158, 0.09)[0]) + 1
    east = round(projected(1.8 - 1.0 - 0.158, -0.09)[0]) - 1
    rows = slice(round(projected(0.642, 0, 0.17)[1]), round(projected(0.642, 0, 0.02)[1]))
    np.testing.assert_array_equal(views["both"][rows, west:east], views["car"][rows, west:east])
    assert (views["both"] != views["box"]).any()
    assert (views["both"] != views["car"]).any()


def test_a_removed_car_is_not_seen_and_sees_nothing(runway):
    world = World(runway, [DEEPRACER] * 2)
    place(world, 0, 1.0)
    place(world, 1, 1.8)
    alone = World(runway, [DEEPRACER])
    place(alone, 0, 1.0)
    assert (frame(world) != frame(alone)).any()
    world.hold(1, True)
    assert (frame(world) != frame(alone)).any()
    world.remove(1)
    np.testing.assert_array_equal(frame(world), frame(alone))
    assert not CameraSensor().sense(world)[1].any()


def test_a_stereo_pair_sees_near_things_apart(runway):
    world = World(runway, [DEEPRACER], boxes=[Box(*map(float, runway.at(2.0)), 0.0)])
    place(world, 0, 1.0)
    seen = StereoCameraSensor().sense(world)[0].reshape(2, 120, 160)
    mono = frame(world)
    assert (seen[0] != seen[1]).any()
    column = [np.flatnonzero(one[32] != SHADES[FIELD]).mean() for one in (seen[0], mono, seen[1])]
    depth = (1.0 - 0.25 - AHEAD) * math.cos(PITCH)
    assert column[0] - column[2] == pytest.approx(0.06 * FOCAL / depth, rel=0.35)
    assert column[2] < column[1] < column[0]


def test_a_mirrored_place_gives_the_mirrored_frame(runway):
    frames = []
    for side in (1, -1):
        world = World(runway, [DEEPRACER] * 2, boxes=[Box(2.5, -3.0 + 0.3 * side, 0.4 * side)])
        place(world, 0, 1.0, 0.1 * side, 0.2 * side)
        place(world, 1, 1.7, -0.2 * side)
        sensor = CameraSensor()
        sensor.lenses(2)[:, :, LIGHT] = 0.0  # along the road, so that it falls alike on both sides
        frames.append(frame(world, sensor=sensor))
    # The rows above show the rest of the circuit, which lies to the left.
    assert np.abs(frames[0][32:] - frames[1][32:, ::-1]).max() <= 1
    assert (frames[0][32:] != frames[0][32:, ::-1]).any()


# -- coverage --------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    points=st.lists(
        st.tuples(st.floats(-4, 12, width=32), st.floats(-4, 10, width=32)), min_size=3, max_size=6
    )
)
def test_every_pixel_gets_the_share_that_a_shape_covers(points):
    hull = MultiPoint(points).convex_hull
    assume(isinstance(hull, Polygon))
    ring = np.array(hull.exterior.coords)
    if hull.exterior.is_ccw:  # seen with y down, that is clockwise
        ring = ring[::-1]
    edges = np.zeros((len(ring) - 1, EDGE_COLUMNS))
    edges[:, :2], edges[:, 2:4], edges[:, 4] = ring[:-1], ring[1:], 1.0
    sheet = blank(6, 8)
    draw(sheet, edges, len(edges))
    covered = np.cumsum(sheet[:6], axis=0)
    expected = [
        [hull.intersection(box(column, row, column + 1, row + 1)).area for column in range(8)]
        for row in range(6)
    ]
    np.testing.assert_allclose(covered, expected, atol=2e-5)


def far_contrast(world):
    """How much brighter than road and field together the far part of the picture is."""
    seen = frame(world)
    return np.clip(seen[30:36] - SHADES[FIELD], 0, None).sum()


@pytest.mark.parametrize("way", ["sideways", "ahead"])
def test_a_thin_line_never_flickers(runway, way):
    """Millimetre by millimetre, the lines far ahead, thinner than a pixel, keep their weight."""
    weights = []
    world = World(runway, [DEEPRACER])
    for step in range(120):
        if way == "sideways":
            place(world, 0, 1.0, -0.06 + 0.001 * step)
        else:
            place(world, 0, 1.0 + 0.001 * step)
        weights.append(far_contrast(world))
    weight = np.array(weights)
    assert weight.min() > 500
    assert np.abs(np.diff(weight)).max() < 0.03 * weight.mean()


def test_a_line_across_the_road_ahead_never_flickers(runway):
    """Driving towards a bend, whose border lies across the road, thinner than a row of pixels."""
    world = World(runway, [DEEPRACER])
    weights = []
    for step in range(200):
        place(world, 0, 8.0 + 0.001 * step)
        weights.append(far_contrast(world))
    weight = np.array(weights)
    assert weight.min() > 500
    assert np.abs(np.diff(weight)).max() < 0.03 * weight.mean()


# -- variation -------------------------------------------------------------------------------------


def test_variation_follows_the_seed_and_differs_from_car_to_car(runway):
    world = World(runway, [DEEPRACER] * 2)
    place(world, 0, 1.0)
    place(world, 1, 5.0)
    sensor = CameraSensor(vary=1.0)
    sensor.begin(7)
    first = sensor.sense(world)
    sensor.begin(8)
    assert (sensor.sense(world) != first).mean() > 0.5
    sensor.begin(7)
    np.testing.assert_array_equal(sensor.sense(world), first)
    assert (first[0] != first[1]).mean() > 0.5
    alone = World(runway, [DEEPRACER])
    place(alone, 0, 5.0)
    other = CameraSensor(vary=1.0)
    other.begin(7)
    assert (other.lenses(1) == sensor.lenses(2)[:1]).all()


def test_without_variation_the_seed_changes_nothing(runway):
    world = World(runway, [DEEPRACER])
    place(world, 0, 1.0)
    sensor = CameraSensor()
    sensor.begin(7)
    np.testing.assert_array_equal(frame(world, sensor=sensor), frame(world))


@pytest.mark.parametrize("vary", [-0.1, 1.5, float("nan")])
def test_a_variation_out_of_range_is_refused(vary):
    with pytest.raises(ConfigError, match=r"vary is .*, expected 0 to 1"):
        CameraSensor(vary=vary)


# -- all together ----------------------------------------------------------------------------------


def test_paint_is_where_the_borders_are(runway):
    paint = paint_of(runway)
    assert paint.points.shape[1] == 2
    assert set(paint.runs[:, 2]) == {0, 1, 2}
    for (first, past, _), (x, y, radius) in zip(paint.runs, paint.around, strict=True):
        run = paint.points[first:past]
        assert (np.hypot(*(run - (x, y)).T) <= radius + 1e-12).all()
    # A straight needs few points, however many its rows are.
    assert len(paint.points) < 3 * len(runway.centre) + 9 * 200


def contact_sheet(circuits):
    sheet = []
    for circuit in circuits:
        tight = circuit.along_m[np.abs(circuit.curvature_per_m).argmax()]
        row = []
        for along in (0.5, tight - 1.0, tight, circuit.length_m / 2):
            there = circuit.at([along + 1.1, along + 2.2], [0.2, -0.2])
            world = World(circuit, [DEEPRACER] * 2, boxes=[Box(*map(float, there[1]), 0.3)])
            world.place(0, along, -0.1)
            world.place(1, along + 1.3, 0.2)
            row.append(frame(world))
        sheet.append(np.hstack(row))
    return np.vstack(sheet).astype(np.uint8)


def test_frames_of_three_circuits_look_like_a_drivers_view(tmp_path, data_folder):
    """Writes them side by side, to be looked at: `camera.png` in pytest's folder."""
    league = League()
    circuits = [
        league.circuit("a-to-z-speedway"),
        league.circuit("grand-prix"),
        league.circuit(str(data_folder / "circuits" / "reInvent2019_track.npy")),
    ]
    sheet = contact_sheet(circuits)
    Image.fromarray(sheet).save(tmp_path / "camera.png")
    shown = np.asarray(Image.open(tmp_path / "camera.png")).reshape(3, 120, 4, 160).swapaxes(1, 2)
    for frames in shown:
        for seen in frames:
            sky, ground = seen[:20], seen[100:]
            assert np.median(sky) > np.median(ground)
            assert np.median(ground) == SHADES[ROAD]  # the car is on the road
            assert (seen[27:] > SHADES[DASH] + 20).sum() > 10
            assert (seen[27:] == SHADES[FIELD]).sum() > 50


def test_no_circuit_shows_shades_that_are_not_painted():
    """Where borders fold or roads come close, shapes must not add up to something else."""
    league = League()
    for name in league.circuits:
        circuit = league.circuit(name)
        world = World(circuit, [DEEPRACER] * 12)
        for car in range(12):
            world.place(car, circuit.length_m * car / 12, 0.1 * (-1) ** car, 0.3 * (-1) ** car)
        sensor = CameraSensor()
        scene = scene_of(world)
        # Without bodies, so that all there is to see is the ground.
        seen = sensor.view(paint_of(circuit), scene._replace(views=np.zeros_like(scene.views)))
        ground = seen.reshape(12, 120, 160)[:, 28:]
        assert SHADES[ROAD] - 1 <= ground.min()
        assert ground.max() <= SHADES[LINE] + 1
