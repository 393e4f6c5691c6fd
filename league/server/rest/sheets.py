"""Boards and laps as CSV, for spreadsheets: `GET /api/v1/events/{event}/leaderboard.csv` and `…/laps.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

from aiohttp import web

from league.server.keys import BOOK
from league.server.rest.api import ROOT, board_of
from league.server.rest.contract import operation

CSV: Final = "text/csv"
STANDING: Final = (
    "place", "name", "agent", "status", "total_s", "gap_s", "score_s", "fastest_lap_s",
    "fastest_lap_off_tracks", "off_tracks", "resets", "collisions", "progress_pct", "attempts", "heats",
    "entry_id", "reason", "owner",
)  # fmt: skip
LAP: Final = (
    "heat", "entry_id", "name", "lap", "time_s", "off_tracks", "resets", "collisions", "valid", "sectors_s",
)  # fmt: skip
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula; the last four are the wide forms of the first."""


def routes() -> list[web.RouteDef]:
    """Where the sheets are found."""
    return [
        web.get(f"{ROOT}/events/{{event}}/leaderboard.csv", standings),
        web.get(f"{ROOT}/events/{{event}}/laps.csv", laps),
    ]


@operation(media=CSV, tag="events")
async def standings(request: web.Request) -> web.Response:
    """An event's standings as CSV, one row an entry."""
    board = await board_of(request)
    rows = ([row[column] for column in STANDING] for row in board["entries"])
    return sheet(f"{board['event']}-leaderboard.csv", STANDING, rows)


@operation(media=CSV, tag="events")
async def laps(request: web.Request) -> web.Response:
    """Every lap of an event's finished heats as CSV, one row a lap."""
    event_id = request.match_info["event"]
    await request.app[BOOK].event(event_id)
    results = await request.app[BOOK].results(event_id)
    rows = (
        (
            result.heat, entry.entry_id, entry.name, number, lap.time_s, lap.off_tracks, lap.resets,
            lap.collisions, lap.valid, " ".join(str(sector) for sector in lap.sectors_s),
        )
        for result in results
        for entry in result.entries
        for number, lap in enumerate(entry.laps, 1)
    )  # fmt: skip
    return sheet(f"{event_id}-laps.csv", LAP, rows)


def sheet(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> web.Response:
    """Rows as a CSV file to be kept (RFC 4180)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return web.Response(
        text=text.getvalue(),
        content_type=CSV,
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def inert(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula, whatever somebody called an entry."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" \xa0").startswith(_DANGEROUS) else cell
