"""`league export`: everything that a league knows, in open formats."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from league.cli import show
from league.cli.backup import config_option, database_option, existing
from league.errors import InputError
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.exchange import export


@click.command(
    epilog="""\b
Examples:
  league export league.zip
  league export league.zip --database season.sqlite
  league export house.zip --secrets"""
)
@click.argument("file", type=show.Output())
@database_option
@config_option
@click.option("--secrets", is_flag=True, help="With the digests of tokens and other secrets.")
@click.option("--replace", is_flag=True, help="Overwrite an older export of this name.")
def command(file: str, database: str | None, config: str | None, secrets: bool, replace: bool) -> None:
    """Write everything into a zip: tables as JSON lines, recordings, models.

    The league may race on meanwhile. Whoever has the zip can read it without this program; `league import`
    makes a league of it again. Secrets are left out unless --secrets is given.
    """
    where = existing(Settings.read(config, database=database).find_database())
    target = Path(file)
    if target.exists() and not replace:
        raise InputError(f"{file}: is there already; choose another name, or give --replace")
    counts = asyncio.run(_export(where, target, secrets))
    rows = [(name.replace("_", " "), str(count)) for name, count in counts.items() if count]
    show.console().print(show.table(file, ["what", "rows"], rows))


async def _export(where: str, file: Path, secrets: bool) -> dict[str, int]:
    async with await RecordBook.open(where) as book:
        return await export(book, file, secrets=secrets)
