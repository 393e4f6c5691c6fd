"""Scorings: what an event of a season is worth to those who raced in it."""

from __future__ import annotations

from collections.abc import Mapping

from league import EventScore, PointsTable, Scoring, competes, hookimpl

QUALIFYING = "qualifying"


def places(table: PointsTable, score: EventScore) -> dict[str, float]:
    """What places in the event are worth, and the pole and the fastest lap besides."""
    return {row.entry_id: _worth(table, row.place) + _extras(table, score, row.entry_id)
            for row in score.standings}  # fmt: skip


def heats(table: PointsTable, score: EventScore) -> dict[str, float]:
    """What places are worth in every heat outside qualifying; the pole and the fastest lap count once."""
    points = {row.entry_id: _extras(table, score, row.entry_id) for row in score.standings}
    for heat in score.heats:
        if heat.phase != QUALIFYING:
            for row in filter(competes, heat.entries):
                points[row.entry_id] = points.get(row.entry_id, 0.0) + _worth(table, row.place)
    return points


def beaten(table: PointsTable, score: EventScore) -> dict[str, float]:
    """One point for everybody who is behind in the event, so that a large field is worth more."""
    racers = [row.entry_id for row in score.standings if competes(row)]
    return {
        entry: len(racers) - 1 - index + _extras(table, score, entry) for index, entry in enumerate(racers)
    }


def _worth(table: PointsTable, place: int) -> float:
    return table.by_place[place - 1] if place <= len(table.by_place) else 0.0


def _extras(table: PointsTable, score: EventScore, entry: str) -> float:
    return table.pole * (entry == score.pole) + table.fastest_lap * (entry == score.fastest_lap)


@hookimpl
def register_scorings() -> Mapping[str, Scoring]:
    """Offer the scorings."""
    return {
        "places": Scoring(places, "places in the event"),
        "heats": Scoring(heats, "places in every heat outside qualifying"),
        "beaten": Scoring(beaten, "everybody behind in the event, a point each"),
    }
