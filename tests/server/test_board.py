"""Rows of boards: searched, filtered, sorted and cut into pages."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.racing.plan import EntryPlan, EventPlan
from league.racing.result import Standing
from league.server.pages.board import MOST, SORTS, Row, View, event_rows, read_view, show

QUERY = st.dictionaries(
    st.sampled_from(["q", "kind", "sort", "turned", "page", "size", "car", "laps", "nonsense"]),
    st.one_of(st.text(max_size=80), st.sampled_from(["1", "2", "rank", "total", "onnx", "-1", "1e9", "٣"])),
)


def rows(count: int) -> list[Row]:
    kinds = ("onnx", "scripted")
    return [
        Row(rank=i + 1, name=f"Entry {i}", key=str(i), kind=kinds[i % 2], total_s=10.0 + i, attempts=i % 7)
        for i in range(count)
    ]


def standing(entry: str, place: int, **more: object) -> Standing:
    fields = {"name": entry, "agent": "a", "status": "FIN", "entry_id": entry, "heats": 1, "total_s": 9.0}
    return Standing.model_validate(fields | {"place": place} | more)


@given(QUERY, st.integers(0, 250))
def test_whatever_an_address_asks_for_a_board_is_shown(query: dict[str, str], count: int) -> None:
    view = read_view("/boards", query, keep=("car", "laps"))
    shown = show(rows(count), view)
    assert len(shown.rows) <= min(view.size, MOST)
    assert 1 <= shown.page <= shown.pages
    assert shown.found <= shown.all == count


@given(QUERY)
def test_a_views_address_asks_for_the_same_view(query: dict[str, str]) -> None:
    view = read_view("/boards", query, keep=("car", "laps"))
    again = dict(parse_qsl(urlsplit(view.address(page=view.page)).query))
    assert read_view("/boards", again, keep=("car", "laps")) == view


@pytest.mark.parametrize("sort", SORTS)
def test_sorting_the_other_way_turns_the_order_round(sort: str) -> None:
    there, back = (show(rows(40), View(sort=sort, turned=turned, size=MOST)) for turned in (False, True))
    key = SORTS[sort]
    assert [key(row) for row in there.rows] == [key(row) for row in reversed(back.rows)]


def test_pages_together_are_the_whole_board() -> None:
    board = rows(101)
    seen = [row for page in range(1, 12) for row in show(board, View(page=page, size=10)).rows]
    assert seen == board


def test_a_search_finds_entry_owner_and_agent_whatever_the_case() -> None:
    board = [
        Row(rank=1, name="Straße", key="a"),
        Row(rank=2, name="x", key="b", owner="Ada STRASSE"),
        Row(rank=3, name="y", key="c", agent="strassenbahn"),
        Row(rank=4, name="z", key="d"),
    ]
    assert [row.key for row in show(board, View(search="strasse")).rows] == ["a", "b", "c"]


def test_the_head_of_the_column_that_sorts_says_which_way() -> None:
    view = View(sort="attempts")
    assert view.direction("attempts") == "descending"
    assert view.direction("rank") == "none"
    assert "turned=1" in view.sorted_by("attempts")


def test_the_trend_is_places_won_since_the_last_heat() -> None:
    plan = EventPlan(
        id="cup", name="Cup", circuit="c", format="f",
        entries=tuple(EntryPlan(id=name, name=name, kind="onnx") for name in ("a", "b", "c")),
    )  # fmt: skip
    now = [standing("b", 1), standing("a", 2), standing("c", 3, heats=0, status="DNS", total_s=None)]
    made = event_rows(plan, now, {"a": 1, "b": 2}, link=lambda entry: f"/{entry}")
    assert [(row.name, row.rank, row.trend) for row in made] == [("b", 1, 1), ("a", 2, -1), ("c", None, None)]
    assert made[0].kind == "onnx"
    assert made[2].status == ""
