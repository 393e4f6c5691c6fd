"""The stewards' page: incidents and protests to decide on, and the ledger of what was decided.

It only shows; decisions are forms that `desk.js` sends to the REST interface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Final
from urllib.parse import quote

from aiohttp import web

from league.racing.incident import AFTER_S, BEFORE_S, PROTEST, Opinion, clip_at
from league.racing.plan import HeatPlan
from league.racing.result import EntryResult, HeatResult
from league.server.keys import BOOK
from league.server.pages.rulings import Ruling, rulings_of
from league.server.pages.scores import Scored, Sheet
from league.server.rest.stewarding import protests_until
from league.store.decisions import IncidentRecord

Render = Callable[..., web.Response]

MOST: Final = 100
"""Incidents that are open, and decided ones, of which the page shows so many; of the decided the newest."""


@dataclass(frozen=True, slots=True)
class Case:
    """An incident as stewards see it."""

    record: IncidentRecord
    heat: HeatPlan
    accused: str
    """What the entry is called whose conduct it is about; empty where a protest is against nobody."""
    other: str
    rows: tuple[EntryResult, ...]
    """Everybody's results of the heat, the accused one's first."""
    clip: str
    """The address of the part of the replay that shows it; empty where there is none."""
    lap: int
    """The lap in which it was, from 1."""
    opinions: tuple[Opinion, ...]
    """The surest first."""
    rulings: tuple[Ruling, ...]
    """What stands about it."""

    @property
    def is_protest(self) -> bool:
        """Whether a racer filed it."""
        return self.record.incident.kind == PROTEST

    @property
    def reasons(self) -> list[str]:
        """Reasons to choose from: those of the advisers, and what was seen."""
        texts = (*(opinion.why for opinion in self.opinions), self.record.incident.text)
        return [*dict.fromkeys(text for text in texts if text)]

    @property
    def seconds(self) -> float:
        """The penalty to begin with: what is advised, or what a contact costs."""
        told = (opinion.seconds for opinion in self.opinions if opinion.advice == "penalty")
        return next((value for value in told if value), self.heat.rules.collision_penalty_s)


class Stewards:
    """Answers requests of stewards.

    Args:
        render: Makes a page from a template and what it shows.
        scored: Says how an event stands, by its id.
    """

    def __init__(self, render: Render, scored: Scored) -> None:
        self._render, self._scored = render, scored

    def routes(self) -> list[web.RouteDef]:
        """List where the pages are found."""
        return [web.get("/desk/events/{event}/stewards", self.stewards)]

    async def stewards(self, request: web.Request) -> web.Response:
        """`GET /desk/events/{event}/stewards?heat=…`: incidents, open ones first, protests and the ledger."""
        event_id, asked = request.match_info["event"], request.query.get("heat", "")
        sheet, book = await self._scored(request, event_id), request.app[BOOK]
        names = {entry.id: entry.name for entry in sheet.record.plan.entries}
        filed = [record for record in await book.incidents(event_id) if asked in ("", record.incident.heat)]
        pending = [record for record in filed if not record.decisions]
        decided = [record for record in filed if record.decisions][::-1]
        shown = [*pending[:MOST], *decided[:MOST]]
        heats = {heat.plan.id: heat.plan for heat in await book.heats(event_id)}
        wanted = sorted({record.incident.heat for record in shown})
        results = {result.heat: result for result in await book.results(event_id, heats=wanted)}
        lines = await book.decisions(event_id)
        ledger = rulings_of(lines, names)
        cases = [
            _case(event_id, record, heats[record.incident.heat], results.get(record.incident.heat), ledger)
            for record in shown
            if record.incident.heat in heats
        ]
        return self._render(
            request,
            "stewards.html",
            event=sheet.record,
            plan=sheet.record.plan,
            heat=heats.get(asked),
            cases=cases,
            pending=len(pending),
            unlisted=len(filed) - len(shown),
            ledger=ledger[::-1],
            final=bool(lines) and lines[-1].kind == "final",
            deadlines=deadlines(request, sheet),
        )


def deadlines(request: web.Request, sheet: Sheet) -> list[tuple[HeatPlan, datetime]]:
    """Until when racers may protest about heats, where they still may; the newest heat first."""
    until = (
        (heat.plan, protests_until(request, sheet.record.plan.id, heat)) for heat in reversed(sheet.heats)
    )
    return [(plan, moment) for plan, moment in until if moment is not None]


def _case(
    event_id: str, record: IncidentRecord, heat: HeatPlan, result: HeatResult | None, ledger: list[Ruling]
) -> Case:
    incident = record.incident
    names = {entry.id: entry.name for entry in heat.grid}
    about = {line.number for line in record.decisions}
    rows = sorted(result.entries, key=lambda row: row.entry_id != incident.entry) if result else []
    return Case(
        record=record,
        heat=heat,
        accused=names.get(incident.entry, incident.entry),
        other=names.get(incident.other, incident.other),
        rows=tuple(rows),
        clip=_clip(event_id, record, heat),
        lap=_lap(next((row for row in rows if row.entry_id == incident.entry), None), incident.time_us / 1e6),
        opinions=tuple(sorted(record.opinions, key=lambda opinion: -opinion.confidence)),
        rulings=tuple(ruling for ruling in ledger if ruling.line.number in about),
    )


def _clip(event_id: str, record: IncidentRecord, heat: HeatPlan) -> str:
    """The address of what is to be watched: some seconds before it, and some after."""
    incident, hz = record.incident, heat.rules.control_hz
    if any(entry.kind == "physical" for entry in heat.grid) or (
        incident.kind == PROTEST and not incident.tick
    ):
        return ""
    end = incident.tick + round((BEFORE_S + AFTER_S) * hz)
    clip = incident.clip or clip_at(incident.tick, hz=hz, ticks=end)
    seat = next((seat for seat, entry in enumerate(heat.grid) if entry.id == incident.entry), 0)
    page = f"/events/{quote(event_id, safe='')}/heats/{quote(heat.id, safe='')}/replay"
    return f"{page}?t={clip.from_tick / hz:.1f}&until={clip.to_tick / hz:.1f}&car={seat}"


def _lap(row: EntryResult | None, at_s: float) -> int:
    """The lap that was driven at a moment; the last one if it was after it."""
    ends_s = list(accumulate(lap.time_s for lap in row.laps)) if row is not None else []
    return next((lap for lap, end_s in enumerate(ends_s, 1) if at_s < end_s), max(1, len(ends_s)))
