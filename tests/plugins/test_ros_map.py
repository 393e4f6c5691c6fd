"""Occupancy maps: known circuits rendered and read back, and maps that show no circuit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from shapely.geometry import LinearRing, Point

from league import Circuit, CircuitError, League
from league.sim.car import DEEPRACER
from league.track.check import check_circuit
from league_plugins.ros_map import read_map, register_track_readers

LEAGUE = League()
DESCRIPTION = """\
image: map.png
resolution: {res}
origin: [{x}, {y}, 0.0]
negate: 0
occupied_thresh: 0.65
free_thresh: 0.196
"""


def rendered(circuit: Circuit, resolution_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels lie on the road, top row first, and the world position of the lower left corner."""
    low = np.minimum(circuit.left.min(axis=0), circuit.right.min(axis=0)) - 0.4
    high = np.maximum(circuit.left.max(axis=0), circuit.right.max(axis=0)) + 0.4
    wide, tall = np.ceil((high - low) / resolution_m).astype(int)
    rows, columns = np.mgrid[0:tall, 0:wide]
    centres = np.stack((columns + 0.5, tall - rows - 0.5), axis=-1) * resolution_m + low
    return circuit.on_road(centres), low


def write_map(folder: Path, grey: np.ndarray, low=(0.0, 0.0), *, res: float = 0.05, text: str = "") -> Path:
    Image.fromarray(grey.astype(np.uint8)).save(folder / "map.png")
    (folder / "map.yaml").write_text(text or DESCRIPTION.format(res=res, x=low[0], y=low[1]))
    return folder / "map.yaml"


def ring_map(*, size: int = 200, outer: float = 80, inner: float = 50) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size]
    away = np.hypot(rows - size / 2, columns - size / 2)
    return np.where((away < outer) & (away > inner), 254, 0)


def problem(path: Path) -> str:
    with pytest.raises(CircuitError) as caught:
        read_map(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_it_reads_both_spellings_of_yaml():
    assert register_track_readers() == {".yaml": read_map, ".yml": read_map}


@pytest.mark.parametrize(
    ("name", "resolution_m"),
    [("a-to-z-speedway", 0.025), ("a-to-z-speedway", 0.05), ("paperclip", 0.05), ("snail-shell", 0.05)],
)
def test_a_rendered_circuit_is_read_back_within_a_pixel_and_a_half(tmp_path, name, resolution_m):
    circuit = LEAGUE.circuit(name)
    road, low = rendered(circuit, resolution_m)
    traced = read_map(write_map(tmp_path, np.where(road, 254, 0), low, res=resolution_m))
    assert np.abs(circuit.project(traced.centre).offset_m).max() < 1.5 * resolution_m
    assert np.abs(traced.project(circuit.centre).offset_m).max() < 1.5 * resolution_m
    assert traced.length_m == pytest.approx(circuit.length_m, rel=0.02)
    same = (traced.left, traced.right) if not circuit.clockwise else (traced.right, traced.left)
    for ours, theirs in zip(same, (circuit.left, circuit.right), strict=True):
        border = LinearRing(theirs)
        assert max(border.distance(Point(row)) for row in ours) < 1.5 * resolution_m
    assert traced.direction == "anticlockwise"
    assert check_circuit(traced, car=DEEPRACER) == []


def test_the_start_line_is_nearest_to_the_maps_zero(tmp_path):
    path = write_map(tmp_path, ring_map(), (-5.0, -1.75), res=0.05)
    circuit = read_map(path)
    assert np.hypot(*circuit.centre[0]) == np.hypot(*circuit.centre.T).min()
    assert circuit.id == "map"
    assert circuit.length_m == pytest.approx(2 * np.pi * 65 * 0.05, rel=0.01)
    assert np.allclose(circuit.width_left_m, 0.75, atol=0.04)


def test_thin_walls_with_free_space_on_all_sides_are_read_too(tmp_path):
    rows, columns = np.mgrid[0:200, 0:200]
    away = np.hypot(rows - 100, columns - 100)
    walls = (np.abs(away - 80) < 1.5) | (np.abs(away - 50) < 1.5)
    circuit = read_map(write_map(tmp_path, np.where(walls, 0, 254)))
    assert circuit.length_m == pytest.approx(2 * np.pi * 65 * 0.05, rel=0.01)


def test_unknown_space_specks_and_posts_do_not_matter(tmp_path):
    grey = np.where(ring_map() > 0, 254, 205)
    noise = np.random.default_rng(2).integers(0, 200, (60, 2))
    grey[noise[:, 0], noise[:, 1]] = 0
    plain = read_map(write_map(tmp_path, ring_map()))
    circuit = read_map(write_map(tmp_path, grey))
    assert np.abs(plain.project(circuit.centre).offset_m).max() < 0.1


def test_a_dead_end_grows_no_branch(tmp_path):
    grey = ring_map()
    grey[95:105, 170:192] = 254
    circuit = read_map(write_map(tmp_path, grey))
    plain = read_map(write_map(tmp_path, ring_map()))
    assert np.abs(plain.project(circuit.centre).offset_m).max() < 0.5
    assert circuit.length_m == pytest.approx(plain.length_m, rel=0.05)


def test_negate_swaps_black_and_white_and_yaw_turns_the_map(tmp_path):
    plain = read_map(write_map(tmp_path, ring_map()))
    text = DESCRIPTION.format(res=0.05, x=0, y=0).replace("negate: 0", "negate: 1")
    assert read_map(write_map(tmp_path, 255 - ring_map(), text=text)).sha256 == plain.sha256
    text = DESCRIPTION.format(res=0.05, x=0, y=0).replace("0.0]", f"{np.pi / 2}]")
    turned = read_map(write_map(tmp_path, ring_map(), text=text))
    assert np.allclose(turned.centre.mean(axis=0), (-5.0, 5.0), atol=0.05)


def test_colour_images_and_other_formats_are_read(tmp_path):
    plain = read_map(write_map(tmp_path, ring_map()))
    Image.fromarray(ring_map().astype(np.uint8)).save(tmp_path / "map.pgm")
    text = DESCRIPTION.format(res=0.05, x=0.0, y=0.0)
    assert read_map(write_map(tmp_path, ring_map(), text=text.replace("png", "pgm"))).sha256 == plain.sha256
    Image.fromarray(np.repeat(ring_map()[:, :, None], 3, axis=2).astype(np.uint8)).save(tmp_path / "rgb.png")
    assert (
        read_map(write_map(tmp_path, ring_map(), text=text.replace("map.png", "rgb.png"))).sha256
        == plain.sha256
    )


@pytest.mark.parametrize(
    ("grey", "says"),
    [
        (np.zeros((50, 50)), "shows no loop of free space"),
        (np.full((50, 50), 254), "shows no loop of free space"),
        (np.where(ring_map(inner=-1) > 0, 254, 0), "shows no loop of free space"),
        (ring_map() * (np.arange(200) > 100), "shows no loop of free space"),
        (np.hstack((ring_map(), ring_map())), None),
    ],
    ids=["walls", "open field", "disc", "half a ring", "two rings"],
)
def test_a_map_without_a_loop_is_refused(tmp_path, grey, says):
    path = write_map(tmp_path, grey)
    if says:
        assert says in problem(path)
    else:  # of two separate loops the first, equally large one is taken
        assert read_map(path).length_m == pytest.approx(2 * np.pi * 65 * 0.05, rel=0.01)


def test_a_figure_of_eight_of_corridors_is_refused(tmp_path):
    grey = np.zeros((200, 300))
    grey[40:160, 40:260] = 254
    grey[70:130, 70:135] = 0
    grey[70:130, 165:230] = 0
    assert "goes around 2 islands" in problem(write_map(tmp_path, grey))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a map"),
        ("- 1", "is not a map"),
        ("image: [", "line 1: is not YAML"),
        ("a: b: c", "line 1: is not YAML"),
        ("\x00", "is not YAML"),
        ("!!python/object/apply:os.system ['true']", "line 1: is not YAML"),
        ("image: map.png\norigin: [0, 0, 0]", "has no resolution"),
        ("image: none.png\nresolution: 0.05\norigin: [0, 0, 0]", "its image 'none.png' is no file"),
        ("image: 3\nresolution: 0.05\norigin: [0, 0, 0]", "image is not a file name"),
        ("image: map.png\nresolution: wide\norigin: [0, 0, 0]", "resolution is not a finite number"),
        ("image: map.png\nresolution: .nan\norigin: [0, 0, 0]", "resolution is not a finite number"),
        ("image: map.png\nresolution: 0\norigin: [0, 0, 0]", "resolution is 0, expected"),
        ("image: map.png\nresolution: -0.05\norigin: [0, 0, 0]", "resolution is -0.05, expected"),
        ("image: map.png\nresolution: 0.05\norigin: 0", "origin is not a list"),
        ("image: map.png\nresolution: 0.05\norigin: [0, x, 0]", "origin is not a finite number"),
        ("image: map.png\nresolution: 0.05\norigin: [0, 0, 0]\nfree_thresh: 2", "free_thresh is 2"),
        ("image: map.png\nresolution: 0.05\norigin: [0, 0, 0]\nnegate: maybe", "negate is neither"),
        ("#" * 100_001, "expected a map description"),
    ],
)
def test_a_description_of_another_shape_is_refused_in_one_line(tmp_path, text, says):
    assert says in problem(write_map(tmp_path, ring_map(), text=text or "\n"))


def test_an_image_that_is_none_or_too_large_is_refused_in_one_line(tmp_path):
    path = write_map(tmp_path, ring_map())
    whole = (tmp_path / "map.png").read_bytes()
    for content in (b"", b"GIF89a", whole[:60], whole[: len(whole) // 2]):
        (tmp_path / "map.png").write_bytes(content)
        assert "its image map.png cannot be decoded" in problem(path)
    Image.new("1", (5000, 5000)).save(tmp_path / "map.png")
    assert "its image is 5000 × 5000 pixels" in problem(path)
    Image.new("1", (1, 1)).save(tmp_path / "map.png")
    assert "shows no loop" in problem(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=120), st.text("imageorlutn: []{}&*!|>-.,0123456789\n\"'#%@", max_size=120))
)
def test_random_text_is_a_circuit_error(tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CircuitError):
        read_map(tmp_path / "x.yaml")
