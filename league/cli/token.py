"""`league token`: one's own tokens on a server; an owner sees all."""

from __future__ import annotations

import click

from league.cli import show
from league.cli.people import day, json_option
from league.cli.remote import ask, server_option, token_option


@click.group(
    epilog="""\b
Examples:
  league token list
  league token new laptop --days 30
  league token revoke 7
  league token who"""
)
def command() -> None:
    """Look after your tokens on a server."""


@command.command()
@server_option
@token_option
@json_option
def who(server: str, token: str | None, json_file: str | None) -> None:
    """Show whose token is in use here, and what it is good for."""
    found = ask(server, "GET", "/me", token=token)
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    where = f" of event {found['event']}" if found["event"] else ""
    ends = f", until {day(found['expires_at'])}" if found["expires_at"] else ""
    show.console().print(f"{found['name']}: {found['role']}{where}{ends}", markup=False)


@command.command(name="list")
@server_option
@token_option
@json_option
def list_tokens(server: str, token: str | None, json_file: str | None) -> None:
    """Show every token of yours that is good; an owner sees everybody's. Never their text."""
    found = ask(server, "GET", "/tokens", token=token)
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    rows = [
        (
            str(one["number"]),
            one["person"] or one["entry"] or "–",
            one["role"],
            f"{one['name']} (browser)" if one["session"] else one["name"],
            one["event"] or "every event",
            day(one["last_used_at"]),
            day(one["expires_at"]),
        )
        for one in found["tokens"]
    ]
    heads = ["#", "whose", "role", "name", "good for", "last used", "good until"]
    show.console().print(show.table("tokens", heads, rows))


@command.command()
@click.argument("name")
@click.option("--days", type=float, help="How long it is good; by default for ever.")
@server_option
@token_option
@json_option
def new(name: str, days: float | None, server: str, token: str | None, json_file: str | None) -> None:
    """Print another token of yours, for another machine, called NAME in lists."""
    made = ask(server, "POST", "/tokens", token=token, payload={"name": name, "days": days})
    if json_file:
        show.write_json(json_file, made)
    if json_file != "-":
        show.console().print(f"token, shown only now: {made['token']}", markup=False, soft_wrap=True)


@command.command()
@click.argument("number", type=int)
@server_option
@token_option
def revoke(number: int, server: str, token: str | None) -> None:
    """Take the token of this NUMBER back, and every browser that is signed in with it."""
    gone = ask(server, "DELETE", f"/tokens/{number}", token=token)
    show.console().print(f"token {gone['number']} ({gone['role']}) is taken back", markup=False)
