"""Conformance: good and bad clients against a live server, and a scripted server against a client.

`check_server` plays clients that are late, silent, garbled, too large, too many or out of order, and each
in a heat beside a good one, which must not miss a tick. `check_client` is in `league.testing.scripts`.

What a server has to offer for this: an event "conformance", open to everybody, that knows no tokens (so
that any token is a wrong one). As soon as two drivers named "doctor-RANDOM-good" and "doctor-RANDOM-bad" have
joined it, exactly those two race a lap in lockstep on a short circuit.
"""

from __future__ import annotations

import asyncio
import secrets

import aiohttp

from league.client import agent_url
from league.testing.finding import Finding, Tell, Unmet
from league.testing.rogue import PATIENCE_S, GoodDriver, Rogue
from league.testing.scenarios import ALONE, BESIDE_A_GOOD_DRIVER, Scenario, out_of_order
from league.testing.scripted import ScriptedServer
from league.testing.scripts import RunClient, check_client

__all__ = ["Finding", "RunClient", "ScriptedServer", "check_client", "check_server", "play_scenario"]

SCENARIO_S = 90.0
"""No scenario takes longer."""
AT_ONCE = 2
"""Heats at the same time; more would make the drivers compete for this machine's processor."""


async def check_server(url: str, *, on_finding: Tell | None = None) -> list[Finding]:
    """Play every scenario against a server.

    Args:
        url: The server's address, in any form that `league.client.agent_url` takes.
        on_finding: Told of each finding as soon as it is there.

    Returns:
        One finding per scenario, in their order.

    Raises:
        ConfigError: The address cannot be used.
    """
    agent_url(url)
    at_once = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession() as http:

        async def one(scenario: Scenario) -> Finding:
            async with at_once:
                finding = await play_scenario(scenario, http, url)
            if on_finding is not None:
                on_finding(finding)
            return finding

        return await asyncio.gather(*(one(scenario) for scenario in (*ALONE, *BESIDE_A_GOOD_DRIVER)))


async def play_scenario(scenario: Scenario, http: aiohttp.ClientSession, url: str) -> Finding:
    """Play one scenario; its docstring says what is expected."""
    name = " ".join((scenario.__doc__ or scenario.__name__).split()).rstrip(".")
    prefix = f"doctor-{secrets.token_hex(4)}"
    rogue = Rogue(http, url, f"{prefix}-bad")
    try:
        async with asyncio.timeout(SCENARIO_S):
            if scenario in ALONE:
                await _alone(scenario, rogue)
            else:
                await _beside(scenario, rogue, GoodDriver(url, f"{prefix}-good", rogue.beside_may_start))
    except Unmet as unmet:
        return Finding(name, False, unmet.expected, unmet.found)
    except ConnectionError as error:
        return Finding(name, False, "an open connection", f"{type(error).__name__}: {error}")
    except (KeyError, TypeError, ValueError) as error:
        return Finding(name, False, "messages with their fields", f"{type(error).__name__}: {error}")
    except TimeoutError:
        return Finding(name, False, f"an end within {SCENARIO_S:g} s", "none")
    return Finding(name, True, name, name)


async def _alone(scenario: Scenario, rogue: Rogue) -> None:
    try:
        await scenario(rogue)
    finally:
        await rogue.leave()


async def _beside(scenario: Scenario, rogue: Rogue, good: GoodDriver) -> None:
    """Play a scenario in a heat with a good driver, who must not suffer from it."""
    if scenario is not out_of_order:
        rogue.beside_may_start.set()
    racing = asyncio.create_task(good.race())
    try:
        await scenario(rogue)
        await rogue.leave()
        async with asyncio.timeout(60.0 + PATIENCE_S):
            await racing
    finally:
        rogue.beside_may_start.set()
        await rogue.leave()
        racing.cancel()
        await asyncio.gather(racing, return_exceptions=True)
