"""`league drive`: run an agent here, racing there."""

from __future__ import annotations

import asyncio
import time

import click

from league import client
from league.cli import show
from league.cli.remote import entry_token_option, http_url, server_option
from league.cli.resuming import Sessions
from league.hooks.catalogue import League
from league.racing.fact import Fact
from league.server.pages import words
from league.wire.messages import Assign, Event


@click.command(
    epilog="""\b
Examples:
  league drive pure-pursuit --event club-night --server http://127.0.0.1:8490
  league drive my_module:MyDriver --event club-night --as "Me" --server ws://league.example:8490 --token …
  league drive ./my-model --event club-night

\b
Started again within 5 s after it was killed, it goes on in the same car."""
)
@click.argument("agent")
@click.option("--event", required=True, metavar="EVENT", help="The event's id, see `league events`.")
@click.option("--as", "name", metavar="NAME", help="Name of the entry; by default the agent's.")
@server_option
@entry_token_option
@click.option(
    "--patience", default=60.0, show_default=True, metavar="SECONDS", help="To find a lost server again."
)
@click.option("--talk-json", is_flag=True, help="Speak JSON instead of msgpack, to be read on the way.")
def command(
    agent: str, event: str, name: str | None, server: str, token: str | None, patience: float, talk_json: bool
) -> None:
    """Run AGENT on this machine and race it in an event on a server, in every heat until the event is over.

    AGENT is an agent's name, a model (.onnx, or a folder with model.onnx and model_metadata.json), or
    module:Class.
    """
    url = http_url(server)
    named = League().agent(agent)
    label = (name or named.name)[:64]
    sessions, key = Sessions(), (url, event, label)
    out = show.console()
    started_s = time.monotonic()

    commentary = Commentary(label)

    def tell(progress: client.Progress) -> None:
        if line := commentary.line(progress):
            out.print(f"{time.monotonic() - started_s:7.1f} s  {line}", markup=False, soft_wrap=True)

    report = asyncio.run(
        client.drive(
            named.make,
            server=url,
            event=event,
            name=label,
            token=token,
            version=named.name[:64],
            codec="json" if talk_json else "msgpack",
            patience_s=patience,
            resume=sessions.find(*key),
            on_accepted=lambda resume: sessions.keep(resume, *key),
            on_progress=tell,
        )
    )
    sessions.forget(*key)
    for result in report.results:
        _print_result(result, report.entry_id)
    out.print(f"{report.reason or 'done'}: {report.answers} answers, {report.late} too late", markup=False)


class Commentary:
    """Says what happens on a drive, in a line each: not every sector of everybody.

    Args:
        name: What the driver here is called.
    """

    def __init__(self, name: str) -> None:
        self._own = name
        self._names: list[str] = []
        self._hz = 15

    def line(self, progress: client.Progress) -> str:
        """A line for people, or nothing."""
        told = progress.told
        if isinstance(told, Assign):
            self._meet(told)
        if isinstance(told, Event):
            if told.kind in ("sector", "start"):
                return ""
            fact = Fact(told.k, told.t_us, told.kind, told.seat, dict(told.data))
            sentence = words.tell(fact, self._names, self._hz)
            return f"{self._name(told.seat)}: {sentence}" if sentence else ""
        return "" if progress.kind in ("obs", "sync", "countdown", "finish") else progress.text

    def _meet(self, told: Assign) -> None:
        others = {rival["seat"]: rival["name"] for rival in told.fields.get("opponents", ())}
        seats = range(max([told.seat, *others]) + 1)
        self._names = [self._own if seat == told.seat else str(others.get(seat, seat)) for seat in seats]
        self._hz = told.fields.get("hz", self._hz)

    def _name(self, seat: int) -> str:
        return self._names[seat] if 0 <= seat < len(self._names) else f"seat {seat}"


def _print_result(result: object, entry_id: str) -> None:
    if not isinstance(result, dict):
        return
    rows = [
        (
            entry["place"],
            entry["name"] + (" ◂" if entry["entry_id"] == entry_id else ""),
            show.seconds(entry["total_s"]),
            show.seconds(entry["fastest_lap_s"]),
            entry["off_tracks"],
            entry["status"] if entry["status"] == "FIN" else f"{entry['status']}: {entry['reason']}",
        )
        for entry in result["entries"]
    ]
    show.console().print(
        show.table(result["heat"], ["", "entry", ">total", ">fastest", ">off-tracks", "status"], rows)
    )
