"""Hostile programs on the agents' socket while a race is on: the race must not notice.

Frames are random, truncated, mutated from valid ones, or built to hurt (deep nesting, huge declared
lengths, endless keys). Together with `tests/wire/test_fuzz.py`, which feeds the decoder without sockets,
this makes a million.
"""

from __future__ import annotations

import asyncio
import random
import resource
import struct
from pathlib import Path

import aiohttp
import msgpack
import numpy as np
import pytest

from league import League, race
from league.client import drive
from league.racing.plan import EventPlan
from league.racing.recording import Recording
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.keys import LOBBY
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventOptions
from league.wire.messages import SUBPROTOCOL

LEAGUE = League()
DRIVERS = ("pure-pursuit", "tutorial")
SOCKETS = 8
GROWTH_MIB = 150

HELLO = {
    "type": "hello",
    "proto": [1, 0],
    "codec": "msgpack",
    "event": "night",
    "entry": {"name": "pure-pursuit", "version": "", "kind": "remote", "sha256": "", "licence": ""},
    "sdk": {"lang": "python", "version": "1"},
    "want": ["state"],
}
ACT = {"type": "act", "heat": "heat-1", "k": 5, "steer_rad": 0.1, "speed_mps": 1.0, "us": 5}


def bombs() -> list[bytes]:
    """Frames built to hurt a decoder."""
    return [
        b"\xdd\xff\xff\xff\xff",  # an array said to have four billion entries
        b"\xdf\xff\xff\xff\xff",  # a map of as many
        b"\xdb\xff\xff\xff\xff",  # a text of four gigabytes
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 60_000,  # an array in an array in an array …
        b"\x81\xa1a" * 15_000,
        b"\xc9\x00\x00\xff\xff\x05" + b"x" * 60_000,  # an extension type
        msgpack.packb({"type": "x" * 60_000}),
        msgpack.packb({f"k{index}": index for index in range(5_000)}),
        msgpack.packb({"type": "act", "k": 2**63, "heat": "heat-1"}),
        b"\x82\xa4type\xa3act\xca" + struct.pack(">f", float("nan")),
        b"\x85\xa4type\xa5\xff\xfe\xfd\xfc\xfb",
        b"",
    ]


def frames(seed: int) -> list[bytes]:
    """A thousand different frames."""
    draw = random.Random(seed)
    valid = [msgpack.packb(HELLO), msgpack.packb(ACT), msgpack.packb({"type": "ready", "load_ms": 1})]
    made: list[bytes] = []
    while len(made) < 1000:
        kind = draw.random()
        if kind < 0.4:
            made.append(draw.randbytes(draw.randrange(0, 300)))
        elif kind < 0.6:
            whole = draw.choice(valid)
            made.append(whole[: draw.randrange(len(whole))])
        elif kind < 0.97:
            whole = bytearray(draw.choice(valid))
            for _ in range(draw.randrange(1, 4)):
                whole[draw.randrange(len(whole))] = draw.randrange(256)
            made.append(bytes(whole))
        else:
            made.append(draw.choice(bombs()))
    return made


async def attack(session: aiohttp.ClientSession, url: str, seed: int, wanted: int, sent: list[int]) -> None:
    """Send frames until as many as wanted have gone out, over as many connections as that takes."""
    stock = frames(seed)
    draw = random.Random(seed)
    while sent[0] < wanted:
        try:
            async with session.ws_connect(
                f"{url}/ws/agent", protocols=(SUBPROTOCOL,), max_msg_size=0
            ) as socket:
                if draw.random() < 0.3:
                    await socket.send_bytes(msgpack.packb(HELLO))
                for _ in range(draw.randrange(1, 200)):
                    if socket.closed or sent[0] >= wanted:
                        break
                    await socket.send_bytes(draw.choice(stock))
                    sent[0] += 1
        except (aiohttp.ClientError, ConnectionError):
            await asyncio.sleep(0.001)


async def race_under_attack(folder: Path, wanted: int, laps: int) -> int:
    """Two good drivers race while others send `wanted` hostile frames; the number that went out."""
    plan = EventPlan(
        id="night",
        name="Night",
        circuit="clubhouse-loop",
        format="head-to-head",
        seed=5,
        rules=Rules(laps=laps, time_limit_s=86400),
    )
    sent = [0]
    async with await RecordBook.open(str(folder / "league.sqlite")) as book:
        # The attackers need the processor too: a good driver that waits for it is not late.
        settings = Settings(deadline_s=5.0, bank_s=60.0)
        app = create_app(LEAGUE, book, settings)
        async with serving(app, host="127.0.0.1", port=0) as url, aiohttp.ClientSession() as session:
            lobby = app[LOBBY]
            await lobby.create(plan, EventOptions(autostart=2, open_entry=False, pace=None))
            tokens = {name: (await lobby.entrance.reserve("night", name))[1] for name in DRIVERS}
            drivers = [
                asyncio.create_task(
                    drive(LEAGUE.agents[name], server=url, event="night", name=name, token=token)
                )
                for name, token in tokens.items()
            ]
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            attackers = [
                asyncio.create_task(attack(session, url, seed, wanted, sent)) for seed in range(SOCKETS)
            ]
            async with asyncio.timeout(300):
                await asyncio.gather(*attackers)
                await asyncio.gather(*drivers)
            grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            assert grown_mib < GROWTH_MIB, f"{grown_mib:.0f} MiB more than before the attack"
            async with session.get(f"{url}/api/v1/health") as answer:
                assert answer.status == 200
        (result,) = await book.results("night")
        recording = await book.recording("night", result.heat)
    assert [entry.status for entry in result.entries] == ["FIN", "FIN"]
    assert recording is not None
    raced = Recording.from_bytes(recording)
    racing = raced.frames[:-1, :, 6].astype(int) & 12 == 0
    assert not np.isnan(raced.answers[..., 0][racing]).any(), "a good driver lost a tick"
    alone = race(
        "clubhouse-loop",
        DRIVERS,
        rules=plan.rules,
        league=LEAGUE,
    )
    assert [row.total_s for row in alone.standings] == [row.total_s for row in result.entries]
    return sent[0]


async def test_hostile_frames_do_not_change_the_race(tmp_path: Path) -> None:
    assert await race_under_attack(tmp_path, 5_000, laps=2) >= 5_000


@pytest.mark.slow
async def test_two_hundred_thousand_hostile_frames_do_not_change_the_race(tmp_path: Path) -> None:
    assert await race_under_attack(tmp_path, 200_000, laps=60) >= 200_000
