"""`league doctor`: check this installation, or a server."""

from __future__ import annotations

import asyncio
import platform
import socket
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import click

from league.cage.probe import inspect
from league.cli import show
from league.cli.remote import http_url
from league.errors import RaceError
from league.hooks.catalogue import League
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.testing.conformance import check_server
from league.testing.finding import Finding

OLDEST = (3, 11)
PORT = 8490


@click.command(
    epilog="""\b
Examples:
  league doctor
  league doctor ws://127.0.0.1:8490"""
)
@click.argument("url", required=False)
@click.option(
    "--database", metavar="URL", help="The record book to look at; by default that of `league serve`."
)
@show.json_option("Write the findings as JSON; - for standard output.")
def command(url: str | None, database: str | None, json_file: str | None) -> int:
    """Check this installation; with a URL, play good and bad clients against the server there.

    Ends with 1 if anything failed.
    """
    findings = check_here(database) if url is None else _check_there(url)
    if json_file:
        show.write_json(
            json_file,
            [
                {"check": f.name, "passed": f.passed, "expected": f.expected, "found": f.found}
                for f in findings
            ],
        )
    failed = [finding for finding in findings if not finding.passed]
    if json_file != "-":
        rows = [
            (
                "ok" if f.passed else "FAILED",
                f.name,
                f.found if f.passed else f"{f.found} (expected {f.expected})",
            )
            if url is None or not f.passed
            else ("ok", f.name, "")
            for f in findings
        ]
        out = show.console()
        out.print(show.table(url or "this installation", ["", "check", "found"], rows))
        out.print(f"{len(findings) - len(failed)} of {len(findings)} passed")
    return 1 if failed else 0


def _check_there(url: str) -> list[Finding]:
    _reach(url)
    with show.progress() as bar:
        task = bar.add_task("playing clients", total=None, state="")

        def tell(finding: Finding) -> None:
            bar.update(task, advance=1, state=finding.name[:60])

        return asyncio.run(check_server(url, on_finding=tell))


def _reach(url: str) -> None:
    """Make sure that somebody answers there at all: one line says it better than every client's failure.

    Raises:
        RaceError: Nobody does.
    """
    parts = urlsplit(http_url(url))
    address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection(address, timeout=10).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise RaceError(f"no server answers at {url}: {why}; is `league serve` running there?") from None


def check_here(database: str | None = None) -> list[Finding]:
    """Look at everything that a league needs on this machine."""
    settings = Settings.read(None, database=database)
    return [
        _try("Python", f"{OLDEST[0]}.{OLDEST[1]} or newer", _python),
        _try("plugins", "all loaded", _plugins),
        _try("simulator compiles", "a tick driven", _simulator),
        _try("models run", "an onnxruntime session", _models),
        _try("hosted drivers", "caged so that nothing gets out", _cage),
        _try("sockets", "a free port", _port),
        _try("record book", "can be written", lambda: asyncio.run(_book(settings.find_database()))),
    ]


def _try(name: str, expected: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, expected, check())
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what is to be found
        return Finding(name, False, expected, " ".join(f"{type(error).__name__}: {error}".split()))


def _python() -> str:
    found = platform.python_version()
    if sys.version_info < OLDEST:
        raise RuntimeError(f"{found} at {sys.executable}")
    return f"{found}, {platform.machine()}"


def _plugins() -> str:
    reports = League().plugins
    broken = [f"{report.name}: {report.reason}" for report in reports if report.status != "loaded"]
    if broken or not reports:
        raise RuntimeError("; ".join(broken) or "none is installed; was the package installed with pip?")
    return f"{len(reports)} loaded"


def _simulator() -> str:
    from league.hooks.building import build_heat
    from league.racing.plan import EntryPlan, HeatPlan
    from league.racing.rules import Rules
    from league.server.race.practice import oval

    started_s = time.perf_counter()
    plan = HeatPlan(
        id="doctor", phase="doctor", circuit="oval", car="deepracer", rules=Rules(), seed=0,
        grid=(EntryPlan(id="doctor", name="doctor"),),
    )  # fmt: skip
    build_heat(League(), plan, oval())
    return f"ready in {time.perf_counter() - started_s:.1f} s"


def _models() -> str:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if "CPUExecutionProvider" not in providers:
        raise RuntimeError(f"onnxruntime {onnxruntime.__version__} has {', '.join(providers)}")
    return f"onnxruntime {onnxruntime.__version__}"


def _cage() -> str:
    protection = inspect()
    if protection.broken:
        raise RuntimeError(protection.in_words())
    return protection.in_words()


def _port() -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
            return f"{PORT} is taken, perhaps by a league that is running; others are free"
    return f"{PORT} is free"


async def _book(url: str) -> str:
    async with await RecordBook.open(url) as book:
        return f"{book.name}: {len(await book.events())} events"
