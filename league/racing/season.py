"""Seasons: points over several events, divisions with promotion, classes by car and sensor.

What an event is worth to whom is a `Scoring`, which plugins register.

Pure: functions of standings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from league.racing.result import HeatResult, Standing
from league.racing.tiebreak import competes

QUALIFYING = "qualifying"
"""The phase whose best has the pole."""


@dataclass(frozen=True, slots=True)
class PointsTable:
    """What places are worth."""

    by_place: tuple[float, ...] = (25, 18, 15, 12, 10, 8, 6, 4, 2, 1)
    """From the first on; places beyond are worth nothing."""
    pole: float = 0
    fastest_lap: float = 0
    best: int | None = None
    """How many of an entry's events count, its best ones; None is all."""


@dataclass(frozen=True, slots=True)
class EventScore:
    """One event, as a season counts it."""

    event: str
    standings: tuple[Standing, ...]
    pole: str = ""
    """Entry with the best qualifying; empty if there was none."""
    fastest_lap: str = ""
    drivers: Mapping[str, str] = field(default_factory=dict)
    """Whose each entry is, by entry id; an entry that is not in it stands for itself."""
    heats: tuple[HeatResult, ...] = ()
    """Its heats, after every decision; of a division or a class only the rows of those who are in it."""

    def driver(self, entry: str) -> str:
        """Whose points an entry's are."""
        return self.drivers.get(entry, entry)


@dataclass(frozen=True, slots=True)
class Scoring:
    """A way to make points of what an event came to."""

    points: Callable[[PointsTable, EventScore], Mapping[str, float]]
    """Points by entry id, a pure function; who is not in it has none, and who was disqualified never any."""
    about: str
    """What is worth points, in a few words."""


@dataclass(frozen=True, slots=True)
class SeasonRow:
    """One driver's season."""

    place: int
    driver: str
    points: float
    counted: tuple[str, ...]
    """Events that count, in the season's order."""
    dropped: tuple[str, ...]
    """Events beyond the best ones."""
    places: tuple[int, ...]
    """Places of every event with a result, best first: what breaks ties."""


def pole_of(raced: Iterable[HeatResult], among: Collection[str] | None = None) -> str:
    """The entry with the best score of qualifying, perhaps only among some; empty without one."""
    runs = [
        (row.score_s, row.entry_id)
        for heat in raced
        if heat.phase == QUALIFYING
        for row in heat.entries
        if row.status == "FIN" and row.score_s is not None and (among is None or row.entry_id in among)
    ]
    return min(runs, default=(0.0, ""))[1]


def fastest_lap_of(raced: Iterable[HeatResult], among: Collection[str] | None = None) -> str:
    """The entry with the fastest lap outside qualifying, of results that stand, perhaps only among some."""
    laps = [
        (row.fastest_lap_s, row.entry_id)
        for heat in raced
        if heat.phase != QUALIFYING
        for row in heat.entries
        if competes(row) and row.fastest_lap_s is not None and (among is None or row.entry_id in among)
    ]
    return min(laps, default=(0.0, ""))[1]


def _driver_points(table: PointsTable, score: EventScore, scoring: Scoring) -> dict[str, float]:
    """Points of one event by driver, of those with a result; of several entries of one the best counts."""
    made = scoring.points(table, score)
    points: dict[str, float] = {}
    for row in filter(competes, score.standings):
        driver, worth = score.driver(row.entry_id), made.get(row.entry_id, 0)
        points[driver] = max(points.get(driver, worth), worth)
    return points


def season_table(table: PointsTable, events: Sequence[EventScore], scoring: Scoring) -> tuple[SeasonRow, ...]:
    """The season's standings: points, then the most first places, second places and so on, then the name."""
    earned: dict[str, list[tuple[float, int, str]]] = {}
    places: dict[str, list[int]] = {}
    for number, score in enumerate(events):
        for driver, points in _driver_points(table, score, scoring).items():
            earned.setdefault(driver, []).append((-points, number, score.event))
        best: dict[str, int] = {}
        for row in score.standings:
            if competes(row):
                driver = score.driver(row.entry_id)
                best[driver] = min(best.get(driver, row.place), row.place)
        for driver, place in best.items():
            places.setdefault(driver, []).append(place)
    rows = []
    for driver, mine in earned.items():
        ordered = sorted(mine)
        kept = ordered if table.best is None else ordered[: table.best]
        rows.append(
            SeasonRow(
                place=0,
                driver=driver,
                points=-sum(points for points, _, _ in kept),
                counted=tuple(event for _, _, event in sorted(kept, key=lambda item: item[1])),
                dropped=tuple(
                    event for _, _, event in sorted(ordered[len(kept) :], key=lambda item: item[1])
                ),
                places=tuple(sorted(places[driver])),
            )
        )
    most = max((max(row.places) for row in rows), default=0)
    rows.sort(key=lambda row: (-row.points, [-row.places.count(p) for p in range(1, most + 1)], row.driver))
    return tuple(
        SeasonRow(place, row.driver, row.points, row.counted, row.dropped, row.places)
        for place, row in enumerate(rows, start=1)
    )


def promoted(order: Sequence[str], share: Fraction = Fraction(1, 10), *, least: int = 1) -> tuple[str, ...]:
    """Who goes up a division: the best `share` of the field rounded down, but no fewer than `least`.

    The default is DeepRacer's league: the top tenth of Open goes to Pro.
    """
    return tuple(order[: max(int(len(order) * share), least)])


@dataclass(frozen=True, slots=True)
class RacingClass:
    """Who races whom: cars and sensors that are comparable; an empty set allows any."""

    name: str
    cars: frozenset[str] = frozenset()
    sensors: frozenset[str] = frozenset()

    def takes(self, car: str, sensors: Iterable[str]) -> bool:
        """Whether an entry with this car, which asks for these sensors, belongs to it.

        Sensors are named with or without options ("lidar?noise=0.01").
        """
        asked = {sensor.partition("?")[0] for sensor in sensors}
        return (not self.cars or car in self.cars) and (not self.sensors or asked <= self.sensors)


def class_of(classes: Sequence[RacingClass], car: str, sensors: Sequence[str]) -> RacingClass | None:
    """The first class that takes an entry, or None."""
    return next((one for one in classes if one.takes(car, sensors)), None)
