"""Heats, results, facts and recordings in the record book."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from league.errors import InputError, RaceError, UnknownNameError
from league.racing.fact import KINDS, Fact
from league.racing.plan import EntryPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult
from league.store.book import RecordBook
from league.store.records import EventOptions


@pytest.fixture
async def friday(book: RecordBook, evening: Any) -> RecordBook:
    """A book with one event of four entries."""
    await book.add_event(evening.event(), EventOptions())
    return book


async def test_a_finished_heat_is_read_as_it_was_raced(friday: RecordBook, evening: Any, clock: Any) -> None:
    heat = evening.heat()
    result, facts, recording = evening.result(heat), evening.facts(), bytes(range(256)) * 100
    began = clock.time
    assert await friday.begin_heat("friday", heat) == 1
    clock.move(42)
    assert await friday.finish_heat("friday", heat, result, facts, recording)

    (found,) = await friday.heats("friday")
    assert (found.plan, found.status, found.attempt, found.reason) == (heat, "finished", 1, "")
    assert (found.began_at, found.finished_at) == (began, clock.time)
    assert await friday.results("friday") == (result,)
    assert await friday.facts("friday", heat.id) == tuple(facts)
    assert await friday.recording("friday", heat.id) == recording


async def test_a_heat_may_be_finished_without_having_been_begun(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat()
    assert await friday.finish_heat("friday", heat, evening.result(heat), [], b"")
    (found,) = await friday.heats("friday")
    assert (found.status, found.attempt) == ("finished", 1)
    assert await friday.recording("friday", heat.id) == b""


async def test_the_first_result_of_a_heat_stands(friday: RecordBook, evening: Any, clock: Any) -> None:
    heat = evening.heat()
    first, facts = evening.result(heat), evening.facts()
    assert await friday.finish_heat("friday", heat, first, facts, b"first")
    before = await friday.heats("friday"), await friday.event("friday")
    clock.move(1)

    assert not await friday.finish_heat("friday", heat, evening.result(heat, lap_s=5), [], b"second")

    assert await friday.results("friday") == (first,)
    assert await friday.facts("friday", heat.id) == tuple(facts)
    assert await friday.recording("friday", heat.id) == b"first"
    assert (await friday.heats("friday"), await friday.event("friday")) == before


async def test_of_many_who_finish_a_heat_at_once_one_does(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat()
    results = [evening.result(heat, lap_s=5 + n) for n in range(8)]
    done = await asyncio.gather(
        *(friday.finish_heat("friday", heat, result, evening.facts(), b"x") for result in results)
    )
    assert sum(done) == 1
    assert await friday.results("friday") == (results[done.index(True)],)


async def test_a_running_heat_has_no_result_yet(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat()
    await friday.begin_heat("friday", heat)
    (found,) = await friday.heats("friday")
    assert (found.status, found.finished_at) == ("running", None)
    assert await friday.results("friday") == ()
    assert await friday.facts("friday", heat.id) == ()
    assert await friday.recording("friday", heat.id) is None


async def test_an_abandoned_heat_is_raced_again(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat()
    await friday.begin_heat("friday", heat)
    await friday.abandon_heat("friday", heat.id, "power cut")
    (found,) = await friday.heats("friday")
    assert (found.status, found.reason) == ("abandoned", "power cut")

    assert await friday.begin_heat("friday", heat) == 2
    assert await friday.finish_heat("friday", heat, evening.result(heat), [], b"")
    (found,) = await friday.heats("friday")
    assert (found.status, found.attempt, found.reason) == ("finished", 2, "")


async def test_a_finished_heat_is_neither_begun_nor_abandoned(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat()
    await friday.finish_heat("friday", heat, evening.result(heat), [], b"")
    with pytest.raises(RaceError, match="is finished, and cannot begin again"):
        await friday.begin_heat("friday", heat)
    with pytest.raises(RaceError, match="is finished, and cannot be abandoned"):
        await friday.abandon_heat("friday", heat.id, "")
    assert (await friday.heats("friday"))[0].status == "finished"


async def test_heats_keep_the_order_in_which_they_began(friday: RecordBook, evening: Any) -> None:
    heats = [evening.heat(one) for one in ("z", "a", "m")]
    for heat in heats:
        await friday.begin_heat("friday", heat)
    for heat in reversed(heats):
        await friday.finish_heat("friday", heat, evening.result(heat), [], b"")
    assert [heat.plan.id for heat in await friday.heats("friday")] == ["z", "a", "m"]
    assert [result.heat for result in await friday.results("friday")] == ["z", "a", "m"]


async def test_heats_of_two_events_may_have_one_id(friday: RecordBook, evening: Any) -> None:
    await friday.add_event(evening.event("saturday"), EventOptions())
    heat = evening.heat()
    results = {day: evening.result(heat, lap_s=lap_s) for day, lap_s in (("friday", 8.0), ("saturday", 7.0))}
    for day, result in results.items():
        assert await friday.finish_heat(day, heat, result, [], day.encode())
    for day, result in results.items():
        assert await friday.results(day) == (result,)
        assert await friday.recording(day, heat.id) == day.encode()


async def test_a_result_with_a_stranger_in_it_leaves_no_trace(friday: RecordBook, evening: Any) -> None:
    stranger = EntryPlan(id="stranger", name="Stranger")
    heat = evening.heat(entries=[*evening.entries(), stranger])
    with pytest.raises(UnknownNameError, match="no entry of event 'friday' is called 'stranger'"):
        await friday.finish_heat("friday", heat, evening.result(heat), evening.facts(), b"x")
    assert await friday.heats("friday") == []
    assert await friday.fastest_laps("club-loop") == []


async def test_a_result_of_another_heat_is_refused(friday: RecordBook, evening: Any) -> None:
    with pytest.raises(RaceError, match="'final': the result is of heat 'qualifying-1'"):
        await friday.finish_heat("friday", evening.heat("final"), evening.result(evening.heat()), [], b"")


async def test_an_entry_can_be_classified_only_once_in_a_heat(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat(entries=evening.entries(1) * 2)
    with pytest.raises(RaceError, match="car-1"):
        await friday.finish_heat("friday", heat, evening.result(heat), [], b"")


async def test_facts_that_are_not_json_leave_no_trace(friday: RecordBook, evening: Any) -> None:
    heat = evening.heat()
    with pytest.raises(ValueError, match="JSON"):
        await friday.finish_heat(
            "friday", heat, evening.result(heat), [Fact(0, 0, "lap", 0, {"x": float("nan")})], b""
        )
    assert await friday.heats("friday") == []


async def test_a_heat_id_may_be_long_but_must_be_an_id(friday: RecordBook, evening: Any) -> None:
    long = evening.heat("a" * 128)
    assert await friday.finish_heat("friday", long, evening.result(long), [], b"")
    with pytest.raises(InputError, match="heat id"):
        await friday.begin_heat("friday", evening.heat("a" * 129))


async def test_an_unknown_heat_is_named(friday: RecordBook, evening: Any) -> None:
    await friday.begin_heat("friday", evening.heat())
    with pytest.raises(
        UnknownNameError, match=r"no heat of event 'friday' is called 'qualifying-2'.*qualifying-1"
    ):
        await friday.recording("friday", "qualifying-2")


async def test_the_fastest_laps_are_the_valid_ones_of_that_circuit(
    friday: RecordBook, evening: Any, clock: Any
) -> None:
    await friday.add_event(evening.event("saturday"), EventOptions())
    slow, fast, elsewhere = evening.heat("slow"), evening.heat("fast"), evening.heat("elsewhere")
    await friday.finish_heat("friday", slow, evening.result(slow, lap_s=9), [], b"")
    result = evening.result(fast, lap_s=6)
    cut = result.entries[0].laps[0].model_copy(update={"valid": False, "time_s": 1.0})
    cheat = result.entries[0].model_copy(update={"laps": (cut,)})
    await friday.finish_heat(
        "saturday", fast, result.model_copy(update={"entries": (cheat, *result.entries[1:])}), [], b""
    )
    other = CircuitFacts(id="elsewhere", length_m=1, sha256="")
    await friday.finish_heat(
        "friday", elsewhere, evening.result(elsewhere, lap_s=2).model_copy(update={"circuit": other}), [], b""
    )
    await friday.renew_entry(
        "saturday", EntryPlan(id="car-2", name="Renamed", agent="other"), source="x", hosted=True
    )

    first, *rest = await friday.fastest_laps("club-loop", limit=10)

    assert (first.time_s, first.event_id, first.heat_id, first.entry_id, first.lap) == (
        6.666667,
        "saturday",
        "fast",
        "car-2",
        1,
    )
    assert (first.name, first.agent, first.car, first.finished_at) == (
        "Car 2",
        "pure-pursuit",
        "deepracer",
        clock.time,
    )
    assert len(rest) == 9
    assert [lap.time_s for lap in rest] == sorted(lap.time_s for lap in rest)
    assert await friday.fastest_laps("nowhere") == []


async def test_whoever_is_cancelled_leaves_a_whole_heat_behind(friday: RecordBook, evening: Any) -> None:
    facts = evening.facts(60)
    heats = [evening.heat(f"heat-{number}") for number in range(12)]
    for number, heat in enumerate(heats):
        finishing = asyncio.ensure_future(
            friday.finish_heat("friday", heat, evening.result(heat), facts, b"x" * 50_000)
        )
        await asyncio.sleep(number * 0.0005)
        finishing.cancel()
        await asyncio.sleep(0)
        finishing.cancel()
        await asyncio.wait([finishing])
    assert [heat.plan for heat in await friday.heats("friday")] == heats
    assert [result.heat for result in await friday.results("friday")] == [heat.id for heat in heats]
    for heat in heats:
        assert await friday.facts("friday", heat.id) == tuple(facts)
        assert await friday.recording("friday", heat.id) == b"x" * 50_000


finite = st.floats(allow_nan=False, allow_infinity=False)
times = st.floats(0, 86_400)
counts = st.integers(0, 2**31 - 1)
# Half of a surrogate pair is no text; everything else is.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
lap_results = st.builds(
    LapResult,
    time_s=times,
    off_tracks=counts,
    resets=counts,
    collisions=counts,
    valid=st.booleans(),
    sectors_s=st.lists(times, max_size=4).map(tuple),
)
entry_results = st.builds(
    EntryResult,
    place=counts,
    name=texts,
    agent=texts,
    status=st.sampled_from(["FIN", "DNF-crash", "DNF-timeout", "DNF-disconnect", "DNS", "DSQ", "VOID"]),
    entry_id=st.just(""),
    reason=texts,
    total_s=st.none() | times,
    gap_s=st.none() | finite,
    score_s=st.none() | times,
    laps=st.lists(lap_results, max_size=4).map(tuple),
    fastest_lap_s=st.none() | times,
    progress_pct=st.floats(0, 100),
    attempts=counts,
)
heat_results = st.builds(
    HeatResult,
    heat=st.just(""),
    phase=texts,
    circuit=st.builds(CircuitFacts, id=texts, length_m=finite, sha256=texts),
    car=texts,
    laps=counts,
    rank=texts,
    seed=st.integers(0, 2**53),
    behavior=counts,
    clock=texts,
    entries=st.lists(entry_results, max_size=4).map(tuple),
    state_hash=texts,
    overruns=counts,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
facts_seen = st.builds(
    Fact,
    tick=counts,
    time_us=st.integers(0, 2**62),
    kind=st.sampled_from(KINDS),
    seat=st.integers(-1, 7),
    data=st.dictionaries(texts, json_values, max_size=4),
)
numbers = itertools.count()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(result=heat_results, facts=st.lists(facts_seen, max_size=5), recording=st.binary(max_size=300))
async def test_any_result_comes_back_as_it_was(
    book: RecordBook, evening: Any, result: HeatResult, facts: list[Fact], recording: bytes
) -> None:
    event = f"event-{next(numbers)}"
    heat = evening.heat()
    entries = tuple(
        entry.model_copy(update={"entry_id": f"car-{seat}"}) for seat, entry in enumerate(result.entries, 1)
    )
    result = result.model_copy(update={"heat": heat.id, "entries": entries})
    await book.add_event(evening.event(event), EventOptions())

    assert await book.finish_heat(event, heat, result, facts, recording)

    assert await book.results(event) == (result,)
    assert (await book.results(event))[0].model_dump_json() == result.model_dump_json()
    assert await book.facts(event, heat.id) == tuple(facts)
    assert await book.recording(event, heat.id) == recording


steps = st.tuples(st.sampled_from(["begin", "finish", "abandon"]), st.sampled_from(["h-1", "h-2"]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=8))
async def test_any_order_of_beginning_abandoning_and_finishing_makes_sense(
    book: RecordBook, evening: Any, taken: list[tuple[str, str]]
) -> None:
    event = f"event-{next(numbers)}"
    await book.add_event(evening.event(event), EventOptions())
    expected: dict[str, tuple[str, int]] = {}
    first_result: dict[str, HeatResult] = {}
    for number, (step, name) in enumerate(taken):
        heat = evening.heat(name)
        status, attempt = expected.get(name, ("", 0))
        if step == "finish":
            result = evening.result(heat, lap_s=5.0 + number)
            assert await book.finish_heat(event, heat, result, [], b"") == (status != "finished")
            expected[name] = ("finished", max(attempt, 1))
            first_result.setdefault(name, result)
        elif step == "abandon" and status == "":
            with pytest.raises(UnknownNameError):
                await book.abandon_heat(event, name, "why")
        elif status == "finished":
            again = book.begin_heat(event, heat) if step == "begin" else book.abandon_heat(event, name, "why")
            with pytest.raises(RaceError):
                await again
        elif step == "begin":
            assert await book.begin_heat(event, heat) == attempt + 1
            expected[name] = ("running", attempt + 1)
        else:
            await book.abandon_heat(event, name, "why")
            expected[name] = ("abandoned", attempt)
    found = await book.heats(event)
    assert {heat.plan.id: (heat.status, heat.attempt) for heat in found} == expected
    assert [heat.plan.id for heat in found] == list(expected)
    assert {result.heat: result for result in await book.results(event)} == first_result
