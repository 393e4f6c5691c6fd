"""The scripts played to a client: each is legal, and its docstring says what the client has to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import cos, pi, sin
from typing import Any

from league.racing.agent import Briefing, Observation, Penalty
from league.racing.rules import Rules
from league.racing.telling import briefing_fields, observation_fields, trial_observation
from league.sim.car import DEEPRACER
from league.testing.finding import Finding, Tell, Unmet, expect
from league.testing.scripted import PATIENCE_S, ScriptedServer, Talk
from league.track.circuit import Circuit
from league.wire import grammar
from league.wire.messages import NOT_IN_EVENT, SHUTTING_DOWN, SUBPROTOCOLS, Act, Hello, LateAct, Ready

TICKS = 12
SCRIPT_S = 60.0
"""No script takes longer than this."""

RunClient = Callable[[str], Awaitable[object]]
"""Runs a client against an address such as "ws://127.0.0.1:4711", event "conformance", until it ends."""
Script = Callable[[ScriptedServer], Awaitable[None]]


class Course:
    """A made-up heat: what to assign, and what to show at each tick."""

    def __init__(self, heat: str = "heat-1", seat: int = 0) -> None:
        turns = [2 * pi * step / 60 for step in range(60)]

        def ring(radius_m: float) -> Any:
            return [[radius_m * cos(turn), radius_m * sin(turn)] for turn in turns]

        circuit = Circuit("scripted-ring", ring(3.0), ring(2.5), ring(3.5))
        self.briefing = Briefing(
            heat, seat, circuit, DEEPRACER, Rules(), 1, ("state",), ((1 - seat, "rival"),)
        )
        self.fields = briefing_fields(
            self.briefing, obs_spec=[{"name": "state", "id": "state.v1", "size": 105}]
        )

    def at(self, k: int) -> Observation:
        """What is seen at a tick."""
        seen = trial_observation(self.fields, self.briefing)
        seen.tick, seen.time_us = k, k * 66_667
        seen.state[0] = 0.01 * k
        return seen

    def shown(self, k: int, **changed: Any) -> dict[str, Any]:
        """The same as the fields of an `obs`."""
        seen = self.at(k)
        for name, value in changed.items():
            setattr(seen, name, value)
        return observation_fields(seen)


async def start(talk: Talk, course: Course, *, countdown: bool = True) -> None:
    """Assign a heat, wait until the client is ready, and go."""
    await talk.say(talk.session.assign(course.fields))
    ready = await talk.hear(Ready, within_s=20.0)
    expect(ready.heat == course.briefing.heat, f"ready for {course.briefing.heat!r}", repr(ready.heat))
    if countdown:
        await talk.say(talk.session.countdown(0.1))
    await talk.say(talk.session.go())


async def show(talk: Talk, course: Course, k: int, **changed: Any) -> Act:
    """Show one tick and expect its answer."""
    await talk.say(talk.session.observe(k, course.shown(k, **changed), deadline_us=50_000, bank_ms=2000))
    act = await talk.hear(Act)
    expect(act.k == k, f"an answer to tick {k}", f"one to tick {act.k}")
    talk.session.close_tick(time.monotonic())
    return act


async def finish(talk: Talk, *, bye: bool = True) -> None:
    """End the heat with a result, and the conversation with bye."""
    await talk.say(talk.session.finish([{"place": 1, "name": "client", "laps": [{"time_s": 8.0}]}]))
    await talk.say(talk.session.result({"heat": "heat-1", "entries": []}))
    if bye:
        await say_bye(talk)


async def say_bye(talk: Talk) -> None:
    """Say bye and expect the client to go."""
    await talk.say(talk.session.bye("the script is over"))
    try:
        async with asyncio.timeout(PATIENCE_S):
            await talk.closed.wait()
    except TimeoutError:
        raise Unmet(f"the client closes within {PATIENCE_S:g} s after bye", "it stays") from None


async def plain_heat(server: ScriptedServer) -> None:
    """It races a heat: every tick is answered once, and its clock is synchronised."""
    talk, course = await server.joined(), Course()
    expect(talk.protocol in SUBPROTOCOLS, "a sub-protocol of the league", repr(talk.protocol))
    await start(talk, course)
    for k in range(TICKS):
        await show(talk, course, k)
    expect(talk.syncs > 0, "sync at joining", "none")
    await finish(talk)
    counts = talk.session.counts
    strange = counts.duplicates + counts.late + counts.unknown + counts.rate
    expect(not strange, "no duplicate, late or unknown message", counts.as_dict())


async def unknown_words(server: ScriptedServer) -> None:
    """It ignores keys and types that it does not know."""
    talk, course = await server.joined(), Course()
    await talk.say_raw({"type": "horoscope", "sign": "crab", "nested": {"deep": [1, 2, {"x": None}]}})
    course.fields.update(weather={"rain_mm": 0.2}, car={**course.fields["car"], "colour": "red"})
    course.fields["rules"] = {**course.fields["rules"], "pit_stops": 3}
    await start(talk, course)
    for k in range(TICKS):
        await talk.say_raw({"type": "confetti", "k": k})
        await show(talk, course, k)
        extra = {"heat": course.briefing.heat, "k": k, "kind": "fireworks", "seat": 7, "data": {"odd": [k]}}
        await talk.say(talk.session.event(extra))
    await finish(talk)


async def uneven_ticks(server: ScriptedServer) -> None:
    """It answers after pauses, and when ticks are left out."""
    talk, course = await server.joined(), Course()
    await start(talk, course, countdown=False)
    for k in (0, 1, 7, 8, 9, 40):
        await show(talk, course, k)
        await asyncio.sleep(0.2)
    await finish(talk)


async def bad_news(server: ScriptedServer) -> None:
    """It drives on when told of late answers, errors, penalties and flags."""
    talk, course = await server.joined(), Course()
    await start(talk, course)
    for k in range(TICKS):
        await show(talk, course, k, missed=k % 3, flag="yellow", penalty=Penalty("off_track", 5, 0.0))
        said = LateAct(course.briefing.heat, max(0, k - 1), 1500)
        await talk.say(talk.session.late(said, policy="hold", streak=1))
        await talk.say(talk.session.error("bad_command", "speed_mps: expected 0 to 4, found 9"))
    await finish(talk)


async def several_heats(server: ScriptedServer) -> None:
    """It races one heat after another, also when one is called off and results are revised."""
    talk = await server.joined()
    first, second, third = Course("heat-1"), Course("heat-2", seat=1), Course("heat-3")
    await start(talk, first)
    await show(talk, first, 0)
    await finish(talk, bye=False)
    await talk.say(talk.session.result({"heat": "heat-1", "entries": []}, revision=1, changes=["a penalty"]))
    await talk.say(talk.session.assign(second.fields))
    await talk.hear(Ready, within_s=20.0)
    await talk.say(talk.session.finish([]))
    await start(talk, third)
    for k in range(3):
        await show(talk, third, k)
    await finish(talk)


async def crowded_ticks(server: ScriptedServer) -> None:
    """It answers the newest of several observations that come at once, in order and none twice."""
    talk, course = await server.joined(), Course()
    await start(talk, course)
    session = talk.session
    for first in (0, 10, 20):
        for k in range(first, first + 5):
            await talk.say(session.observe(k, course.shown(k), deadline_us=50_000))
        newest = await _newest_answer(talk)
        expect(newest.k == first + 4, f"an answer to tick {first + 4}", f"one to tick {newest.k}")
        session.close_tick(time.monotonic())
    expect(not session.counts.duplicates, "no tick answered twice", session.counts.duplicates)
    await finish(talk)


async def _newest_answer(talk: Talk) -> Act:
    while True:
        try:
            return await talk.hear(Act)
        except Unmet as unmet:
            if unmet.found != "lateact":
                raise


async def broken_connection(server: ScriptedServer) -> None:
    """It comes back within 5 s when the connection breaks in a heat, with its session, and drives on."""
    talk, course = await server.joined(), Course()
    await start(talk, course)
    for k in range(TICKS):
        await show(talk, course, k)
    talk.drop()
    talk = await server.talk(within_s=5.0)
    await talk.say(talk.session.welcome())
    hello = await talk.hear(Hello)
    expect(hello.resume is not None, "hello.resume", "none")
    assert hello.resume is not None
    expect(
        (hello.resume.session, hello.resume.token) == ("session-1", "secret-1"),
        "the session and token of 'accepted'",
        (hello.resume.session, hello.resume.token),
    )
    await talk.say(talk.session.accept("session-1", "secret-2", "entry-1", resumed=True))
    await talk.say(talk.session.assign(course.fields))
    await talk.hear(Ready, within_s=5.0)
    await talk.say(talk.session.go(TICKS + 5))
    for k in range(TICKS + 5, 2 * TICKS):
        await show(talk, course, k)
    await finish(talk)


async def server_stops(server: ScriptedServer) -> None:
    """It comes back later when the server shuts down."""
    talk = await server.joined()
    await talk.say(talk.session.error("shutting_down", "back in a moment", fatal=True, retry_s=0.5))
    left_s = time.monotonic()
    await talk.end(SHUTTING_DOWN)
    talk, course = await server.joined(within_s=20.0), Course()
    waited_s = time.monotonic() - left_s
    expect(waited_s > 0.45, "a new connection after the 0.5 s that the server asked for", f"{waited_s:.2f} s")
    await start(talk, course)
    await show(talk, course, 0)
    await finish(talk)


async def not_in_event(server: ScriptedServer) -> None:
    """It stays away when it is told that it does not take part."""
    talk = await server.talk()
    await talk.say(talk.session.welcome())
    await talk.hear(Hello)
    await talk.say(talk.session.error("not_in_event", "not in this event", fatal=True))
    await talk.end(NOT_IN_EVENT)
    await _stays_away(server)


async def other_version(server: ScriptedServer) -> None:
    """It goes, and stays away, when the server speaks another major version."""
    talk = await server.talk()
    talk.session.welcome()
    await talk.say_raw(
        {"type": "welcome", "proto": [99, 0], "server": "x", "behavior": 1, "nonce": "", "limits": {}}
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await talk.closed.wait()
    expect(talk.closed.is_set(), "the client closes", "it stays")
    expect(talk.session.hello is None, "no hello", "hello")
    await _stays_away(server)


async def _stays_away(server: ScriptedServer) -> None:
    try:
        await server.talk(within_s=1.5)
    except Unmet:
        return
    raise Unmet("no further connection", "one more")


async def quiet_paddock(server: ScriptedServer) -> None:
    """It waits without a word but `sync` while there is no heat."""
    talk = await server.joined()
    await talk.silence(2.0)
    expect(talk.session.state == grammar.IDLE, "an idle client", talk.session.state)
    await say_bye(talk)


SCRIPTS: tuple[Script, ...] = (
    plain_heat,
    unknown_words,
    uneven_ticks,
    bad_news,
    several_heats,
    crowded_ticks,
    broken_connection,
    server_stops,
    not_in_event,
    other_version,
    quiet_paddock,
)


async def check_client(run_client: RunClient, *, on_finding: Tell | None = None) -> list[Finding]:
    """Play every script to a client and judge what it does.

    Args:
        run_client: Runs the client against the address that it is given, with the event "conformance",
            until it ends by itself; that it raises is no fault where the server refuses it.
        on_finding: Told of each finding as soon as it is there.
    """
    findings = []
    for script in SCRIPTS:
        finding = await play(script, run_client)
        findings.append(finding)
        if on_finding is not None:
            on_finding(finding)
    return findings


async def play(script: Script, run_client: RunClient) -> Finding:
    """Play one script to a client; the script's docstring says what is expected."""
    name = " ".join((script.__doc__ or script.__name__).split()).rstrip(".")
    async with ScriptedServer() as server:
        client = asyncio.ensure_future(run_client(server.url))
        try:
            async with asyncio.timeout(SCRIPT_S):
                await script(server)
                done, _ = await asyncio.wait((client,), timeout=PATIENCE_S)
            expect(bool(done), "the client ends", "it runs on")
        except Unmet as unmet:
            found = unmet.found
            if client.done() and not client.cancelled() and client.exception() is not None:
                found += f" (the client ended: {client.exception()})"
            return Finding(name, False, unmet.expected, found)
        except TimeoutError:
            return Finding(name, False, f"an end within {SCRIPT_S:g} s", "none")
        finally:
            client.cancel()
            await asyncio.gather(client, return_exceptions=True)
    return Finding(name, True, name, name)
