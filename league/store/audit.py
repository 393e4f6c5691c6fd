"""The record book's audit log: who did what, when and from where. Lines are only ever added."""

from __future__ import annotations

from sqlalchemy import select

from league.store import tables
from league.store.records import Deed
from league.store.transactions import Transactions, unbroken

_deeds = tables.deeds


class AuditPages:
    """Lines that the database itself refuses to change or delete."""

    _data: Transactions

    @unbroken
    async def write_deed(
        self, *, who: str, role: str, token: int | None, what: str, status: int, address: str, about: str = ""
    ) -> None:
        """Adds a line."""
        adding = _deeds.insert().values(
            at=self._data.now(), who=who, role=role, token=token, what=what[:512], status=status,
            address=address, about=about[:512],
        )  # fmt: skip
        async with self._data.writing() as db:
            await db.execute(adding)

    @unbroken
    async def deeds(self, *, before: int | None = None, most: int = 100) -> list[Deed]:
        """The newest lines, newest first; older than line `before` if it is given."""
        asked = select(_deeds).order_by(_deeds.c.number.desc()).limit(most)
        if before is not None:
            asked = asked.where(_deeds.c.number < before)
        async with self._data.reading() as db:
            return [Deed(**row._mapping) for row in await db.execute(asked)]
