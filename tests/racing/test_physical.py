"""A heat of real cars, with and without a rival in the simulation."""

from __future__ import annotations

from typing import Any

import pytest

from league import League
from league.errors import RaceError
from league.racing.agent import Command
from league.racing.crossings import Note
from league.racing.heat import FINISHED
from league.racing.physical import PhysicalHeat, Sighting
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.rules import Rules

LEAGUE = League()
CIRCUIT, CAR = LEAGUE.circuit("clubhouse-loop"), LEAGUE.car("deepracer")
ANNA = EntryPlan(id="anna", name="Anna", kind="physical")
GHOST = EntryPlan(id="ghost", name="Ghost", agent="tutorial")
GO = Command(0.0, 1.0)


class Wrist:
    """A watch that a test sets."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        return self.us


def a_heat(*grid: EntryPlan, watch: Wrist | None = None, **rules: Any) -> PhysicalHeat:
    plan = HeatPlan(
        id="run-1", phase="run", circuit=CIRCUIT.id, car=CAR.id, seed=3, grid=grid or (ANNA,),
        rules=Rules.parse({"laps": 2, "lap_clock": "line", **rules}),
    )  # fmt: skip
    return PhysicalHeat(plan, CIRCUIT, CAR, [LEAGUE.sensor("state")], clock=watch or Wrist())


def crossed(heat: PhysicalHeat, *at_s: float, **more: Any) -> None:
    for at in at_s:
        number = len(heat.notes) + 1
        note = Note(number=number, kind="crossing", at_us=round(at * 1e6), device="gate", seq=number, **more)
        heat.notes = (*heat.notes, note)


def test_laps_become_facts_once_and_the_result_is_that_of_the_list() -> None:
    watch = Wrist()
    heat = a_heat(watch=watch)
    kinds = [fact.kind for fact in heat.advance([None])]
    crossed(heat, 1.0, 10.0)
    watch.us = 11_000_000
    kinds += [fact.kind for fact in heat.advance([None])]
    kinds += [fact.kind for fact in heat.advance([None])]
    crossed(heat, 20.5)
    watch.us = 21_000_000
    kinds += [fact.kind for fact in heat.advance([None])]
    assert kinds == ["start", "lap", "lap", "finish"]
    assert [fact.kind for fact in heat.facts] == kinds
    (entry,) = heat.result().entries
    assert (entry.status, entry.total_s, entry.progress_pct) == ("FIN", 19.5, 100.0)


def test_a_heat_is_over_only_when_nobody_will_write_any_more() -> None:
    watch = Wrist()
    heat = a_heat(watch=watch)
    crossed(heat, 1.0, 10.0, 20.0)
    watch.us = 21_000_000
    assert heat.driven
    assert not heat.finished
    heat.confirmed = True
    assert heat.finished


def test_a_car_that_a_correction_brings_back_is_told_so() -> None:
    watch = Wrist()
    heat = a_heat(watch=watch)
    crossed(heat, 1.0, 10.0, 20.0)
    watch.us = 21_000_000
    heat.advance([None])
    heat.notes = (*heat.notes, Note(number=4, kind="void", target=2))
    (fact,) = heat.advance([None])
    assert (fact.kind, fact.data, heat.live) == ("flag", {"flag": "green"}, [True])


def test_a_rival_drives_its_own_heat_and_keeps_its_seat() -> None:
    heat = a_heat(ANNA, GHOST)
    for _ in range(30):
        heat.advance([None, GO])
    rows = heat.frame()
    assert rows[0, 3] == 0.0
    assert rows[1, 3] > 0.5
    assert [name for _, name in heat.briefing(1).opponents] == ["Anna"]
    assert heat.briefing(1).seat == 1
    seen = heat.observe()
    assert seen[1] is not None
    assert seen[1].tick == 30


def test_a_real_car_cannot_be_hit_by_its_rival() -> None:
    heat = a_heat(ANNA, GHOST)
    x, y = (float(value) for value in CIRCUIT.at(0.6))
    heat.see(0, Sighting(0, x, y, float(CIRCUIT.heading_at(0.6))))
    for _ in range(30):
        heat.advance([None, GO])
    assert not [fact for fact in heat.facts if fact.kind == "contact"]
    assert heat.referee.cars[1].progress_m > 1.0


def test_a_real_car_is_shown_where_it_was_seen_and_nothing_once_that_is_old() -> None:
    watch = Wrist()
    heat = a_heat(watch=watch)
    x, y = (float(value) for value in CIRCUIT.at(3.0, 0.1))
    watch.us = 5_000_000
    heat.see(0, Sighting(watch.us, x, y, float(CIRCUIT.heading_at(3.0)), 1.5))
    (seen,) = heat.observe()
    assert seen is not None
    assert seen.offset_m == pytest.approx(0.1, abs=0.02)
    assert seen.sensors["pose"] is not None
    watch.us += 1_000_000
    (later,) = heat.observe()
    assert later is not None
    assert not later.state.any()


def test_the_same_list_gives_the_same_hash_and_another_one_another() -> None:
    watch = Wrist()
    watch.us = 60_000_000
    first, second, other = (a_heat(watch=watch) for _ in range(3))
    for heat in (first, second):
        crossed(heat, 1.0, 10.0, 20.0)
    crossed(other, 1.0, 10.0, 20.000001)
    assert first.result() == second.result()
    assert first.result().state_hash != other.result().state_hash


def test_a_withdrawn_car_is_out_whatever_is_written() -> None:
    heat = a_heat()
    heat.retire(0, "DNS", "withdrew")
    crossed(heat, 1.0, 10.0, 20.0)
    (entry,) = heat.result().entries
    assert (entry.status, entry.reason) == ("DNS", "withdrew")
    assert heat.frame()[0, 6] != FINISHED


def test_a_heat_without_a_real_car_is_none_of_these() -> None:
    with pytest.raises(RaceError, match="has no physical car"):
        a_heat(GHOST)
    with pytest.raises(RaceError, match="has 1 seats, got 0 answers"):
        a_heat().advance([])


def test_what_happened_happened_at_its_own_tick_whenever_somebody_asks() -> None:
    watch = Wrist()
    heat = a_heat(ANNA, EntryPlan(id="bert", name="Bert", kind="physical"), watch=watch, control_hz=20)
    crossed(heat, 1.0, 10.0, car="anna")
    watch.us = 12_000_000
    heat.retire(1, "DNF-crash", "into the wall")
    told = [heat.advance([None, None])]
    watch.us = 30_000_000
    told.append(heat.advance([None, None]))
    first = {(fact.kind, fact.seat): (fact.tick, fact.time_us) for fact in heat.facts}
    assert first[("lap", 0)] == (200, 10_000_000)
    assert first[("dnf", 1)] == (240, 12_000_000)
    watch.us = 40_000_000
    assert {(fact.kind, fact.seat): (fact.tick, fact.time_us) for fact in heat.facts} == first
    assert [fact.kind for fact in told[1]] == []
