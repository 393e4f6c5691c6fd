"""`league people`: who has an account on a server, and what they may do there."""

from __future__ import annotations

from typing import Any, Final, get_args

import click

from league.cli import show
from league.cli.remote import ask, http_url, segment, server_option, token_option
from league.server.door.kept import store_token, stored_token
from league.store.records import PersonRole

json_option = show.json_option("Write it as JSON; - for standard output.")
role_argument = click.Choice(get_args(PersonRole))
_PATH: Final = "/people"


@click.group(
    epilog="""\b
Examples:
  league people invite racer --name Anna
  league people join 9f86d081884c7d65 --as Anna --server http://league.example:8490
  league people list
  league people role Anna steward
  league people revoke Anna
  league people audit

Roles: an owner may do everything; a director runs events and invites; a steward decides on incidents; a
timekeeper judges crossings; a racer enters cars; a viewer looks."""
)
def command() -> None:
    """Invite people to a server, see who they are, and change what they may do."""


@command.command(name="list")
@server_option
@token_option
@json_option
def list_people(server: str, token: str | None, json_file: str | None) -> None:
    """Show everybody with an account, and invitations that wait."""
    found = ask(server, "GET", _PATH, token=token)
    waiting = [
        one
        for one in ask(server, "GET", "/invitations", token=token)["invitations"]
        if not (one["taken_at"] or one["revoked_at"])
    ]
    if json_file:
        show.write_json(json_file, {**found, "invitations": waiting})
    if json_file == "-":
        return
    out = show.console()
    rows = [
        (str(one["number"]), one["name"], one["role"], day(one["created_at"]), day(one["last_used_at"]))
        for one in found["people"]
    ]
    out.print(show.table("people", ["#", "name", "role", "since", "last seen"], rows))
    if waiting:
        invited = [
            (str(one["number"]), one["name"], one["role"], one["invited_by"], day(one["expires_at"]))
            for one in waiting
        ]
        out.print(show.table("invitations", ["#", "for", "role", "by", "good until"], invited))


@command.command()
@click.argument("role", type=role_argument)
@click.option("--name", default="", help="For whom it is; lists show it.")
@click.option("--days", default=7.0, show_default=True, help="How long it is good.")
@server_option
@token_option
@json_option
def invite(role: str, name: str, days: float, server: str, token: str | None, json_file: str | None) -> None:
    """Print a link with which somebody gets an account as ROLE, once."""
    made = ask(
        server, "POST", "/invitations", token=token, payload={"role": role, "name": name, "days": days}
    )
    if json_file:
        show.write_json(json_file, made)
    if json_file == "-":
        return
    out, url = show.console(), http_url(server)
    out.print(
        f"invitation {made['number']} as {role}, good once until {day(made['expires_at'])}", markup=False
    )
    out.print(f"in a browser: {url}/join#{made['code']}", markup=False, soft_wrap=True)
    out.print(
        f"in a shell:   league people join {made['code']} --as NAME --server {url}",
        markup=False,
        soft_wrap=True,
    )


@command.command()
@click.argument("code")
@click.option("--as", "name", required=True, metavar="NAME", help="What others call you.")
@server_option
@json_option
def join(code: str, name: str, server: str, json_file: str | None) -> None:
    """Take an invitation up by its CODE; the token is kept for this user unless there is one already."""
    joined = ask(server, "POST", "/join", token="", payload={"code": code.rpartition("#")[2], "name": name})
    if json_file:
        show.write_json(json_file, joined)
    if json_file == "-":
        return
    out, url = show.console(), http_url(server)
    out.print(f"welcome, {joined['name']}: you are a {joined['role']} there", markup=False)
    out.print(f"your token, shown only now: {joined['token']}", markup=False, soft_wrap=True)
    if stored_token(url) is None:
        out.print(
            f"kept for your commands on this machine in {store_token(url, joined['token'])}", markup=False
        )


@command.command(name="role")
@click.argument("person")
@click.argument("role", type=role_argument)
@server_option
@token_option
def set_role(person: str, role: str, server: str, token: str | None) -> None:
    """Make PERSON, by name or number, a ROLE from now on."""
    changed = ask(server, "POST", f"{_PATH}/{segment(person)}/role", token=token, payload={"role": role})
    show.console().print(f"{changed['name']} is a {changed['role']} now", markup=False)


@command.command()
@click.argument("person")
@click.option("--invitation", is_flag=True, help="PERSON is the number of an invitation instead.")
@server_option
@token_option
def revoke(person: str, invitation: bool, server: str, token: str | None) -> None:
    """Take PERSON's account away, by name or number, and with it every token."""
    path = f"/invitations/{segment(person)}" if invitation else f"{_PATH}/{segment(person)}"
    gone = ask(server, "DELETE", path, token=token)
    what = f"invitation {gone['number']} is" if invitation else f"{gone['name']}'s account and tokens are"
    show.console().print(f"{what} taken back", markup=False)


@command.command()
@click.option("--before", type=int, metavar="NUMBER", help="Lines older than this one.")
@server_option
@token_option
@json_option
def audit(before: int | None, server: str, token: str | None, json_file: str | None) -> None:
    """Show who changed what, when and from where: the newest lines first."""
    query = f"?before={before}" if before is not None else ""
    found = ask(server, "GET", f"/audit{query}", token=token)
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    rows = [_line(one) for one in found["deeds"]]
    show.console().print(show.table("audit", ["#", "when (UTC)", "who", "what", "", "from", "about"], rows))


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    who = f"{one['who']} ({one['role']})" if one["role"] else one["who"] or "a stranger"
    return (
        str(one["number"]), one["at"][:19].replace("T", " "), who, one["what"], str(one["status"]),
        one["address"], one["about"],
    )  # fmt: skip


def day(moment: str | None) -> str:
    """A moment as its day; a dash for none."""
    return moment[:10] if moment else "–"
