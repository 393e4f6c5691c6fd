"""`league run`: race an event without a server, on as many cores and machines as there are."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from functools import partial
from typing import Any

import click

from league.cli import show
from league.cli.backup import config_option, database_option, existing
from league.cli.engines import engine_options
from league.cli.race import print_result
from league.cluster.engine import RayEngine, open_engine
from league.cluster.headless import check_headless, race_headless
from league.errors import ConfigError, RaceError
from league.hooks.catalogue import League
from league.quick import RaceOutcome
from league.server.race.hosting import Hosting, only_server
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventRecord, Lease

SHOWN = 30
"""Rows of the standings that are printed; all are in the JSON."""


@click.command(
    epilog="""\b
Examples:
  league run qualifying
  league run qualifying --workers 8 --database season.sqlite
  league run qualifying --cluster
  league run qualifying --cluster=10.0.0.5:6379 --database postgresql://league@db/league"""
)
@click.argument("event")
@database_option
@config_option
@engine_options
@click.option(
    "--json", "json_file", metavar="FILE", help="Write what came of it as JSON; - for standard output."
)
def command(
    event: str,
    database: str | None,
    config: str | None,
    workers: int | None,
    cluster: str | None,
    json_file: str | None,
) -> None:
    """Race all heats of EVENT headless, side by side, straight into the record book.

    EVENT is one whose entries are models and agents that the league drives itself: qualifying of thousands,
    rating heats, or a whole evening that nobody watches. A worker, a machine or this command may be killed at
    any moment: every result lands once, and the same command goes on. The same seed gives the same results,
    wherever they are raced.
    """
    settings = Settings.read(config, database=database)
    where = existing(settings.find_database())
    told = asyncio.run(_run(event, where, settings, workers, cluster))
    if json_file:
        show.write_json(json_file, told)
    if json_file != "-":
        rows = told["entries"]
        print_result(told | {"entries": rows[:SHOWN]}, None)
        more = f"… and {len(rows) - SHOWN} more; " if len(rows) > SHOWN else ""
        line = f"{more}{told['heats']} heats in {told['wall_s']:.1f} s by {len(told['workers'])} workers"
        show.console().print(line, markup=False)


async def _run(
    event_id: str, where: str, settings: Settings, workers: int | None, cluster: str | None
) -> dict[str, Any]:
    league = League()
    async with await RecordBook.open(where) as book:
        check_headless(_raceable(await book.event(event_id)))
        with only_server(book.file), open_engine(cluster, workers=workers) as engine:
            _check_reach(book, engine)
            told: dict[str, Any] = {"event": event_id, "heats": 0, "workers": []}
            hosting = Hosting(book, lease_s=settings.lease_s)
            hosting.open_at("")  # nobody is sent here
            began_s = time.monotonic()
            await hosting.run(event_id, partial(_race, book, league, engine, where, settings, event_id, told))
            told["wall_s"] = round(time.monotonic() - began_s, 3)
        return await _outcome(book, league, event_id) | told


async def _outcome(book: RecordBook, league: League, event_id: str) -> dict[str, Any]:
    """The standings in the form that `league race --json` has; heats end in any order, and are put in one."""
    plan = (await book.event(event_id)).plan
    raced = tuple(sorted(await book.results(event_id), key=lambda result: result.heat))
    if not raced:
        raise RaceError(f"event {event_id!r}: nobody raced; it has no entries")
    return RaceOutcome(plan, raced, league.format(plan.format).standings(plan, raced), ()).as_dict()


async def _race(
    book: RecordBook,
    league: League,
    engine: Executor,
    where: str,
    settings: Settings,
    event_id: str,
    told: dict[str, Any],
    lease: Lease,
) -> None:
    _raceable(await book.event(event_id))
    await book.set_status(event_id, "running", lease=lease)
    with show.progress() as bar:
        task = bar.add_task(event_id, total=None, state="")
        async for done in race_headless(
            book, league, event_id, engine, where=where, lease=lease, limits=settings.hosted_limits
        ):
            told["heats"] += 1
            if done.worker not in told["workers"]:
                told["workers"].append(done.worker)
            bar.update(task, completed=told["heats"], state=f"{told['heats']} heats, {done.heat}")
    await book.set_status(event_id, "finished", lease=lease)


def _raceable(record: EventRecord) -> EventRecord:
    if record.status not in ("open", "running"):
        raise RaceError(f"event {record.plan.id!r} is {record.status}; expected an open or running one")
    return record


def _check_reach(book: RecordBook, engine: Executor) -> None:
    """Whether every worker can open the book."""
    if isinstance(engine, RayEngine) and engine.machines > 1 and not book.on_postgres:
        raise ConfigError(
            f"record book {book.name}: {engine.machines} machines cannot share a file; expected a database, "
            "--database postgresql://USER@HOST/DATABASE"
        )
