"""Evaluation as DeepRacer's: some laps in one run, several trials, and how far they are apart.

Every trial is a heat with the very referee of an event. The same trial gives the same laps, to the byte;
what differs between trials is only what is asked to differ: the car, the noise, the age of observations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.hooks.catalogue import League, installed
from league.learn.ground.senses import NOISE, state_noise
from league.learn.ground.variation import varied
from league.racing.agent import Agent, Briefing, Command, Observation
from league.racing.heat import Heat
from league.racing.plan import EntryPlan, HeatPlan, derive_seed
from league.racing.recording import Recording
from league.racing.result import EntryResult, HeatResult
from league.racing.rules import Rules
from league.sim.car import CarSpec
from league.sim.noise import Measuring
from league.sim.sensor import offered
from league.track.circuit import Circuit


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What differs from trial to trial."""

    car: float = 0.0
    """Every figure of the car's dynamics is off by up to this share."""
    noise: float = 0.0
    """Noise of the observations; 1 is that of a good sensor, see `league.learn.ground.senses`."""
    latency_ticks: int = 0
    """How old observations are."""


@dataclass(frozen=True)
class Trial:
    """One run and what came of it."""

    number: int
    result: HeatResult
    recording: Recording
    wheels_off: tuple[int, ...]
    """After every tick, how many wheels were off the road."""

    @property
    def entry(self) -> EntryResult:
        """The driver's result."""
        return self.result.entries[0]

    @property
    def clean(self) -> bool:
        """Whether all laps were driven without leaving the road, running into anything or being put back."""
        entry = self.entry
        return entry.status == "FIN" and entry.off_tracks == entry.collisions == entry.resets == 0


@dataclass(frozen=True)
class Evaluation:
    """All trials of a driver on a circuit."""

    driver: str
    circuit: Circuit
    laps: int
    seed: int
    conditions: Conditions
    trials: tuple[Trial, ...]

    def as_dict(self) -> dict[str, Any]:
        """The first trial in the form that `league race --json` prints, all of them, and their spread."""
        first = self.trials[0].result
        return {
            "circuit": first.circuit.model_dump(mode="json"),
            "car": first.car,
            "laps": self.laps,
            "rank": first.rank,
            "seed": self.seed,
            "behavior": first.behavior,
            "clock": first.clock,
            "entries": [self.trials[0].entry.model_dump(mode="json")],
            "state_hash": first.state_hash,
            "conditions": {
                "car": self.conditions.car,
                "noise": self.conditions.noise,
                "latency_ticks": self.conditions.latency_ticks,
            },
            "trials": [
                {"trial": trial.number, "seed": trial.result.seed, "state_hash": trial.result.state_hash}
                | trial.entry.model_dump(mode="json", exclude={"place", "gap_s", "entry_id", "attempts"})
                for trial in self.trials
            ],
            "spread": self.spread(),
        }

    def spread(self) -> dict[str, Any]:
        """How far the trials are apart: shares, and of the totals of those that finished their figures."""
        totals = [trial.entry.total_s for trial in self.trials if trial.entry.total_s is not None]
        fastest = [
            trial.entry.fastest_lap_s for trial in self.trials if trial.entry.fastest_lap_s is not None
        ]
        return {
            "trials": len(self.trials),
            "finished": len(totals),
            "clean": sum(trial.clean for trial in self.trials),
            "off_tracks": sum(trial.entry.off_tracks for trial in self.trials),
            "collisions": sum(trial.entry.collisions for trial in self.trials),
            "total_s": _figures(totals),
            "fastest_lap_s": _figures(fastest),
        }


def _figures(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    figures = {
        "least": min(values),
        "median": median(values),
        "mean": mean(values),
        "greatest": max(values),
        "deviation": pstdev(values),
    }
    return {name: round(value, 6) for name, value in figures.items()}


def evaluate(
    league: League,
    driver: str,
    circuit: Circuit,
    *,
    rules: Rules | None = None,
    trials: int = 1,
    seed: int = 0,
    car: str = "deepracer",
    conditions: Conditions | None = None,
    tell: Callable[[Trial], None] | None = None,
    engine: Executor | None = None,
) -> Evaluation:
    """Drive some trials.

    Args:
        league: What the plugins offer.
        driver: An agent's name, a model, or module:Class.
        circuit: Where.
        rules: Laps and penalties; three laps by default.
        trials: How many runs.
        seed: Every trial has a seed of its own, drawn from this.
        car: What is driven.
        conditions: What differs from trial to trial.
        tell: Told after every trial.
        engine: Where trials are driven, side by side; in this process if not given. They come to the same
            bytes. Other processes have the plugins that are installed there, and find files where they are
            here.

    Raises:
        InputError: The driver or the car does not exist or is unusable.
    """
    rules, conditions = rules or Rules(), conditions or Conditions()
    named = league.agent(driver)
    league.car(car)
    if Path(driver).exists():
        driver = str(Path(driver).absolute())  # other processes may be at home in another folder
    one = partial(_trial, driver, circuit, rules, car, conditions, seed)
    numbers = range(1, trials + 1)
    driven: Iterable[Trial] = (
        engine.map(one, numbers) if engine is not None else (one(number, league) for number in numbers)
    )
    done: list[Trial] = []
    for trial in driven:
        done.append(trial)
        if tell is not None:
            tell(trial)
    return Evaluation(named.name, circuit, rules.laps, seed, conditions, tuple(done))


def _trial(
    driver: str,
    circuit: Circuit,
    rules: Rules,
    car: str,
    conditions: Conditions,
    seed: int,
    number: int,
    league: League | None = None,
) -> Trial:
    """One trial, in whatever process."""
    league = league or installed()
    named, own_seed = league.agent(driver), derive_seed(seed, "trial", number)
    spec = league.car(car)
    return _drive(league, named.make(), named.name[:64], circuit, rules, spec, conditions, number, own_seed)


def _drive(
    league: League,
    agent: Agent,
    name: str,
    circuit: Circuit,
    rules: Rules,
    car: CarSpec,
    conditions: Conditions,
    number: int,
    seed: int,
) -> Trial:
    random = np.random.default_rng(seed)
    driven = varied(car, conditions.car, random) if conditions.car else car
    asked = rules.model_copy(update={"sensors": offered(*rules.sensors, *agent.sensors)})
    plan = HeatPlan(
        id=f"trial-{number}",
        phase="evaluation",
        circuit=circuit.id,
        car=car.id,
        rules=asked,
        seed=seed,
        grid=(EntryPlan(id="entry-1", name=name, agent=name),),
    )
    heat = Heat(plan, circuit, driven, [league.sensor(text) for text in asked.sensors])
    # A driver knows the car's kind, not what this one is off by.
    briefing: Briefing = replace(heat.briefing(0), car=car)
    tired = bool(conditions.noise or conditions.latency_ticks)
    eyes = _TiredEyes(conditions, random, _ranges(league, briefing.sensors)) if tired else None
    agent.prepare(briefing)
    wheels_off: list[int] = []
    while not heat.finished:
        (seen,) = heat.observe()
        answer: Command | None = None
        if seen is not None:
            answer = agent.act(seen if eyes is None else eyes.see(seen))
        heat.advance([answer])
        wheels_off.append(int(heat.world.wheels_off[0]))
    agent.finish(heat.result().model_dump(mode="json"))
    return Trial(number, heat.result(), heat.recording(), tuple(wheels_off))


def _ranges(league: League, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Between what the numbers of sensors lie, of those that say so."""
    sensors = [league.sensor(name) for name in names]
    return {sensor.name: (sensor.low, sensor.high) for sensor in sensors if isinstance(sensor, Measuring)}


class _TiredEyes:
    """Makes observations noisy, within what each sensor can say, and late."""

    def __init__(
        self, conditions: Conditions, random: np.random.Generator, ranges: Mapping[str, tuple[float, float]]
    ) -> None:
        self._conditions, self._random, self._ranges = conditions, random, ranges
        self._sigma = state_noise()
        self._past: list[tuple[Any, dict[str, Any]]] = []

    def see(self, seen: Observation) -> Observation:
        """The observation as these eyes have it."""
        state = self._blurred(seen.state, self._sigma)
        sensors = {
            name: self._blurred(values, NOISE.get(name, 0.0), self._ranges.get(name))
            for name, values in seen.sensors.items()
        }
        self._past = [*self._past, (state, sensors)][-1 - self._conditions.latency_ticks :]
        old_state, old_sensors = self._past[0]
        return replace(seen, state=old_state, sensors=old_sensors)

    def _blurred(
        self, values: NDArray[np.float32], sigma: Any, within: tuple[float, float] | None = None
    ) -> NDArray[np.float32]:
        if not self._conditions.noise or not np.any(sigma):
            return values
        noise = self._conditions.noise * sigma * self._random.standard_normal(values.shape)
        blurred = np.asarray(values + noise, dtype=np.float32)
        return blurred if within is None else np.clip(blurred, *within)
