"""Random, truncated, changed and hostile frames against the decoder and a driver's session in a race."""

from __future__ import annotations

import json
import math
import random
import resource
import struct
import tracemalloc

import msgpack
import pytest
from talking import HEAT, SHOWN, path_to

from league.errors import RemoteProtocolError
from league.wire import grammar
from league.wire.codec import decode, encode
from league.wire.messages import Act, Limits
from league.wire.serverside import AgentSession

LIMIT = Limits().agent_bytes
EACH = 500
"""Frames for one session."""

GOOD = [
    {"type": "act", "heat": "final", "k": 0, "steer_rad": 0.1, "speed_mps": 2.0, "us": 30, "note": "apex é"},
    {"type": "sync", "t0": 123456.5},
    {"type": "ready", "heat": "final", "load_ms": 12.0, "warm_ms_p99": 0.3},
    {"type": "loading", "heat": "final", "progress": 0.5},
    {
        "type": "hello",
        "proto": [1, 0],
        "codec": "msgpack",
        "event": "cup",
        "entry": {"name": "Ada", "kind": "onnx", "sha256": "0" * 64},
        "sdk": {"lang": "c", "version": "9"},
        "want": ["state", "lidar"],
        "resume": {"session": "s", "token": "t", "last_k": 3},
    },
]
PACKED = [msgpack.packb(message) for message in GOOD]
WRITTEN = [json.dumps(message) for message in GOOD]
MARKS = bytes(range(0x80, 0x100))
ODD = [
    None, True, False, -1, 2**31, 2**63, -(2**63), 2**64 - 1, 0.0, -0.0, math.nan, math.inf, -math.inf, 1e308,
    5e-324, "", "\0", "x" * 300, "é" * 200, b"", b"\0" * 16, [], {}, [[]], [{}], {"a": {}}, [None] * 300,
]  # fmt: skip

HOSTILE: list[bytes | str] = [
    *(mark * 60_000 for mark in (b"\x91", b"\x81", b"\x9f", b"\x8f", b"\xc1", b"\xc0", b"\x00")),
    *(struct.pack(">BI", mark, 2**32 - 1) for mark in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)),
    *(struct.pack(">BI", mark, 2**32 - 1) * 10_000 for mark in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)),
    *(struct.pack(">BH", mark, 2**16 - 1) * 20_000 for mark in (0xC5, 0xC8, 0xDA, 0xDC, 0xDE)),
    b"\xdc\x01\x00" * 20_000,  # lists as wide as is allowed, each the first element of the one before
    b"\xde\x01\x00\xa1a" * 12_000,
    b"\xdc\xe0\x00" * 20_000,  # lists that are shorter than the frame, and yet 450 KB each to make room for
    b"\x81\xa4type\xa3act\x81" * 6_000,
    b"\x82\xa4type\xa3act\xa1k" + b"\x91" * 60_000,
    b"\x82\xa4type\xa3act\xa1k\xd6\xff\0\0\0\0",
    b"\x82\xa4type\xa3act\xa1k\xc7\x0c\xff" + b"\xff" * 12,
    b"\x82\xa4type\xa3act\xcb" + struct.pack(">d", math.nan) + b"\x01",
    b"\x82\xa4type\xa3act\xa2\xff\xff\x01",
    b"\x82\xa4type\xa3act\xc4\x01k\x00",
    b"\x82\xa4type\xc4\x03act\xa1k\x00",
    msgpack.packb({"type": "act", "pad": b"\xff" * (LIMIT - 100)}),
    msgpack.packb({"type": "x" * (LIMIT - 100)}),
    msgpack.packb({"type": "act", "pad": [[0] * 250] * 250}),
    msgpack.packb({str(i): i for i in range(5000)}),
    "[" * 60_000,
    '{"a":' * 10_000,
    "[" * 900 + "]" * 900,
    '{"type":"act","k":' + "9" * 4000 + "}",
    '{"type":"act","k":' + "9" * 60_000 + "}",
    '{"type":"act","steer_rad":1e' + "9" * 4000 + "}",
    '{"type":"act","steer_rad":-' + "9" * 3000 + ',"heat":"final","k":0,"speed_mps":0}',
    '{"type":"act","k":NaN,"heat":Infinity}',
    '{"type":"act","type":"bye","type":7}',
    '{"type":"\\ud800","\\udfff":"\\ud800"}',
    '{"type":"hello","proto":[1,0],"event":"\\ud800","entry":{"name":"\\ud800"}}',
    json.dumps({"type": "act", "pad": [[[[]] * 50] * 50] * 20})[:LIMIT],
    '{"type":"act"' + ',"a":[]' * 9000 + "}",
    '"' + "\\u0000" * 10_000 + '"',
    "\ud800" * 100,
    "\0" * 1000,
    "-" * 60_000,
]


def frame(dice: random.Random) -> bytes | str:
    """One frame of any sort but well-meant; hostile ones are dear and therefore rare."""
    sort = dice.random()
    if sort < 0.0005:
        return dice.choice(HOSTILE)
    if sort < 0.15:
        return dice.randbytes(dice.randrange(48))
    if sort < 0.30:
        return bytes(dice.choices(MARKS, k=dice.randrange(1, 12))) + dice.randbytes(dice.randrange(8))
    if sort < 0.45:
        whole = dice.choice(PACKED)
        return whole[: dice.randrange(len(whole))]
    if sort < 0.75:
        return changed(dice, dice.choice(PACKED))
    if sort < 0.85:
        text = dice.choice(WRITTEN)
        place = dice.randrange(len(text))
        return (
            text[:place]
            + chr(dice.choice((0, 34, 92, 123, 0xD800, 0x10FFFF, 91, 45)))
            + text[place + dice.randrange(3) :]
        )
    return spoilt(dice)


def changed(dice: random.Random, whole: bytes) -> bytes:
    """A good frame with some bytes changed, doubled or lost."""
    raw = bytearray(whole)
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(raw))
        what = dice.random()
        if what < 0.6:
            raw[place] = dice.randrange(256)
        elif what < 0.8:
            raw[place:place] = raw[place // 2 : place]
        elif len(raw) > 1:
            del raw[place]
    return bytes(raw)


def spoilt(dice: random.Random) -> bytes | str:
    """A message with a value that does not belong there, or a key too few."""
    message = dict(dice.choice(GOOD))
    key = dice.choice(list(message))
    if dice.random() < 0.1:
        del message[key]
    elif dice.random() < 0.1 and "entry" in message:
        message["entry"] = {**message["entry"], dice.choice(["name", "kind", "sha256"]): dice.choice(ODD)}
    else:
        message[key] = dice.choice(ODD)
    return encode(message, dice.choice(("msgpack", "json")))


def session_in(state: str, limits: Limits) -> AgentSession:
    """A session that has come as far as this."""
    session = AgentSession(server="fuzz", behavior=1, nonce="0", limits=limits)
    say = {
        "welcome": session.welcome,
        "accepted": lambda: session.accept("s", "t", "e"),
        "assign": lambda: session.assign(HEAT),
        "countdown": lambda: session.countdown(0.0),
        "go": session.go,
        "finish": lambda: session.finish([]),
    }
    for step in path_to(state):
        if step.by == "server":
            say[step.type]()
        else:
            sample = next(message for message in GOOD if message["type"] == step.type)
            session.receive(encode(sample, "msgpack"), 0.0)
    return session


def play(dice: random.Random, frames: int) -> int:
    """Feed frames to sessions in every state; how many were fed."""
    patient = Limits(strikes=1 << 30, messages_per_tick=1 << 30)
    states = [state for state in grammar.JOINED if state != grammar.RACING]
    fed = 0
    while fed < frames:
        lot = dice.random()
        state = grammar.RACING if lot < 0.7 else grammar.GREETED if lot < 0.75 else dice.choice(states)
        session = session_in(state, patient if lot < 0.6 else Limits())
        if state == grammar.RACING:
            session.observe(0, SHOWN, deadline_us=1)
        for number in range(EACH):
            fed += 1
            try:
                said = session.receive(frame(dice), number * 0.1)
            except RemoteProtocolError as error:
                session.refuse(error)
                if error.close is not None:
                    break
            else:
                assert len(said) <= 1
                if session.state == grammar.OVER:
                    break
        if session.state == grammar.RACING:
            race_on(session)
    return fed


def race_on(session: AgentSession) -> None:
    """Whatever was fed to it before, the next tick is answered as if nothing had been."""
    session.close_tick(1e6)
    session.observe(1, SHOWN, deadline_us=1)
    good = encode({**GOOD[0], "k": 1}, "msgpack")
    assert session.receive(good, 1e6) == [Act("final", 1, 0.1, 2.0, 30, "apex é")]
    assert session.close_tick(1e6) is not None


def test_twenty_thousand_frames_of_all_sorts_harm_nobody():
    assert play(random.Random(1), 20_000) >= 20_000


@pytest.mark.slow
def test_a_million_frames_of_all_sorts_harm_nobody_and_leave_nothing_behind():
    play(random.Random(2), 20_000)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert play(random.Random(3), 1_000_000) >= 1_000_000
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 16 * 1024


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_frame_takes_little_memory(number):
    session = session_in(grammar.RACING, Limits())
    session.observe(0, SHOWN, deadline_us=1)
    tracemalloc.start()
    try:
        try:
            session.receive(HOSTILE[number], 1.0)
        except RemoteProtocolError as error:
            session.refuse(error)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * 2**20


def test_a_hostile_frame_from_a_server_takes_little_memory_as_well():
    tracemalloc.start()
    try:
        for hostile in HOSTILE:
            try:
                decode(hostile, limit=1 << 20, items=4096)
            except RemoteProtocolError:
                continue
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20
