"""`league enter`: enter an agent or a model into an event; the server drives it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import aiohttp
import click

from league.cli import show
from league.cli.remote import ask, segment, server_option, token_option
from league.errors import InputError
from league.hooks.catalogue import League


@click.command(
    epilog="""\b
Examples:
  league enter pure-pursuit --event club-night
  league enter ./my-model --event club-night --as "My model"
  league enter ./my-model/model.onnx --event club-night --server http://league.example:8490 --token …"""
)
@click.argument("agent")
@click.option("--event", required=True, metavar="EVENT", help="The event's id, see `league events`.")
@click.option("--as", "name", metavar="NAME", help="Name of the entry; by default the agent's.")
@server_option
@token_option
@click.option(
    "--json", "json_file", metavar="FILE", help="Write entry and token as JSON; - for standard output."
)
def command(
    agent: str, event: str, name: str | None, server: str, token: str | None, json_file: str | None
) -> None:
    """Enter AGENT into an event: the server starts it as a limited program of its own.

    AGENT is an agent that the server has, by name, or a model: a folder with model.onnx and
    model_metadata.json, or the .onnx file with the other beside it. Agents of your own classes run on your
    machine: `league drive`.
    """
    path = Path(agent)
    route = f"/events/{segment(event)}/entries"
    if path.suffix.lower() == ".onnx" or path.is_dir():
        name = name or (path.name if path.is_dir() else path.stem)
        entered = ask(server, "POST", route, token=token, form=_model(path, name))
    elif ":" in agent:
        raise InputError(
            f"agent {agent!r}: a class runs where it is; use `league drive {agent} --event {event}`"
        )
    else:
        name = name or agent
        entered = ask(server, "POST", route, token=token, payload={"name": name, "agent": agent})
    if json_file:
        show.write_json(json_file, entered)
    if json_file != "-":
        out = show.console()
        out.print(f"{name} is entered in {event} as {entered['entry_id']}", markup=False)
        out.print(f"its token, to withdraw it: {entered['token']}", markup=False, soft_wrap=True)


def _model(path: Path, name: str) -> aiohttp.FormData:
    """A model's files, after making sure that it can drive.

    Raises:
        InputError: A file is missing, or the model cannot drive.
    """
    onnx = path / "model.onnx" if path.is_dir() else path
    metadata = onnx.with_name("model_metadata.json")
    for file in (onnx, metadata):
        if not file.is_file():
            raise InputError(
                f"{file}: no such file; a model is model.onnx with model_metadata.json beside it"
            )
    League().agent(str(path)).make()
    form = aiohttp.FormData()
    form.add_field("name", name)
    form.add_field("model.onnx", BytesIO(onnx.read_bytes()), filename="model.onnx")
    form.add_field("model_metadata.json", BytesIO(metadata.read_bytes()), filename="model_metadata.json")
    return form
