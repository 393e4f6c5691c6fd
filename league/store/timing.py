"""The record book's page of timing: what was written down while physical cars raced, line by line.

Lines are only ever added. A line is committed before whoever wrote it is told so; sent again, it is found
and not written twice.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import RaceError
from league.racing.crossings import Note
from league.store import tables
from league.store.events import event_number
from league.store.heats import find_heat
from league.store.records import TimingRecord
from league.store.texts import to_json
from league.store.transactions import AnyRow, Transactions, unbroken

_notes = tables.timing_notes


class TimingPages:
    """Crossings, and decisions about them."""

    _data: Transactions

    @unbroken
    async def add_note(
        self, event_id: str, heat_id: str, attempt: int, note: Note, *, command: str = ""
    ) -> tuple[Note, bool]:
        """Writes a line; gives it with its number, and whether it is new.

        Args:
            event_id: The event.
            heat_id: A heat that has begun.
            attempt: Which attempt at it.
            note: The line; its number is ignored and counted here.
            command: What the one who decides calls this decision; the same again is written once. The
                crossings of a device are known by their `seq`.

        Raises:
            RaceError: If the heat is finished: its result stands.
            UnknownNameError: If there is no such event or heat.
        """
        async with self._data.writing() as db:
            heat = await find_heat(db, await event_number(db, event_id), event_id, heat_id, lock=True)
            if heat.status == "finished":
                raise RaceError(f"heat {heat_id!r} of event {event_id!r} is finished: nothing is added to it")
            key = (_notes.c.heat == heat.number) & (_notes.c.attempt == attempt)
            asked = select(_notes).where(key)
            if note.device:
                asked = asked.where(_notes.c.device == note.device, _notes.c.seq == note.seq)
            else:
                asked = asked.where(_notes.c.command == command)
            known = (await db.execute(asked)).one_or_none()
            if known is not None and (note.device or command):
                return _note(known), False
            newest = await db.scalar(select(func.max(_notes.c.number)).where(key))
            numbered = note.model_copy(update={"number": int(newest or 0) + 1})
            await self._write(db, heat.number, attempt, numbered, command)
            return numbered, True

    @unbroken
    async def notes(self, event_id: str, heat_id: str, attempt: int | None = None) -> list[TimingRecord]:
        """What was written down for a heat, in order; of its newest attempt, unless another is named.

        Raises:
            UnknownNameError: If there is no such event or heat.
        """
        async with self._data.reading() as db:
            heat = await find_heat(db, await event_number(db, event_id), event_id, heat_id)
            wanted = heat.attempt if attempt is None else attempt
            asked = select(_notes).where(_notes.c.heat == heat.number, _notes.c.attempt == wanted)
            rows = await db.execute(asked.order_by(_notes.c.number))
            return [TimingRecord(_note(row), row.written_at, row.command or "") for row in rows]

    async def _write(self, db: AsyncConnection, heat: int, attempt: int, note: Note, command: str) -> None:
        adding = _notes.insert().values(
            heat=heat,
            attempt=attempt,
            number=note.number,
            device=note.device or None,
            seq=note.seq if note.device else None,
            command=command or None,
            note_json=to_json(note),
            written_at=self._data.now(),
        )
        await db.execute(adding)


def _note(row: AnyRow) -> Note:
    return Note.model_validate_json(row.note_json)
