"""An evening during which the power fails again and again has to end as it would have without.

`python -m league.testing.kills --kills 200` races a club evening of eight drivers twice, each time on a
server of its own: once undisturbed, and once with the server killed (SIGKILL) at random moments, while it
starts included. Two drivers are the server's own processes, which go with it; six drive from here and have
to come back by themselves. Afterwards both evenings must have the same heats with the same bytes in their
recordings, and the same standings; and between any two kills nothing that was finished may have changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Final

from league.client import drive
from league.errors import InputError, LeagueError, ProtocolError, RaceError
from league.hooks.catalogue import League
from league.racing.plan import EntryPlan, EventPlan
from league.racing.rules import Rules
from league.store.book import RecordBook
from league.store.records import EventOptions

EVENT: Final = "evening"
HOSTED: Final = 2
AGENTS: Final = ("pure-pursuit", "racing-line", "tutorial")
# Nobody may lose a tick because this machine is busy with dying and starting servers.
PATIENT: Final = "[server]\ndeadline_s = 20.0\nbank_s = 600.0\nno_show_s = 600.0\nready_s = 600.0\n"
STARTING: Final = 0.2
"""Part of the kills whose random time begins with the process; of the others, with an open port."""
START_S: Final = 120.0
STUCK_S: Final = 900.0

Say = Callable[[str], None]


@dataclass
class Evening:
    """What came of one evening."""

    standings: list[dict[str, Any]] = field(default_factory=list)
    heats: dict[str, str] = field(default_factory=dict)
    """Digest of each finished heat's result and recording, in the order in which they were raced."""
    cut_off: int = 0
    """Attempts at heats that came to nothing."""
    kills: int = 0
    wall_s: float = 0.0


def plan_of(
    drivers: int, *, laps: int, seed: int, circuit: str, plus_minus: float | None = None
) -> EventPlan:
    """The evening: qualifying, round robin, double elimination, and a final over the best of three.

    With a `plus_minus`, heats that tell most instead, until every rating is known so well.
    """
    entries = tuple(
        EntryPlan(id=f"driver-{n + 1}", name=f"Driver {n + 1}", agent=AGENTS[n % len(AGENTS)])
        for n in range(drivers)
    )
    return EventPlan(
        id=EVENT, name="Evening", circuit=circuit, format="evening" if plus_minus is None else "rating",
        seed=seed, rules=Rules.parse({"laps": laps}), entries=entries, plus_minus=plus_minus or 1.0,
    )  # fmt: skip


async def race(
    plan: EventPlan,
    where: str,
    folder: Path,
    *,
    kills: int = 0,
    longest_s: float = 8.0,
    most_s: float = inf,
    seed: int = 0,
    say: Say,
) -> Evening:
    """Race an evening to its end on servers that are killed so often.

    Args:
        plan: The evening.
        where: File or URL of an empty record book.
        folder: For the server's settings.
        kills: How often the server is killed; what is left of the evening after that runs undisturbed.
        longest_s: A server is killed after a random time up to this one.
        most_s: Nothing is killed any more after this time.
        seed: Of the random times.
        say: Told how it goes.

    Raises:
        RaceError: A finished heat was lost, changed or doubled, or the evening came to no end.
    """
    evening, chance, began_s = Evening(), random.Random(seed), time.monotonic()
    tokens = await _enter(plan, where)
    port = _free_port()
    async with _drivers(plan, port, tokens) as driving:
        while (
            evening.kills < kills
            and time.monotonic() - began_s < most_s
            and not await _look(evening, where, driving)
        ):
            async with _server(where, folder, port) as server:
                if chance.random() >= STARTING:
                    await _opened(server, port)
                if not await _ended(server, chance.uniform(0.0, longest_s)):
                    server.send_signal(signal.SIGKILL)
                    evening.kills += 1
            say(f"{evening.kills} kills, {len(evening.heats)} heats finished, {evening.cut_off} cut off")
        async with _server(where, folder, port) as server:
            while not await _look(evening, where, driving):
                if await _ended(server, 1.0):
                    raise RaceError(f"the server ended by itself with code {server.returncode}")
                if time.monotonic() - began_s > STUCK_S + kills * (longest_s + START_S):
                    raise RaceError(f"the evening came to no end: {len(evening.heats)} heats are finished")
    evening.wall_s = time.monotonic() - began_s
    evening.standings = await _standings(plan, where)
    return evening


async def _enter(plan: EventPlan, where: str) -> dict[str, str]:
    """Put the evening into the book; gives the tokens of those who drive from here."""
    house, guests = plan.entries[:HOSTED], plan.entries[HOSTED:]
    async with await RecordBook.open(where) as book:
        await book.add_event(
            plan.model_copy(update={"entries": house}), EventOptions(autostart=len(plan.entries))
        )
        for guest in guests:
            await book.add_entry(plan.id, guest, source=guest.agent, hosted=False)
        return {
            guest.name: await book.issue_token("entry", name=guest.name, event_id=plan.id, entry_id=guest.id)
            for guest in guests
        }


async def _look(evening: Evening, where: str, driving: Sequence[asyncio.Task[None]]) -> bool:
    """Compare the book with what it held before; gives whether the evening is over."""
    for task in driving:
        if task.done():
            task.result()  # whoever gave up says why
    async with await RecordBook.open(where) as book:
        # First, so that nothing can come after what is read of a finished event.
        status = (await book.event(EVENT)).status
        heats = await book.heats(EVENT)
        results = {result.heat: result for result in await book.results(EVENT)}
        finished = [heat.plan.id for heat in heats if heat.status == "finished"]
        if lost := sorted(set(evening.heats) - set(finished)) or sorted(set(finished) - set(results)):
            raise RaceError(f"heat {lost[0]!r} was finished, and is no more")
        if len(set(finished)) != len(finished):
            raise RaceError(f"a heat is there twice: {sorted(finished)}")
        for heat_id in finished:
            recording = await book.recording(EVENT, heat_id) or b""
            digest = sha256(results[heat_id].model_dump_json().encode() + recording).hexdigest()
            if evening.heats.setdefault(heat_id, digest) != digest:
                raise RaceError(f"heat {heat_id!r} was finished, and has another result now")
        evening.cut_off = sum(heat.attempt - (heat.status == "finished") for heat in heats)
    if status == "aborted":
        raise RaceError("the evening was aborted")
    return status == "finished"


async def _standings(plan: EventPlan, where: str) -> list[dict[str, Any]]:
    async with await RecordBook.open(where) as book:
        rows = (
            League().format(plan.format).standings((await book.event(EVENT)).plan, await book.results(EVENT))
        )
    return [row.model_dump(mode="json") for row in rows]


# -- the server ------------------------------------------------------------------------------------


@asynccontextmanager
async def _server(where: str, folder: Path, port: int) -> AsyncIterator[subprocess.Popen[bytes]]:
    """`league serve` as users start it; killed at the end if it still runs."""
    settings = folder / "league.toml"
    settings.write_text(PATIENT, encoding="utf-8")
    command = [sys.executable, "-m", "league", "serve", "--config", str(settings), "--database", where]
    homes = {name: str(folder) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    with (folder / "server.log").open("ab") as log:
        server = await asyncio.to_thread(
            subprocess.Popen, [*command, "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | homes,
        )  # fmt: skip
    try:
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        await asyncio.to_thread(server.wait)


async def _ended(server: subprocess.Popen[bytes], within_s: float) -> bool:
    """Whether the server ended by itself in this time."""
    with suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(server.wait, within_s)
        return True
    return False


async def _opened(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a server can be connected to, or has ended."""
    until_s = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < until_s:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- those who drive from here -----------------------------------------------------------------------


@asynccontextmanager
async def _drivers(
    plan: EventPlan, port: int, tokens: dict[str, str]
) -> AsyncIterator[list[asyncio.Task[None]]]:
    league = League()
    agents = {entry.name: entry.agent for entry in plan.entries}
    tasks = [
        asyncio.create_task(_keep_driving(league.agent(agents[name]).make, port, name, token))
        for name, token in tokens.items()
    ]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_driving(make: Callable[[], Any], port: int, name: str, token: str) -> None:
    """Drive until the event is over; at the very first there may be no server yet."""
    while True:
        try:
            await drive(
                make, server=f"127.0.0.1:{port}", event=EVENT, name=name, token=token, patience_s=STUCK_S
            )
        except ProtocolError as error:
            if "no server answers" not in str(error):
                raise
            await asyncio.sleep(0.5)
        else:
            return


# -- both evenings -----------------------------------------------------------------------------------


@dataclass
class Comparison:
    """Whether the killed evening ended as the undisturbed one."""

    quiet: Evening
    killed: Evening

    @property
    def same(self) -> bool:
        """Identical standings, and every heat there once with the same bytes."""
        return self.quiet.standings == self.killed.standings and self.quiet.heats == self.killed.heats

    def as_dict(self) -> dict[str, Any]:
        """For programs to read."""
        return {"same": self.same, "quiet": asdict(self.quiet), "killed": asdict(self.killed)}

    def __str__(self) -> str:
        quiet, killed = self.quiet, self.killed
        differing = [heat for heat in quiet.heats if killed.heats.get(heat) != quiet.heats[heat]]
        return (
            f"{killed.kills} kills: {len(killed.heats)} of {len(quiet.heats)} heats, {killed.cut_off} "
            f"attempts cut off, {len(differing)} heats differ, standings "
            f"{'identical' if quiet.standings == killed.standings else 'DIFFERENT'} "
            f"({quiet.wall_s:.0f} s undisturbed, {killed.wall_s:.0f} s killed)"
        )


async def compare(
    kills: int, *, drivers: int = 8, laps: int = 3, longest_s: float = 8.0, most_s: float = inf,
    seed: int = 1, circuit: str = "clubhouse-loop", plus_minus: float | None = None,
    books: tuple[str, str] | None = None, say: Say = lambda line: None,
) -> Comparison:  # fmt: skip
    """Race both evenings.

    Args:
        kills: How often the second one's server is killed.
        drivers: How many there are; two of them are hosted.
        laps: Of each heat.
        longest_s: A server is killed after a random time up to this one, and up to an eighth of the time that
            the undisturbed evening took, so that a fast machine is not through before the kills.
        most_s: Nothing is killed any more after this time.
        seed: Of the evening, and of the moments of the kills.
        circuit: Where they race.
        plus_minus: Rate the drivers so well, instead of the evening; see `plan_of`.
        books: Files or URLs of two empty record books; by default files that are thrown away.
        say: Told how it goes.

    Raises:
        RaceError: A finished heat was lost, changed or doubled, or an evening came to no end.
    """
    plan = plan_of(drivers, laps=laps, seed=seed, circuit=circuit, plus_minus=plus_minus)
    with tempfile.TemporaryDirectory(prefix="league-kills-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        first, second = books or (str(folder / "quiet.sqlite"), str(folder / "killed.sqlite"))
        quiet = await race(plan, first, folder, say=say)
        say(f"undisturbed: {len(quiet.heats)} heats in {quiet.wall_s:.0f} s")
        longest_s = min(longest_s, quiet.wall_s / 8)
        killed = await race(
            plan, second, folder, kills=kills, longest_s=longest_s, most_s=most_s, seed=seed, say=say
        )
    return Comparison(quiet, killed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Race both evenings and print what came of them; 1 if they differ."""
    parser = argparse.ArgumentParser(
        prog="python -m league.testing.kills", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--drivers", type=int, default=8)
    parser.add_argument("--laps", type=int, default=3)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds that a server lives at most")
    parser.add_argument("--minutes", type=float, default=inf, help="kill no more after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--circuit", default="clubhouse-loop")
    parser.add_argument(
        "--plus-minus", type=float, help="rate the drivers so well, instead of a club evening"
    )
    parser.add_argument(
        "--books", nargs=2, metavar="URL", help="two empty record books, such as PostgreSQL's"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        result = asyncio.run(
            compare(
                options.kills, drivers=options.drivers, laps=options.laps,
                longest_s=options.longest, most_s=60 * options.minutes,
                seed=options.seed, circuit=options.circuit, plus_minus=options.plus_minus,
                books=options.books and tuple(options.books),
                say=lambda line: print(line, file=sys.stderr, flush=True),
            )
        )  # fmt: skip
    except InputError as error:
        print(f"league.testing.kills: {error}", file=sys.stderr)
        return 2
    except LeagueError as error:
        print(f"league.testing.kills: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(result.as_dict(), indent=1), encoding="utf-8")
    print(result)
    return 0 if result.same else 1


if __name__ == "__main__":
    sys.exit(main())
