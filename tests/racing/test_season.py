"""Points, divisions and classes, worked by hand."""

from __future__ import annotations

from fractions import Fraction

import paper

from league.racing.plan import EntryPlan, HeatPlan
from league.racing.result import HeatResult, Standing
from league.racing.rules import Rules
from league.racing.season import (
    EventScore,
    PointsTable,
    RacingClass,
    class_of,
    fastest_lap_of,
    pole_of,
    promoted,
    season_table,
)
from league_plugins.scorings import register_scorings


def standings(order: str, **status: str) -> tuple[Standing, ...]:
    return tuple(
        Standing.model_validate(
            {
                "place": place,
                "name": entry,
                "agent": "",
                "status": status.get(entry, "FIN"),
                "entry_id": entry,
            }
        )
        for place, entry in enumerate(order, start=1)
    )


def heat(phase: str, **times: float) -> HeatResult:
    grid = tuple(EntryPlan(id=entry, name=entry) for entry in times)
    plan = HeatPlan(id=phase, phase=phase, circuit="c", car="d", rules=Rules(), seed=1, grid=grid)
    return paper.result(plan, lambda _, entry: times[entry.id])


PLACES = register_scorings()["places"]
TABLE = PointsTable(by_place=(10, 6, 4), pole=1, fastest_lap=2)


def test_the_pole_is_the_best_of_qualifying_and_the_fastest_lap_that_of_the_races() -> None:
    raced = [heat("qualifying", a=21, b=20), heat("final", a=30, b=33)]
    assert (pole_of(raced), fastest_lap_of(raced)) == ("b", "a")
    assert (pole_of(raced[1:]), fastest_lap_of(raced[:1])) == ("", "")


def test_the_best_two_of_three_events_count() -> None:
    events = [EventScore(f"e{n}", standings(order)) for n, order in enumerate(("abc", "bca", "cab"))]
    rows = season_table(PointsTable(by_place=(10, 6, 4), best=2), events, PLACES)
    # a: 10 4 6, b: 6 10 4, c: 4 6 10: all 16; one win each and one of each place; the name decides.
    assert [(row.place, row.driver, row.points) for row in rows] == [(1, "a", 16), (2, "b", 16), (3, "c", 16)]
    assert [(row.counted, row.dropped) for row in rows] == [
        (("e0", "e2"), ("e1",)),
        (("e0", "e1"), ("e2",)),
        (("e1", "e2"), ("e0",)),
    ]


def test_level_points_are_settled_by_the_better_places() -> None:
    events = [EventScore("e0", standings("zab")), EventScore("e1", standings("abz"))]
    rows = season_table(PointsTable(by_place=(10, 8, 6)), events, PLACES)
    # a: 8 + 10, z: 10 + 6, b: 6 + 8.
    assert [(row.driver, row.points) for row in rows] == [("a", 18), ("z", 16), ("b", 14)]
    bza = [*events[:1], EventScore("e1", standings("bza"))]
    level = season_table(PointsTable(by_place=(4, 3, 2)), bza, PLACES)
    # z: 4 + 3, b: 2 + 4, a: 3 + 2.
    assert [(row.driver, row.points) for row in level] == [("z", 7), ("b", 6), ("a", 5)]
    tied = season_table(PointsTable(by_place=(4, 3, 2)), [EventScore("e0", standings("zab"))], PLACES)
    assert [row.driver for row in tied] == ["z", "a", "b"]
    won = season_table(
        PointsTable(by_place=(4, 2, 0)),
        [EventScore("e0", standings("zab")), EventScore("e1", standings("bac"))],
        PLACES,
    )
    # z: 4; b: 0 + 4; a: 2 + 2: all 4, a without a win; b and z by b's third place.
    assert [row.driver for row in won] == ["b", "z", "a", "c"]


def test_a_driver_with_another_entry_in_every_event_has_one_row() -> None:
    events = [
        EventScore("e0", standings("ab"), drivers={"a": "Ann", "b": "Bo"}),
        EventScore("e1", standings("xy"), drivers={"x": "Bo", "y": "Ann"}),
    ]
    rows = season_table(PointsTable(by_place=(10, 6)), events, PLACES)
    assert [(row.driver, row.points, row.places) for row in rows] == [("Ann", 16, (1, 2)), ("Bo", 16, (1, 2))]


def test_nothing_raced_is_an_empty_table() -> None:
    assert season_table(TABLE, [], PLACES) == ()


def test_the_top_tenth_goes_up_and_in_a_small_field_the_best() -> None:
    field = [f"n{index}" for index in range(39)]
    assert promoted(field) == ("n0", "n1", "n2")
    assert promoted(field[:5]) == ("n0",)
    assert promoted(field[:5], least=0) == ()
    assert promoted(field[:30], Fraction(1, 10)) == ("n0", "n1", "n2")
    assert promoted([]) == ()


def test_an_entry_belongs_to_the_first_class_that_takes_its_car_and_sensors() -> None:
    classes = [
        RacingClass("camera", frozenset({"deepracer"}), frozenset({"camera", "camera-stereo"})),
        RacingClass("deepracer", frozenset({"deepracer"})),
    ]
    taken = [
        class_of(classes, "deepracer", ["camera?vary=1"]),
        class_of(classes, "deepracer", ["camera", "lidar"]),
        class_of(classes, "f1tenth", ["camera"]),
    ]
    assert [one.name if one else None for one in taken] == ["camera", "deepracer", None]
