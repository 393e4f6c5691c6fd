"""`league backup`: copy a record book while its league races on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from league.cli import show
from league.errors import InputError
from league.server.race.settings import Settings
from league.store.archive import backup
from league.store.book import RecordBook

database_option = click.option(
    "--database", metavar="URL", help="File or URL of the record book; by default the one of `league serve`."
)
config_option = click.option("--config", metavar="FILE", help="Settings of the server, as TOML.")


@click.command(
    epilog="""\b
Examples:
  league backup monday.sqlite
  league backup /mnt/stick/league.sqlite --replace
  league backup evening.sqlite --database postgresql://league@db/league"""
)
@click.argument("file", type=show.Output())
@database_option
@config_option
@click.option("--replace", is_flag=True, help="Overwrite an older backup of this name.")
def command(file: str, database: str | None, config: str | None, replace: bool) -> None:
    """Copy everything into FILE, whatever is raced meanwhile.

    FILE is a record book itself, in SQLite, wherever the league keeps its own: `league serve --database FILE`
    opens it, `league restore FILE` brings it back. It holds the digests of tokens: keep it as safe as the
    original.
    """
    where = existing(Settings.read(config, database=database).find_database())
    target = Path(file)
    if target.exists() and not replace:
        raise InputError(f"{file}: is there already; choose another name, or give --replace")
    asyncio.run(_backup(where, target))
    show.console().print(f"{file}: {target.stat().st_size / 1e6:.1f} MB", markup=False)


async def _backup(where: str, file: Path) -> None:
    async with await RecordBook.open(where) as book:
        await backup(book, file)


def existing(where: str) -> str:
    """A record book that is there: opening another would make an empty one.

    Raises:
        InputError: It is a file that is not there.
    """
    if "://" not in where and not Path(where).is_file():
        raise InputError(f"record book {where}: there is no such file; give --database")
    return where
