"""What scorings are worth, worked by hand, and scorings of strangers."""

from __future__ import annotations

import paper
import pytest

from league import EntryPlan, EventScore, HeatPlan, HeatResult, League, PointsTable, Rules, Scoring, hookimpl
from league.errors import PluginError, UnknownNameError
from league.racing.championship import ClassPlan, RacedEvent, SeasonPlan, tables
from league.racing.result import Standing
from league.racing.season import season_table
from league.racing.standing import best_runs
from league_plugins.scorings import register_scorings

TABLE = PointsTable(by_place=(10, 6, 4), pole=1, fastest_lap=2)
LEAGUE = League()


def standings(order: str, **status: str) -> tuple[Standing, ...]:
    rows = ((place, entry, status.get(entry, "FIN")) for place, entry in enumerate(order, start=1))
    return tuple(
        Standing.model_validate({"place": p, "name": e, "agent": "", "status": s, "entry_id": e})
        for p, e, s in rows
    )


def heat(phase: str, order: str) -> HeatResult:
    grid = tuple(EntryPlan(id=entry, name=entry) for entry in sorted(order))
    plan = HeatPlan(id=phase, phase=phase, circuit="c", car="d", rules=Rules(), seed=1, grid=grid)
    return paper.result(plan, lambda _, entry: 20.0 + order.index(entry.id))


def points(name: str, score: EventScore) -> dict[str, float]:
    return {row.driver: row.points for row in season_table(TABLE, [score], LEAGUE.scoring(name))}


def test_places_pole_and_fastest_lap_are_worth_points() -> None:
    score = EventScore("e1", standings("abcd"), pole="b", fastest_lap="d")
    assert points("places", score) == {"a": 10, "b": 7, "c": 4, "d": 2}


@pytest.mark.parametrize("name", sorted(register_scorings()))
def test_who_did_not_start_or_was_disqualified_has_no_points(name: str) -> None:
    score = EventScore("e1", standings("bac", a="DSQ", c="DNS"), pole="a")
    assert set(points(name, score)) == {"b"}


def test_every_heat_outside_qualifying_may_be_worth_points() -> None:
    raced = (heat("qualifying", "cba"), heat("race-1", "abc"), heat("race-2", "ba"))
    score = EventScore("e1", standings("abc"), pole="c", fastest_lap="a", heats=raced)
    assert points("heats", score) == {"a": 10 + 6 + 2, "b": 6 + 10, "c": 4 + 1}


def test_everybody_behind_may_be_worth_a_point() -> None:
    score = EventScore("e1", standings("abcd", d="DNS"), pole="b")
    assert points("beaten", score) == {"a": 2, "b": 1 + 1, "c": 0}


def test_a_class_has_heats_of_its_own() -> None:
    plan = SeasonPlan(
        id="s", name="S", by_place=(10, 6, 4), events=("e1",),
        classes=(ClassPlan(name="Eyes", sensors=("camera",)),),
    )  # fmt: skip
    results = (heat("race-1", "abc"), heat("race-2", "cba"))
    entries = [EntryPlan(id=entry, name=entry) for entry in "abc"]
    seen = {"a": ("lidar",), "b": ("camera",), "c": ("camera",)}
    raced = RacedEvent("e1", best_runs(entries, results), results, "deepracer", seen)
    (eyes,) = tables(plan, [raced], LEAGUE.scoring("heats")).classes
    assert {row.driver: row.points for row in eyes.rows} == {"b": 10 + 6, "c": 6 + 10}


class Wins:
    """A stranger's plugin."""

    @hookimpl
    def register_scorings(self) -> dict[str, Scoring]:
        def wins(table: PointsTable, score: EventScore) -> dict[str, float]:
            return {row.entry_id: 10.0 for row in score.standings if row.place == 1}

        def broken(table: PointsTable, score: EventScore) -> dict[str, float]:
            raise KeyError(score.event)

        def endless(table: PointsTable, score: EventScore) -> dict[str, float]:
            return {"a": float("inf")}

        return {
            "wins": Scoring(wins, "ten points for a win"),
            "broken": Scoring(broken, "nothing"),
            "endless": Scoring(endless, "no end of points"),
        }


def test_a_plugin_adds_a_scoring_and_who_it_leaves_out_has_no_points() -> None:
    opened = League(extra=[Wins()], installed=False)
    rows = season_table(TABLE, [EventScore("e1", standings("ab"))], opened.scoring("wins"))
    assert [(row.driver, row.points) for row in rows] == [("a", 10), ("b", 0)]


@pytest.mark.parametrize(("name", "reason"), [("broken", "KeyError"), ("endless", "inf points")])
def test_a_scoring_that_fails_is_named(name: str, reason: str) -> None:
    scoring = League(extra=[Wins()], installed=False).scoring(name)
    with pytest.raises(PluginError, match=f"scoring '{name}' failed on event 'e1': .*{reason}"):
        season_table(TABLE, [EventScore("e1", standings("ab"))], scoring)


def test_what_is_no_scoring_leaves_its_plugin_out() -> None:
    class Plain:
        @hookimpl
        def register_scorings(self) -> dict[str, object]:
            return {"plain": lambda table, score: {}}

    opened = League(extra=[Plain()], installed=False)
    assert "register_scorings offers something unusable under 'plain'" in opened.plugins[0].reason
    with pytest.raises(UnknownNameError, match="no scoring is called 'plain'"):
        opened.scoring("plain")
