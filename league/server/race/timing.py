"""The timing desk of an event: what devices and timekeepers say about the run under way.

Whatever is said is in the record book before it counts, and before whoever said it is told so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from league.errors import InputError, RaceError
from league.racing.crossings import Note, NoteKind, check, last_decision
from league.racing.ledger import in_force
from league.racing.physical import PhysicalHeat, Sighting, is_physical
from league.store.book import RecordBook

Phase = Literal["idle", "waiting", "countdown", "running", "driven"]
Wish = Literal["green", "confirm", "again", "choose", "stop"]
"""What a timekeeper may wish besides decisions: give the light, let the result stand, run it again from
the start, let another run go first; stop every car, now."""
FUTURE_US: Final = 500_000
"""A crossing may lie so far in the future, as clocks differ; no further."""
COMES_UP_S: Final = 10.0
"""A run that a stopped server left is waited for so long before a crossing is refused."""


class SteadyClock:
    """Nanoseconds since 1970 that never jump: the wall clock at the start, and steady from there."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def __call__(self) -> int:
        """The time now."""
        return time.monotonic_ns() + self._ahead_ns


CLOCK: Final = SteadyClock()
"""The server's clock for timing; devices are told it when they ask."""


@dataclass(slots=True)
class Device:
    """A timing device as the desk knows it."""

    name: str
    lines: int = 0
    """Connections that it has open."""
    heard_ns: int = 0
    crossings: int = 0


class TimingDesk:
    """Takes crossings and decisions for the run under way, and shows what stands.

    Args:
        event_id: The event.
        book: Where everything is written.
        now_ns: The clock.
    """

    def __init__(self, event_id: str, book: RecordBook, *, now_ns: Callable[[], int] = CLOCK) -> None:
        self.event_id = event_id
        self.now_ns = now_ns
        self.heat: PhysicalHeat | None = None
        """The run under way."""
        self.phase: Phase = "idle"
        self.waiting: tuple[dict[str, Any], ...] = ()
        """Runs that are still to come: id and names."""
        self.devices: dict[str, Device] = {}
        self.changed_ns = now_ns()
        """When something was last said or decided."""
        self.wishes: dict[Wish, str] = {}
        """What a timekeeper wishes and nobody has granted yet."""
        self.on_wish: Callable[[], None] = lambda: None
        self.on_stop: Callable[[str], None] = lambda why: None
        """Told, with why, that every physical car has to stop at once."""
        self._book = book
        self._attempt = 0
        self._green_ns: int | None = None
        self._viewers: set[Callable[[], None]] = set()
        self._turn = asyncio.Lock()
        """One line is written after the other, so that they lie here as in the book."""

    # -- the course of a run -------------------------------------------------------------------------

    def clock_us(self) -> int:
        """Time since the green light; 0 before it."""
        return 0 if self._green_ns is None else (self.now_ns() - self._green_ns) // 1000

    @property
    def green(self) -> bool:
        """Whether the light was given."""
        return self._green_ns is not None

    def begin(self, heat: PhysicalHeat, attempt: int, notes: tuple[Note, ...] = ()) -> None:
        """A run comes up; with `notes`, one that a stopped server left."""
        self.heat, self._attempt = heat, attempt
        heat.notes = notes
        self.wishes.clear()
        self._green_ns = next((note.epoch_ns for note in notes if note.kind == "green"), None)
        self.show("waiting" if self._green_ns is None else "running")

    async def give_green(self) -> None:
        """The lights go green now."""
        epoch_ns = self.now_ns()
        await self._write(Note(number=1, kind="green", epoch_ns=epoch_ns))
        self._green_ns = epoch_ns
        self.show("running")

    def end(self) -> None:
        """The run is over, one way or the other."""
        self.heat, self._green_ns = None, None
        self.wishes.clear()
        self.show("idle")

    def show(self, phase: Phase | None = None) -> None:
        """Tell everybody who looks that something changed."""
        self.phase = phase or self.phase
        self.changed_ns = self.now_ns()
        for viewer in [*self._viewers]:
            viewer()

    def watch(self, viewer: Callable[[], None]) -> Callable[[], None]:
        """Call a viewer after every change; gives what stops that."""
        self._viewers.add(viewer)
        return lambda: self._viewers.discard(viewer)

    # -- what devices say ----------------------------------------------------------------------------

    async def cross(
        self, device: str, seq: int, ts_ns: int, *, point: str, car: str, confidence: float
    ) -> tuple[int, str]:
        """A device saw something cross a point; gives the line's number, or 0 and why it does not count."""
        self.devices[device].heard_ns = self.now_ns()
        if self.heat is None:
            await self._come_up()
        if self.heat is None or self._green_ns is None:
            return 0, "no run is under way"
        at_us = (ts_ns - self._green_ns) // 1000
        if at_us < 0:
            return 0, "it was before the green light"
        if at_us > self.clock_us() + FUTURE_US:
            return 0, f"it lies {(at_us - self.clock_us()) / 1e6:.1f} s in the future: ask for the time first"
        note = Note(
            number=1, kind="crossing", at_us=at_us, point=point, device=device, seq=seq, car=car,
            confidence=confidence,
        )  # fmt: skip
        written, fresh = await self._write(note)
        if fresh:
            self.devices[device].crossings += 1
            self.show()
        return written.number, ""

    async def _come_up(self) -> None:
        """Wait for a run that a stopped server left, which this one is about to go on with."""
        left = (heat for heat in await self._book.heats(self.event_id) if heat.status == "running")
        if not any(is_physical(entry) for heat in left for entry in heat.plan.grid):
            return
        came = asyncio.Event()
        stop_watching = self.watch(came.set)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(COMES_UP_S):
                    while self.heat is None:
                        await came.wait()
                        came.clear()
        finally:
            stop_watching()

    def see(self, ts_ns: int, car: str, x_m: float, y_m: float, yaw_rad: float, speed_mps: float) -> None:
        """Something saw where a car is."""
        heat = self.heat
        if heat is None or self._green_ns is None:
            return
        named = [
            seat
            for seat, entry in zip(heat.physical, heat.timed, strict=True)
            if car.casefold() in (entry.id, entry.name.casefold()) or (not car and len(heat.timed) == 1)
        ]
        if named:
            at_us = (ts_ns - self._green_ns) // 1000
            heat.see(named[0], Sighting(at_us, x_m, y_m, yaw_rad, speed_mps))

    # -- what people decide --------------------------------------------------------------------------

    async def decide(
        self,
        who: str,
        kind: NoteKind,
        *,
        command: str = "",
        target: int = 0,
        entry: str = "",
        at_us: int | None = None,
        why: str = "",
        revision: int | None = None,
    ) -> Note:
        """Write a person's decision down.

        Raises:
            InputError: It is about a line or an entry that there is not.
            RaceError: No run is under way, or `revision` is not that of what stands.
        """
        at_us = self.clock_us() if at_us is None else at_us
        # Checked and written in one turn: whoever decides next decides about what then stands.
        async with self._turn:
            heat = self._under_way()
            if self._green_ns is None and kind not in ("dnf", "undo"):
                raise RaceError("the light has not been given")
            if kind == "undo" and not target:
                target = last_decision(heat.notes) or 0
            note = Note(
                number=len(heat.notes) + 1, kind=kind, at_us=at_us,
                entry=entry, target=target, who=who, why=why,
            )  # fmt: skip
            known = command and any(
                record.command == command
                for record in await self._book.notes(self.event_id, heat.plan.id, self._attempt)
            )
            stands = heat.sheet.revision
            if not known and revision is not None and revision != stands:
                raise RaceError(f"somebody decided meanwhile: found revision {revision}, expected {stands}")
            if not known:
                check(note, heat.notes, heat.timed)
            written, fresh = await self._put(heat, note, command=command)
        if fresh:
            self.show()
        return written

    def wish(self, wish: Wish, what: str = "") -> None:
        """Ask for something that only whoever runs the event can grant.

        Raises:
            InputError: There is no such run to go first.
            RaceError: It does not fit where things stand.
        """
        if self.heat is None:
            raise RaceError("no run is under way")
        if wish == "stop":
            self.on_stop(what)
            return
        if wish in ("green", "choose") and self.green:
            raise RaceError("the light was given already")
        if wish == "choose" and what not in [run["id"] for run in self.waiting]:
            known = ", ".join(run["id"] for run in self.waiting)
            raise InputError(f"found run {what!r}, expected one of {known}")
        if wish == "confirm" and not self.heat.driven:
            raise RaceError("the run is not over; finish it first")
        self.wishes[wish] = what
        self.on_wish()

    def _under_way(self) -> PhysicalHeat:
        if self.heat is None:
            raise RaceError("no run is under way")
        return self.heat

    async def _write(self, note: Note) -> tuple[Note, bool]:
        heat = self._under_way()
        async with self._turn:
            if self.heat is not heat:
                raise RaceError("the run is over")
            return await self._put(heat, note)

    async def _put(self, heat: PhysicalHeat, note: Note, *, command: str = "") -> tuple[Note, bool]:
        """Write a line down, in one's turn."""
        written, fresh = await self._book.add_note(
            self.event_id, heat.plan.id, self._attempt, note, command=command
        )
        if fresh:
            heat.notes = (*heat.notes, written)
        return written, fresh

    # -- what stands ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that a timekeeper's page shows."""
        return {
            "type": "state",
            "event": self.event_id,
            "phase": self.phase,
            "now_us": self.clock_us(),
            "run": None if self.heat is None else _run_as_dict(self.heat, self.green),
            "waiting": list(self.waiting),
            "devices": [
                {
                    "name": device.name,
                    "connected": device.lines > 0,
                    "crossings": device.crossings,
                    "quiet_s": round((self.now_ns() - device.heard_ns) / 1e9, 1) if device.heard_ns else None,
                }
                for device in self.devices.values()
            ],
        }


def _run_as_dict(heat: PhysicalHeat, green: bool) -> dict[str, Any]:
    sheet, rules = heat.sheet, heat.plan.rules
    standing = {note.number for note in in_force(heat.notes)}
    rows = {row.entry_id: row for row in heat.result().entries}
    live = heat.live
    return {
        "id": heat.plan.id,
        "phase": heat.plan.phase,
        "green": green,
        "driven": green and heat.driven,
        "revision": sheet.revision,
        "limit_us": round(rules.time_limit_s * 1e6),
        "laps": rules.laps,
        "rank": rules.rank,
        "average_laps": rules.average_laps,
        "min_lap_s": rules.min_lap_s,
        "max_resets_per_lap": rules.max_resets_per_lap,
        "seats": [
            {
                "seat": seat,
                "entry": entry.id,
                "name": entry.name,
                "physical": seat in heat.physical,
                "live": live[seat],
                **_row(rows[entry.id].model_dump(mode="json")),
                "lap_began_us": _lap_began_us(heat, seat),
            }
            for seat, entry in enumerate(heat.plan.grid)
        ],
        "passings": [
            {
                **passing.note.model_dump(
                    include={"number", "at_us", "device", "car", "point", "confidence", "who", "kind"}
                ),
                "entry": passing.entry,
                "standing": passing.standing,
                "lap": passing.lap,
                "lap_us": passing.lap_us,
                "hint": passing.hint,
            }
            for passing in sheet.passings
        ],
        "decisions": [
            {
                **note.model_dump(include={"number", "kind", "at_us", "entry", "target", "who", "why"}),
                "undone": note.number not in standing,
            }
            for note in heat.notes
            if note.kind not in ("crossing", "green")
        ],
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("status", "reason", "total_s", "score_s", "fastest_lap_s", "resets", "laps")
    return {name: row[name] for name in kept}


def _lap_began_us(heat: PhysicalHeat, seat: int) -> int | None:
    tally = heat.sheet.tallies.get(heat.plan.grid[seat].id)
    return None if tally is None or tally.started_us is None or tally.ended else tally.last_us
