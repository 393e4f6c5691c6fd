"""The driving client against a server that follows scripts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from math import nan

import pytest
from aiohttp import web

from league import Agent, Command, Observation
from league.client import Progress, agent_url, drive
from league.errors import ConfigError, ProtocolError, RaceError
from league.testing.scripted import ScriptedServer
from league.testing.scripts import SCRIPTS, Course, Script, finish, play, say_bye, show, start
from league.wire.messages import AGENT_PATH, Act, Bye, Hello, LateAct, Loading, Ready, RefusedAct, Resume


class Steady(Agent):
    """Drives straight on."""

    def act(self, seen: Observation) -> Command:
        return Command(0.0, 1.0)


async def run_steady(url: str, make=Steady, **options):
    return await drive(make, server=url, event="conformance", name="steady", **options)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
async def test_it_takes_whatever_a_server_may_do(script: Script):
    finding = await play(script, lambda url: run_steady(url, patience_s=20.0))
    assert finding.passed, str(finding)


@asynccontextmanager
async def driving(make=Steady, **options):
    """A scripted server and a client that has joined it; the client's outcome is `talk.outcome`."""
    async with ScriptedServer() as server, asyncio.timeout(20.0):
        task = asyncio.create_task(run_steady(server.url, make, **options))
        try:
            talk = await server.joined()
            talk.outcome = task
            talk.server = server
            yield talk
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


# -- addresses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("ws://host:8000", "ws://host:8000/ws/agent"),
        ("http://host:8000/", "ws://host:8000/ws/agent"),
        ("https://host", "wss://host/ws/agent"),
        ("wss://host/league", "wss://host/league/ws/agent"),
        ("host:8000", "ws://host:8000/ws/agent"),
        (" localhost:8000/ws/agent/ ", "ws://localhost:8000/ws/agent"),
        ("ws://[::1]:80", "ws://[::1]:80/ws/agent"),
    ],
)
def test_many_forms_of_address_will_do(server, url):
    assert agent_url(server) == url


@pytest.mark.parametrize(
    "server", ["", "http://", "ftp://host", "host:99999", "host:0", "host: 1", "::1", "a b:1"]
)
def test_what_is_no_address_is_said_so(server):
    with pytest.raises(ConfigError, match=r"server address .*expected ws://"):
        agent_url(server)


# -- agents ------------------------------------------------------------------------------------------


async def test_the_outcome_tells_what_happened():
    told: list[Progress] = []
    remembered: list[Resume] = []
    async with driving(on_progress=told.append, on_accepted=remembered.append) as talk:
        await start(talk, Course())
        await show(talk, Course(), 0)
        await talk.say(talk.session.late(LateAct("heat-1", 0, 1500), policy="hold", streak=1))
        await show(talk, Course(), 1)
        await finish(talk)
        report = await talk.outcome
    assert (report.entry_id, report.reason, report.heats) == ("entry-1", "the script is over", ["heat-1"])
    assert (report.answers, report.late, report.returns, report.skipped) == (2, 1, 0, 0)
    assert report.results == ({"heat": "heat-1", "entries": []},)
    assert 0 < report.round_trip_us < 5e6
    assert abs(report.clock_offset_us) < 5e6  # both read the same clock here
    assert remembered == [Resume("session-1", "secret-1")]
    kinds = [progress.kind for progress in told if progress.kind != "sync"]
    assert kinds == ["accepted", "assign", "countdown", "go", "late", "finish", "result", "bye"]


@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_what_the_agent_sees_and_answers_is_exact(codec):
    seen_states = []

    class Noting(Agent):
        def act(self, seen):
            if seen.tick:
                seen_states.append(seen.state.copy())
            return Command(0.1234567890123456789, 1 / 3, note="é" * 200)

    course = Course()
    async with driving(Noting, codec=codec) as talk:
        await start(talk, course)
        act = await show(talk, course, 1)
        await finish(talk)
    assert (act.steer_rad, act.speed_mps, act.note) == (0.1234567890123456789, 1 / 3, "é" * 128)
    assert act.us >= 0
    assert [state.tobytes() for state in seen_states] == [course.at(1).state.tobytes()]


async def test_each_heat_has_an_agent_of_its_own_that_was_tried_on_another():
    made = []

    class Counting(Agent):
        def __init__(self):
            made.append(self)
            self.calls: list[int] = []
            self.result = None

        def act(self, seen):
            self.calls.append(seen.tick)
            return Command(0.0, 1.0)

        def finish(self, result):
            self.result = result

    async with driving(Counting) as talk:
        for heat in ("heat-1", "heat-2"):
            await start(talk, Course(heat))
            await show(talk, Course(heat), 0)
            await show(talk, Course(heat), 1)
            await finish(talk, bye=False)
        await say_bye(talk)
        await talk.outcome
    raced = [agent for agent in made if agent.result is not None]
    assert len(raced) == 2
    assert [agent.calls for agent in raced] == [[0, 1], [0, 1]]
    assert sorted({len(agent.calls) for agent in made if agent.result is None}) == [10]


async def test_an_agent_survives_a_broken_connection():
    made = []

    class Counting(Agent):
        def __init__(self):
            made.append(self)
            self.ticks: list[int] = []

        def act(self, seen):
            self.ticks.append(seen.tick)
            return Command(0.0, 1.0)

    async with driving(Counting) as talk:
        course = Course()
        await start(talk, course)
        await show(talk, course, 5)
        talk.drop()
        again = await talk.server.joined(resumed=True)
        assert again.session.hello.resume == Resume("session-1", "secret-1", 5)
        await start(again, course, countdown=False)
        await show(again, course, 9)
        await finish(again)
        assert (await talk.outcome).returns == 1
    assert [5, 9] in [agent.ticks for agent in made]


class Broken(Agent):
    """Fails in one place or another."""

    where = ""

    def prepare(self, briefing):
        if self.where == "prepare":
            raise ValueError("no\nmodel")

    def act(self, seen):
        if seen.tick and self.where == "act":
            raise ZeroDivisionError("by zero")
        if seen.tick and self.where == "type":
            return (0.0, 1.0)
        if seen.tick and self.where == "number":
            return Command("left", 1.0)
        return Command(0.0, 1.0)

    def finish(self, result):
        if self.where == "finish":
            raise KeyError("place")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("prepare", "steady: prepare raised ValueError: no model"),
        ("act", "steady: act, tick 3, raised ZeroDivisionError: by zero"),
        ("type", "steady: act returned tuple, expected a Command"),
        (
            "number",
            "steady: the command of tick 3 raised ValueError: could not convert string to float: 'left'",
        ),
        ("finish", "steady: finish raised KeyError: 'place'"),
    ],
)
async def test_an_agent_s_error_ends_the_drive_in_one_line_that_the_server_is_told(place, says):
    async with driving(type("Failing", (Broken,), {"where": place})) as talk:
        course = Course()
        await talk.say(talk.session.assign(course.fields))
        if place != "prepare":
            await talk.hear(Ready)
            await talk.say(talk.session.go())
            await talk.say(talk.session.observe(3, course.shown(3), deadline_us=50_000))
            if place == "finish":
                await talk.hear(Act)
                await finish(talk, bye=False)
        bye = await talk.hear(Bye)
        assert bye.reason == says
        with pytest.raises(RaceError) as caught:
            await talk.outcome
    assert str(caught.value) == says


def test_an_agent_that_cannot_be_made_is_an_error_before_anything_is_connected():
    def make():
        raise OSError("no such model")

    with pytest.raises(RaceError, match="the agent cannot be made: OSError: no such model"):
        asyncio.run(run_steady("127.0.0.1:1", make))


async def test_a_command_that_is_no_number_is_for_the_server_to_refuse():
    class Lost(Agent):
        def act(self, seen):
            return Command(nan, 1.0)

    async with driving(Lost) as talk:
        await start(talk, Course())
        for k in range(3):
            await talk.say(talk.session.observe(k, Course().shown(k), deadline_us=50_000))
            assert (await talk.hear(RefusedAct)).k == k
        await finish(talk)
        assert (await talk.outcome).answers == 3


async def test_a_slow_start_is_never_silent():
    class Slow(Agent):
        def prepare(self, briefing):
            time.sleep(1.2)

        def act(self, seen):
            return Command(0.0, 1.0)

    async with driving(Slow) as talk:
        heard = []
        take = talk.session.receive
        talk.session.receive = lambda frame, now_s: [
            heard.append(said) or said for said in take(frame, now_s)
        ]
        await talk.say(talk.session.assign(Course().fields))
        ready = await talk.hear(Ready)
        assert ready.load_ms > 1100
        assert len([said for said in heard if isinstance(said, Loading)]) >= 2


async def test_a_slow_agent_answers_the_newest_and_stays_in_touch():
    class Slow(Agent):
        def act(self, seen):
            time.sleep(0.05)
            return Command(0.0, 1.0)

    async with driving(Slow) as talk:
        course = Course()
        await start(talk, course)
        await show(talk, course, 0)  # the first slow answer, after which it thinks in a thread
        for k in range(1, 11):
            await talk.say(talk.session.observe(k, course.shown(k), deadline_us=50_000))
        answered = []
        while not answered or answered[-1] < 10:
            answered.append((await _any_answer(talk)).k)
        assert answered == sorted(set(answered))
        assert len(answered) <= 4
        await finish(talk)
        assert (await talk.outcome).skipped >= 7


async def _any_answer(talk):
    while True:
        said = await talk._said.get()
        if isinstance(said, Act | LateAct):
            return said


# -- servers -----------------------------------------------------------------------------------------


async def test_no_server_is_an_error_at_once():
    with pytest.raises(ProtocolError, match=r"no server answers at ws://127\.0\.0\.1:1/ws/agent: .*onnect"):
        await run_steady("127.0.0.1:1")


@asynccontextmanager
async def answering(handler):
    """A web server with something else at the agents' place."""
    app = web.Application()
    app.router.add_get(AGENT_PATH, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_web_server_that_is_no_league_is_said_so():
    async def page(request):
        return web.Response(status=404)

    async with answering(page) as url:
        with pytest.raises(
            ProtocolError, match=r"answers HTTP 404, expected a WebSocket that speaks league\.v1"
        ):
            await run_steady(url)


async def test_a_server_of_another_protocol_is_said_so():
    async def other(request):
        made = web.WebSocketResponse()
        await made.prepare(request)
        async for _ in made:
            pass
        return made

    async with answering(other) as url:
        with pytest.raises(ProtocolError, match=r"speaks no sub-protocol, expected league\.v1"):
            await run_steady(url)


async def test_a_busy_server_is_tried_again_until_patience_ends():
    tried = 0

    async def busy(request):
        nonlocal tried
        tried += 1
        return web.Response(status=503)

    async with answering(busy) as url:
        with pytest.raises(ProtocolError, match=r"lost .* for more than 0\.3 s: .* answers 503"):
            await run_steady(url, patience_s=0.3)
    assert tried > 2


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (4001, "the token, or the session to resume, is not known"),
        (4009, "a newer connection drives this entry now"),
        (4011, "the organiser removed this entry"),
    ],
)
async def test_some_close_codes_are_final(code, says):
    async with driving() as talk:
        await talk.end(code)
        with pytest.raises(ProtocolError, match=f"{says} .*code {code}"):
            await talk.outcome
        assert talk.server.connections == 1


async def test_a_session_that_cannot_be_resumed_is_begun_anew():
    async with ScriptedServer() as server, asyncio.timeout(10.0):
        resume = Resume("old", "secret", 7)
        task = asyncio.create_task(run_steady(server.url, resume=resume))
        talk = await server.talk()
        await talk.say(talk.session.welcome())
        assert (await talk.hear(Hello)).resume == resume
        await talk.say(talk.session.error("resume", "too late", fatal=True))
        talk = await server.joined()
        assert talk.session.hello.resume is None
        await say_bye(talk)
        assert (await task).returns == 1


async def test_a_wrong_fingerprint_of_the_circuit_ends_it():
    async with driving() as talk:
        course = Course()
        course.fields["circuit"]["sha256"] = "0" * 64
        await talk.say(talk.session.assign(course.fields))
        with pytest.raises(ProtocolError, match=r"assign\.circuit: fingerprint .*expected 000000000000"):
            await talk.outcome


async def test_one_that_is_stopped_says_bye():
    async with driving() as talk:
        talk.outcome.cancel()
        assert (await talk.hear(Bye)).reason == "the driver was stopped"


def test_driving_needs_neither_the_simulator_nor_a_framework():
    heavy = ("numba", "torch", "scipy", "sqlalchemy")
    code = f"import sys, league.client; print([name for name in {heavy} if name in sys.modules])"
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert made.stdout.strip() == "[]"
