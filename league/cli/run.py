"""`league run`: race an event without a server, on as many cores and machines as there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import click
from rich.progress import Progress

from league.cli import show
from league.cli.backup import config_option, database_option, existing
from league.cli.engines import engine_options
from league.cli.race import print_result
from league.cluster.engine import RayEngine, open_engine
from league.cluster.headless import check_headless, race_headless
from league.errors import ConfigError, RaceError
from league.hooks.catalogue import League, installed
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
  league run rating-clover rating-harbour rating-speedway --workers 4
  league run qualifying --workers 8 --database season.sqlite
  league run qualifying --cluster
  league run qualifying --cluster=10.0.0.5:6379 --database postgresql://league@db/league"""
)
@click.argument("events", nargs=-1, required=True, metavar="EVENT...")
@database_option
@config_option
@engine_options
@show.json_option("Write what came of it as JSON; - for standard output.")
def command(
    events: tuple[str, ...],
    database: str | None,
    config: str | None,
    workers: int | None,
    cluster: str | None,
    json_file: str | None,
) -> None:
    """Race all heats of EVENT headless, side by side, straight into the record book.

    EVENT is one whose entries are models and agents that the league drives itself: qualifying of thousands,
    rating heats, or a whole evening that nobody watches; several are raced at the same time. A worker, a
    machine or this command may be killed at any moment: every result lands once, and the same command goes
    on. The same seed gives the same results, wherever they are raced. Servers on the same database leave an
    event that is not started yet to this command.
    """
    settings = Settings.read(config, database=database)
    where = existing(settings.find_database())
    told = asyncio.run(_run(events, where, settings, workers, cluster))
    if json_file:
        show.write_json(json_file, told[0] if len(told) == 1 else {"events": told})
    if json_file != "-":
        for one in told:
            _print(one)


def _print(told: dict[str, Any]) -> None:
    rows = told["entries"]
    print_result(told | {"entries": rows[:SHOWN]}, None)
    more = f"… and {len(rows) - SHOWN} more; " if len(rows) > SHOWN else ""
    line = f"{more}{told['heats']} heats in {told['wall_s']:.1f} s by {len(told['workers'])} workers"
    show.console().print(line, markup=False)


async def _run(
    events: Sequence[str], where: str, settings: Settings, workers: int | None, cluster: str | None
) -> list[dict[str, Any]]:
    league = installed()
    async with await RecordBook.open(where) as book:
        for event_id in events:
            check_headless(_raceable(await book.event(event_id)))
        with only_server(book.file), open_engine(cluster, workers=workers) as engine, show.progress() as bar:
            _check_reach(book, engine)
            hosting = Hosting(book, lease_s=settings.lease_s)
            hosting.open_at("")  # nobody is sent here
            crews = [_Crew(book, league, engine, where, settings, event_id, bar) for event_id in events]
            try:
                async with asyncio.TaskGroup() as group:
                    racing = [group.create_task(crew.take(hosting)) for crew in crews]
            except BaseExceptionGroup as failed:
                raise failed.exceptions[0] from None
            return [task.result() for task in racing]


class _Crew:
    """Whoever races one event."""

    def __init__(
        self,
        book: RecordBook,
        league: League,
        engine: Executor,
        where: str,
        settings: Settings,
        event_id: str,
        bar: Progress,
    ) -> None:
        self._book, self._league, self._engine, self._where = book, league, engine, where
        self._settings, self._event_id, self._bar = settings, event_id, bar
        self._heats = 0
        self._workers: set[str] = set()

    async def take(self, hosting: Hosting) -> dict[str, Any]:
        """Race the event as soon as it is ours; gives what came of it."""
        held = await self._book.lease(self._event_id)
        is_open = (await self._book.event(self._event_id)).status == "open"
        if held is not None and hosting.shared and not is_open:
            line = f"event {self._event_id!r} is run by {held.owner}; waiting until that is gone"
            show.console(stderr=True).print(line, markup=False)
        began_s = time.monotonic()
        await hosting.run(self._event_id, self._race, instead_of=held if is_open else None)
        told = await _outcome(self._book, self._league, self._event_id)
        about = {"event": self._event_id, "heats": self._heats, "workers": sorted(self._workers)}
        return told | about | {"wall_s": round(time.monotonic() - began_s, 3)}

    async def _race(self, lease: Lease) -> None:
        book, event_id = self._book, self._event_id
        _raceable(await book.event(event_id))
        await book.set_status(event_id, "running", lease=lease)
        shown = self._bar.add_task(event_id, total=None, state="")
        async for done in race_headless(
            book, self._league, event_id, self._engine, where=self._where, lease=lease,
            limits=self._settings.hosted_limits,
        ):  # fmt: skip
            self._heats += 1
            self._workers.add(done.worker)
            self._bar.update(shown, completed=self._heats, state=f"{self._heats} heats, {done.heat}")
        await book.set_status(event_id, "finished", lease=lease)


async def _outcome(book: RecordBook, league: League, event_id: str) -> dict[str, Any]:
    """The standings in the form that `league race --json` has; heats end in any order, and are put in one."""
    plan = (await book.event(event_id)).plan
    raced = tuple(sorted(await book.results(event_id), key=lambda result: result.heat))
    if not raced:
        raise RaceError(f"event {event_id!r}: nobody raced; it has no entries")
    return RaceOutcome(plan, raced, league.format(plan.format).standings(plan, raced), ()).as_dict()


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
