"""The rules in force, as data: copied into every heat and every recording.

Pure: a value with checks. What the rules mean is in `league.racing.referee`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from league.errors import ConfigError
from league.racing.distance import MOST_LAPS
from league.racing.places import read_place
from league.sim.grip import MOST_SPINS
from league.sim.options import read_asked

Ranking = Literal["total", "best_lap", "best_average"]
Clock = Literal["lockstep", "realtime"]

PHYSICS_HZ = 120
"""Physics never steps slower than this."""


class Rules(BaseModel):
    """The rules of a heat; the defaults are those that DeepRacer racers know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    laps: Annotated[int, Field(ge=1, le=MOST_LAPS)] = 3
    rank: Ranking = "total"
    average_laps: Annotated[int, Field(ge=1, le=MOST_LAPS)] = 3
    """How many consecutive valid laps "best_average" looks at."""
    off_track_penalty_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    collision_penalty_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    immobilised_penalty_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    reversed_penalty_s: Annotated[float, Field(ge=0, le=60)] | None = None
    """None: the same as for leaving the track."""
    max_resets: Annotated[int, Field(ge=0)] | None = None
    """Resets before a car is out; None is unlimited."""
    max_resets_per_lap: Annotated[int, Field(ge=0)] | None = None
    """A lap with more resets is not valid; None is unlimited."""
    immobilised_s: Annotated[float, Field(gt=0)] = 1.0
    """Standing (moving 0.3 mm or less a tick) for this long is immobilised."""
    reversed_s: Annotated[float, Field(gt=0)] = 1.0
    """Falling progress for this long is reversed."""
    time_limit_s: Annotated[float, Field(gt=0, le=86400)] = 180.0
    lap_may_finish: bool = False
    """Whether a lap under way when time is up may be finished."""
    min_lap_s: Annotated[float, Field(ge=0)] = 0.0
    lap_clock: Literal["light", "line"] = "light"
    """What begins the first lap of a physical car: the green light, or its first crossing of the line."""
    runs: Annotated[int, Field(ge=1, le=5)] = 1
    """Runs of every entry, in formats that have more than one."""
    sectors: Annotated[int, Field(ge=1, le=10)] = 3
    grid_gap_m: Annotated[float, Field(ge=0.4, le=5)] = 0.75
    control_hz: Annotated[int, Field(ge=1, le=60)] = 15
    clock: Clock = "lockstep"
    sensors: tuple[str, ...] = ("state", "pose")
    """What drivers may ask to see, by name or with options: "lidar", "lidar?noise=0.01&latency=1"."""

    spins: Annotated[float, Field(ge=0, le=MOST_SPINS)] = 0.0
    """How many times as often as recorded cars these lose grip, by chance; 0 is never."""

    boxes: Annotated[int, Field(ge=0, le=7)] = 0
    """Boxes on the lane lines at random places."""
    box_places: Annotated[tuple[str, ...], Field(max_length=7)] = ()
    """Boxes at given places besides: "4.2,left" in metres from the start line, "25%,inner" of the lap."""
    bots: Annotated[int, Field(ge=0, le=6)] = 0
    """Cars without a driver on the lane lines; they are not ranked."""
    bot_speed_mps: Annotated[float, Field(ge=0.1, le=7)] = 1.0
    bot_lane_changes: bool = False
    """Whether bots change lanes every 3 to 5 s."""
    objects_seed: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    """What random places and lane changes are drawn from; None: the event's seed, so that all its heats
    have the same."""

    @field_validator("box_places")
    @classmethod
    def _real_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                read_place(text)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("sensors", "box_places", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("sensors")
    @classmethod
    def _some_sensor(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            names = [read_asked(text).name for text in value]
        except ConfigError as error:
            raise ValueError(str(error)) from None
        if len(set(names)) != len(names):
            raise ValueError("names a sensor twice")
        return value

    @property
    def has_objects(self) -> bool:
        """Whether anything stands or drives in the way besides the entries."""
        return bool(self.boxes or self.box_places or self.bots)

    @property
    def tick_s(self) -> float:
        """Time between two commands."""
        return 1.0 / self.control_hz

    @property
    def substeps(self) -> int:
        """Physics steps in a tick."""
        return -(-PHYSICS_HZ // self.control_hz)

    @classmethod
    def parse(cls, given: object, *, where: str = "rules") -> Rules:
        """Rules from a plain mapping.

        Raises:
            ConfigError: With the first problem, in one line.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"{where}: {first_problem(error, cls.model_fields)}") from None


def first_problem(error: ValidationError, known: Iterable[str] = ()) -> str:
    """The first problem of a failed validation as one line: where, what was expected, what was found.

    Args:
        error: The failure.
        known: Names that may be there, to be told to whoever wrote another.
    """
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        names = sorted(known) if len(first["loc"]) == 1 else []
        if near := get_close_matches(place, names, n=1):
            return f"{place}: there is no such name; did you mean {near[0]!r}?"
        return f"{place}: there is no such name" + (f", expected one of {', '.join(names)}" if names else "")
    if first["type"] == "value_error":  # a check of ours, which says itself what it found
        return ": ".join(part for part in (place, str(first["ctx"]["error"])) if part)
    found = repr(first["input"])
    if len(found) > 80:
        found = found[:77] + "..."
    text = first["msg"][0].lower() + first["msg"][1:]
    return f"{place}: {text}, found {found}" if place else f"{text}, found {found}"
