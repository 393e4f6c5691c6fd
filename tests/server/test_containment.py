"""Drivers that mean harm are contained, and a race beside them is what it would have been without them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from hostile_agents import CONTAINED
from house import House, house
from numpy.typing import NDArray

from league import EntryPlan
from league.racing.recording import Recording

SUPPORT = Path(__file__).parents[1] / "support"
GOOD = tuple(EntryPlan(id=name, name=name, agent="tutorial") for name in ("ada", "bob"))
LIMITS: dict[str, Any] = {
    "hosted_memory_bytes": 512 << 20,
    "hosted_cpu_s": 15,
    "ready_s": 30.0,
    "no_show_s": 60.0,
    "countdown_s": 0.0,
    # Who waits for a processor on a busy machine misses nothing.
    "deadline_s": 0.5,
    "bank_s": 20.0,
}
QUICK = ("EarlyForkBomb", "Memory", "Files", "Sockets", "KillServer", "ServerSecrets")
REASON = "stopped by"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosted drivers find the hostile ones."""
    paths = [str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@dataclass(frozen=True)
class Evening:
    """What came of the good race, and of the den beside it."""

    state_hash: str
    missed: int
    overruns: int
    statuses: dict[str, str]
    fates: dict[str, str]


async def evening(hostile: Sequence[str], *, laps: int = 1, pace: float = 12.0) -> Evening:
    """Race two good drivers in one event, and hostile ones in another on the same server meanwhile."""
    async with house(**LIMITS) as home:
        await home.create("cup", entries=GOOD, pace=pace, laps=laps)
        if hostile:
            await home.create("den", style="time-trial" if len(hostile) > 8 else "head-to-head", grid_size=8)
        for name in hostile:
            entry = EntryPlan(id=name.lower(), name=name, agent=name)
            await home.book.add_entry("den", entry, source=f"hostile_agents:{name}", hosted=True)
        if hostile:
            await home.lobby.start("den")
            den = await home.lobby.paddock("den")
            await at_it(den, len(hostile))
        await home.lobby.start("cup")
        async with asyncio.timeout(400):
            await home.lobby.wait_for_end("cup")
        if hostile:
            async with asyncio.timeout(400):
                await home.lobby.wait_for_end("den")
        return await outcome(home, fates=await fates(home) if hostile else None)


async def outcome(home: House, *, fates: dict[str, str] | None = None) -> Evening:
    """What the book says of the good race."""
    (result,) = await home.book.results("cup")
    content = await home.book.recording("cup", result.heat)
    assert content is not None
    answers = Recording.from_bytes(content).answers
    return Evening(
        state_hash=result.state_hash,
        missed=sum(missing(answers[:, seat, 0]) for seat in range(len(GOOD))),
        overruns=result.overruns,
        statuses={entry.name: entry.status for entry in result.entries},
        fates=fates or {},
    )


def missing(answers: NDArray[np.float64]) -> int:
    """How many answers of a car are missing before its last one."""
    (given,) = np.nonzero(~np.isnan(answers))
    return int(given[-1]) + 1 - len(given)


async def at_it(den: Any, count: int) -> None:
    """Wait until the hostile drivers run, so that they are busy while the others race."""
    async with asyncio.timeout(120):
        while sum(1 for driver in den.drivers.values() if driver.connected or driver.gone_for_good) < count:
            await den.stir.wait(0.5)


async def fates(home: House, event: str = "den") -> dict[str, str]:
    """How drivers ended, by name."""
    results = await home.book.results(event)
    return {entry.name: f"{entry.status}: {entry.reason}" for heat in results for entry in heat.entries}


@pytest.fixture(scope="module")
def undisturbed() -> Evening:
    """The good race alone."""
    return asyncio.run(evening(()))


async def evening_together(hostile: Sequence[str]) -> Evening:
    """Race two good drivers and hostile ones in one heat."""
    async with house(**LIMITS) as home:
        await home.create("cup", entries=GOOD, pace=12.0, grid_size=8)
        for name in hostile:
            entry = EntryPlan(id=name.lower(), name=name, agent=name)
            await home.book.add_entry("cup", entry, source=f"hostile_agents:{name}", hosted=True)
        await home.lobby.start("cup")
        async with asyncio.timeout(400):
            await home.lobby.wait_for_end("cup")
        return await outcome(home, fates=await fates(home, "cup"))


async def evening_of_uploads(names: Sequence[str]) -> tuple[Evening, dict[str, str]]:
    """Race two good drivers while hostile models are shown to the scrutineers; gives their reasons, too."""
    # A slow model has to get through all questions before its pace is measured, and that by the league's own
    # deadline.
    async with house(**LIMITS | {"hosted_cpu_s": 30, "deadline_s": 0.05}) as home:
        await home.create("cup", entries=GOOD, pace=3.0)
        await home.create("other")
        await home.lobby.start("cup")
        cup = await home.lobby.paddock("cup")
        async with asyncio.timeout(120):
            while cup.heat is None:  # noqa: ASYNC110 - it is about to begin
                await asyncio.sleep(0.02)
        submissions = [
            home.lobby.entrance.submit("other", name, networks.HOSTILE[name][0]()) for name in names
        ]
        made = await asyncio.gather(*submissions)
        async with asyncio.timeout(400):
            await home.lobby.wait_for_end("cup")
        reasons = {name: one.report.reason for name, one in zip(names, made, strict=True) if one.report}
        return await outcome(home), reasons


def same(found: Evening, undisturbed: Evening) -> None:
    """The good race is the same to the byte, and nobody in it missed a tick."""
    assert found.statuses == {"ada": "FIN", "bob": "FIN"}
    assert found.missed == 0
    assert found.state_hash == undisturbed.state_hash


@pytest.mark.slow
def test_what_a_driver_must_not_do_fails_and_the_race_beside_it_is_the_same(undisturbed: Evening) -> None:
    found = asyncio.run(evening(QUICK))
    for name in QUICK:
        assert CONTAINED[name] in found.fates[name]
    same(found, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        ("not ONNX", "nested protobuf", "weights elsewhere", "huge constant"),
        ("endless loop", "huge by answer", "slow", "too many nodes"),
    ],
    ids=["broken", "greedy"],
)
def test_hostile_models_are_refused_and_the_race_beside_them_is_the_same(
    names: Sequence[str], undisturbed: Evening
) -> None:
    found, reasons = asyncio.run(evening_of_uploads(names))
    for name in names:
        _, check, word = networks.HOSTILE[name]
        assert reasons[name].startswith(f"{check}: ")
        assert word in reasons[name]
    same(found, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [("ForkBomb", "Memory", "Files", "KillServer"), ("Crash", "EndlessAct", "EndlessInit", "Flood")],
    ids=["refused", "wild"],
)
def test_good_drivers_finish_the_very_heat_in_which_hostile_ones_fail(names: Sequence[str]) -> None:
    found = asyncio.run(evening_together(names))
    assert {found.statuses[name] for name in ("ada", "bob")} == {"FIN"}
    assert found.missed == 0
    for name in names:
        assert not found.fates[name].startswith("FIN")
        assert CONTAINED.get(name, "") in found.fates[name]


@pytest.mark.slow
@pytest.mark.parametrize("names", [list(CONTAINED)[::2], list(CONTAINED)[1::2]], ids=["even", "odd"])
def test_everything_that_is_refused_is_refused(names: list[str], undisturbed: Evening) -> None:
    found = asyncio.run(evening(names))
    assert {name: CONTAINED[name] in found.fates[name] for name in names} == dict.fromkeys(names, True)
    same(found, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Threads", "can't start new thread"),
        ("Crash", "SIGSEGV"),
        ("EndlessInit", ""),
        ("EndlessPrepare", ""),
        ("EndlessAct", ""),
        ("Immortal", ""),
        ("Noise", ""),
        ("Flood", ""),
    ],
)
def test_a_driver_that_runs_wild_costs_the_race_beside_it_nothing(
    name: str, said: str, undisturbed: Evening
) -> None:
    found = asyncio.run(evening([name]))
    assert said in found.fates[name]
    same(found, undisturbed)
