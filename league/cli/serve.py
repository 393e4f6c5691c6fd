"""`league serve`: host a league."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal

import click

from league.cli import show
from league.errors import ConfigError
from league.hooks.catalogue import League
from league.server.app import address, create_app, serving
from league.server.door.admission import PORTS
from league.server.door.kept import store_token, stored_token
from league.server.race.settings import Settings
from league.store.book import RecordBook


@click.command(
    epilog="""\b
Examples:
  league serve
  league serve --port 9000 --database ./season.sqlite
  league serve --host 0.0.0.0 --config league.toml
  league serve --public-port 8491

\b
league.toml:
  [server]
  name = "Club league"
  open_entry = false
  no_show_s = 30.0"""
)
@click.option(
    "--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0 is everywhere.  [default: 127.0.0.1]"
)
@click.option("--port", type=int, help="0 takes any free port.  [default: 8490]")
@click.option(
    "--public-port",
    type=int,
    metavar="N",
    help="Another port, for looking only; 0 takes any free one.",
)
@click.option("--database", metavar="URL", help="File or URL of the record book; by default a file of yours.")
@click.option("--config", metavar="FILE", help="Settings, as TOML; options given here go first.")
def command(
    host: str | None, port: int | None, public_port: int | None, database: str | None, config: str | None
) -> None:
    """Host a league on this machine, until Ctrl-C."""
    settings = Settings.read(config, host=host, port=port, public_port=public_port, database=database)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("league").setLevel(logging.INFO)
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for what in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(what, stop.set)
    out = show.console()
    league = League()
    async with await RecordBook.open(settings.find_database()) as book:
        app = create_app(league, book, settings)
        async with serving(
            app, host=settings.host, port=settings.port, public_port=settings.public_port
        ) as url:
            # What is there now stays: the collector need not look at it during races.
            gc.collect()
            gc.freeze()
            # The token is in its place before anybody reads that the server is open.
            tokens = await _organiser_lines(book, settings, url)
            for line in (f"{settings.name} is open at {url}", f"record book: {book.name}", *tokens):
                out.print(line, markup=False, soft_wrap=True)
            if (public := app[PORTS].public) is not None:
                where = address(settings.host, public)
                out.print(f"for looking only: {where}", markup=False, soft_wrap=True)
            if not await book.events():
                out.print(
                    "next, in another shell:\n"
                    '  league event create "Club night" --circuit a-to-z-speedway --format qualifying-final\n'
                    "  league enter pure-pursuit --event club-night\n"
                    "  league event start club-night\n"
                    f"and watch {url}",
                    markup=False,
                )
            await stop.wait()
            out.print("closing: heats under way are raced again when the server is back", markup=False)


async def _organiser_lines(book: RecordBook, settings: Settings, url: str) -> list[str]:
    """See to it that commands on this machine may organise; tell a new book's token, once."""
    fresh = not any(token.role == "owner" for token in await book.tokens())
    here = url if not settings.host or settings.loopback else url.replace(settings.host, "127.0.0.1")
    known = stored_token(here)
    record = await book.token(known) if known else None
    if record is not None and record.role == "owner" and not fresh:
        return []
    token = await book.issue_token("owner", name="first" if fresh else "this machine")
    try:
        kept = f"kept for your commands on this machine in {store_token(here, token)}"
    except ConfigError as error:
        kept = str(error)
    return [f"organiser's token, shown only now: {token}", kept] if fresh else [f"organiser's token: {kept}"]
