"""Archived DeepRacer boards: read as they were published, or refused in one line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import League
from league.errors import InputError
from league.racing.archived import read_board
from league.racing.result import CircuitFacts

CIRCUIT = CircuitFacts(id="loop", length_m=12.0, sha256="0" * 64)
BOARD = """\ufeffRank,Alias,UserId,LapCount,AvgLapTime,BestLapTime,TotalLapTime,ResetCount,OffTrackCount
1,Anna,x,3,8100.333,7900,24301,0,0
2,"Bert, the ""bold""\",y,3,8200,8000,24600,1,2
3,Cleo,z,3,9000,7500,27000,4,4
"""


def board(text=BOARD, **more):
    return read_board(text, event_id="old", name="Old board", circuit=CIRCUIT, **more)


def test_a_board_becomes_an_event_whose_standings_are_the_published_ones() -> None:
    event, heat, result = board()
    rows = League().format(event.format).standings(event, (result,))
    assert [
        (row.place, row.name, row.total_s, row.fastest_lap_s, row.resets, row.off_tracks) for row in rows
    ] == [
        (1, "Anna", 24.301, 7.9, 0, 0),
        (2, 'Bert, the "bold"', 24.6, 8.0, 1, 2),
        (3, "Cleo", 27.0, 7.5, 4, 4),
    ]
    assert [row.gap_s for row in rows] == [0.0, 0.299, 2.699]
    assert heat.grid == event.entries
    assert event.rules.laps == 3
    assert not League().format(event.format).standings(event, (result,))[0].laps


def test_the_measure_that_ranked_can_be_the_best_lap() -> None:
    event, _, result = board(rank="best_lap")
    assert [row.name for row in result.entries] == ["Cleo", "Anna", 'Bert, the "bold"']
    assert event.rules.rank == "best_lap"


def test_whoever_has_no_time_comes_last() -> None:
    _, _, result = board("Alias,BestLapTime,TotalLapTime\nNobody,,\nAnna,7900,24301\n")
    assert [(row.name, row.status) for row in result.entries] == [("Anna", "FIN"), ("Nobody", "DNF-timeout")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "there is no column 'Alias'"),
        ("Alias,Time\nAnna,3\n", "there is no column 'BestLapTime'"),
        ("Alias,BestLapTime,TotalLapTime\n", "there is nobody on it"),
        ("Alias,BestLapTime,TotalLapTime\n ,1,2\n", "line 2: there is no name"),
        (
            "Alias,BestLapTime,TotalLapTime\nAnna,7.9 s,1\n",
            "line 2: BestLapTime is '7.9 s', expected a whole",
        ),
        ("Alias,BestLapTime,TotalLapTime\nAnna,-1,1\n", "line 2: BestLapTime is '-1'"),
        ("Alias,BestLapTime,TotalLapTime\nAnna,inf,1\n", "line 2: BestLapTime is 'inf'"),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, line: str) -> None:
    with pytest.raises(InputError, match=line):
        board(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        board(text)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_a_board_is_ordered_by_its_totals(totals: list[int]) -> None:
    lines = [f"A{n},{total},{total}" for n, total in enumerate(totals)]
    _, _, result = board("\n".join(["Alias,BestLapTime,TotalLapTime", *lines]))
    assert [row.total_s for row in result.entries] == sorted(total / 1000 for total in totals)
