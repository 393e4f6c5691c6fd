"""The guardian: a second process with its own connection to the car, which stops it when the bridge cannot.

It reads one byte for every turn of the bridge from its standard input. When the bytes stay away while the car
may move, the bridge is frozen; when the pipe ends, it is dead. Either way the guardian stops the car, again
and again until that is confirmed or the bridge says that its gate is closed. What it finds it says on
standard output, a word a line.

It is started by `league.bridge.guard`; `python -m league.bridge.guardian CAR` starts it by hand.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from typing import Final

from league.bridge.urgency import go_first
from league.gate.car import CarDriver
from league.hooks.catalogue import League

MAY_MOVE: Final = b"A"
"""The bridge lives, and its gate is open."""
STANDS: Final = b"N"
"""The bridge lives, and its gate is closed."""
FAREWELL: Final = b"B"
"""The bridge ends, and has seen to the car itself."""

PATIENCE_S: Final = 0.2
"""Silence after which the bridge counts as frozen: longer than the gate's `pulse_s`, so that a bridge that
wakes up again finds its own gate closed; and short enough to stop the car within 0.25 s."""
STOPS: Final = 5
"""So many stops at least, for a single one may get lost."""
APART_S: Final = 0.02
AGAIN_S: Final = 0.1
"""Time between stops after the first few."""
GIVE_UP_S: Final = 30.0
"""A dead bridge's car that cannot be reached for so long is left alone."""
RECONNECT_S: Final = 0.5

WATCHING: Final = "watching"
BLIND: Final = "blind"
TRIPPED: Final = "tripped"
STOPPED: Final = "stopped"


class Guardian:
    """Watches one bridge and one car.

    Args:
        ref: The car's address.
        league: Knows how to drive it.
        said: The bridge's end of the pipe.
    """

    def __init__(self, ref: str, league: League, *, said: int) -> None:
        self._ref, self._league, self._said = ref, league, said
        self._driver: CarDriver | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self._may_move = self._silent = False
        self._stopping: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Watch until the bridge ends."""
        os.set_blocking(self._said, False)
        connecting = asyncio.create_task(self._keep_connected())
        self._loop.add_reader(self._said, self._listen)
        self._arm_alarm()
        gc.freeze()  # nothing that exists now is worth looking through while a car runs
        await self._over.wait()
        self._loop.remove_reader(self._said)
        if self._alarm is not None:
            self._alarm.cancel()
        if self._stopping is not None:
            await self._stopping
        connecting.cancel()
        await asyncio.wait((connecting,))
        if self._driver is not None:
            await self._driver.close()

    # -- the bridge --------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            heard = os.read(self._said, 4096)
        except BlockingIOError:
            return
        if not heard or FAREWELL in heard:
            # A farewell is confirmed by stopping all the same: it costs nothing.
            self._begin_to_stop("the bridge is gone" if not heard else "the bridge ended", dead=True)
            self._over.set()
            return
        self._may_move = heard[-1:] == MAY_MOVE
        if not self._may_move:
            self._silent = False
        self._arm_alarm()

    def _arm_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(PATIENCE_S, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if not self._may_move:
            return  # a gate that was closed when the bridge froze is closed when it thaws
        if not self._silent:
            self._silent = True
            say(TRIPPED)
        self._begin_to_stop("the bridge is frozen", dead=False)

    # -- the car -----------------------------------------------------------------------------------

    def _begin_to_stop(self, why: str, *, dead: bool) -> None:
        if self._stopping is not None and not self._stopping.done():
            if not dead:
                return
            self._stopping.cancel()
        self._stopping = asyncio.create_task(self._stop(why, dead=dead))

    async def _stop(self, why: str, *, dead: bool) -> None:
        """Stop the car at least a few times, and on until it confirms or the bridge says that it stands."""
        began_s, count = self._loop.time(), 0
        while True:
            driver = self._driver
            result = await driver.stop(why) if driver is not None else "unreachable"
            if result != "unreachable":
                count += 1
            if count == 1:
                say(f"{STOPPED} {result}")
            if count >= STOPS and (dead or not self._silent):
                return
            if dead and self._loop.time() - began_s > GIVE_UP_S:
                return
            await asyncio.sleep(APART_S if count < STOPS else AGAIN_S)

    async def _keep_connected(self) -> None:
        """Hold a connection to the car, and make a new one when it ends."""
        while True:
            driver = self._league.car_driver(self._ref, only_stops=True)
            try:
                await driver.connect()
                self._driver = driver
                say(WATCHING)
                async for _ in driver.telemetry():
                    pass
            except Exception as error:  # noqa: BLE001 - a driver may raise anything; without it nobody watches
                say(f"{BLIND} {' '.join(str(error).split())[:200]}")
            else:
                say(f"{BLIND} its connection to the car ended")
            self._driver = None
            await driver.close()
            await asyncio.sleep(RECONNECT_S)


def say(line: str) -> None:
    """Tell the bridge, if it is there."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


async def _main(ref: str) -> None:
    await Guardian(ref, League(), said=sys.stdin.fileno()).run()


if __name__ == "__main__":
    # The bridge decides when it is over; a Ctrl-C in its terminal must not take its guardian first.
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    go_first(realtime=True)
    asyncio.run(_main(sys.argv[1]))
