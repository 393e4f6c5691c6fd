"""The driving client against a server that follows scripts."""

from __future__ import annotations

import pytest

from league import Agent, Command, Observation
from league.client import drive
from league.testing.scripts import SCRIPTS, Script, play


class Steady(Agent):
    """Drives straight on."""

    def act(self, seen: Observation) -> Command:
        return Command(0.0, 1.0)


async def run_steady(url: str) -> None:
    await drive(Steady, server=url, event="conformance", name="steady", patience_s=20.0)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
async def test_it_takes_whatever_a_server_may_do(script: Script):
    finding = await play(script, run_steady)
    assert finding.passed, str(finding)
