"""Trying a reward function out: a few laps by house drivers, and what it paid for them.

Some drive as one should, one goes astray and one drives the wrong way round, so that every branch of a
function is come by. Where a function looks at objects, slow cars are in the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import atan2, pi
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import RewardError
from league.hooks.catalogue import League
from league.learn.reward import params as keys
from league.learn.reward.inspecting import Reading, inspect, meant
from league.learn.reward.params import Params
from league.learn.reward.rewards import Rewards
from league.learn.reward.script import FUNCTION, Script
from league.learn.reward.telemetry import Telemetry
from league.racing.agent import Agent, Briefing, Observation
from league.racing.rules import Rules
from league.sim import marshal
from league.sim.batch import Batch
from league.sim.car import CarSpec
from league.sim.episode import Episode
from league.sim.layout import AHEAD_START
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

DRIVERS = ("pure-pursuit", "racing-line")
ASTRAY, BACKWARDS = "astray", "backwards"
SLOW_MPS = 0.6
"""How fast the cars drive that are in the way."""
SPIN_TICK = 30
"""When the car that drives the wrong way spins."""
TIMED_CARS, TIMED_S = 64, 0.4
SAME = 1e-9
BINS = 40
"""Into how many pieces a lap is cut for showing what it paid."""


@dataclass(frozen=True)
class LapPaid:
    """A lap from a standing start, and what it was paid."""

    driver: str
    time_s: float
    reward: float
    steps: int


@dataclass(frozen=True)
class Tryout:
    """What came of it."""

    circuit: str
    calls: int
    calls_per_s: float
    """On one core, with everything that a call needs."""
    least: float
    mean: float
    greatest: float
    laps: tuple[LapPaid, ...]
    along_lap: tuple[float, ...]
    """Mean reward of the first driver in equal parts of a lap."""
    by_driver: dict[str, float]
    """Mean reward of a step."""
    episodes: int
    reading: Reading
    vectorised: bool
    """Whether the file has the form for many cars, which then paid the same."""
    prints: int
    said: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "circuit": self.circuit,
            "calls": self.calls,
            "calls_per_s": round(self.calls_per_s),
            "reward": {"min": self.least, "mean": self.mean, "max": self.greatest},
            "by_driver": self.by_driver,
            "laps": [vars(lap) for lap in self.laps],
            "along_lap": list(self.along_lap),
            "episodes": self.episodes,
            "keys": list(self.reading.keys),
            "vectorised": self.vectorised,
            "prints": self.prints,
            "said": list(self.said),
            "warnings": list(self.warnings),
        }


@dataclass
class _Paid:
    """What was seen on the way."""

    params: list[Params] = field(default_factory=list)
    rewards: list[FloatArray] = field(default_factory=list)
    laps: list[LapPaid] = field(default_factory=list)
    episodes: int = 0


def try_out(
    source: str | Path | Script,
    circuit: Circuit,
    car: CarSpec,
    league: League,
    *,
    drivers: Sequence[str] = DRIVERS,
    laps: int = 2,
    untrusted: bool = False,
    folder: str | Path | None = None,
    seed: int = 0,
    tell: Callable[[float], None] = lambda _: None,
) -> Tryout:
    """Drive laps and pay for them.

    Args:
        source: The function's file.
        circuit: Where.
        car: What they drive.
        league: Knows the drivers.
        drivers: Agents that see "state" or "pose".
        laps: How many laps each of them drives.
        untrusted: Run the function in a process that can do nothing but compute.
        folder: Where the params that made it fail are kept.
        seed: Of whatever is random.
        tell: Called now and then with the share that is done.

    Raises:
        RewardError: The function is not valid.
        UnknownNameError: There is no such driver.
    """
    script = source if isinstance(source, Script) else Script.read(source)
    reading = inspect(script)
    named = [league.agent(name) for name in drivers]

    def drive(others: int, tell: Callable[[float], None]) -> _Paid:
        field_ = _Field([one.make() for one in named], circuit, car, others=others, seed=seed)
        with Rewards(
            script,
            field_.size,
            untrusted=untrusted,
            vectorised=FUNCTION not in script.defined,
            folder=folder,
            seed=seed,
        ) as rewards:
            return field_.race(rewards, [one.name for one in named], laps, tell)

    warnings = list(_warnings_of(reading))
    paid = drive(2 if reading.uses_objects else 0, tell)
    if reading.uses_objects:
        try:
            drive(0, lambda _: None)
        except RewardError as error:
            warnings.append(f"needs objects, and fails in a time trial: {error}")
    every = np.concatenate(paid.rewards)
    both = script.has_batch and FUNCTION in script.defined
    if both:
        _compare(script, paid, folder)
    if every.min() == every.max():
        warnings.append(f"every step is paid the same, {every.min():g}: there is nothing to learn")
    if not both and FUNCTION in script.defined and not untrusted:
        warnings += _depends(script, paid, reading)
    per_s = 0.0 if untrusted else _timed(script, paid)
    if 0 < per_s < 5000:
        warnings.append(f"{per_s:,.0f} calls/s: training will wait for it; a form for many cars is faster")
    names = [*[one.name for one in named], ASTRAY, BACKWARDS]
    table = np.stack(paid.rewards)
    return Tryout(
        circuit=circuit.id,
        calls=every.size,
        calls_per_s=per_s,
        least=float(every.min()),
        mean=float(every.mean()),
        greatest=float(every.max()),
        laps=tuple(paid.laps),
        along_lap=_along_lap(paid),
        by_driver={name: float(table[:, number].mean()) for number, name in enumerate(names)},
        episodes=paid.episodes,
        reading=reading,
        vectorised=script.has_batch,
        prints=script.said.count,
        said=tuple(script.said.lines),
        warnings=tuple(warnings),
    )


class _Field:
    """The cars of a tryout, each in a world of its own, with the cars that are in its way."""

    def __init__(
        self, agents: Sequence[Agent], circuit: Circuit, car: CarSpec, *, others: int, seed: int
    ) -> None:
        self.agents, self.circuit, self.car = list(agents), circuit, car
        self.size, self.each = len(self.agents) + 2, 1 + others
        self.random = np.random.default_rng(seed)
        self.batch = Batch(
            circuit,
            car,
            worlds=self.size,
            cars_per_world=self.each,
            episode=Episode(time_limit_s=3600.0),
            seed=seed,
            again="never",
        )
        slow = tuple((seat, "slow") for seat in range(1, self.each))
        for agent in self.agents:
            agent.prepare(
                Briefing(
                    heat="tryout", seat=0, circuit=circuit, car=car, rules=Rules(), seed=seed,
                    sensors=("state", "pose"), opponents=slow,
                )
            )  # fmt: skip
        self.telemetry = Telemetry(self.batch)
        self.wild = np.zeros(2)
        self.tick = 0
        self._start(np.ones(self.size, dtype=np.bool_))

    def race(self, rewards: Rewards, names: Sequence[str], laps: int, tell: Callable[[float], None]) -> _Paid:
        """Drive until all drivers have their laps."""
        batch, paid = self.batch, _Paid()
        most = round(laps * self.circuit.length_m / 0.5 * batch.control_hz)
        done = np.zeros(len(self.agents), dtype=np.int64)
        lap_reward, lap_steps = np.zeros(self.size), np.zeros(self.size, dtype=np.int64)
        for number in range(most):
            commands = self._commands()
            batch.step(commands)
            told = self.telemetry.read(commands.reshape(-1, 2))
            mine = Params(told.rows[:: self.each], told.courses, told.objects[:: self.each])
            rewarded = rewards(mine)
            paid.params.append(mine)
            paid.rewards.append(rewarded)
            lap_reward += rewarded
            lap_steps += 1
            happened = batch.happened[:, 0]
            for seat in np.flatnonzero((happened[: len(self.agents)] & marshal.LAP) != 0).tolist():
                done[seat] += 1
                time_s = float(batch.lap_time_s[seat, 0])
                paid.laps.append(LapPaid(names[seat], time_s, float(lap_reward[seat]), int(lap_steps[seat])))
                lap_reward[seat], lap_steps[seat] = 0.0, 0
            if (done >= laps).all():
                break
            # As in DeepRacer's training a lap ends the episode: a function may take it for granted that the
            # first step of one is a small one.
            ended = (happened & (marshal.TERMINATED | marshal.TRUNCATED | marshal.LAP)) != 0
            if ended.any():
                paid.episodes += int(ended.sum())
                lap_reward[ended], lap_steps[ended] = 0.0, 0
                batch.reset(worlds=ended)
                self._start(ended)
            if number % 30 == 0:
                tell(min(number * 1.5 / (laps * self.circuit.length_m * batch.control_hz), 1.0))
        return paid

    def _start(self, whose: NDArray[np.bool_]) -> None:
        """Place the cars of worlds that have been started."""
        length_m = self.circuit.length_m
        for world in np.flatnonzero(whose).tolist():
            begun = 0.0 if world < len(self.agents) else float(self.random.uniform(0, length_m))
            self.batch.place(world, 0, begun)
            for other in range(1, self.each):
                self.batch.place(world, other, begun + other * min(3.0, length_m / self.each), 0.1)
        self.telemetry.begin(np.repeat(whose, self.each))

    def _commands(self) -> FloatArray:
        seen, commands = self.batch.seen, np.zeros((self.size, self.each, 2))
        self.tick += 1
        for world, agent in enumerate(self.agents):
            answer = agent.act(self._observation(world))
            commands[world, 0] = answer.steer_rad, answer.speed_mps
        if self.tick % 10 == 1:
            limit = self.car.max_steer_rad
            self.wild[:] = self.random.uniform((-limit, 0.0), (limit, self.car.max_speed_mps))
        commands[-2, 0] = self.wild
        if self.batch.ticks[-1] == SPIN_TICK:
            self.batch.place(self.size - 1, 0, float(self.batch.along_m[-1, 0]), 0.0, pi)
        if self.batch.ticks[-1] < SPIN_TICK:
            commands[-1, 0] = _slowly(seen[-1, 0]), 2.0
        else:
            commands[-1, 0] = _wrong_way(seen[-1, 0]), 1.0
        for other in range(1, self.each):
            for world in range(self.size):
                commands[world, other] = _slowly(seen[world, other]), SLOW_MPS
        limit = self.car.max_steer_rad
        commands[:, :, 0] = np.clip(commands[:, :, 0], -limit, limit)
        return commands

    def _observation(self, world: int) -> Observation:
        x_m, y_m, yaw_rad = self.batch.pose[world, 0].tolist()
        along_m = float(self.circuit.project((x_m, y_m)).along_m)
        pose = np.array([x_m, y_m, yaw_rad, along_m], dtype=np.float32)
        return Observation(
            tick=int(self.batch.ticks[world]),
            time_us=round(int(self.batch.ticks[world]) * 1e6 / self.batch.control_hz),
            state=self.batch.seen[world, 0].copy(),
            sensors={"pose": pose},
            lap=int(self.batch.laps[world, 0]),
        )


def _slowly(state: NDArray[np.float32]) -> float:
    """Steering of a car that follows the centre line."""
    x, y = state[AHEAD_START + 5], state[AHEAD_START + 6]
    return atan2(0.7 * float(y), float(x * x + y * y))


def _wrong_way(state: NDArray[np.float32]) -> float:
    """Steering of a car that keeps to the centre line in the wrong direction."""
    error = atan2(-float(state[4]), -float(state[5]))  # of the direction, from the road's turned round
    return float(state[3]) - 1.5 * error


# -- what can be said of it afterwards -------------------------------------------------------------


def _warnings_of(reading: Reading) -> list[str]:
    said = [
        f"line {line} looks up {key!r}, which DeepRacer does not give{meant(key)}"
        for key, line in reading.unknown_keys
    ]
    return said + [f"DeepRacer would refuse it: {what}" for what in reading.refused]


def _compare(script: Script, paid: _Paid, folder: str | Path | None) -> None:
    """Hold the form for many cars against the other one.

    Raises:
        RewardError: It fails, or pays something else.
    """
    together = Rewards(script, len(paid.params[0]), vectorised=True, folder=folder)
    for params, one_by_one in zip(paid.params, paid.rewards, strict=True):
        at_once = together(params)
        off = np.abs(at_once - one_by_one) > SAME * np.maximum(1.0, np.abs(one_by_one))
        if off.any():
            car = int(np.flatnonzero(off)[0])
            raise RewardError(
                f"{script.name}: reward_batch pays {at_once[car]:g} where reward_function pays "
                f"{one_by_one[car]:g} (step {int(params.rows[car, keys.STEPS])}), expected the same"
            )


def _depends(script: Script, paid: _Paid, reading: Reading) -> list[str]:
    """Whether a function that has never been called before would have paid the same."""
    random = np.random.default_rng(0)
    total = len(paid.params)
    try:
        for number in random.choice(total, size=min(12, total), replace=False).tolist():
            fresh = Rewards(script, len(paid.params[number]), vectorised=False)
            if not np.allclose(fresh(paid.params[number]), paid.rewards[number], rtol=1e-12, atol=0.0):
                if reading.uses_random:
                    return ["what it pays depends on chance, or on the calls before"]
                return ["it keeps something between calls: every car has a copy of its own"]
    except RewardError:
        return ["it keeps something between calls, and cannot begin in the middle of an episode"]
    return []


def _timed(script: Script, paid: _Paid) -> float:
    """Calls per second on this core, with the building of their params."""
    scalar = FUNCTION in script.defined
    each = len(paid.params[0])
    copies = -(-TIMED_CARS // each)
    rewards = Rewards(script, copies * each, vectorised=False if scalar else None)
    spent: list[float] = []
    began_s = time.perf_counter()
    for params in paid.params:
        others = np.tile(params.objects, (copies, 1, 1))
        many = Params(np.tile(params.rows, (copies, 1)), params.courses, others)
        tick_s = time.perf_counter()
        try:
            rewards(many)
        except RewardError:
            break  # such a function does not stand being asked in another order
        now_s = time.perf_counter()
        spent.append(now_s - tick_s)
        if now_s - began_s > TIMED_S:
            break
    return copies * each / median(spent) if spent else 0.0


def _along_lap(paid: _Paid) -> tuple[float, ...]:
    """What the first driver's steps were paid on average in equal parts of a lap."""
    length_m = paid.params[0].courses[0].length_m
    along = np.array([params.rows[0, keys.PROJECTION_DISTANCE] for params in paid.params])
    rewards = np.array([reward[0] for reward in paid.rewards])
    part = np.minimum((along / length_m * BINS).astype(int), BINS - 1)
    count = np.bincount(part, minlength=BINS)
    mean = np.bincount(part, weights=rewards, minlength=BINS) / np.maximum(count, 1)
    known = np.flatnonzero(count)
    return tuple(np.interp(np.arange(BINS), known, mean[known]).tolist())
