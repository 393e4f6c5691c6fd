"""Championships, worked by hand: divisions with promotion, classes, drivers over several events."""

from __future__ import annotations

import paper
import pytest

from league.racing.championship import ClassPlan, RacedEvent, SeasonPlan, next_members, tables
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.result import HeatResult, Standing
from league.racing.rules import Rules
from league.racing.standing import best_runs
from league_plugins.scorings import register_scorings

PLACES = register_scorings()["places"]


def raced(event: str, *, car: str = "deepracer", sensors: dict[str, tuple[str, ...]] | None = None,
          qualifying: str = "", **times: float) -> RacedEvent:  # fmt: skip
    grid = tuple(EntryPlan(id=entry, name=entry.upper()) for entry in times)

    def heat(phase: str, order: dict[str, float]) -> HeatResult:
        plan = HeatPlan(id=phase, phase=phase, circuit="c", car=car, rules=Rules(), seed=1, grid=grid)
        return paper.result(plan, lambda _, entry: order[entry.id])

    results = [heat("final", times)]
    if qualifying:
        results.insert(0, heat("qualifying", {entry: 90.0 + n for n, entry in enumerate(qualifying)}))
    standings: tuple[Standing, ...] = best_runs(grid, results[-1:])
    return RacedEvent(event, standings, tuple(results), car, sensors or {})


def points(plan: SeasonPlan, *events: RacedEvent) -> dict[str, float]:
    return {row.driver: row.points for row in tables(plan, events, PLACES).overall.rows}


PLAN = SeasonPlan(id="s", name="S", by_place=(10, 6, 4), events=("e1", "e2", "e3"))


def test_the_best_events_count_and_the_pole_and_the_fastest_lap_are_worth_something() -> None:
    plan = PLAN.model_copy(update={"best": 2, "pole": 1.0, "fastest_lap": 0.5})
    events = (
        raced("e1", qualifying="bac", a=20, b=21, c=22),  # a 10 + ½, b 6 + 1, c 4
        raced("e2", qualifying="abc", a=22, b=20, c=21),  # a 4 + 1, b 10 + ½, c 6
        raced("e3", a=20, b=22, c=21),  # a 10 + ½, b 4, c 6
    )
    # Two best: a 10½ + 10½, b 10½ + 7, c 6 + 6.
    assert points(plan, *events) == {"a": 21.0, "b": 17.5, "c": 12.0}
    (first, *_) = tables(plan, events, PLACES).overall.rows
    assert (first.counted, first.dropped) == (("e1", "e3"), ("e2",))


def test_an_event_that_was_not_raced_or_is_not_in_the_plan_counts_for_nothing() -> None:
    assert points(PLAN, raced("e2", a=20, b=21), raced("e9", b=20, a=21)) == {"a": 10, "b": 6}
    assert tables(PLAN, (), PLACES).overall.rows == ()


def test_a_driver_may_have_other_entries_in_other_events() -> None:
    plan = PLAN.model_copy(update={"drivers": {"e2/newcar": "a"}})
    made = tables(plan, [raced("e1", a=20, b=21), raced("e2", b=20, newcar=21)], PLACES)
    assert [(row.driver, row.points, row.places) for row in made.overall.rows] == [
        ("a", 16, (1, 2)),
        ("b", 16, (1, 2)),
    ]
    assert made.names["a"] == "NEWCAR"


def test_places_of_a_division_are_its_own_and_the_best_tenth_goes_up() -> None:
    plan = SeasonPlan(
        id="s", name="S", by_place=(10, 6, 4), events=("e1",), divisions=("Pro", "Open"),
        members={"pro1": "Pro", "pro2": "Pro"},
    )  # fmt: skip
    open_field = {f"o{number:02}": 30.0 + number for number in range(21)}
    made = tables(plan, [raced("e1", pro1=20, pro2=21, **open_field)], PLACES)
    pro, opened = made.divisions
    assert [(row.driver, row.points) for row in pro.rows] == [("pro1", 10), ("pro2", 6)]
    assert [(row.driver, row.points) for row in opened.rows[:4]] == [
        ("o00", 10), ("o01", 6), ("o02", 4), ("o03", 0),
    ]  # fmt: skip
    assert pro.promoted == ()
    assert opened.promoted == ("o00", "o01")  # a tenth of 21, rounded down
    members = next_members(plan, made)
    assert (members["o00"], members["o01"], members["o02"], members["pro1"]) == ("Pro", "Pro", "Open", "Pro")


def test_an_entry_belongs_to_the_first_class_that_takes_its_car_and_sensors() -> None:
    plan = SeasonPlan(
        id="s", name="S", by_place=(10, 6), events=("e1", "e2"),
        classes=(
            ClassPlan(name="Eyes", sensors=("camera", "pose")),
            ClassPlan(name="Any DeepRacer", cars=("deepracer",)),
        ),
    )  # fmt: skip
    seen = {"a": ("camera",), "b": ("lidar?noise=0.01",), "c": ("camera", "lidar")}
    made = tables(
        plan,
        [raced("e1", a=22, b=20, c=21, sensors=seen), raced("e2", car="f1tenth", a=20, b=21, sensors=seen)],
        PLACES,
    )
    eyes, anything = made.classes
    assert [(row.driver, row.points) for row in eyes.rows] == [("a", 20)]
    assert [(row.driver, row.points) for row in anything.rows] == [("b", 10), ("c", 6)]


@pytest.mark.parametrize(
    "bad", [{"members": {"a": "Pro"}}, {"events": ("e", "e")}, {"best": 0}, {"by_place": (float("nan"),)}]
)
def test_a_plan_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Value error|Input should"):
        SeasonPlan.model_validate({"id": "s", "name": "S", **bad})
