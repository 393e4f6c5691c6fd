"""The timing tower: who is where, how far behind and how fast, at any moment of a heat.

Pure: it is told facts and, if they are known, distances; it never looks at a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Literal

from league.racing.fact import Fact

Tone = Literal["", "own", "best"]
"""How good a time is: the best of this heat, the best of its own, or neither."""

RACING: Final = "racing"


@dataclass(frozen=True, slots=True)
class TowerRow:
    """One car's line of the tower; times in s, None where there is none yet."""

    place: int
    seat: int
    name: str
    laps: int
    """Laps that are finished."""
    gap_s: float | None
    """Behind the first, where both were timed last."""
    interval_s: float | None
    """Behind the one in front, in the same way."""
    last_s: float | None
    last_tone: Tone
    best_s: float | None
    best_tone: Tone
    sector: int | None
    """The sector that was finished last, from 1."""
    sector_s: float | None
    sector_tone: Tone
    state: str
    """"racing", "penalty", "finished", or why it is out."""
    total_s: float | None


@dataclass(slots=True)
class _Car:
    """What is known of one car."""

    passed_us: list[int] = field(default_factory=list)
    """When it passed each timing point, in order."""
    laps_us: list[int] = field(default_factory=list)
    valid_us: list[int] = field(default_factory=list)
    sectors_us: dict[int, list[int]] = field(default_factory=dict)
    last_sector: int | None = None
    total_us: int | None = None
    out: str = ""
    standing: bool = False


class Tower:
    """Keeps the times of one heat.

    Args:
        names: Entries by seat.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._cars = [_Car() for _ in names]
        self._led_us: list[int] = []
        """When the first car passed each timing point."""

    def hear(self, fact: Fact) -> None:
        """Take something that happened; facts come in order."""
        if not 0 <= fact.seat < len(self._cars):
            return
        car, told = self._cars[fact.seat], fact.data
        if fact.kind == "sector":
            car.last_sector = int(told["sector"])
            car.sectors_us.setdefault(car.last_sector, []).append(int(told["time_us"]))
            self._pass(car, fact.time_us)
        elif fact.kind == "lap":
            self._finish_lap(car, told)
            if not car.passed_us or car.passed_us[-1] != fact.time_us:
                self._pass(car, fact.time_us)
        elif fact.kind in ("penalty", "released"):
            car.standing = fact.kind == "penalty"
        elif fact.kind == "finish":
            car.total_us = int(told["total_us"])
        elif fact.kind in ("dnf", "parked"):
            car.out = str(told.get("reason") or told.get("status") or "out")

    def rows(self, distance_m: Sequence[float] | None = None) -> list[TowerRow]:
        """Every car's line, first to last.

        Args:
            distance_m: How far each car has come, by seat; without it, by who passed the last timing
                point first.
        """
        order = sorted(range(len(self._cars)), key=lambda seat: self._rank(seat, distance_m))
        gaps = {seat: self._gap_us(seat) for seat in order}
        rows: list[TowerRow] = []
        for place, seat in enumerate(order, start=1):
            ahead = order[place - 2] if place > 1 else None
            rows.append(self._row(place, seat, gaps[seat], gaps[ahead] if ahead is not None else None))
        return rows

    # -- inside ------------------------------------------------------------------------------------

    def _pass(self, car: _Car, time_us: int) -> None:
        car.passed_us.append(time_us)
        number = len(car.passed_us)
        if number > len(self._led_us):
            self._led_us.append(time_us)
        # Within a tick facts come by seat, not by time.
        self._led_us[number - 1] = min(self._led_us[number - 1], time_us)

    @staticmethod
    def _finish_lap(car: _Car, told: Mapping[str, Any]) -> None:
        car.laps_us.append(int(told["time_us"]))
        if told.get("valid", True):
            car.valid_us.append(int(told["time_us"]))

    def _rank(self, seat: int, distance_m: Sequence[float] | None) -> tuple[int, float, float, int]:
        car = self._cars[seat]
        if car.total_us is not None:
            return 0, car.total_us, 0.0, seat
        group = 2 if car.out else 1
        if distance_m is not None:
            return group, -distance_m[seat], 0.0, seat
        return group, -len(car.passed_us), car.passed_us[-1] if car.passed_us else inf, seat

    def _gap_us(self, seat: int) -> int | None:
        """Behind whoever passed the timing point first that this car passed last."""
        passed = self._cars[seat].passed_us
        return passed[-1] - self._led_us[len(passed) - 1] if passed else None

    def _row(self, place: int, seat: int, gap_us: int | None, ahead_us: int | None) -> TowerRow:
        car = self._cars[seat]
        last_us = car.laps_us[-1] if car.laps_us else None
        best_us = min(car.valid_us, default=None)
        fastest_us = min((us for other in self._cars for us in other.valid_us), default=None)
        sector = car.last_sector
        sector_us = car.sectors_us[sector][-1] if sector is not None else None
        known = [us for other in self._cars for us in other.sectors_us.get(sector or 0, ())]
        return TowerRow(
            place=place,
            seat=seat,
            name=self.names[seat],
            laps=len(car.laps_us),
            gap_s=_s(gap_us) if place > 1 else None,
            interval_s=_s(gap_us - ahead_us) if gap_us is not None and ahead_us is not None else None,
            last_s=_s(last_us),
            last_tone=_tone(last_us, best_us, fastest_us) if last_us in car.valid_us else "",
            best_s=_s(best_us),
            best_tone="best" if best_us is not None and best_us == fastest_us else "",
            sector=sector + 1 if sector is not None else None,
            sector_s=_s(sector_us),
            sector_tone=_tone(
                sector_us, min(car.sectors_us.get(sector or 0, ()), default=None), min(known, default=None)
            ),
            state=self._state(car),
            total_s=_s(car.total_us),
        )

    @staticmethod
    def _state(car: _Car) -> str:
        if car.total_us is not None:
            return "finished"
        return car.out or ("penalty" if car.standing else RACING)


def _tone(time_us: int | None, own_us: int | None, best_us: int | None) -> Tone:
    if time_us is None:
        return ""
    if time_us == best_us:
        return "best"
    return "own" if time_us == own_us else ""


def _s(time_us: int | None) -> float | None:
    return None if time_us is None else time_us / 1e6
