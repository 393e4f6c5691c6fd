"""`league restore`: bring a backup back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from league.cli import show
from league.cli.backup import config_option, database_option
from league.errors import InputError
from league.server.race.hosting import only_server
from league.server.race.settings import Settings
from league.store.archive import NotEmptyError, backup, restore
from league.store.book import RecordBook
from league.store.place import find


@click.command(
    epilog="""\b
Examples:
  league restore monday.sqlite --database new.sqlite
  league restore monday.sqlite --replace
  league restore evening.sqlite --database postgresql://league@db/league_new"""
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@database_option
@config_option
@click.option(
    "--replace", is_flag=True, help="Where there is a file already, rename it and begin anew; it is kept."
)
def command(file: Path, database: str | None, config: str | None, replace: bool) -> None:
    """Bring the backup FILE back as the league's record book, with no server running on it.

    Nothing is overwritten: a record book that has something in it stays as it is. A backup of an earlier
    version of this program is brought up to date on the way.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file, expected a backup")
    where = Settings.read(config, database=database).find_database()
    lines = asyncio.run(bring_back(where, lambda book: restore(book, file), replace=replace))
    for line in lines:
        show.console().print(line, markup=False, soft_wrap=True)


async def bring_back(
    where: str, fill: Callable[[RecordBook], Awaitable[object]], *, replace: bool
) -> list[str]:
    """Fill an empty book; gives what to say about it.

    Raises:
        InputError: There is something in it.
        RecordBookError: A server has it.
    """
    file = find(where).file
    with only_server(file):
        aside = await _set_aside(file) if replace and file is not None else None
        new = file is not None and not await asyncio.to_thread(file.exists)
        try:
            async with await RecordBook.open(where) as book:
                await fill(book)
                events = len(await book.events())
        except NotEmptyError as error:
            way_out = "; --replace renames it and begins anew" if file is not None else ""
            raise InputError(f"{error}{way_out}") from None
        except BaseException:
            if file is not None and new:
                _put_back(file, aside)
            raise
        said = [] if aside is None else [f"{aside}: what was there before"]
        return [*said, f"{book.name}: {events} event{'s' if events != 1 else ''}"]


async def _set_aside(file: Path) -> Path | None:
    """Keep a book under another name, with all that its write-ahead log holds."""
    if not await asyncio.to_thread(file.exists):
        return None
    aside = file.with_name(f"{file.name}.{datetime.now().astimezone():%Y%m%d-%H%M%S}")
    async with await RecordBook.open(file) as old:
        await backup(old, aside)
    _remove(file)
    return aside


def _put_back(file: Path, aside: Path | None) -> None:
    """Leave everything as it was: no empty book, and the one that was there in its place."""
    with suppress(OSError):
        _remove(file)
        if aside is not None:
            aside.replace(file)


def _remove(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)
