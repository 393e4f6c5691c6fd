"""Heats in which strangers' models drive: raced whole in a cage, as hosted drivers are kept in one each.

`python -m league.cluster.caged` reads its orders as one line of JSON, gets the simulator ready, enters its
cage, and only then looks at a model. What it says is the heat's recording. Before each turn of a driver it
notes whose turn it is, so that whoever brings the program down is known: the heat is then raced without that
car.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import Final

from league.cage.enter import enter
from league.cage.limits import Limits
from league.cage.program import CagedProgram
from league.errors import LeagueError, RaceError
from league.hooks.building import build_heat
from league.hooks.catalogue import League
from league.host import end_with
from league.quick import run_heat
from league.racing.agent import Agent, Briefing, Command, Observation
from league.racing.plan import HeatPlan
from league.racing.recording import LARGEST_BYTES, Recording
from league.store.records import EntrySource

_NOBODY: Final = 255


async def race_caged(
    plan: HeatPlan, sources: Sequence[EntrySource], absent: Mapping[int, str], *, limits: Limits
) -> tuple[Recording, bytes]:
    """Race a heat in a cage; gives its recording, also as the bytes that came out of there.

    Args:
        plan: The heat.
        sources: What drives, by seat.
        absent: Seats that do not start, and why.
        limits: Of the program.

    Raises:
        RaceError: The program came to nothing, and no driver is to blame.
    """
    out = dict(absent)
    while True:
        turn = os.memfd_create("turn")
        try:
            os.pwrite(turn, bytes([_NOBODY]), 0)
            ending = await _program(plan, sources, out, turn, limits).run()
            (seat,) = os.pread(turn, 1, 0)
        finally:
            os.close(turn)
        if ending.code == 0:
            return Recording.from_bytes(ending.output, source=f"heat {plan.id!r}"), ending.output
        if seat in out or seat >= len(plan.grid):
            raise RaceError(f"heat {plan.id!r}: {ending.reason}")
        out[seat] = ending.reason


def _program(
    plan: HeatPlan, sources: Sequence[EntrySource], absent: Mapping[int, str], turn: int, limits: Limits
) -> CagedProgram:
    files = {"plan.json": plan.model_dump_json().encode()}
    agents: list[str | None] = []
    for seat, source in enumerate(sources):
        if seat in absent:
            agents.append(None)
        elif source.model is None:
            agents.append(source.source)
        else:
            agents.append(f"./seat-{seat}")
            files |= source.model.files(f"seat-{seat}")
    orders = {
        "turn": turn,
        "agents": agents,
        "absent": {str(seat): why for seat, why in absent.items()},
        "limits": asdict(limits),
    }
    return CagedProgram(
        "league.cluster.caged",
        lambda folder: json.dumps(orders).encode() + b"\n",
        limits=limits,
        files=files,
        inherited=(turn,),
        output_bytes=LARGEST_BYTES,
    )


class _Noted(Agent):
    """A driver of whose every turn a note is made."""

    def __init__(self, turn: int, seat: int, driver: Agent) -> None:
        self._turn, self._seat, self._driver = turn, bytes([seat]), driver

    def prepare(self, briefing: Briefing) -> None:
        os.pwrite(self._turn, self._seat, 0)
        self._driver.prepare(briefing)

    def act(self, seen: Observation) -> Command:
        os.pwrite(self._turn, self._seat, 0)
        return self._driver.act(seen)

    def finish(self, result: Mapping[str, object]) -> None:
        os.pwrite(self._turn, self._seat, 0)
        self._driver.finish(result)


def main() -> int:
    """Enter the cage, race, and say what came of it."""
    orders = FileIO(0, closefd=False)
    given = json.loads(orders.readline(1 << 20))
    league, turn = League(), given["turn"]
    plan = HeatPlan.model_validate_json(Path("plan.json").read_bytes())
    circuit = league.circuit(plan.circuit)
    # The simulator's compiled code comes from a folder that the cage shuts. None of this is a stranger's, and
    # no thread was started.
    build_heat(league, plan, circuit)
    enter(Limits(**given["limits"]))
    end_with(orders)
    drivers: list[Agent | None] = []
    absent = {int(seat): why for seat, why in given["absent"].items()}
    for seat, ref in enumerate(given["agents"]):
        os.pwrite(turn, bytes([seat]), 0)
        try:
            drivers.append(None if ref is None else _Noted(turn, seat, league.agent(ref).make()))
        except LeagueError as error:
            drivers.append(None)
            absent[seat] = str(error)
    os.pwrite(turn, bytes([_NOBODY]), 0)
    heat = run_heat(league, plan, circuit, drivers, absent=absent, forgiving=True)
    os.pwrite(turn, bytes([_NOBODY]), 0)
    sys.stdout.buffer.write(heat.recording().to_bytes())
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
