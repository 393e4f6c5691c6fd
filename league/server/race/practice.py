"""The practice event: where `league doctor` tries good and bad clients against this server.

It has a fixed id and no page, and leaves nothing in the record book. Two drivers whose names begin alike,
"doctor-RANDOM-", race one lap against each other on a small oval.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Final

import numpy as np

from league.errors import RemoteProtocolError
from league.hooks.building import build_heat
from league.hooks.catalogue import League
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.rules import Rules
from league.server.race.driver import Driver, Stir
from league.server.race.live import LiveHeat
from league.server.race.settings import Settings
from league.track.circuit import Circuit
from league.wire.messages import ERROR_CODES, SHUTTING_DOWN, Hello

log = logging.getLogger(__name__)

PRACTICE: Final = "conformance"
MOST_PAIRS: Final = 4
PATIENCE_S: Final = 20.0
"""Time for the second of two to come, and for both to get ready."""

_PREFIX = "doctor-"
_STRAIGHT_M, _RADIUS_M, _WIDTH_M, _STEP_M = 2.0, 1.0, 1.0, 0.1


class _Pair:
    """Two drivers who practise together."""

    def __init__(self) -> None:
        self.stir = Stir()
        self.drivers: dict[str, Driver] = {}
        self.task: asyncio.Task[None] | None = None


class Practice:
    """Pairs drivers and lets them race, a few pairs at a time.

    Args:
        league: For the sensors and the car.
        settings: Time limits.
    """

    def __init__(self, league: League, settings: Settings) -> None:
        self._league = league
        self._settings = settings.model_copy(
            update={"no_show_s": min(settings.no_show_s, PATIENCE_S), "countdown_s": 0.0}
        )
        self._pairs: dict[str, _Pair] = {}

    def admit(self, hello: Hello) -> Driver:
        """The driver for a client; the second of a pair, or one that comes back, finds the first.

        Raises:
            RemoteProtocolError: The name is not of the expected form, or there are too many.
        """
        if hello.token is not None:
            raise _refused("auth", "the token is not good: the practice knows none")
        name = hello.entry.name
        prefix = name.rpartition("-")[0]
        if not prefix.startswith(_PREFIX) or len(prefix) <= len(_PREFIX):
            raise _refused("not_in_event", f"found name {name!r}, expected {_PREFIX}RANDOM-NAME")
        pair = self._pairs.get(prefix)
        if pair is None:
            if len(self._pairs) >= MOST_PAIRS:
                raise _refused("busy", f"{MOST_PAIRS} practices are under way; try again later")
            pair = self._pairs[prefix] = _Pair()
            pair.task = asyncio.create_task(self._run(prefix, pair), name=f"practice {prefix}")
        if name not in pair.drivers:
            if len(pair.drivers) == 2:
                raise _refused("not_in_event", f"two drivers practise as {prefix!r} already")
            entry = EntryPlan(id=f"driver-{len(pair.drivers) + 1}", name=name, kind="remote")
            driver = pair.drivers[name] = Driver(PRACTICE, entry, stirred=pair.stir)
            driver.resume_token = secrets.token_hex(32)
        return pair.drivers[name]

    async def close(self) -> None:
        """Stop every practice."""
        for pair in [*self._pairs.values()]:
            if pair.task is not None:
                pair.task.cancel()
                await asyncio.wait((pair.task,))
            for driver in pair.drivers.values():
                driver.dismiss("the server stops; try again later", code=SHUTTING_DOWN)

    async def _run(self, prefix: str, pair: _Pair) -> None:
        """One practice, from the first driver to the result."""
        try:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while sum(driver.connected for driver in pair.drivers.values()) < 2:
                        await pair.stir.wait()
            except TimeoutError:
                _dismiss(pair, f"nobody else came within {PATIENCE_S:g} s")
                return
            await self._race([*pair.drivers.values()])
            _dismiss(pair, "the practice is over")
        except Exception:
            log.exception("practice %s failed", prefix)
            _dismiss(pair, "the server failed")
        finally:
            self._pairs.pop(prefix, None)

    async def _race(self, drivers: list[Driver]) -> None:
        offered = tuple(name for name in ("state", "pose") if name in self._league.sensors)
        plan = HeatPlan(
            id="practice",
            phase="practice",
            circuit="oval",
            car="deepracer",
            rules=Rules(laps=1, time_limit_s=60.0, sensors=offered),
            seed=1,
            grid=tuple(driver.entry for driver in drivers),
        )
        heat = await asyncio.to_thread(build_heat, self._league, plan, oval())
        live = LiveHeat(heat, drivers, settings=self._settings)
        await live.run()
        live.conclude(heat.result())


def oval() -> Circuit:
    """A small circuit: two straights joined by half circles."""
    along = np.arange(-_STRAIGHT_M / 2, _STRAIGHT_M / 2, _STEP_M)
    turn = np.arange(-np.pi / 2, np.pi / 2, _STEP_M / _RADIUS_M)
    spine = np.concatenate(
        [
            np.column_stack([along, np.zeros_like(along)]),
            np.column_stack([np.full_like(turn, _STRAIGHT_M / 2), np.zeros_like(turn)]),
            np.column_stack([-along, np.zeros_like(along)]),
            np.column_stack([np.full_like(turn, -_STRAIGHT_M / 2), np.zeros_like(turn)]),
        ]
    )
    angle = np.concatenate(
        [np.full_like(along, -np.pi / 2), turn, np.full_like(along, np.pi / 2), turn + np.pi]
    )
    outward = np.column_stack([np.cos(angle), np.sin(angle)])
    return Circuit(
        id="oval",
        centre=spine + _RADIUS_M * outward,
        left=spine + (_RADIUS_M - _WIDTH_M / 2) * outward,
        right=spine + (_RADIUS_M + _WIDTH_M / 2) * outward,
    )


def _dismiss(pair: _Pair, reason: str) -> None:
    for driver in pair.drivers.values():
        driver.dismiss(reason)


def _refused(code: str, problem: str) -> RemoteProtocolError:
    return RemoteProtocolError(code, problem, close=ERROR_CODES[code].close)
