"""deploy/API.md: every example in it runs, in order, against a server that was raced on."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import aiohttp
import pytest
from house import House, Peer

DOCUMENT = Path(__file__).resolve().parents[2] / "deploy" / "API.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATIENCE_S = 240.0


@pytest.mark.slow
async def test_every_example_runs(home: House, tmp_path: Path) -> None:
    await home.create()
    async with aiohttp.ClientSession() as http:
        ada = await Peer(http, home.url, "Ada").join()
        await home.lobby.start("cup")
        await ada.drive_to_the_end(await ada.start())
        await home.end_of()
    environment = {
        **os.environ,
        "SERVER": home.url,
        "TOKEN": await home.book.issue_token("owner"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(blocks) >= 7
    for language, text in blocks:
        command = ("bash", "-euo", "pipefail", "-c") if language == "sh" else (sys.executable, "-c")
        running = await asyncio.create_subprocess_exec(
            *command, text, cwd=tmp_path, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE_S):
                said, _ = await running.communicate()
        except TimeoutError:
            running.kill()
            raise AssertionError(f"not over after {PATIENCE_S:g} s: {text}") from None
        assert running.returncode == 0, f"{text}\n{said.decode()}"
    assert (tmp_path / "recording.mcap").read_bytes().startswith(b"\x89MCAP")
    assert {event.plan.id for event in await home.book.events()} == {"cup", "friday"}
