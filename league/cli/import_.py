"""`league import`: a league from its export, or an archived DeepRacer board as an event."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import get_args

import click

from league.cli import show
from league.cli.backup import config_option, database_option
from league.cli.restore import bring_back
from league.errors import InputError
from league.hooks.catalogue import League
from league.racing.archived import Rank, read_board
from league.racing.result import CircuitFacts
from league.server.race.settings import Settings
from league.store.archive import is_book
from league.store.book import RecordBook
from league.store.exchange import import_export
from league.store.names import slug


@click.command(
    epilog="""\b
Examples:
  league import league.zip --database new.sqlite
  league import league.zip --replace
  league import 2022-march-open.csv --circuit a-to-z-speedway
  league import final.csv --circuit clover --name "Final 2023" --rank best_lap"""
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@database_option
@config_option
@click.option("--circuit", metavar="ID", help="Of a board: where it was raced.")
@click.option(
    "--name", metavar="TEXT", help="Of a board: what to call the event.  [default: the file's name]"
)
@click.option(
    "--rank",
    type=click.Choice(get_args(Rank)),
    default="total",
    show_default=True,
    help="Of a board: the measure that ranked.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Of a zip: where there is a record book already, rename it and begin anew; it is kept.",
)
def command(
    file: Path,
    database: str | None,
    config: str | None,
    circuit: str | None,
    name: str | None,
    rank: Rank,
    replace: bool,
) -> None:
    """Read what `league export` wrote into a new record book, or a DeepRacer board into any.

    FILE is a zip, or a CSV with the columns of the DeepRacer League's tables (Rank, Alias, LapCount,
    AvgLapTime, BestLapTime, TotalLapTime, ResetCount, OffTrackCount …; times in milliseconds). A board
    becomes a finished event of its own.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file, expected a zip or a CSV")
    where = Settings.read(config, database=database).find_database()
    if is_book(file):
        raise InputError(f"{file}: a record book, expected an export; `league restore` brings a backup back")
    if file.suffix.lower() != ".csv":
        lines = asyncio.run(bring_back(where, lambda book: import_export(book, file), replace=replace))
    elif replace:
        raise InputError(f"{file}: a board becomes one more event, expected no --replace")
    elif circuit is None:
        raise InputError(f"{file}: a board needs --circuit ID, the circuit on which it was raced")
    else:
        lines = [asyncio.run(_import_board(where, file, circuit, name or file.stem, rank))]
    for line in lines:
        show.console().print(line, markup=False, soft_wrap=True)


async def _import_board(where: str, file: Path, circuit: str, name: str, rank: Rank) -> str:
    league = League()
    road = league.circuit(circuit)
    facts = CircuitFacts(id=circuit, length_m=round(road.length_m, 6), sha256=road.sha256)
    try:
        text = await asyncio.to_thread(file.read_text, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None
    event, heat, result = read_board(
        text,
        event_id=slug(name, fallback="board"),
        name=name[:64],
        circuit=facts,
        rank=rank,
        source=str(file),
    )
    async with await RecordBook.open(where) as book:
        await book.add_event(event)
        await book.finish_heat(event.id, heat, result, (), None)
        await book.set_status(event.id, "finished")
    return f"event {event.id}: {len(event.entries)} entries, won by {result.entries[0].name}"
