"""Racing in one call, without a server: `race`, `replay`, `verify`.

The agents run in this process, on the same `Heat` that the server runs.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from league.errors import ConfigError, LeagueError, RaceError, RecordingError
from league.hooks.catalogue import League, installed
from league.racing.agent import Agent, Command
from league.racing.heat import Heat
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.recording import Recording
from league.racing.result import HeatResult, Standing, Status
from league.racing.rules import Rules
from league.racing.verify import Verdict
from league.racing.verify import verify as verify_recording
from league.sim.sensor import Sensor, offered
from league.track.circuit import Circuit

MOST_CARS = 8


@dataclass(frozen=True)
class RaceOutcome:
    """What came of a race: its heats, in the order in which they were run, and the standings."""

    event: EventPlan
    heats: tuple[HeatResult, ...]
    standings: tuple[Standing, ...]
    recordings: tuple[Recording, ...]

    @cached_property
    def state_hash(self) -> str:
        """The heat's hash; of several heats, a hash over theirs."""
        if len(self.heats) == 1:
            return self.heats[0].state_hash
        return hashlib.sha256("".join(heat.state_hash for heat in self.heats).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The result in the form that `league race --json` prints."""
        first = self.heats[0]
        objects = {}
        if self.recordings:  # a leaderboard is made from results alone
            recorded = self.recordings[0]
            objects = {"boxes": len(recorded.boxes), "bots": len(recorded.bots)}
        return {
            "circuit": first.circuit.model_dump(mode="json"),
            "car": first.car,
            "laps": first.laps,
            "rank": first.rank,
            "seed": self.event.seed,
            "behavior": first.behavior,
            "clock": first.clock,
            "format": self.event.format,
            **objects,
            "entries": [entry.model_dump(mode="json") for entry in self.standings],
            "state_hash": self.state_hash,
        }

    def table(self) -> str:
        """The standings as plain text."""
        lines = [f"{'':>3} {'entry':<24} {'total':>9} {'best lap':>9} {'off':>4} {'resets':>6}  status"]
        for row in self.standings:
            total = f"{row.total_s:9.3f}" if row.total_s is not None else f"{'–':>9}"
            best = f"{row.fastest_lap_s:9.3f}" if row.fastest_lap_s is not None else f"{'–':>9}"
            counts = f"{row.off_tracks:>4} {row.resets:>6}"
            lines.append(f"{row.place:>3} {row.name:<24} {total} {best} {counts}  {row.status}")
        return "\n".join(lines)


AgentLike = str | Agent | type[Agent]


def race(
    circuit: str | Path | Circuit,
    agents: Sequence[AgentLike],
    *,
    laps: int = 3,
    seed: int = 0,
    car: str = "deepracer",
    format: str | None = None,  # noqa: A002 - the word that everybody knows it by
    rules: Rules | None = None,
    names: Sequence[str] | None = None,
    league: League | None = None,
    on_tick: Callable[[Heat], None] | None = None,
    engine: Executor | None = None,
) -> RaceOutcome:
    """Race agents on a circuit at full speed and rank them.

    Args:
        circuit: An id, a file, or a `Circuit`.
        agents: Names of agents, model files, classes, or instances (an instance drives every heat of
            its entry).
        laps: Laps of each heat; `rules.laps` if rules are given.
        seed: The same seed gives the same race, to the byte.
        car: The car that all drive.
        format: A format's name; by default "time-trial" for one agent and "head-to-head" for more.
        rules: Every rule; the default rules with these laps if not given.
        names: What to call the entries; by default their agents' names.
        league: What the plugins offer; the installed ones if not given.
        on_tick: Told after every tick, for progress; not of heats that are raced elsewhere.
        engine: Where heats are raced, several at a time where the format has several that can be run; in
            this process if not given. The outcome is the same to the byte. Other processes know agents by
            name only, and have the plugins that are installed there.

    Raises:
        InputError: The circuit, an agent, the car, the format or a sensor does not exist or is unusable.
        RaceError: An agent raised.
    """
    league = league or League()
    given = circuit if isinstance(circuit, Circuit) else league.circuit(str(circuit))
    if not 1 <= len(agents) <= MOST_CARS:
        raise ConfigError(f"{len(agents)} agents given, expected 1 to {MOST_CARS}")
    rules = rules or Rules.parse({"laps": laps})
    entries, makers = _entries(league, agents, names)
    rules = rules.model_copy(update={"sensors": _sensors(league, rules, makers)})
    event = EventPlan(
        id="race",
        name="Race",
        circuit=given.id,
        format=format or ("time-trial" if len(agents) == 1 else "head-to-head"),
        car=car,
        seed=seed,
        rules=rules,
        grid_size=MOST_CARS,
        entries=entries,
    )
    style = league.format(event.format)
    elsewhere = None if engine is None else _Elsewhere(engine, event, given, agents)
    heats: list[HeatResult] = []
    recordings: list[Recording] = []
    while following := style.next_heats(event, tuple(heats)):
        plan = league.arrange(event, following[0])
        if elsewhere is None:
            drivers = [makers[entry.id]() for entry in plan.grid]
            recording = run_heat(league, plan, given, drivers, on_tick=on_tick).recording()
        else:
            recording = elsewhere.raced(plan, (league.arrange(event, later) for later in following[1:]))
        heats.append(recording.result)
        recordings.append(recording)
    return RaceOutcome(event, tuple(heats), style.standings(event, tuple(heats)), tuple(recordings))


class _Elsewhere:
    """Heats raced by an engine, those that can be run later on already under way.

    The format is asked in the order of a race in one process, and what it never asks for never counts.
    """

    def __init__(
        self, engine: Executor, event: EventPlan, circuit: Circuit, agents: Sequence[AgentLike]
    ) -> None:
        self._engine, self._circuit = engine, circuit
        self._refs: dict[str, str] = {}
        for entry, given in zip(event.entries, agents, strict=True):
            if not isinstance(given, str):
                raise ConfigError(f"agent {entry.name!r} is an object; other processes know agents by name")
            self._refs[entry.id] = given
        self._begun: dict[str, tuple[HeatPlan, Future[Recording]]] = {}

    def raced(self, plan: HeatPlan, later: Iterable[HeatPlan]) -> Recording:
        for each in (plan, *later):
            if each.id not in self._begun or self._begun[each.id][0] != each:
                refs = [self._refs[entry.id] for entry in each.grid]
                self._begun[each.id] = each, self._engine.submit(_race_one, each, self._circuit, refs)
        return self._begun.pop(plan.id)[1].result()


def _race_one(plan: HeatPlan, circuit: Circuit, refs: Sequence[str]) -> Recording:
    """One heat of a race, in whatever process."""
    league = installed()
    return run_heat(league, plan, circuit, [league.agent(ref).make() for ref in refs]).recording()


def run_heat(
    league: League,
    plan: HeatPlan,
    circuit: Circuit,
    drivers: Sequence[Agent | None],
    *,
    on_tick: Callable[[Heat], None] | None = None,
    absent: Mapping[int, str] | None = None,
    forgiving: bool = False,
) -> Heat:
    """Run one heat to its end with agents in this process.

    Args:
        league: What the plugins offer.
        plan: The heat.
        circuit: Where.
        drivers: By seat; None where nobody drives.
        on_tick: Told after every tick.
        absent: Seats that do not start, and why.
        forgiving: Whether the heat goes on without an agent that raises, as it does in an event.

    Raises:
        RaceError: An agent raised; the message names it, what it raised, and where.
    """
    sensors: list[Sensor] = [league.sensor(name) for name in plan.rules.sensors]
    heat = Heat(plan, circuit, league.car(plan.car), sensors)
    grid = _Grid(heat, drivers, forgiving=forgiving)
    grid.prepare(absent or {})
    while not heat.finished:
        answers = grid.answers()
        if any(heat.live):  # the last one may have raised just now
            heat.advance(answers)
            if on_tick is not None:
                on_tick(heat)
    grid.finish()
    return heat


class _Grid:
    """The drivers of a heat in this process, and what becomes of one that raises."""

    def __init__(self, heat: Heat, drivers: Sequence[Agent | None], *, forgiving: bool) -> None:
        self._heat, self._drivers, self._forgiving = heat, drivers, forgiving

    def prepare(self, absent: Mapping[int, str]) -> None:
        for seat, driver in enumerate(self._drivers):
            if driver is None:
                self._heat.retire(seat, "DNS", absent.get(seat, "nobody drives it"))
                continue
            try:
                driver.prepare(self._heat.briefing(seat))
            except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
                self._blame(seat, error, "DNS")

    def answers(self) -> list[Command | None]:
        given: list[Command | None] = [None] * len(self._drivers)
        for seat, (seen, driver) in enumerate(zip(self._heat.observe(), self._drivers, strict=True)):
            if seen is None or driver is None:
                continue
            try:
                given[seat] = _plain(driver.act(seen), self._heat.plan.grid[seat].name)
            except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
                self._blame(seat, error, "DNF-disconnect")
        return given

    def finish(self) -> None:
        result = self._heat.result().model_dump(mode="json")
        for seat, driver in enumerate(self._drivers):
            if driver is None:
                continue
            try:
                driver.finish(result)
            except Exception as error:
                if not self._forgiving:  # an event's heat is over: what counts is the result
                    raise _blamed(self._heat.plan.grid[seat].name, error) from error

    def _blame(self, seat: int, error: Exception, status: Status) -> None:
        blamed = _blamed(self._heat.plan.grid[seat].name, error)
        if not self._forgiving:
            raise blamed from error
        self._heat.retire(seat, status, str(blamed))


def replay(recording: str | Path | bytes) -> Recording:
    """Read a recording; its `frames` are where every car was at every tick.

    Raises:
        RecordingError: It is not a recording, or is damaged.
    """
    if isinstance(recording, bytes):
        return Recording.from_bytes(recording)
    path = Path(recording)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    return Recording.from_bytes(content, source=str(path))


def verify(recording: str | Path | bytes | Recording) -> Verdict:
    """Drive a recorded heat again and say whether it is genuine.

    Raises:
        RecordingError: It cannot even be read.
    """
    return verify_recording(recording if isinstance(recording, Recording) else replay(recording))


def _plain(answer: Any, name: str) -> Command:
    """An agent's answer, if it is a command of numbers.

    Raises:
        RaceError: It is not.
    """
    if not isinstance(answer, Command):
        raise RaceError(f"agent {name!r}: act returned {type(answer).__name__}, expected a Command")
    if type(answer.steer_rad) is float and type(answer.speed_mps) is float:
        return answer
    try:
        return replace(answer, steer_rad=float(answer.steer_rad), speed_mps=float(answer.speed_mps))
    except (TypeError, ValueError):
        found = f"Command({answer.steer_rad!r}, {answer.speed_mps!r})"[:80]
        raise RaceError(f"agent {name!r}: act returned {found}, expected two plain numbers") from None


def _blamed(name: str, error: Exception) -> Exception:
    if isinstance(error, LeagueError):
        return error
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    place = f"{Path(last.filename).name}:{last.lineno}"
    return RaceError(f"agent {name!r} raised {type(error).__name__}: {text} ({place})")


def _entries(
    league: League, agents: Sequence[AgentLike], names: Sequence[str] | None
) -> tuple[tuple[EntryPlan, ...], dict[str, Callable[[], Agent]]]:
    """Entries with distinct names, and what makes each one's agent."""
    if names is not None and len(names) != len(agents):
        raise ConfigError(f"{len(names)} names given for {len(agents)} agents")
    taken: set[str] = set()
    entries: list[EntryPlan] = []
    makers: dict[str, Callable[[], Agent]] = {}
    for index, given in enumerate(agents):
        name, make = _maker(league, given)
        label = next(_distinct(names[index] if names else name, taken))
        taken.add(label)
        entry = EntryPlan(id=f"entry-{index + 1}", name=label[:64], agent=name)
        entries.append(entry)
        makers[entry.id] = make
    return tuple(entries), makers


def _maker(league: League, given: AgentLike) -> tuple[str, Callable[[], Agent]]:
    if isinstance(given, str):
        named = league.agent(given)
        return named.name, named.make
    if isinstance(given, type):
        return given.__name__, given
    return type(given).__name__, lambda: given


def _distinct(name: str, taken: Iterable[str]) -> Iterator[str]:
    if name not in taken:
        yield name
    number = 2
    while True:
        if f"{name} {number}" not in taken:
            yield f"{name} {number}"
        number += 1


def _sensors(league: League, rules: Rules, makers: dict[str, Callable[[], Agent]]) -> tuple[str, ...]:
    """The rules' sensors, and those that the agents ask for besides."""
    wanted = list(rules.sensors)
    for make in makers.values():
        asked = getattr(make, "sensors", None) or make().sensors
        wanted += asked
    return offered(*wanted)
