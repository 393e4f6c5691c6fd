"""A camera above a known circuit: places to millimetres, laps to milliseconds, on pictures drawn here."""

from __future__ import annotations

from functools import cache
from math import atan2, cos, sin
from pathlib import Path

import cv2
import numpy as np
import pytest
from overhead import SIZE, TAG_M, Overhead

from league import League
from league.errors import InputError
from league.racing.linetimer import LineTimer, Seen
from league.timing.camera import (
    BOARD,
    Calibration,
    Mount,
    Watcher,
    board,
    calibrate_lens,
    calibrate_place,
    lens_of_view,
)

CIRCUIT = League().circuit("clubhouse-loop")
GROUND = {
    10: (-1.2, 0.6, 0.0),
    11: (-1.2, -0.7, 0.3),
    12: (0.0, 0.75, -0.2),
    13: (0.1, -0.75, 0.0),
    14: (1.2, 0.6, 1.0),
    15: (1.2, -0.7, 0.0),
}
MOUNT = Mount("anna", height_m=0.14, forward_m=0.03, turn_rad=0.0)
NOSE_M = 0.14


@cache
def camera() -> Overhead:
    """2.5 m above the start line, tilted by a quarter of a right angle."""
    return Overhead((0.0, -1.1, 2.5), (0.0, 0.05))


@cache
def calibration() -> Calibration:
    picture = camera().draw((tag, x, y, 0.0, yaw) for tag, (x, y, yaw) in GROUND.items())
    return calibrate_place(picture, GROUND, TAG_M, camera().matrix, camera().distortion)


def mounted(tag: int, x: float, y: float, yaw: float) -> tuple[int, float, float, float, float]:
    """Where a car's tag is, from the pose of the car's origin."""
    return tag, x + MOUNT.forward_m * cos(yaw), y + MOUNT.forward_m * sin(yaw), MOUNT.height_m, yaw


def shown(*cars: tuple[int, float, float, float]) -> np.ndarray:
    """A picture of cars: tag, and the pose of the origin."""
    return camera().draw([mounted(*car) for car in cars])


def test_the_camera_is_found_where_it_hangs() -> None:
    found = calibration()
    assert found.error_px < 1.0
    place = -found.rotation.T @ found.translation
    assert place == pytest.approx((0.0, -1.1, 2.5), abs=0.01)


def test_cars_are_found_within_5_mm_and_two_degrees() -> None:
    watcher = Watcher(calibration(), {3: MOUNT})
    random = np.random.default_rng(7)
    errors_m, turns_rad = [], []
    for _ in range(40):
        x, y, yaw = random.uniform(-0.9, 0.9), random.uniform(-0.45, 0.6), random.uniform(-3.14, 3.14)
        ((mount, spot),) = watcher.look(shown((3, x, y, yaw)))
        assert mount.car == "anna"
        errors_m.append(np.hypot(spot.x_m - x, spot.y_m - y))
        turns_rad.append(abs(atan2(sin(spot.yaw_rad - yaw), cos(spot.yaw_rad - yaw))))
    print(f"position: median {np.median(errors_m) * 1e3:.2f} mm, largest {max(errors_m) * 1e3:.2f} mm")
    assert max(errors_m) < 0.005
    assert max(turns_rad) < 0.035


def test_without_its_height_a_tag_seems_further_away() -> None:
    flat = Watcher(calibration(), {3: Mount("anna", height_m=0.0, forward_m=MOUNT.forward_m)})
    ((_, spot),) = flat.look(shown((3, 0.5, 0.3, 0.0)))
    assert np.hypot(spot.x_m - 0.5, spot.y_m - 0.3) > 0.03


def test_two_cars_are_told_apart() -> None:
    watcher = Watcher(calibration(), {3: MOUNT, 4: Mount("bert", 0.14, 0.03)})
    seen = {mount.car: spot for mount, spot in watcher.look(shown((3, -0.4, 0.1, 0.1), (4, 0.4, 0.0, 0.0)))}
    assert seen["anna"].x_m == pytest.approx(-0.4, abs=0.005)
    assert seen["bert"].x_m == pytest.approx(0.4, abs=0.005)


@pytest.mark.parametrize("frames_per_s", [30, pytest.param(60, marks=pytest.mark.slow)])
def test_laps_at_3_mps_are_within_10_ms_of_the_truth(frames_per_s: int) -> None:
    speed_mps, start_m, laps = 3.0, -1.0, 3
    watcher, timer = Watcher(calibration(), {3: MOUNT}), LineTimer(CIRCUIT, nose_m=NOSE_M)
    jitter = np.random.default_rng(frames_per_s)
    crossed, looked = [], 0
    for frame in range(round((laps * CIRCUIT.length_m + 2.0) / speed_mps * frames_per_s)):
        time_s = frame / frames_per_s + 0.0123
        along_m = start_m + speed_mps * time_s
        if abs((along_m + 6.0) % CIRCUIT.length_m - 6.0) > 0.75:
            continue  # out of the picture
        looked += 1
        # Exposed for 2 ms: the car moves by 6 mm meanwhile.
        blurred = [pose_at(along_m + speed_mps * late_s) for late_s in (-0.001, 0.0, 0.001)]
        picture = np.mean([shown((3, *pose)) for pose in blurred], axis=0).astype(np.uint8)
        stamped_ns = round((time_s + jitter.normal(0, 0.001)) * 1e9)
        for _, spot in watcher.look(picture):
            if hit := timer.see(Seen(stamped_ns, spot.x_m, spot.y_m, spot.yaw_rad)):
                crossed.append(hit)
    truth_s = [(CIRCUIT.length_m * lap - start_m - NOSE_M) / speed_mps for lap in range(laps + 1)]
    found_s = [hit.ts_ns / 1e9 for hit in crossed]
    assert len(found_s) == laps + 1
    errors_s = np.abs(np.diff(found_s) - np.diff(truth_s))
    print(f"{frames_per_s} frames/s, {looked} pictures: laps off by {np.round(errors_s * 1e3, 2)} ms")
    assert errors_s.max() < 0.010
    assert all(hit.confidence == 1.0 for hit in crossed)
    assert all(hit.speed_mps == pytest.approx(speed_mps, abs=0.7) for hit in crossed)


def pose_at(along_m: float) -> tuple[float, float, float]:
    x, y = CIRCUIT.at(along_m)
    return float(x), float(y), float(CIRCUIT.heading_at(along_m))


def test_a_calibration_is_kept_and_read_again(tmp_path: Path) -> None:
    calibration().save(tmp_path / "camera.json")
    again = Calibration.read(tmp_path / "camera.json")
    pixels = np.array([(100.0, 200.0), (640.0, 360.0)])
    assert again.on_plane(pixels, 0.1) == pytest.approx(calibration().on_plane(pixels, 0.1))
    assert again.size == SIZE


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "league-camera 1"}', '{"kind": "other"}'])
def test_what_is_no_calibration_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "camera.json"
    path.write_text(content)
    with pytest.raises(InputError, match="calibration"):
        Calibration.read(path)


def test_tags_that_lie_elsewhere_are_named() -> None:
    picture = camera().draw((tag, x, y, 0.0, yaw) for tag, (x, y, yaw) in GROUND.items())
    wrong = GROUND | {13: (0.25, -0.75, 0.0)}
    with pytest.raises(InputError, match="look at tag 13 first"):
        calibrate_place(picture, wrong, TAG_M, camera().matrix, camera().distortion)


def test_a_lens_is_measured_with_a_board() -> None:
    flat = board().generateImage((960, 720), marginSize=30)
    matrix = np.array([[700.0, 0, 320], [0, 700.0, 240], [0, 0, 1]])
    px_per_m = 900 / (BOARD[0] * BOARD[2])
    to_m = np.array([[1 / px_per_m, 0, -480 / px_per_m], [0, 1 / px_per_m, -360 / px_per_m], [0, 0, 1]])
    pictures = []
    for turn in [
        (0, 0, 0),
        (0.5, 0, 0),
        (-0.5, 0, 0.2),
        (0, 0.5, 0),
        (0, -0.5, -0.2),
        (0.4, 0.4, 0),
        (-0.4, 0.4, 0),
    ]:
        rotation, _ = cv2.Rodrigues(np.array(turn, dtype=np.float64))
        home = matrix @ np.column_stack((rotation[:, :2], (0.0, 0.0, 0.42))) @ to_m
        pictures.append(cv2.warpPerspective(flat, home, (640, 480), borderValue=128, flags=cv2.INTER_AREA))
    size, found, _, error_px = calibrate_lens(pictures)
    assert size == (640, 480)
    assert found[0, 0] == pytest.approx(700, rel=0.02)
    assert found[:2, 2] == pytest.approx((320, 240), abs=8)
    assert error_px < 0.5
    with pytest.raises(InputError, match="the board is seen in 1 of 2 pictures"):
        calibrate_lens([pictures[0], np.zeros((480, 640), np.uint8)])


def survey_of(ground: dict[int, tuple[float, float, float]], tag_m: float, distortion: np.ndarray) -> str:
    """Why a calibration by a survey is refused."""
    picture = camera().draw((tag, x, y, 0.0, yaw) for tag, (x, y, yaw) in GROUND.items())
    with pytest.raises(InputError, match="px from where they are seen, expected at most 2; ") as refused:
        calibrate_place(picture, ground, tag_m, camera().matrix, distortion)
    return str(refused.value).partition("; ")[2]


def test_what_is_likely_wrong_with_a_survey_is_said() -> None:
    swapped = GROUND | {10: GROUND[13], 13: GROUND[10]}
    assert survey_of(swapped, TAG_M, camera().distortion) in ("look at tag 10 first", "look at tag 13 first")
    wide = survey_of(GROUND, 1.5 * TAG_M, camera().distortion)
    assert float(wide.split()[2]) == pytest.approx(TAG_M, rel=0.03)
    assert wide.endswith(f"tag_m says {1.5 * TAG_M:g}")
    assert "tell --lens" in survey_of(GROUND, TAG_M, np.zeros(5))


def test_too_few_tags_are_counted() -> None:
    picture = camera().draw([(10, -0.5, 0.2, 0.0, 0.0), (11, 0.5, 0.2, 0.0, 0.0)])
    with pytest.raises(InputError, match=r"shows 2 of 6 measured tags, expected 4 at least \(seen: 10, 11\)"):
        calibrate_place(picture, GROUND, TAG_M, camera().matrix, camera().distortion)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="found a picture of 64 x 48, expected the calibrated 1280 x 720"):
        Watcher(calibration(), {}).look(np.zeros((48, 64), np.uint8))


def test_a_lens_by_its_field_of_view() -> None:
    matrix = lens_of_view((1280, 720), 90.0)
    assert matrix[0, 0] == pytest.approx(640.0)
    with pytest.raises(InputError, match="found a field of view of 200 degrees"):
        lens_of_view((1280, 720), 200.0)
