"""Charts of a heat, and an entry's form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from league.racing.fact import Fact
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult
from league.server.pages.charts import HIGH, WIDE, lap_chart, position_chart, positions, sectors_of
from league.server.pages.form import drives_of, rivalries_of

TIMES = st.lists(st.floats(0.5, 4000.0), max_size=40)


def heat(name: str, *entries: EntryResult) -> HeatResult:
    facts = CircuitFacts(id="loop", length_m=10.0, sha256="0" * 64)
    return HeatResult(
        heat=name, circuit=facts, car="deepracer", laps=3, rank="total", seed=1, behavior=1,
        clock="lockstep", entries=entries, state_hash="",
    )  # fmt: skip


def entry(name: str, place: int, *, status: str = "FIN", laps: tuple[LapResult, ...] = ()) -> EntryResult:
    fields = {"name": name.title(), "agent": "a", "entry_id": name, "place": place, "status": status}
    return EntryResult.model_validate(fields | {"laps": laps})


def sector(time_us: int, seat: int) -> Fact:
    return Fact(0, time_us, "sector", seat, {"sector": 0, "time_us": time_us})


@given(st.lists(TIMES, max_size=8))
def test_every_lap_is_on_the_drawing(times: list[list[float]]) -> None:
    rows = [(seat, f"Car {seat}", [LapResult(time_s=t) for t in mine]) for seat, mine in enumerate(times)]
    drawn = lap_chart(rows)
    if drawn is None:
        assert not any(times)
        return
    assert [len(line.dots) for line in drawn.lines] == [len(mine) for mine in times if mine]
    for line in drawn.lines:
        assert all(0 <= x <= WIDE and 0 <= y <= HIGH for x, y, _ in line.dots)
    assert len(drawn.up) > 1


def test_slower_laps_are_higher_up() -> None:
    drawn = lap_chart([(0, "A", [LapResult(time_s=9.0), LapResult(time_s=11.0)])])
    assert drawn is not None
    (_, fast_y, _), (_, slow_y, said) = drawn.lines[0].dots
    assert slow_y < fast_y
    assert said == "A, lap 2: 11.000"


def test_positions_follow_who_comes_first_to_every_sectors_end() -> None:
    facts = [sector(10, 0), sector(12, 1), sector(20, 1), sector(21, 0), sector(30, 1)]
    assert positions(facts, 3) == [[0, 1, 2], [0, 1, 2], [1, 0, 2], [1, 0, 2]]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(-1, 8))), st.integers(1, 8))
def test_everybody_has_a_place_at_every_sectors_end(passed: list[tuple[int, int]], seats: int) -> None:
    orders = positions([sector(time_us, seat) for time_us, seat in passed], seats)
    assert all(sorted(order) == list(range(seats)) for order in orders)
    drawn = position_chart(orders, [f"Car {seat}" for seat in range(seats)], 3)
    assert (drawn is None) == (seats < 2 or len(orders) < 2)


def test_sectors_are_purple_green_or_yellow() -> None:
    laps = [LapResult(time_s=3.0, sectors_s=times) for times in ((1.0, 2.0), (1.1, 1.9))]
    other = LapResult(time_s=3.0, sectors_s=(0.9, 2.5))
    found = sectors_of(heat("h", entry("a", 1, laps=tuple(laps)), entry("b", 2, laps=(other,))))
    assert [[one.sort for one in lap] for lap in found["a"]] == [["own", "none"], ["none", "all"]]
    assert [[one.sort for one in lap] for lap in found["b"]] == [["all", "own"]]


def test_an_entrys_record_counts_heats_in_which_both_competed() -> None:
    raced = [
        heat("h1", entry("a", 1), entry("b", 2), entry("c", 3, status="DNS")),
        heat("h2", entry("b", 1), entry("a", 2)),
        heat("h3", entry("a", 1)),
        heat("h4", entry("b", 1), entry("c", 2)),
    ]
    assert [drive.heat.heat for drive in drives_of(raced, "a")] == ["h1", "h2", "h3"]
    (rival,) = rivalries_of(raced, "a")
    assert (rival.name, rival.won, rival.lost, rival.last) == ("B", 1, 1, "h2")
