"""The limit of a circuit: the fastest lap that a car could drive there, kept in a file beside the circuit.

Pure reading: numpy only. Limits are computed by `league.learn.limit`. One small JSON file holds every
limit of a circuit: by direction (each has a fingerprint of its own), car and behaviour version. A limit
holds for exactly the geometry, the car's figures and the version that it was computed for; a changed
circuit or car has none until it is computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from league.errors import CircuitError
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

FORMAT = "league-limit-1"
FOLDER = "limits"
"""A folder of this name beside the circuit keeps its limits; without one they lie beside it."""
COLUMNS = ("x_m", "y_m", "yaw_rad", "speed_mps", "steer_rad", "accelerate_mps2")
_DIGITS = (3, 3, 4, 3, 4, 2)


class Driven(Protocol):
    """What is asked of a car; every `CarSpec` has it."""

    @property
    def id(self) -> str:
        """The car's id."""

    def as_dict(self) -> dict[str, Any]:
        """Every figure by name."""


@dataclass(frozen=True, eq=False)
class Limit:
    """The fastest flying lap of a car on a circuit."""

    circuit: str
    """Id of the circuit, ":reversed" for the other way."""
    sha256: str
    """Fingerprint of the circuit's geometry."""
    car: str
    car_sha256: str
    """Fingerprint of the car's figures, see `car_print`."""
    behavior: int
    lap_s: float
    line: FloatArray = field(repr=False)
    """The car along the lap, from the start line on, shape (N, 6), columns as in `COLUMNS`: the chassis
    origin, its direction, speed, the steering commanded and the acceleration."""

    def fits(self, circuit: Circuit, car: Driven, *, behavior: int) -> bool:
        """Whether this is the limit of a car on a circuit, both as they are now."""
        return (
            self.behavior == behavior
            and self.car == car.id
            and self.sha256 == circuit.sha256
            and self.car_sha256 == car_print(car)
        )

    def as_dict(self) -> dict[str, Any]:
        """Every figure, for the file."""
        return {
            "circuit": self.circuit,
            "sha256": self.sha256,
            "car": self.car,
            "car_sha256": self.car_sha256,
            "behavior": self.behavior,
            "lap_s": round(self.lap_s, 4),
            "columns": list(COLUMNS),
            "line": [
                [round(value, digits) for value, digits in zip(row, _DIGITS, strict=True)]
                for row in self.line.tolist()
            ],
        }


def car_print(car: Driven) -> str:
    """Fingerprint of everything about a car that moves it; its names and source do not count."""
    figures = {key: value for key, value in car.as_dict().items() if not isinstance(value, str)}
    return sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()


def limit_of(circuit: Circuit, car: Driven, *, behavior: int) -> Limit | None:
    """The limit of a car on a circuit, if one is known for both as they are now.

    Raises:
        CircuitError: The file beside the circuit is damaged.
    """
    path = limit_file(circuit)
    if path is None or not path.is_file():
        return None
    known = (limit for limit in read_limits(path) if limit.fits(circuit, car, behavior=behavior))
    return next(known, None)


def limit_s(circuit: Circuit, car: Driven, *, behavior: int) -> float | None:
    """The time of the fastest possible lap, or None where it is not known."""
    limit = limit_of(circuit, car, behavior=behavior)
    return None if limit is None else limit.lap_s


def share_of_limit(circuit: Circuit, car: Driven, lap_s: float | None, *, behavior: int) -> float | None:
    """How much of what is possible a lap reached: 1.0 at the limit, 0.5 in twice its time.

    None where there is no lap, or no limit is known.
    """
    if lap_s is None or not lap_s > 0:
        return None
    fastest_s = limit_s(circuit, car, behavior=behavior)
    return None if fastest_s is None else fastest_s / lap_s


def limit_file(circuit: Circuit) -> Path | None:
    """Where the limits of a circuit are kept, whether any are or not; None if it came from no file.

    That is `NAME.limit.json` in a folder `limits` beside the circuit's file; without one, beside it.
    """
    if not circuit.source:
        return None
    source = Path(circuit.source)
    folder = source.parent / FOLDER
    return (folder if folder.is_dir() else source.parent) / f"{source.stem}.limit.json"


def read_limits(path: Path) -> tuple[Limit, ...]:
    """Every limit in a file.

    Raises:
        CircuitError: The file cannot be read or is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CircuitError(path, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise CircuitError(path, f"is not JSON: {error}") from error
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if found != FORMAT:
        raise CircuitError(path, f"has the format {found!r}, expected {FORMAT!r}")
    limits = content.get("limits")
    if not isinstance(limits, list):
        raise CircuitError(path, "has no list of limits")
    return tuple(_limit(path, number, entry) for number, entry in enumerate(limits))


def with_limit(limits: Iterable[Limit], new: Limit) -> tuple[Limit, ...]:
    """The limits with a new one in place of those for the same direction and car."""
    others = [limit for limit in limits if (limit.circuit, limit.car) != (new.circuit, new.car)]
    return tuple(sorted([*others, new], key=lambda limit: (limit.circuit, limit.car)))


def limits_text(limits: Iterable[Limit]) -> str:
    """The text of a file of limits: JSON, a row of the line on each line."""
    parts = []
    for limit in limits:
        entry = limit.as_dict()
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in entry.pop("line"))
        head = json.dumps(entry, indent=1).removesuffix("\n}")
        parts.append(f'{head},\n "line": [\n{rows}\n]}}')
    return f'{{"format": "{FORMAT}", "limits": [\n' + ",\n".join(parts) + "\n]}\n"


def _limit(path: Path, number: int, entry: Any) -> Limit:
    place = f"limit {number}"
    if not isinstance(entry, Mapping) or entry.get("columns") != list(COLUMNS):
        raise CircuitError(path, f"expected the columns {', '.join(COLUMNS)}", place=place)
    try:
        line = np.array(entry["line"], dtype=np.float64)
        limit = Limit(
            circuit=str(entry["circuit"]),
            sha256=str(entry["sha256"]),
            car=str(entry["car"]),
            car_sha256=str(entry["car_sha256"]),
            behavior=int(entry["behavior"]),
            lap_s=float(entry["lap_s"]),
            line=line,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CircuitError(path, f"is incomplete: {error!r}", place=place) from error
    sound = line.ndim == 2 and line.shape[0] >= 3 and line.shape[1] == len(COLUMNS)
    if not (sound and np.isfinite(line).all() and isfinite(limit.lap_s) and limit.lap_s > 0):
        raise CircuitError(path, f"a line of shape {line.shape} and a lap of {limit.lap_s} s", place=place)
    line.setflags(write=False)
    return limit
