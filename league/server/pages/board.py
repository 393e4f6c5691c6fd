"""Rows of a leaderboard: searched, filtered, sorted and cut into pages as an address asks.

Pure: values in, values out. What an address asks for and cannot have is taken as not asked for, so that a
link with a slip of the pen still shows a board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from league.racing.plan import EventPlan
from league.racing.result import Standing

SIZE: Final = 100
MOST: Final = 500
"""Rows of the longest page."""
LONGEST_SEARCH: Final = 64
NOTHING: Final = ("", "")
KINDS: Final = ("onnx", "scripted", "remote", "physical")


@dataclass(frozen=True)
class Row:
    """One entry, or one racer, on a board."""

    rank: int | None
    """None for an entry that has not raced."""
    name: str
    key: str
    """Names the row within its board, whatever changes on it."""
    link: str = ""
    owner: str = ""
    agent: str = ""
    kind: str = ""
    total_s: float | None = None
    gap_s: float | None = None
    fastest_s: float | None = None
    fastest_off_tracks: int = 0
    laps: int = 0
    off_tracks: int = 0
    resets: int = 0
    attempts: int = 0
    trend: int | None = None
    """Places won since the last heat, negative for lost ones; None for who was not on the board."""
    status: str = ""
    mark: str = ""
    """What stewards decided about it, in a word or two."""
    ruled: str = ""
    """The same with heats and reasons."""
    points: float | None = None
    wins: int = 0
    boards: int = 0

    @cached_property
    def words(self) -> str:
        """What a search looks in."""
        return f"{self.name}\n{self.owner}\n{self.agent}".casefold()


_LAST: Final = float("inf")
SORTS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "rank": lambda row: row.rank or _LAST,
    "entry": lambda row: row.name.casefold(),
    "owner": lambda row: (not row.owner, row.owner.casefold()),
    "kind": lambda row: row.kind,
    "total": lambda row: _LAST if row.total_s is None else row.total_s,
    "fastest": lambda row: _LAST if row.fastest_s is None else row.fastest_s,
    "offs": lambda row: row.off_tracks,
    "resets": lambda row: row.resets,
    "attempts": lambda row: row.attempts,
    "trend": lambda row: -_LAST if row.trend is None else row.trend,
    "points": lambda row: -(row.points or 0.0),
}
DOWN_FIRST: Final = frozenset({"trend", "attempts"})
"""Columns whose greatest figure comes first."""


@dataclass(frozen=True, slots=True)
class View:
    """What an address asks of a board."""

    search: str = ""
    kind: str = ""
    sort: str = "rank"
    turned: bool = False
    """Whether the order is the other way round."""
    page: int = 1
    size: int = SIZE
    path: str = ""
    """Where the board is."""
    kept: tuple[tuple[str, str], ...] = ()
    """What else the address says, which every link of the board keeps."""

    @property
    def plain(self) -> bool:
        """Whether it shows the top of the whole board."""
        return (self.search, self.kind, self.sort, self.turned, self.page) == ("", "", "rank", False, 1)

    def address(self, **changes: Any) -> str:
        """The address of this view with changes; it leaves out what goes without saying."""
        return _address(replace(self, **({"page": 1} | changes)))

    def sorted_by(self, column: str) -> str:
        """The address that sorts by a column, and by the same one the other way if it does already."""
        return self.address(sort=column, turned=self.sort == column and not self.turned)

    def direction(self, column: str) -> str:
        """What a column's head says of the order, as `aria-sort` does."""
        if column != self.sort:
            return "none"
        return "descending" if self.turned != (column in DOWN_FIRST) else "ascending"


@dataclass(frozen=True, slots=True)
class Shown:
    """The part of a board that is shown."""

    rows: tuple[Row, ...]
    found: int
    """Rows that match, on all pages."""
    all: int
    page: int
    pages: int
    first: int
    """Number of the first row among those found, from 1; 0 where there is none."""
    kinds: tuple[str, ...] = field(default=())
    """Kinds of driver on the whole board, to choose from."""

    @property
    def last(self) -> int:
        """Number of the last row that is shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0


def read_view(path: str, query: Mapping[str, str], keep: Sequence[str] = ()) -> View:
    """What an address asks for.

    Args:
        path: The address's path, as it travels.
        query: The address's query.
        keep: What links of the board carry along, if the address has it.
    """
    sort = query.get("sort", "rank")
    kind = query.get("kind", "")
    return View(
        search=" ".join(query.get("q", "").split())[:LONGEST_SEARCH],
        kind=kind if kind in KINDS else "",
        sort=sort if sort in SORTS else "rank",
        turned=query.get("turned") == "1",
        page=_whole(query.get("page"), 1, 1_000_000),
        size=_whole(query.get("size"), SIZE, MOST),
        path=path,
        kept=tuple((name, query[name][:LONGEST_SEARCH]) for name in keep if query.get(name)),
    )


def show(rows: Sequence[Row], view: View) -> Shown:
    """The page of a board that a view asks for; the last one if it asks for more than there are."""
    found = list(rows)
    if view.search:
        wanted = view.search.casefold()
        found = [row for row in found if wanted in row.words]
    if view.kind:
        found = [row for row in found if row.kind == view.kind]
    if view.sort != "rank" or view.turned:  # boards come in the order of their ranks
        down = (view.sort in DOWN_FIRST) != view.turned
        found.sort(key=SORTS[view.sort], reverse=down)
    pages = max(1, -(-len(found) // view.size))
    page = min(view.page, pages)
    start = (page - 1) * view.size
    part = tuple(found[start : start + view.size])
    kinds = {row.kind for row in rows}
    return Shown(
        rows=part,
        found=len(found),
        all=len(rows),
        page=page,
        pages=pages,
        first=start + 1 if part else 0,
        kinds=tuple(kind for kind in KINDS if kind in kinds),
    )


def event_rows(
    plan: EventPlan,
    standings: Sequence[Standing],
    before: Mapping[str, int],
    *,
    link: Callable[[str], str],
    marks: Mapping[str, tuple[str, str]] = {},
) -> tuple[Row, ...]:
    """An event's standings as rows of its board.

    Args:
        plan: The event, for what sort of driver each entry is.
        standings: As they are.
        before: Places before the last heat, by entry id, for the trend.
        link: The address of an entry's page.
        marks: What stewards decided, short and in words, by entry id.
    """
    kinds = {entry.id: entry.kind for entry in plan.entries}
    return tuple(
        Row(
            rank=row.place if row.heats else None,
            name=row.name,
            key=row.entry_id,
            link=link(row.entry_id),
            owner=row.owner,
            agent=row.agent,
            kind=kinds.get(row.entry_id, ""),
            total_s=row.total_s,
            gap_s=row.gap_s,
            fastest_s=row.fastest_lap_s,
            fastest_off_tracks=row.fastest_lap_off_tracks,
            laps=len(row.laps),
            off_tracks=row.off_tracks,
            resets=row.resets,
            attempts=row.attempts,
            trend=before[row.entry_id] - row.place if row.heats and row.entry_id in before else None,
            status=row.status if row.heats else "",
            mark=marks.get(row.entry_id, NOTHING)[0],
            ruled=marks.get(row.entry_id, NOTHING)[1],
        )
        for row in standings
    )


def _address(view: View) -> str:
    said: list[tuple[str, str]] = list(view.kept)
    standard = View()
    given = {
        "q": view.search,
        "kind": view.kind,
        "sort": view.sort if view.sort != standard.sort else "",
        "turned": "1" if view.turned else "",
        "page": str(view.page) if view.page > 1 else "",
        "size": str(view.size) if view.size != SIZE else "",
    }
    said += [(name, value) for name, value in given.items() if value]
    return f"{view.path}?{urlencode(said)}" if said else view.path


def _whole(text: str | None, otherwise: int, most: int) -> int:
    """A whole number from 1 to the most, or what goes without saying."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        return otherwise
    return min(max(int(text), 1), most)
