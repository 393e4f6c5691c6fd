"""What is tried on a server: each scenario's docstring says what the server has to do."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf, nan

import aiohttp

from league.testing.finding import expect
from league.testing.rogue import Rogue
from league.wire import grammar
from league.wire.codec import encode
from league.wire.messages import AUTH, BAD_FRAME, NOT_IN_EVENT, RATE, REPLACED, TOO_LARGE, VERSION, Limits

_LIMITS = Limits()
_TICK_S = 1 / 15

JUNK: tuple[bytes | str, ...] = (
    b"",
    b"\xc1",
    b"\x00" * 100,
    b"\xdd\xff\xff\xff\xff",
    b"\x91" * 5000,
    b"\xc7\x05\x01hello",
    b"\x81\xa4type\xa2\xff\xfe",
    b"\x81\x01\x02",
    "{",
    "[" * 5000,
    '{"type": 7}',
    "nothing of the kind",
)
"""Frames that are no messages, each in another way."""


# -- beside a good driver ----------------------------------------------------------------------------


async def good_driver(rogue: Rogue) -> None:
    """Two good drivers race to the end."""
    entry = await rogue.result(await rogue.start())
    expect(entry["status"] == "FIN", "status FIN", entry["status"])


async def late_answers(rogue: Rogue) -> None:
    """An answer to a tick that is over is dropped and answered 'late'."""
    obs = await rogue.drive(await rogue.start(), 3)
    for _ in range(5):
        newer = await rogue.hear("obs")
        await rogue.say(rogue.answer(obs))
        late = await rogue.hear("late")
        expect(late["k"] == obs["k"], f"late for tick {obs['k']}", late["k"])
        expect(late["streak"] >= 1, "a streak of 1 or more", late["streak"])
        obs = newer
    await rogue.drive(await rogue.hear("obs"), 3)


async def duplicate_answers(rogue: Rogue) -> None:
    """Two answers to one tick are no fault; the race goes on."""
    obs = await rogue.start()
    for _ in range(10):
        await rogue.say(rogue.answer(obs, speed_mps=0.5))
        await rogue.say(rogue.answer(obs))
        obs = await rogue.hear("obs")


async def some_garbage(rogue: Rogue) -> None:
    """Each frame that is no message is answered with an error, and the race goes on."""
    obs = await rogue.start()
    for junk in JUNK:
        await rogue.say_frame(junk)
        await rogue.is_told("bad_frame")
        obs = await rogue.drive(obs, 1)


async def much_garbage(rogue: Rogue) -> None:
    """The twentieth frame that is no message closes the connection."""
    obs = await rogue.start()
    for _ in range(_LIMITS.strikes - 1):
        await rogue.say_frame(b"\xc1")
        await rogue.is_told("bad_frame")
        obs = await rogue.drive(obs, 1)
    await rogue.say_frame(b"\xc1")
    await rogue.is_closed(BAD_FRAME)


async def truncated_answers(rogue: Rogue) -> None:
    """An answer that is cut off anywhere is an error, and a whole one is still taken."""
    obs = await rogue.start()
    for part in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        whole = encode(rogue.answer(obs), "msgpack")
        await rogue.say_frame(whole[: int(len(whole) * part)])
        await rogue.is_told("bad_frame")
        obs = await rogue.drive(obs, 1)


async def wrong_fields(rogue: Rogue) -> None:
    """An answer with a field of the wrong type is an error that names the field."""
    obs = await rogue.start()
    for field, value in (
        ("steer_rad", "left"),
        ("speed_mps", None),
        ("k", "1"),
        ("us", -1),
        ("note", "x" * 257),
    ):
        await rogue.say(rogue.answer(obs, **{field: value}))
        error = await rogue.is_told("bad_field")
        expect(field in error["message"], f"the name {field!r} in the message", repr(error["message"]))
        obs = await rogue.drive(obs, 1)


async def oversized_message(rogue: Rogue) -> None:
    """A message over the limit closes the connection."""
    obs = await rogue.start()
    await rogue.say(rogue.answer(obs, padding="x" * _LIMITS.agent_bytes))
    await rogue.is_closed(TOO_LARGE)


async def huge_message(rogue: Rogue) -> None:
    """A message far over the limit closes the connection."""
    obs = await rogue.start()
    with suppress(ConnectionError):
        await rogue.say(rogue.answer(obs, padding=b"x" * (8 * _LIMITS.agent_bytes)))
    await rogue.is_closed(TOO_LARGE, aiohttp.WSCloseCode.MESSAGE_TOO_BIG)


async def future_answers(rogue: Rogue) -> None:
    """An answer to a tick that has not been shown is an error."""
    obs = await rogue.start()
    for ahead in (1, 2, 100, 2**40):
        await rogue.say(rogue.answer(obs, k=obs["k"] + ahead))
        await rogue.is_told("future")
        obs = await rogue.drive(obs, 1)


async def refused_commands(rogue: Rogue) -> None:
    """A command that is not finite or out of range is refused, and the race goes on."""
    obs = await rogue.start()
    for field in ("steer_rad", "speed_mps"):
        for value in (nan, inf, -inf, 1e300, -1e9, 10**18):
            await rogue.say(rogue.answer(obs, **{field: value}))
            await rogue.is_told("bad_command")
            obs = await rogue.drive(await rogue.hear("obs"), 1)


async def too_many_refused(rogue: Rogue) -> None:
    """Twenty refused commands disqualify."""
    obs = await rogue.start()
    for _ in range(_LIMITS.refusals):
        await rogue.say(rogue.answer(obs, speed_mps=nan))
        await rogue.is_told("bad_command")
        message = await rogue.next()
        while message["type"] not in ("obs", "finish"):
            message = await rogue.next()
        obs = message
        if message["type"] == "finish":
            break
    entry = await rogue.result(obs if obs["type"] == "obs" else None)
    expect(entry["status"] == "DSQ", "status DSQ", entry["status"])


async def slow_driver(rogue: Rogue) -> None:
    """A driver that is a little late each tick lives on its bank."""
    obs = await rogue.start()
    for _ in range(10):
        await asyncio.sleep(0.07)
        await rogue.say(rogue.answer(obs))
        newer = await rogue.hear("obs")
        expect(
            newer["bank_ms"] < obs["bank_ms"], f"a bank of less than {obs['bank_ms']} ms", newer["bank_ms"]
        )
        expect(newer.get("last", {}).get("used") is True, "last.used true", newer.get("last"))
        obs = newer


async def silent_driver(rogue: Rogue) -> None:
    """A driver that never answers is out of the race, with a reason."""
    await rogue.start()
    entry = await rogue.result()
    expect(entry["status"] == "DNF-timeout", "status DNF-timeout", entry["status"])
    expect(bool(entry.get("reason")), "a reason", "none")


async def unknown_words(rogue: Rogue) -> None:
    """Unknown types and keys are no fault."""
    obs = await rogue.start()
    for _ in range(10):
        await rogue.say({"type": "horoscope", "sign": "crab"})
        await rogue.say(rogue.answer(obs, mood="fine", nested={"deep": [1, {"x": None}]}))
        obs = await rogue.hear("obs")


async def flood(rogue: Rogue) -> None:
    """Far more than three messages a tick close the connection."""
    await rogue.start()
    with suppress(ConnectionError):
        for _ in range(500):
            await rogue.say({"type": "sync", "t0": 0})
    await rogue.is_closed(RATE)


async def leaves(rogue: Rogue) -> None:
    """A driver that says bye in the race did not finish; the other one does."""
    await rogue.drive(await rogue.start(), 5)
    await rogue.leave()


async def returns(rogue: Rogue) -> None:
    """A driver whose connection breaks comes back with its session and finishes."""
    obs = await rogue.drive(await rogue.start(), 10)
    session = rogue.accepted
    rogue.drop()
    resume = {"session": session["session"], "token": session["resume_token"], "last_k": obs["k"]}
    await rogue.join(resume=resume)
    await rogue.hear("assign")
    await rogue.say({"type": "ready", "heat": rogue.heat})
    entry = await rogue.result(await rogue.hear("obs"))
    expect(entry["status"] == "FIN", "status FIN", entry["status"])


async def replaced(rogue: Rogue) -> None:
    """The newest connection of an entry wins; the older one is closed."""
    await rogue.drive(await rogue.start(), 5)
    newer = Rogue.beside(rogue)
    session = rogue.accepted
    await newer.join(resume={"session": session["session"], "token": session["resume_token"]})
    try:
        await rogue.is_closed(REPLACED)
        await newer.hear("assign")
    finally:
        await newer.leave()


async def out_of_order(rogue: Rogue) -> None:
    """Every message out of order is an error, in every state of a heat, and the race goes on."""
    await rogue.take_seat()
    await _violate(rogue, grammar.LOADING)
    await rogue.say({"type": "ready", "heat": rogue.heat})
    await _violate(rogue, grammar.READY)
    rogue.beside_may_start.set()
    obs = await rogue.hear("obs", within_s=30.0)
    obs = await _violate(rogue, grammar.RACING, obs)
    await rogue.result(obs)


async def _violate(rogue: Rogue, state: str, obs: dict[str, object] | None = None) -> dict[str, object]:
    """Say everything that the grammar forbids in a state; in a race, tick by tick."""
    for where, kind in grammar.violations("client"):
        if where != state:
            continue
        await rogue.say(_sample(rogue, kind))
        await rogue.is_told("order")
        if obs is None:
            await asyncio.sleep(_TICK_S)
        else:
            obs = await rogue.drive(obs, 1)
    return obs or {}


def _sample(rogue: Rogue, kind: str) -> dict[str, object]:
    """A message of a type with good fields."""
    heat = rogue.heat or "nowhere"
    return {
        "hello": rogue.hello(),
        "sync": {"type": "sync", "t0": 0},
        "loading": {"type": "loading", "heat": heat},
        "ready": {"type": "ready", "heat": heat},
        "act": {"type": "act", "heat": heat, "k": 0, "steer_rad": 0.0, "speed_mps": 0.0},
        "bye": {"type": "bye"},
    }[kind]


# -- without a heat ----------------------------------------------------------------------------------


async def wrong_subprotocol(rogue: Rogue) -> None:
    """A client that offers another protocol version is refused over HTTP, in words."""
    status, body = await rogue.upgrade("league.v999")
    expect(400 <= status < 500, "HTTP status 4xx", status)
    expect("league.v1" in body, "a body that names league.v1", repr(body[:100]))


async def wrong_version(rogue: Rogue) -> None:
    """A hello of another major version is refused."""
    await rogue.connect()
    await rogue.say(rogue.hello(proto=[999, 0]))
    await rogue.is_told("version")
    await rogue.is_closed(VERSION)


async def bad_token(rogue: Rogue) -> None:
    """A wrong token is refused."""
    await rogue.connect()
    await rogue.say(rogue.hello(token="not-a-token"))  # noqa: S106 - the point is that it is none
    await rogue.is_told("auth")
    await rogue.is_closed(AUTH)


async def unknown_event(rogue: Rogue) -> None:
    """An event that does not exist is refused."""
    await rogue.connect()
    await rogue.say(rogue.hello(event=f"no-such-event-{secrets.token_hex(4)}"))
    await rogue.is_told("unknown_event")
    await rogue.is_closed(NOT_IN_EVENT)


async def garbage_first(rogue: Rogue) -> None:
    """A first frame that is no message closes the connection."""
    await rogue.connect()
    await rogue.say_frame(b"\xc1")
    await rogue.is_told("bad_frame")
    await rogue.is_closed(BAD_FRAME)


async def bad_hello(rogue: Rogue) -> None:
    """A hello with a field of the wrong type is refused with an error that names the field."""
    await rogue.connect()
    await rogue.say(rogue.hello(entry={"name": 7}))
    error = await rogue.is_told("bad_field")
    expect("entry.name" in error["message"], "'entry.name' in the message", repr(error["message"]))
    await rogue.is_closed(BAD_FRAME)


async def not_hello_first(rogue: Rogue) -> None:
    """Anything but hello first closes the connection."""
    for state, kind in grammar.violations("client"):
        if state == grammar.GREETED:
            await rogue.connect()
            await rogue.say(_sample(rogue, kind))
            await rogue.is_told("order")
            await rogue.is_closed(BAD_FRAME)


async def out_of_order_idle(rogue: Rogue) -> None:
    """Every message out of order is an error while there is no heat."""
    await rogue.join()
    await _violate(rogue, grammar.IDLE)


async def synchronised(rogue: Rogue) -> None:
    """A sync is answered with the server's clock."""
    await rogue.join()
    await rogue.say({"type": "sync", "t0": 1234.5})
    sync = await rogue.hear("sync")
    expect(sync["t0"] == 1234.5, "t0 as it was sent", sync["t0"])
    expect(sync["t1"] <= sync["t2"], "t1 not after t2", (sync["t1"], sync["t2"]))


Scenario = Callable[[Rogue], Awaitable[None]]

BESIDE_A_GOOD_DRIVER: tuple[Scenario, ...] = (
    good_driver,
    late_answers,
    duplicate_answers,
    some_garbage,
    much_garbage,
    truncated_answers,
    wrong_fields,
    oversized_message,
    huge_message,
    future_answers,
    refused_commands,
    too_many_refused,
    slow_driver,
    silent_driver,
    unknown_words,
    flood,
    leaves,
    returns,
    replaced,
    out_of_order,
)
ALONE: tuple[Scenario, ...] = (
    wrong_subprotocol,
    wrong_version,
    bad_token,
    unknown_event,
    garbage_first,
    bad_hello,
    not_hello_first,
    out_of_order_idle,
    synchronised,
)
