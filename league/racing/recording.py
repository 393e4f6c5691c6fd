"""Recordings: everything that replays a heat and proves its result, as one file.

Pure: bytes in, bytes out. The file is msgpack, compressed with zlib, behind a magic line. The same heat
gives the same bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgpack
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from league.errors import LeagueError, RecordingError
from league.racing import BEHAVIOR
from league.racing.fact import Fact
from league.racing.plan import HeatPlan
from league.racing.result import HeatResult, Status
from league.racing.rules import first_problem
from league.sim.car import CarSpec
from league.sim.objects import Bot, Box
from league.track.circuit import Circuit

MAGIC = b"league-heat 1\n"
LARGEST_BYTES = 256 * 1024 * 1024
"""A recording that unpacks to more is refused: an hour of eight cars at 60 Hz takes half of it."""


class Retirement(NamedTuple):
    """A car taken out of the race from outside, before the given tick was driven."""

    tick: int
    seat: int
    status: Status
    reason: str


@dataclass(frozen=True, eq=False)
class Recording:
    """A heat that was driven.

    `answers` is float64 of shape (ticks, cars, 2), what drivers said (NaN where nothing came in time);
    `frames` is float64 of shape (ticks + 1, cars, 7), columns as in `league.racing.heat.FRAME_FIELDS`;
    `bot_frames` is float64 of shape (ticks + 1, bots, 4), x, y, yaw and speed of every bot's middle.
    """

    plan: HeatPlan
    circuit: Circuit
    car: CarSpec
    boxes: tuple[Box, ...]
    bots: tuple[Bot, ...]
    answers: NDArray[np.float64]
    away: tuple[tuple[int, int], ...]
    retirements: tuple[Retirement, ...]
    frames: NDArray[np.float64]
    bot_frames: NDArray[np.float64]
    facts: tuple[Fact, ...]
    result: HeatResult

    def to_bytes(self) -> bytes:
        """The recording as a file's content."""
        content = {
            "behavior": BEHAVIOR,
            "plan": self.plan.model_dump(mode="json"),
            "circuit": {
                "id": self.circuit.id,
                "name": self.circuit.name,
                "centre": _packed(self.circuit.centre),
                "left": _packed(self.circuit.left),
                "right": _packed(self.circuit.right),
            },
            "car": self.car.as_dict(),
            "boxes": [list(box) for box in self.boxes],
            "bots": [list(bot) for bot in self.bots],
            "answers": _packed(self.answers),
            "away": [list(pair) for pair in self.away],
            "retirements": [list(item) for item in self.retirements],
            "frames": _packed(self.frames.astype(np.float32)),
            "bot_frames": _packed(self.bot_frames.astype(np.float32)),
            "facts": [fact.as_dict() for fact in self.facts],
            "result": self.result.model_dump(mode="json"),
        }
        return MAGIC + zlib.compress(msgpack.packb(content, use_bin_type=True), level=6)

    @classmethod
    def from_bytes(cls, content: bytes, *, source: str = "recording") -> Recording:
        """Read a recording.

        Raises:
            RecordingError: It is not one, is damaged, or was made by another behaviour version.
        """
        if not content.startswith(MAGIC):
            found = content[: len(MAGIC)]
            raise RecordingError(f"{source}: not a recording: starts with {found!r}, expected {MAGIC!r}")
        try:
            unpacker = zlib.decompressobj()
            plain = unpacker.decompress(content[len(MAGIC) :], LARGEST_BYTES)
            if unpacker.unconsumed_tail:
                raise RecordingError(f"{source}: unpacks to more than {LARGEST_BYTES >> 20} MiB")
            if not unpacker.eof:
                raise RecordingError(f"{source}: damaged: it ends in the middle")
            raw = msgpack.unpackb(plain, raw=False)
            if raw["behavior"] != BEHAVIOR:
                raise RecordingError(
                    f"{source}: made by behaviour version {raw['behavior']}, this league has {BEHAVIOR}"
                )
            return cls._from_raw(raw, source)
        except RecordingError:
            raise
        except ValidationError as error:
            raise RecordingError(f"{source}: damaged: {first_problem(error)}") from error
        except (zlib.error, ValueError, KeyError, TypeError, IndexError, OverflowError, LeagueError) as error:
            raise RecordingError(f"{source}: damaged: {type(error).__name__}: {error}") from error

    @classmethod
    def _from_raw(cls, raw: dict[str, Any], source: str) -> Recording:
        plan = HeatPlan.model_validate(raw["plan"])
        cars = len(plan.grid)
        road = raw["circuit"]
        return cls(
            plan=plan,
            circuit=Circuit(
                id=str(road["id"]),
                name=str(road["name"]),
                centre=_unpacked(road["centre"], "<f8", (-1, 2)),
                left=_unpacked(road["left"], "<f8", (-1, 2)),
                right=_unpacked(road["right"], "<f8", (-1, 2)),
                source=source,
            ),
            car=CarSpec(**raw["car"]),
            boxes=tuple(Box(*box) for box in raw["boxes"]),
            bots=tuple(Bot(*bot) for bot in raw["bots"]),
            answers=_unpacked(raw["answers"], "<f8", (-1, cars, 2)),
            away=tuple((int(tick), int(seat)) for tick, seat in raw["away"]),
            retirements=tuple(Retirement(*item) for item in raw["retirements"]),
            frames=_unpacked(raw["frames"], "<f4", (-1, cars, 7)),
            bot_frames=_bot_frames(raw),
            facts=tuple(
                Fact(fact["k"], fact["t_us"], fact["kind"], fact["seat"], fact["data"])
                for fact in raw["facts"]
            ),
            result=HeatResult.model_validate(raw["result"]),
        )


def header_bytes(
    plan: HeatPlan, circuit: Circuit, car: CarSpec, boxes: Sequence[Box], bots: Sequence[Bot]
) -> bytes:
    """What a heat's hash starts from: every input but the answers, in one fixed form."""
    told = plan.model_dump(mode="json")
    # Heats in which nobody loses grip by chance keep the hash that they had before there was such a rule.
    if not plan.rules.spins:
        del told["rules"]["spins"]
    header = {
        "behavior": BEHAVIOR,
        "plan": told,
        "circuit": circuit.sha256,
        "car": car.as_dict(),
        "boxes": [list(box) for box in boxes],
        "bots": [list(bot) for bot in bots],
    }
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _packed(numbers: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes()


def _unpacked(content: bytes, kind: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.frombuffer(content, dtype=kind).astype(np.float64).reshape(shape)


def _bot_frames(raw: dict[str, Any]) -> NDArray[np.float64]:
    """Frames of bots; of none, too, as many as there are ticks."""
    bots, ticks = len(raw["bots"]), len(raw["answers"]) // (16 * len(raw["plan"]["grid"])) + 1
    return _unpacked(raw["bot_frames"], "<f4", (ticks, bots, 4))
