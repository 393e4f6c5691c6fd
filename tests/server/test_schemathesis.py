"""Everything that the OpenAPI document allows, and much that it does not, is asked; nothing breaks."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from house import House, Peer

SUPPORT = Path(__file__).resolve().parents[1] / "support"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = "/api/v1/events/{event}/stream"
MOST_S = 40
PATIENCE_S = 240.0


@pytest.mark.slow
@pytest.mark.parametrize("role", ["owner", "racer", None])
async def test_whatever_is_asked_the_server_answers_as_its_document_says(
    home: House, peer: Callable[..., Peer], role: str | None, tmp_path: Path
) -> None:
    await home.create(rules={"sensors": ["state"]})
    ada = await peer("Ada").join()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()
    for _ in range(30):  # so that the token with which is asked is not the first that is taken back
        await home.book.issue_token("viewer")
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{home.url}/api/v1/openapi.json",
        "--checks", CHECKS, "--exclude-path", ENDLESS, "--max-time", str(MOST_S), "--max-examples", "40",
        "--phases", "examples,coverage,fuzzing", "--mode", "all", "--seed", "1", "--no-color",
        "--warnings", "off", "--request-timeout", "30", "--continue-on-failure",
        "--suppress-health-check", "all",
    ]  # fmt: skip
    if role is not None:
        token = await home.book.issue_token(role)
        command += ["--header", f"Authorization: Bearer {token}"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "asking", "PYTHONPATH": str(SUPPORT)}
    asking = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await asking.communicate()
    assert asking.returncode == 0, said.decode()[-6000:]
