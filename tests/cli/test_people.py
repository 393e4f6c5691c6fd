"""`league people` and `league token` against a server, from the invitation to the audit log."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner
from house import house

from league.cli import command
from league.server.door import kept


async def league(*arguments: str) -> Any:
    """What a command prints and how it ends."""
    ran = await asyncio.to_thread(CliRunner().invoke, command, list(arguments), standalone_mode=False)
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.output


async def test_people_are_invited_join_and_are_audited(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "token_file", lambda: tmp_path / "organiser.json")
    monkeypatch.setenv("COLUMNS", "240")
    async with house() as home:
        owner = await home.book.issue_token("owner", name="first")
        at = ("--server", home.url)
        made = json.loads(
            await league("people", "invite", "racer", "--name", "Anna", "--json", "-", "--token", owner, *at)
        )
        joined = await league(
            "people", "join", f"{home.url}/join#{made['code']}", "--as", "A\x1b[31mnna", *at
        )
        token = kept.stored_token(home.url)
        assert token
        assert token in joined
        assert "\x1b" not in joined
        listed = await league("people", "list", "--token", owner, *at)
        assert "racer" in listed
        assert "\x1b[31m" not in listed
        assert "racer" in await league("token", "who", *at)
        assert "laptop" not in await league("token", "list", *at)
        await league("token", "new", "laptop", "--days", "3", *at)
        assert "laptop" in await league("token", "list", *at)
        told = await league("people", "audit", "--token", owner, *at)
        assert "invitation 1 as racer for Anna" in told
        assert token not in told
        await league("people", "role", "1", "viewer", "--token", owner, *at)
        assert "viewer" in await league("token", "who", *at)
        await league("people", "revoke", "1", "--token", owner, *at)
        assert (await home.book.people())[0].removed_at is not None
