"""`league enter`: enter an agent or a model into an event; the server drives it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import click

from league.cli import show
from league.cli.remote import RefusedError, ask, segment, server_option, token_option
from league.errors import InputError
from league.hooks.catalogue import League
from league.racing.metadata import METADATA_FILE, MODEL_FILE


@click.command(
    epilog="""\b
Examples:
  league enter pure-pursuit --event club-night
  league enter ./my-model --event club-night --as "My model"
  league enter ./my-model/model.onnx --event club-night --server http://league.example:8490 --token …
  league enter ./my-model --event club-night --entry my-model --token …"""
)
@click.argument("agent")
@click.option("--event", required=True, metavar="EVENT", help="The event's id, see `league events`.")
@click.option("--as", "name", metavar="NAME", help="Name of the entry; by default the agent's.")
@click.option(
    "--entry", metavar="ENTRY", help="Add a version to this entry, by its id, instead of entering anew."
)
@server_option
@token_option
@show.json_option("Write entry, token and report as JSON; - for standard output.")
def command(
    agent: str,
    event: str,
    name: str | None,
    entry: str | None,
    server: str,
    token: str | None,
    json_file: str | None,
) -> int:
    """Enter AGENT into an event: the server starts it as a limited program of its own.

    AGENT is an agent that the server has, by name, or a model: a folder with model.onnx and
    model_metadata.json, or the .onnx file with the other beside it. Agents of your own classes run on your
    machine: `league drive`.

    A model is looked at by the server's scrutineers first, for some seconds; what they found is shown, and
    the exit code is 1 if they refuse it.
    """
    if entry and name:
        raise InputError("--entry adds a version to an entry, which has its name; leave --as out")
    path = Path(agent)
    route = f"/events/{segment(event)}/entries" + (f"/{segment(entry)}/versions" if entry else "")
    if _is_model(agent):
        name = name or (path.resolve().name if path.is_dir() else path.stem)
        form = _model(path, None if entry else name)
        with show.progress() as bar:
            bar.add_task("the scrutineers look at it", total=None, state="")
            entered, refused = _ask(server, route, token, form=form)
    elif ":" in agent:
        raise InputError(
            f"agent {agent!r}: a class runs where it is; use `league drive {agent} --event {event}`"
        )
    else:
        name = name or agent
        asked = {"agent": agent} if entry else {"name": name, "agent": agent}
        entered, refused = _ask(server, route, token, payload=asked)
    if json_file:
        show.write_json(json_file, entered)
    if json_file != "-":
        _show(entered, name=name, event=event)
    if refused is not None and json_file != "-":
        show.console(stderr=True).print(f"league: {refused}", markup=False, soft_wrap=True)
    return 1 if refused is not None else 0


def _is_model(agent: str) -> bool:
    """Whether this names a model: a plain word may also be an agent whose package lies in this folder."""
    path = Path(agent)
    if path.suffix.lower() == ".onnx":
        return True
    if "/" in agent or agent in (".", ".."):
        return True
    return path.is_dir() and (path / MODEL_FILE).is_file()


def _ask(server: str, route: str, token: str | None, **sent: Any) -> tuple[Mapping[str, Any], str | None]:
    """What the server answers, and why it refuses if it gives a report with that."""
    try:
        return ask(server, "POST", route, token=token, **sent), None
    except RefusedError as error:
        if "report" not in error.answer:
            raise
        return error.answer, str(error)


def _show(entered: Mapping[str, Any], *, name: str, event: str) -> None:
    out = show.console()
    report = entered.get("report")
    if report:
        rows = [
            ("ok" if check["passed"] else "FAILED", check["name"], check["found"], check["expected"])
            for check in report["checks"]
        ]
        out.print(show.table("scrutineering", ["", "check", "found", "expected"], rows))
    if not entered.get("entry_id"):
        return
    version = entered.get("version", 1)
    if "token" in entered:
        out.print(f"{name} is entered in {event} as {entered['entry_id']}", markup=False)
        out.print(
            f"its token, for new versions or to withdraw it: {entered['token']}", markup=False, soft_wrap=True
        )
    else:
        state = "races from now on" if entered.get("active") else "is kept, and does not race"
        out.print(f"version {version} of {entered['entry_id']} in {event} {state}", markup=False)


def _model(path: Path, name: str | None) -> aiohttp.FormData:
    """A model's files, after making sure that it can drive.

    Raises:
        InputError: A file is missing, or the model cannot drive.
    """
    onnx = path / MODEL_FILE if path.is_dir() else path
    metadata = onnx.with_name(METADATA_FILE)
    for file in (onnx, metadata):
        if not file.is_file():
            within = path / "model"  # where training puts it
            hint = f"; there is one in {within}" if (within / MODEL_FILE).is_file() else ""
            raise InputError(
                f"{file}: no such file; a model is {MODEL_FILE} with {METADATA_FILE} beside it{hint}"
            )
    League().agent(str(path)).make()
    form = aiohttp.FormData()
    if name is not None:
        form.add_field("name", name)
    form.add_field(MODEL_FILE, BytesIO(onnx.read_bytes()), filename=MODEL_FILE)
    form.add_field(METADATA_FILE, BytesIO(metadata.read_bytes()), filename=METADATA_FILE)
    cost = onnx.with_name("cost.json")
    if cost.is_file():  # the trainer's cost card goes onto the entry's page
        form.add_field("cost.json", BytesIO(cost.read_bytes()), filename="cost.json")
    return form
