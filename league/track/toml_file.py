"""Our own circuit files: TOML that people can write, compare and review.

A file holds either segments or points; the circuit's id is the file's name without its ending.

    name = "A to Z Speedway"      # optional, like the next three
    about = "Two long straights and a slow left."
    author = "…"
    licence = "Apache-2.0"
    width_m = 1.067               # of the whole road, the centre line in its middle
    start_m = 1.0                 # start line: distance from the beginning of the first segment, default 0
    segment = [
        { straight_m = 3.674 },
        { left_deg = 180.99, radius_m = 0.879 },
        { right_deg = 51.91, radius_m = 1.077, width_m = 0.9 },
        { straight_m = 1.398, width_left_m = 0.6, width_right_m = 0.4 },
    ]

Each segment is a straight (`straight_m`) or an arc (`left_deg` or `right_deg`, and the centre line's
`radius_m`). A segment's own width holds for that segment; the road widens smoothly between segments.
TOML's `[[segment]]` tables mean the same as the list. How the loop is closed and sampled is written in
`league.track.segments`.

    points = [
        [0.0, 0.0, 0.5, 0.5],     # x, y, width to the left, width to the right, all in metres
        [0.2, 0.0, 0.5, 0.5],
    ]

Points run in the direction of travel from the start line; the last joins the first. A row of two, x and
y, takes its width from `width_m`.
"""

from __future__ import annotations

import tomllib
from math import radians
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from league.errors import CircuitError
from league.track.circuit import Circuit
from league.track.segments import MAX_ROWS, Segment, arc, lay, straight

MAX_BYTES = 8_000_000

_Length = Annotated[float, Field(ge=0.001, le=1000.0)]
_Width = Annotated[float, Field(ge=0.01, le=100.0)]
_Turn = Annotated[float, Field(ge=0.1, le=360.0)]
_Number = Annotated[float, Field(ge=-1e6, le=1e6)]
_Text = Annotated[str, Field(max_length=2000)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Segment(_Table):
    straight_m: _Length | None = None
    left_deg: _Turn | None = None
    right_deg: _Turn | None = None
    radius_m: Annotated[float, Field(ge=0.05, le=1000.0)] | None = None
    width_m: _Width | None = None
    width_left_m: _Width | None = None
    width_right_m: _Width | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> _Segment:
        kinds = [name for name in ("straight_m", "left_deg", "right_deg") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"found {' and '.join(kinds) or 'neither straight nor arc'}, "
                "expected one of straight_m, left_deg, right_deg"
            )
        if kinds == ["straight_m"] and self.radius_m is not None:
            raise ValueError("a straight has no radius_m")
        if kinds != ["straight_m"] and self.radius_m is None:
            raise ValueError("an arc needs radius_m")
        sides = (self.width_left_m is not None, self.width_right_m is not None)
        if any(sides) and (self.width_m is not None or not all(sides)):
            raise ValueError("expected width_m, or both width_left_m and width_right_m")
        return self


class _File(_Table):
    name: _Text = ""
    about: _Text = ""
    author: _Text = ""
    licence: _Text = ""
    width_m: _Width | None = None
    start_m: Annotated[float, Field(ge=0.0, le=1e6)] | None = None
    segment: Annotated[list[_Segment], Field(min_length=1, max_length=MAX_ROWS)] | None = None
    points: (
        Annotated[
            list[Annotated[list[_Number], Field(min_length=2, max_length=4)]],
            Field(min_length=3, max_length=MAX_ROWS),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _one_form(self) -> _File:
        if (self.segment is None) == (self.points is None):
            found = "both" if self.points is not None else "neither"
            raise ValueError(f"found {found} of segment and points, expected one of them")
        if self.points is not None and self.start_m is not None:
            raise ValueError("start_m goes with segments; points begin at the start line")
        return self


def read_toml_circuit(path: Path) -> Circuit:
    """Read a circuit in the league's own format.

    Raises:
        CircuitError: Not TOML (names the line), a wrong or missing entry (names it), or a loop that does
            not close.
        OSError: The file cannot be read.
    """
    written = _validated(_parsed(path), path)
    facts = {key: value for key in ("author", "licence") if (value := getattr(written, key))}
    if written.points is not None:
        return _from_points(written, path, facts)
    assert written.segment is not None
    road = lay(
        [_laid(segment, written, index, path) for index, segment in enumerate(written.segment)],
        start_m=written.start_m or 0.0,
        source=str(path),
    )
    return Circuit(
        path.stem,
        road.centre,
        road.left,
        road.right,
        name=written.name,
        about=written.about,
        source=str(path),
        facts=facts,
    )


def _parsed(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CircuitError(path, f"is {size} bytes, expected at most {MAX_BYTES}")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CircuitError(path, f"is not UTF-8 text (byte {error.start}), expected TOML") from None
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).rpartition(" (at ")
        raise CircuitError(
            path, f"is not TOML: {problem or error}", place=place.rstrip(")") if problem else ""
        ) from None
    except (ValueError, RecursionError) as error:
        raise CircuitError(path, f"is not TOML that can be read: {_short(error)}") from None


def _validated(content: dict[str, Any], path: Path) -> _File:
    try:
        return _File.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            problem = "this entry is unknown here"
        elif first["type"] not in ("value_error", "missing", "too_long", "too_short"):
            problem += f", found {_short(first['input'])}"
        raise CircuitError(path, problem, place=_place(first["loc"])) from None


def _place(where: tuple[int | str, ...]) -> str:
    """Say where in the file: ("segment", 1, "radius_m") is "segment 2, radius_m"."""
    words: list[str] = []
    for part in where:
        if isinstance(part, int):
            kind = "row" if words == ["points"] else words.pop() if words == ["segment"] else "entry"
            words.append(f"{kind} {part + 1}")
        else:
            words.append(_short(part, quoted=False))
    return ", ".join(words)


def _short(what: object, *, quoted: bool = True) -> str:
    text = repr(what) if quoted and not isinstance(what, Exception) else str(what)
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:200]).split())
    return text if len(text) <= 60 else text[:57] + "…"


def _laid(segment: _Segment, written: _File, index: int, path: Path) -> Segment:
    width_m = segment.width_m if segment.width_m is not None else written.width_m
    if segment.width_left_m is not None and segment.width_right_m is not None:
        left_m, right_m = segment.width_left_m, segment.width_right_m
    elif width_m is not None:
        left_m = right_m = width_m / 2
    else:
        raise CircuitError(
            path, "no width: expected width_m here or for the whole file", place=f"segment {index + 1}"
        )
    if segment.straight_m is not None:
        return straight(segment.straight_m, left_m=left_m, right_m=right_m)
    assert segment.radius_m is not None
    turn_deg = segment.left_deg if segment.left_deg is not None else -(segment.right_deg or 0.0)
    return arc(segment.radius_m, radians(turn_deg), left_m=left_m, right_m=right_m)


def _from_points(written: _File, path: Path, facts: dict[str, Any]) -> Circuit:
    assert written.points is not None
    half_m = written.width_m / 2 if written.width_m is not None else None
    rows = np.empty((len(written.points), 4))
    for index, row in enumerate(written.points):
        place = f"points, row {index + 1}"
        if len(row) == 2 and half_m is not None:
            rows[index] = (*row, half_m, half_m)
        elif len(row) == 4:
            rows[index] = row
        else:
            wanted = "4 (x, y, width left, width right)" + ("" if half_m is None else " or 2 (x, y)")
            raise CircuitError(path, f"found {len(row)} numbers, expected {wanted}", place=place)
        if rows[index, 2:].min() <= 0:
            raise CircuitError(
                path, f"a width is {rows[index, 2:].min():g} m, expected more than 0", place=place
            )
    return Circuit.from_widths(
        path.stem,
        rows[:, :2],
        rows[:, 2],
        rows[:, 3],
        name=written.name,
        about=written.about,
        source=str(path),
        facts=facts,
    )
