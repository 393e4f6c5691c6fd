"""A camera above the track: where tags are on the ground, to the millimetre.

Calibrated once: the lens from pictures of a ChArUco board, the camera's place from AprilTags that lie at
measured places. A tag on a car is seen above the ground; its corners' rays are cut with the plane at its
height, not with the ground, or it would seem to be further away than it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atan2, cos, pi, sin
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError, InputError
from league.timing.survey import LEAST_TAGS

try:
    import cv2
except ImportError as error:  # pragma: no cover - the extra is there wherever tests run
    raise ConfigError("a camera above the track needs OpenCV: pip install 'racing-league[cars]'") from error

FloatArray = NDArray[np.float64]
Picture = NDArray[np.uint8]

FAMILY: Final = cv2.aruco.DICT_APRILTAG_36h11
"""The family of tags: 587 of them, the most robust of those that OpenCV knows."""
BOARD: Final = (8, 6, 0.04, 0.03)
"""The ChArUco board of `league timing tags --board`: squares across and down, sides of square and of marker
in m."""
LEAST_VIEWS: Final = 6
NO_DISTORTION: Final = np.zeros(5)
MOST_ERROR_PX: Final = 2.0
"""A calibration that is further off than this is refused."""
BENT_PX: Final = 15.0
"""A lens that is taken for straight does not put tags further off than this; a wrong survey may."""


class Spot(NamedTuple):
    """A tag as it lies in the plane of its height, in the circuit's coordinates."""

    tag: int
    x_m: float
    y_m: float
    yaw_rad: float
    """Where the upper edge of the tag points."""


@dataclass(frozen=True, slots=True)
class Mount:
    """How a tag sits on a car."""

    car: str
    """The entry's id or name."""
    height_m: float = 0.12
    forward_m: float = 0.0
    """The tag's middle before the car's origin, which is half-way between the axles."""
    turn_rad: float = 0.0
    """Where the tag's upper edge points, from straight ahead, positive to the left."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is known of a camera.

    `matrix` is the 3 × 3 camera matrix, `distortion` OpenCV's coefficients; `rotation` (3 × 3) and
    `translation` (3,) take points of the circuit, in m, z upwards, to the camera.
    """

    size: tuple[int, int]
    """Width and height of its pictures."""
    matrix: FloatArray
    distortion: FloatArray
    rotation: FloatArray
    translation: FloatArray
    error_px: float = 0.0
    """How far the measured tags are from where they should be in the picture, root mean square."""

    def on_plane(self, pixels: FloatArray, height_m: float) -> FloatArray:
        """Where the rays of pixels, shape (N, 2), meet the plane at a height: x and y, shape (N, 2)."""
        straight = cv2.undistortPoints(pixels.reshape(-1, 1, 2), self.matrix, self.distortion)
        # A point (x, y, h) is seen along R (x, y, h) + t: for one height that is a homography.
        plane = np.column_stack(
            (self.rotation[:, 0], self.rotation[:, 1], height_m * self.rotation[:, 2] + self.translation)
        )
        rays = np.column_stack((straight.reshape(-1, 2), np.ones(len(pixels))))
        found = np.linalg.solve(plane, rays.T).T
        return np.asarray(found[:, :2] / found[:, 2:], dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        kept = {
            "kind": "league-camera 1",
            "size": list(self.size),
            "matrix": self.matrix.tolist(),
            "distortion": self.distortion.ravel().tolist(),
            "rotation": self.rotation.tolist(),
            "translation": self.translation.tolist(),
            "error_px": round(self.error_px, 4),
        }
        try:
            path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            InputError: It is no calibration.
        """
        try:
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if kept.get("kind") != "league-camera 1":
                raise InputError(
                    f"{path}: found no camera's calibration, expected one of `league timing calibrate`"
                )
            arrays = {
                name: np.array(kept[name], dtype=np.float64)
                for name in ("matrix", "distortion", "rotation", "translation")
            }
            width, height = kept["size"]
            return cls((int(width), int(height)), error_px=float(kept["error_px"]), **arrays)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: is no camera's calibration: {error}") from None


class TagFinder:
    """Finds AprilTags in pictures."""

    def __init__(self) -> None:
        options = cv2.aruco.DetectorParameters()
        options.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        options.cornerRefinementWinSize = 4
        self._detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(FAMILY), options)

    def corners(self, picture: Picture) -> dict[int, FloatArray]:
        """Each tag's corners in pixels, shape (4, 2), clockwise from its upper left; one tag once."""
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        found, numbers, _ = self._detector.detectMarkers(grey)
        if numbers is None or len(found) == 0:
            return {}
        seen: dict[int, FloatArray] = {}
        for number, corners in zip(np.ravel(numbers).tolist(), found, strict=True):
            seen[int(number)] = np.asarray(corners, dtype=np.float64).reshape(4, 2)
        return seen


class Watcher:
    """Says where cars are in the pictures of a calibrated camera.

    Args:
        calibration: Of this camera, at this place.
        mounts: Which tag sits on which car, and how.
    """

    def __init__(self, calibration: Calibration, mounts: Mapping[int, Mount]) -> None:
        self._calibration, self._mounts = calibration, dict(mounts)
        self._finder = TagFinder()

    def look(self, picture: Picture) -> list[tuple[Mount, Spot]]:
        """Every car whose tag is seen, with the place of the car's origin.

        Raises:
            InputError: The picture is not of the camera's size.
        """
        width, height = self._calibration.size
        if picture.shape[:2] != (height, width):
            found = f"{picture.shape[1]} x {picture.shape[0]}"
            raise InputError(f"found a picture of {found}, expected the calibrated {width} x {height}")
        seen = []
        for tag, corners in sorted(self._finder.corners(picture).items()):
            mount = self._mounts.get(tag)
            if mount is not None:
                seen.append((mount, car_of(locate(self._calibration, tag, corners, mount.height_m), mount)))
        return seen


def locate(calibration: Calibration, tag: int, corners: FloatArray, height_m: float) -> Spot:
    """Where a tag is, from its corners in pixels."""
    flat = calibration.on_plane(corners, height_m)
    middle = flat.mean(axis=0)
    # All four edges say where the tag's upper edge points.
    up = (flat[0] - flat[3]) + (flat[1] - flat[2])
    side = (flat[1] - flat[0]) + (flat[2] - flat[3])
    ahead = up + np.array((-side[1], side[0]))
    return Spot(tag, float(middle[0]), float(middle[1]), atan2(float(ahead[1]), float(ahead[0])))


def car_of(spot: Spot, mount: Mount) -> Spot:
    """Where a car's origin is, from where its tag is."""
    yaw_rad = (spot.yaw_rad - mount.turn_rad + pi) % (2 * pi) - pi
    x_m = spot.x_m - mount.forward_m * cos(yaw_rad)
    y_m = spot.y_m - mount.forward_m * sin(yaw_rad)
    return Spot(spot.tag, x_m, y_m, yaw_rad)


# -- calibration ---------------------------------------------------------------------------------------


def board() -> Any:
    """The ChArUco board that lenses are calibrated with."""
    across, down, square_m, marker_m = BOARD
    markers = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    return cv2.aruco.CharucoBoard((across, down), square_m, marker_m, markers)


def tag_picture(number: int, *, side_px: int = 800) -> bytes:
    """A tag to print, as PNG; its black square with the white edge that it needs."""
    black = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(FAMILY), number, side_px)
    edge = side_px // 8
    return _png(cv2.copyMakeBorder(black, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=255))


def board_picture(*, px_per_m: int = 5000) -> bytes:
    """The board to print, as PNG."""
    across, down, square_m, _ = BOARD
    size = (round(across * square_m * px_per_m), round(down * square_m * px_per_m))
    return _png(board().generateImage(size, marginSize=0))


def read_picture(path: Path) -> Picture:
    """A picture file, grey.

    Raises:
        InputError: It is none.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise InputError(f"{path}: is no picture that can be read")
    return np.asarray(picture, dtype=np.uint8)


def _png(picture: Any) -> bytes:
    good, data = cv2.imencode(".png", picture)
    assert good
    return bytes(data)


def calibrate_lens(pictures: Sequence[Picture]) -> tuple[tuple[int, int], FloatArray, FloatArray, float]:
    """A lens from pictures of the board: size, camera matrix, distortion, error in pixels.

    Raises:
        InputError: Too few pictures show the board.
    """
    shown = board()
    detector = cv2.aruco.CharucoDetector(shown)
    objects, images = [], []
    for picture in pictures:
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        corners, numbers, *_ = detector.detectBoard(grey)
        if numbers is not None and len(numbers) >= 8:
            on_board, in_picture = shown.matchImagePoints(corners, numbers)
            objects.append(on_board)
            images.append(in_picture)
    if len(objects) < LEAST_VIEWS:
        raise InputError(
            f"the board is seen in {len(objects)} of {len(pictures)} pictures, expected {LEAST_VIEWS} at "
            "least, each from another side"
        )
    height, width = pictures[0].shape[:2]
    error, matrix, distortion, *_ = cv2.calibrateCamera(objects, images, (width, height), None, None)
    return (width, height), np.asarray(matrix), np.asarray(distortion), float(error)


def lens_of_view(size: tuple[int, int], across_deg: float) -> FloatArray:
    """The camera matrix of a lens without distortion that sees so much from left to right.

    Raises:
        InputError: No lens sees that much.
    """
    if not 5 <= across_deg <= 150:
        raise InputError(f"found a field of view of {across_deg:g} degrees, expected 5 to 150")
    width, height = size
    focal_px = width / 2 / np.tan(np.radians(across_deg) / 2)
    return np.array([[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1]])


def calibrate_place(
    picture: Picture,
    ground: Mapping[int, tuple[float, float, float]],
    tag_m: float,
    matrix: FloatArray,
    distortion: FloatArray,
) -> Calibration:
    """Where a camera hangs, from a picture of tags on the ground.

    Args:
        picture: Shows at least four of them.
        ground: Tags by number: x and y of the middle in m, and where the upper edge points, in rad.
        tag_m: Side of their black squares.
        matrix: Of the lens.
        distortion: Of the lens.

    Raises:
        InputError: Too few tags are seen, or they are not where they are said to be.
    """
    seen = TagFinder().corners(picture)
    known = sorted(set(seen) & set(ground))
    if len(known) < LEAST_TAGS:
        raise InputError(
            f"the picture shows {len(known)} of {len(ground)} measured tags, expected {LEAST_TAGS} at least "
            f"(seen: {', '.join(map(str, sorted(seen))) or 'none'})"
        )
    images = np.concatenate([seen[tag] for tag in known])
    places = [ground[tag] for tag in known]
    turn, translation, off_px = _placed(places, tag_m, images, matrix, distortion)
    error_px = _mean_px(off_px)
    if error_px > MOST_ERROR_PX:
        raise InputError(
            f"the measured tags are {error_px:.1f} px from where they are seen, expected at most "
            f"{MOST_ERROR_PX:g}; {_likely(known, places, tag_m, images, matrix, distortion, off_px)}"
        )
    height, width = picture.shape[:2]
    rotation, _ = cv2.Rodrigues(turn)
    return Calibration(
        (width, height), np.asarray(matrix), np.asarray(distortion), np.asarray(rotation),
        np.asarray(translation, dtype=np.float64).ravel(), error_px,
    )  # fmt: skip


def _placed(
    places: Sequence[tuple[float, float, float]], tag_m: float, images: FloatArray, matrix: FloatArray,
    distortion: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Turn and place of the ground in front of a camera, and how far each tag is off, in pixels."""
    objects = np.concatenate([_corners_on_ground(place, tag_m) for place in places])
    good, turn, translation = cv2.solvePnP(objects, images, matrix, distortion, flags=cv2.SOLVEPNP_IPPE)
    if not good:
        return np.zeros(3), np.zeros(3), np.full(len(places), np.inf)
    turn, translation = cv2.solvePnPRefineLM(objects, images, matrix, distortion, turn, translation)
    again, _ = cv2.projectPoints(objects, turn, translation, matrix, distortion)
    off_px = np.linalg.norm(again.reshape(-1, 2) - images, axis=1).reshape(-1, 4).max(axis=1)
    return np.asarray(turn), np.asarray(translation), off_px


def _mean_px(off_px: FloatArray) -> float:
    return float(np.sqrt((off_px**2).mean()))


def _likely(
    known: Sequence[int], places: Sequence[tuple[float, float, float]], tag_m: float, images: FloatArray,
    matrix: FloatArray, distortion: FloatArray, off_px: FloatArray,
) -> str:  # fmt: skip
    """What most likely is wrong with a survey or a lens."""
    sizes_m = tag_m * np.geomspace(0.4, 2.5, 74)  # steps of 2.5 %
    errors_px = [_mean_px(_placed(places, size_m, images, matrix, distortion)[2]) for size_m in sizes_m]
    best = int(np.argmin(errors_px))
    if errors_px[best] <= max(MOST_ERROR_PX, _mean_px(off_px) / 3):
        return f"they look {sizes_m[best]:.3f} m wide, tag_m says {tag_m:g}"
    first = f"look at tag {known[int(off_px.argmax())]} first"
    bent = not distortion.any() and _mean_px(off_px) < BENT_PX
    return f"{first}, or tell --lens how this lens bends straight lines" if bent else first


def _corners_on_ground(place: tuple[float, float, float], tag_m: float) -> FloatArray:
    """A tag's corners in the circuit's coordinates, clockwise from its upper left as OpenCV has them."""
    x_m, y_m, yaw_rad = place
    half = tag_m / 2
    up = np.array((cos(yaw_rad), sin(yaw_rad), 0.0))
    right = np.array((sin(yaw_rad), -cos(yaw_rad), 0.0))
    middle = np.array((x_m, y_m, 0.0))
    return np.array(
        [
            middle + half * (up - right),
            middle + half * (up + right),
            middle + half * (right - up),
            middle - half * (up + right),
        ]
    )
