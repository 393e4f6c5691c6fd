"""A league that never ends its heat, as a program: it shows ticks in real time and hears the answers.

For tests of cars: `python -m league.testing.feeder PORT` listens on every address of its network namespace,
lets anybody in, and races every connection in a heat of its own. It prints a line for each connection.
SIGUSR1 makes it end all connections with a reset, as a router does that was switched off and on.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import replace

from league.racing.rules import Rules
from league.racing.telling import briefing_fields
from league.testing.finding import Unmet
from league.testing.scripted import EVENT, ScriptedServer, Talk
from league.testing.scripts import Course, start
from league.wire.messages import Act

HZ = 20
FOREVER_S = 3600.0


async def feed(port: int) -> None:
    """Serve until cancelled."""
    async with ScriptedServer("0.0.0.0", port) as server:  # noqa: S104 - in a namespace of its own
        print(f"feeding event {EVENT} at port {port}", flush=True)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, server.reset)
        count, races = 0, set()
        while True:
            try:
                talk = await server.joined(within_s=FOREVER_S)
            except Unmet as unmet:
                print(unmet, flush=True)
                continue
            count += 1
            print(f"connection {count}", flush=True)
            racing = asyncio.create_task(_race(talk, f"heat-{count}"))
            races.add(racing)
            racing.add_done_callback(races.discard)


async def _race(talk: Talk, heat: str) -> None:
    course = Course(heat)
    rules = Rules(control_hz=HZ, clock="realtime")
    course.briefing = replace(course.briefing, rules=rules)
    course.fields = briefing_fields(course.briefing, obs_spec=course.fields["obs_spec"])
    loop = asyncio.get_running_loop()
    with suppress(Unmet):
        await start(talk, course)
        hearing = asyncio.create_task(_hear(talk))
        began_s, k = loop.time(), 0
        while not talk.closed.is_set() and not hearing.done():
            fields = course.shown(k, time_us=round((loop.time() - began_s) * 1e6))
            await talk.say(talk.session.observe(k, fields, deadline_us=40_000, bank_ms=0))
            k += 1
            await asyncio.sleep(max(0.0, began_s + k / HZ - loop.time()))
            talk.session.close_tick(loop.time())
        hearing.cancel()
    print(f"{heat} is over", flush=True)


async def _hear(talk: Talk) -> None:
    """Take whatever the driver says, until it goes."""
    while True:
        with suppress(Unmet):
            await talk.hear(Act, within_s=FOREVER_S)
            continue
        if talk.closed.is_set():
            return


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(feed(int(sys.argv[1])))
