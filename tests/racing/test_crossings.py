"""Crossings and decisions become laps: overtakes, double triggers, misses, and every change of mind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league.errors import InputError
from league.racing.crossings import OVERTIME_S, Note, Sheet, check, fold, last_decision
from league.racing.plan import EntryPlan
from league.racing.rules import Rules

ANNA = EntryPlan(id="anna", name="Anna's car", kind="physical")
BERT = EntryPlan(id="bert", name="Bert", kind="physical")
DREM = Rules(
    laps=100,
    rank="best_lap",
    time_limit_s=120,
    lap_may_finish=True,
    min_lap_s=3,
    lap_clock="line",
    max_resets_per_lap=1,
)


class Book:
    """Writes notes down, one after the other."""

    def __init__(self, *entries: EntryPlan, rules: Rules = DREM) -> None:
        self.entries, self.rules = entries or (ANNA,), rules
        self.notes: list[Note] = []

    def write(self, kind: Any, at_s: float = 0.0, **what: Any) -> int:
        number = len(self.notes) + 1
        self.notes.append(Note(number=number, kind=kind, at_us=round(at_s * 1e6), **what))
        return number

    def cross(self, *at_s: float, **what: Any) -> list[int]:
        return [self.write("crossing", one, device="gate", seq=len(self.notes), **what) for one in at_s]

    def sheet(self, now_s: float = 60.0) -> Sheet:
        return fold(self.notes, self.entries, self.rules, round(now_s * 1e6))

    def laps(self, entry: EntryPlan = ANNA, now_s: float = 60.0) -> list[float]:
        return [lap.time_s for lap in self.sheet(now_s).tallies[entry.id].laps]

    def standing(self, number: int, now_s: float = 60.0) -> str:
        return next(p.standing for p in self.sheet(now_s).passings if p.note.number == number)


def test_the_first_crossing_starts_the_clock_and_every_other_ends_a_lap() -> None:
    book = Book()
    book.cross(2.5, 12.0, 21.25, 30.0)
    assert book.laps() == [9.5, 9.25, 8.75]


def test_with_the_light_as_start_the_crossing_off_the_grid_is_no_lap() -> None:
    book = Book(rules=Rules(min_lap_s=3))
    first, *_ = book.cross(0.4, 10.0, 19.0, 28.5)
    assert book.standing(first) == "start"
    tally = book.sheet().tallies["anna"]
    assert (tally.status, tally.total_us) == ("FIN", 28_500_000)
    assert book.laps() == [10.0, 9.0, 9.5]


def test_a_double_trigger_counts_once() -> None:
    book = Book()
    book.cross(1.0, 1.02, 10.0, 10.4, 12.9, 20.0)
    assert book.laps() == [9.0, 10.0]
    assert [p.hint for p in book.sheet().passings if p.standing == "too soon"] == ["double trigger?"] * 3


def test_a_hand_through_the_beam_just_before_the_car_is_voided_and_the_car_counts() -> None:
    book = Book()
    _, hand, car, _ = book.cross(1.0, 9.5, 10.0, 20.0)
    assert book.laps() == [8.5, 10.5]
    assert book.standing(car) == "too soon"
    book.write("void", target=hand)
    assert book.laps() == [9.0, 10.0]


def test_a_miss_is_pointed_out_and_added_by_hand() -> None:
    book = Book()
    book.cross(1.0, 10.0, 28.0, 37.0)
    (hinted,) = [p for p in book.sheet().passings if p.hint]
    assert (hinted.lap, hinted.hint) == (2, "missed a crossing?")
    book.write("add", 19.0, entry="anna", who="Tim")
    assert book.laps() == [9.0, 9.0, 9.0, 9.0]


def test_an_overtake_is_never_guessed_but_asked() -> None:
    # Anna laps in 8 s, Bert in 10 s, through a gate that cannot tell them apart: at 41 s she is a lap ahead.
    book = Book(ANNA, BERT)
    truth = sorted([(1.0 + 8 * n, "anna") for n in range(6)] + [(1.5 + 10 * n, "bert") for n in range(5)])
    numbers = book.cross(*(at for at, _ in truth))
    assert len(book.sheet().waiting) == len(truth)
    assert book.laps(ANNA) == book.laps(BERT) == []
    for number, (_, who) in zip(numbers, truth, strict=True):
        book.write("reassign", target=number, entry=who)
    assert book.sheet().waiting == ()
    assert book.laps(ANNA) == [8.0] * 5
    assert book.laps(BERT) == [10.0] * 4


def test_a_device_that_knows_the_car_needs_nobody() -> None:
    book = Book(ANNA, BERT)
    book.cross(1.0, 10.0, car="anna")
    book.cross(2.0, 13.0, car="BERT")
    book.cross(14.0, car="somebody")
    assert (book.laps(ANNA), book.laps(BERT)) == ([9.0], [11.0])
    assert len(book.sheet().waiting) == 1


def test_a_device_that_is_not_sure_leaves_it_to_a_person() -> None:
    book = Book()
    number = book.cross(5.0, confidence=0.3)[0]
    assert book.standing(number) == "waits"
    book.write("restore", target=number)
    assert book.standing(number) == "waits", "restoring says nothing about whose it is"
    book.write("reassign", target=number, entry="anna")
    assert book.standing(number) == "start"


def test_crossings_count_in_the_order_of_time_not_of_arrival() -> None:
    book = Book()
    book.cross(20.0, 1.0, 10.0)
    assert book.laps() == [9.0, 10.0]


def test_void_and_restore_and_undo_each_take_the_other_back() -> None:
    book = Book()
    numbers = book.cross(1.0, 10.0, 20.0)
    void = book.write("void", target=numbers[1])
    assert book.laps() == [19.0]
    undo = book.write("undo", target=void)
    assert book.laps() == [9.0, 10.0]
    book.write("undo", target=undo)
    assert book.laps() == [19.0]
    book.write("restore", target=numbers[1])
    assert book.laps() == [9.0, 10.0]


def test_undo_without_a_number_means_the_newest_decision_in_force() -> None:
    book = Book()
    numbers = book.cross(1.0, 10.0)
    assert last_decision(book.notes) is None
    first = book.write("void", target=numbers[0])
    second = book.write("void", target=numbers[1])
    assert last_decision(book.notes) == second
    book.write("undo", target=second)
    assert last_decision(book.notes) == first


def test_a_lap_with_more_resets_than_allowed_is_not_valid() -> None:
    book = Book()
    book.cross(1.0, 10.0, 20.0, 30.0)
    for at_s in (5.0, 12.0, 15.0):
        book.write("reset", at_s, entry="anna")
    tally = book.sheet().tallies["anna"]
    assert [(lap.resets, lap.valid) for lap in tally.laps] == [(1, True), (2, False), (0, True)]
    assert tally.resets == 3


def test_time_up_ends_a_run_and_its_laps_count_where_the_best_does() -> None:
    book = Book(rules=DREM.model_copy(update={"lap_may_finish": False}))
    late = book.cross(1.0, 60.0, 121.0)[2]
    assert book.sheet(119.0).tallies["anna"].status is None
    tally = book.sheet(120.0).tallies["anna"]
    assert (tally.status, tally.reason, len(tally.laps)) == ("FIN", "time is up", 1)
    assert book.standing(late, 130.0) == "late"


def test_a_run_for_a_number_of_laps_that_time_ends_is_not_finished() -> None:
    book = Book(rules=Rules(time_limit_s=100, laps=3))
    book.cross(50.0)
    tally = book.sheet(100.0).tallies["anna"]
    assert (tally.status, tally.reason) == ("DNF-timeout", "time is up after 1 lap")


def test_the_lap_under_way_when_time_is_up_may_finish_but_no_other_begins() -> None:
    book = Book()
    book.cross(1.0, 110.0, 125.0, 135.0)
    tally = book.sheet(140.0).tallies["anna"]
    assert [lap.time_s for lap in tally.laps] == [109.0, 15.0]
    assert tally.status == "FIN"
    assert Book().sheet(120.0).tallies["anna"].ended, "nobody crossed the line: no lap is under way"


def test_the_lap_under_way_does_not_take_for_ever() -> None:
    book = Book()
    book.cross(1.0, 20.0)
    assert not book.sheet(120.0 + OVERTIME_S - 1).tallies["anna"].ended
    assert book.sheet(120.0 + OVERTIME_S).tallies["anna"].status == "FIN"


def test_a_false_finish_can_be_undone_and_the_run_goes_on() -> None:
    book = Book()
    book.cross(1.0, 10.0)
    finish = book.write("finish", 12.0, entry="anna")
    late = book.cross(20.0)[0]
    assert book.standing(late) == "late"
    assert book.sheet().tallies["anna"].status == "FIN"
    book.write("undo", target=finish)
    assert book.sheet().tallies["anna"].status is None
    assert book.laps() == [9.0, 10.0]


def test_a_finish_that_a_false_crossing_made_is_taken_back_with_it() -> None:
    book = Book(rules=Rules(laps=2, min_lap_s=3))
    numbers = book.cross(10.0, 20.0)
    assert book.sheet().tallies["anna"].status == "FIN"
    book.write("void", target=numbers[0])
    assert book.sheet().tallies["anna"].status is None


def test_a_car_that_does_not_go_on_is_not_ranked() -> None:
    book = Book()
    book.cross(1.0, 10.0)
    book.write("dnf", 15.0, entry="anna", why="flat battery")
    tally = book.sheet().tallies["anna"]
    assert (tally.status, tally.reason) == ("DNF-crash", "flat battery")


def test_crossings_elsewhere_and_before_the_light_are_kept_and_not_counted() -> None:
    book = Book()
    early = book.cross(-2.0)[0]
    other = book.cross(5.0, point="sector-1")[0]
    assert (book.standing(early), book.standing(other)) == ("early", "elsewhere")
    assert book.laps() == []


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (Note(number=9, kind="void", target=5), "void: found line 5, expected the number of a crossing"),
        (Note(number=9, kind="undo", target=1), "undo: found line 1, expected the number of a decision"),
        (Note(number=9, kind="add", entry="carl"), "add: found entry 'carl', expected one of anna"),
    ],
)
def test_a_decision_about_nothing_is_refused(note: Note, said: str) -> None:
    book = Book()
    book.cross(1.0)
    with pytest.raises(InputError, match=said):
        check(note, book.notes, book.entries)


# -- whatever is written down ------------------------------------------------------------------------

LAPS = st.lists(st.integers(3_500, 20_000), min_size=1, max_size=12)
"""Lap times in ms."""


@given(
    laps=LAPS,
    doubles=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 2_900)), max_size=8),
    misses=st.sets(st.integers(0, 12), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_with_doubles_ignored_and_misses_added_the_laps_are_the_true_ones(
    laps: list[int], doubles: list[tuple[int, int]], misses: set[int], order: Any
) -> None:
    rules = DREM.model_copy(update={"time_limit_s": 600.0})
    times = [1_000]
    for lap in laps:
        times.append(times[-1] + lap)
    book = Book(rules=rules)
    seen = [at for index, at in enumerate(times) if index not in misses]
    seen += [times[index % len(times)] + late for index, late in doubles if index % len(times) not in misses]
    order.shuffle(seen)
    book.cross(*(at / 1000 for at in seen))
    for index in misses:
        if index < len(times):
            book.write("add", times[index] / 1000, entry="anna")
    assert book.laps(now_s=590.0) == [lap / 1000 for lap in laps]


@settings(max_examples=60)
@given(
    anna=LAPS,
    bert=LAPS,
    head_start_ms=st.integers(200, 8_000),
    doubled=st.sets(st.integers(0, 25), max_size=5),
    missed=st.sets(st.integers(0, 25), max_size=4),
)
def test_an_evening_of_overtakes_doubles_and_misses_ends_in_the_true_laps(
    anna: list[int], bert: list[int], head_start_ms: int, doubled: set[int], missed: set[int]
) -> None:
    """One gate that cannot tell two cars apart; a person who saw it all says whose each crossing was."""
    truth: list[tuple[int, str]] = []
    for name, begin, laps in (("anna", 1_000, anna), ("bert", 1_000 + head_start_ms, bert)):
        times = [begin]
        for lap in laps:
            times.append(times[-1] + lap)
        truth += [(at, name) for at in times]
    truth.sort()
    book = Book(ANNA, BERT, rules=DREM.model_copy(update={"time_limit_s": 600.0}))
    owners: dict[int, str] = {}
    for index, (at, name) in enumerate(truth):
        if index in missed:
            continue
        for late in (0, 35) if index in doubled else (0,):
            owners[book.cross((at + late) / 1000)[0]] = name
    assert len(book.sheet().waiting) == len(owners), "nothing is guessed"
    for number, name in owners.items():
        book.write("reassign", target=number, entry=name)
    for index in missed & set(range(len(truth))):
        at, name = truth[index]
        book.write("add", at / 1000, entry=name)
    assert book.laps(ANNA, 599.0) == [lap / 1000 for lap in anna]
    assert book.laps(BERT, 599.0) == [lap / 1000 for lap in bert]


def notes(draw: Any) -> Sequence[Note]:
    made: list[Note] = []
    for number in range(1, draw(st.integers(1, 25)) + 1):
        kind = draw(
            st.sampled_from(["crossing", "add", "void", "restore", "reassign", "reset", "finish", "undo"])
        )
        made.append(
            Note(
                number=number,
                kind=kind,
                at_us=draw(st.integers(-1, 100)) * 1_000_000,
                entry=draw(st.sampled_from(["anna", "bert"])) if kind != "crossing" else "",
                target=draw(st.integers(0, number)),
                car=draw(st.sampled_from(["", "anna", "bert", "x"])),
            )
        )
    return made


@settings(max_examples=40)
@given(st.data())
def test_undoing_the_newest_decision_restores_what_stood_before(data: st.DataObject) -> None:
    written = list(notes(data.draw))
    before = fold(written, (ANNA, BERT), DREM, 50_000_000)
    decision = Note(number=len(written) + 1, kind="finish", entry="anna", at_us=1_000_000)
    undo = Note(number=len(written) + 2, kind="undo", target=decision.number)
    after = fold([*written, decision, undo], (ANNA, BERT), DREM, 50_000_000)
    assert after.passings == before.passings
    assert after.tallies == before.tallies


@settings(max_examples=40)
@given(st.data())
def test_every_crossing_is_accounted_for_and_laps_add_up(data: st.DataObject) -> None:
    written = list(notes(data.draw))
    sheet = fold(data.draw(st.permutations(written)), (ANNA, BERT), DREM, 100_000_000)
    assert sheet == fold(written, (ANNA, BERT), DREM, 100_000_000)
    undone = {p.note.number for p in sheet.passings}
    assert undone <= {note.number for note in written if note.kind in ("crossing", "add")}
    for name, tally in sheet.tallies.items():
        ends = [p for p in sheet.passings if p.entry == name and p.lap]
        assert [p.lap for p in ends] == list(range(1, len(tally.laps) + 1))
        if tally.laps:
            assert tally.started_us is not None
            assert sum(p.lap_us for p in ends) == tally.last_us - tally.started_us
            assert all(lap.time_s >= DREM.min_lap_s for lap in tally.laps)
