"""Occupancy maps of ROS and F1TENTH (`.yaml` + image): the loop of free space as a circuit.

The map names an image, metres per pixel, the world position of the image's lower left corner, and which
grey means free. Of the connected free regions the loop is the largest one that encloses something and
does not reach the edge of the image. Its centre line is where the distance to what it encloses equals
the distance to what encloses it: the zero level of the difference of two distance transforms, traced
between pixels. That line always exists, is one closed curve and has no branches; niches and dead ends
in the walls only push it aside.

A map knows neither start nor direction. The start line is the place nearest to the map's (0, 0), which
is where F1TENTH cars start, and the loop is driven anticlockwise; ":reversed" drives it the other way.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from math import cos, isfinite, sin
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

from league import Circuit, CircuitError, hookimpl

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_YAML_BYTES = 100_000
MAX_PIXELS = 4096 * 4096


class _Map(NamedTuple):
    image: Path
    resolution_m: float
    origin: tuple[float, float, float]
    occupied: float
    free: float
    negate: bool


def read_map(path: Path) -> Circuit:
    """Read a map and trace the loop in it.

    Raises:
        CircuitError: Not a map, no image, or not exactly one loop of free space.
        OSError: The map or its image cannot be read.
    """
    # What traces images takes a second to import, and the league is opened more often than a map.
    from league_plugins._loop import trace

    described = _described(path)
    free = _free(described, path)
    centre_px, half_px = trace(free, source=str(path))
    x_y = _world(centre_px, described, rows=len(free))
    half_m = half_px * described.resolution_m
    first = int(np.hypot(*x_y.T).argmin())
    return Circuit.from_widths(
        path.stem,
        np.roll(x_y, -first, axis=0),
        np.roll(half_m, -first),
        np.roll(half_m, -first),
        source=str(path),
    )


@hookimpl
def register_track_readers() -> Mapping[str, Any]:
    """Offer the reader for map files, `.yaml` and `.yml`."""
    return {".yaml": read_map, ".yml": read_map}


# -- the description ---------------------------------------------------------------------------


def _described(path: Path) -> _Map:
    size = path.stat().st_size
    if size > MAX_YAML_BYTES:
        raise CircuitError(path, f"is {size} bytes, expected a map description of at most {MAX_YAML_BYTES}")
    try:
        content = yaml.safe_load(path.read_bytes())
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise CircuitError(
            path, f"is not YAML: {error.problem or 'it cannot be parsed'}", place=place
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError, KeyError, IndexError):
        raise CircuitError(path, "is not YAML text") from None
    if not isinstance(content, dict):
        raise CircuitError(path, "is not a map: expected image, resolution and origin")
    missing = [name for name in ("image", "resolution", "origin") if name not in content]
    if missing:
        raise CircuitError(path, f"has no {missing[0]}, expected image, resolution and origin")
    resolution_m = _number(content, "resolution", path)
    if not 1e-4 <= resolution_m <= 10:
        raise CircuitError(path, f"resolution is {resolution_m:g}, expected 0.0001 to 10 metres per pixel")
    occupied = _number(content, "occupied_thresh", path, default=0.65)
    free = _number(content, "free_thresh", path, default=0.196)
    if not 0 < free <= occupied <= 1:
        raise CircuitError(
            path,
            f"free_thresh is {free:g} and occupied_thresh {occupied:g}, expected 0 < free ≤ occupied ≤ 1",
        )
    negate = content.get("negate", 0)
    if negate not in (0, 1):
        raise CircuitError(path, "negate is neither 0 nor 1")
    return _Map(
        _image_path(content, path), resolution_m, _origin(content, path), occupied, free, bool(negate)
    )


def _number(content: dict[Any, Any], name: str, path: Path, *, default: float | None = None) -> float:
    value = content.get(name, default)
    try:
        number = float(value) if isinstance(value, int | float | str) else float("nan")
    except (ValueError, OverflowError):
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number):
        raise CircuitError(path, f"{name} is not a finite number")
    return number


def _origin(content: dict[Any, Any], path: Path) -> tuple[float, float, float]:
    origin = content["origin"]
    if not isinstance(origin, list) or len(origin) not in (2, 3):
        raise CircuitError(path, "origin is not a list of x, y and yaw")
    parts = [_number({"origin": part}, "origin", path) for part in origin]
    if any(abs(part) > 1e6 for part in parts):
        raise CircuitError(path, "origin is more than 1 000 000 away")
    x, y, yaw = (*parts, 0.0)[:3]
    return x, y, yaw


def _image_path(content: dict[Any, Any], path: Path) -> Path:
    image = content["image"]
    if not isinstance(image, str) or not image or "\0" in image or len(image) > 1000:
        raise CircuitError(path, "image is not a file name")
    file = path.parent / image
    if not file.is_file():
        raise CircuitError(path, f"its image {image!r} is no file")
    return file


# -- the image ---------------------------------------------------------------------------------


def _free(described: _Map, path: Path) -> Mask:
    """Which pixels are free, by the map server's rule; row 0 is the top of the image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(described.image) as picture:
                wide, high = picture.size
                if wide * high > MAX_PIXELS:
                    raise CircuitError(
                        path, f"its image is {wide} × {high} pixels, expected at most {MAX_PIXELS} in all"
                    )
                grey = np.asarray(picture.convert("L"), dtype=np.float64)
    except CircuitError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise whatever they like for a damaged image
        raise CircuitError(
            path, f"its image {described.image.name} cannot be decoded ({type(error).__name__})"
        ) from None
    occupied = grey / 255 if described.negate else (255 - grey) / 255
    return np.asarray(occupied < described.free, dtype=np.bool_)


def _world(row_column: FloatArray, described: _Map, *, rows: int) -> FloatArray:
    """Metres in the map's frame: its origin is the lower left corner of the lower left pixel."""
    across = (row_column[:, 1] + 0.5) * described.resolution_m
    up = (rows - row_column[:, 0] - 0.5) * described.resolution_m
    x, y, yaw = described.origin
    return np.stack((x + cos(yaw) * across - sin(yaw) * up, y + sin(yaw) * across + cos(yaw) * up), axis=-1)
