"""Environments for Gymnasium and PettingZoo over the league's own worlds.

Observations are the state vector of `league.racing.agent.Observation`, float32, shape (105,). Actions are
two numbers within -1 to 1, steering and speed: steering times the car's greatest angle, positive to the
left; speed from -1, its least, to 1, its greatest. The reward is the progress along the centre line in
metres. What ends an episode and where one starts is an `Episode`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from league.errors import InputError
from league.learn.ground.crew import crew, share
from league.learn.ground.senses import state_noise
from league.sim import marshal
from league.sim.batch import Again, Batch
from league.sim.car import DEEPRACER, CarSpec
from league.sim.episode import Episode, Starts
from league.sim.layout import STATE_SIZE
from league.sim.noise import MOST_LATENCY_TICKS
from league.sim.objects import Bot, Traffic
from league.track.circuit import Circuit

Floats = NDArray[np.float32]
Words = dict[str, Any]

TRAINING = Episode(starts=Starts(on_line=0.2))
"""The episode that environments drive unless told otherwise: a fifth of them start on the line, the
others anywhere."""

_AGAIN: dict[AutoresetMode, Again] = {
    AutoresetMode.SAME_STEP: "same_step",
    AutoresetMode.NEXT_STEP: "next_step",
    AutoresetMode.DISABLED: "never",
}
_NAMES = {
    "off_track": marshal.OFF_TRACK,
    "immobilised": marshal.IMMOBILISED,
    "reversed": marshal.REVERSED,
    "collision": marshal.COLLISION,
    "reset": marshal.RESET,
}


def observation_space() -> Any:
    """The state vector."""
    return spaces.Box(-np.inf, np.inf, (STATE_SIZE,), np.float32)


def action_space() -> Any:
    """Steering and speed, each from -1 to 1."""
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def to_commands(actions: NDArray[Any], car: CarSpec) -> NDArray[np.float64]:
    """Turn actions within -1 to 1, shape (..., 2), into steering (rad) and speed (m/s) for a car.

    What lies beyond -1 or 1 is taken for that.
    """
    bounded = np.clip(np.asarray(actions, dtype=np.float64), -1.0, 1.0)
    half = (car.max_speed_mps - car.min_speed_mps) / 2.0
    return bounded * (car.max_steer_rad, half) + (0.0, car.min_speed_mps + half)


class RacingEnv(gymnasium.Env[Floats, Floats]):
    """One car alone on a circuit, as a Gymnasium environment.

    `info` holds `progress_m` and `laps` of the episode, `lap_time_s` when a lap was finished, and a true
    entry for everything else that happened: off_track, immobilised, reversed, reset.

    Args:
        circuit: Where it drives.
        car: What it drives.
        control_hz: Steps per second.
        episode: What ends an episode and where one starts; `TRAINING` by default.
    """

    metadata: Words = {"render_modes": []}  # noqa: RUF012 - as the base class has it

    def __init__(
        self,
        circuit: Circuit,
        car: CarSpec = DEEPRACER,
        *,
        control_hz: int = 15,
        episode: Episode = TRAINING,
    ) -> None:
        self.observation_space, self.action_space = observation_space(), action_space()
        self.car = car
        self.batch = Batch(circuit, car, worlds=1, control_hz=control_hz, episode=episode, again="never")

    def reset(self, *, seed: int | None = None, options: Words | None = None) -> tuple[Floats, Words]:
        """Start an episode; the same seed gives the same one. Without one the random stream goes on."""
        super().reset(seed=seed)
        self.batch.reset(seed=None if seed is None else [seed])
        return self.batch.seen[0, 0].copy(), _told(self.batch, 0, 0)

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, Words]:
        """Drive one tick; the reward is the progress in metres.

        Raises:
            ValueError: The action has another shape or is not finite.
        """
        batch = self.batch
        batch.step(to_commands(np.asarray(action), self.car).reshape(1, 1, -1))
        happened = int(batch.happened[0, 0])
        return (
            batch.seen[0, 0].copy(),
            float(batch.gained_m[0, 0]),
            bool(happened & marshal.TERMINATED),
            bool(happened & marshal.TRUNCATED),
            _told(batch, 0, 0),
        )


class RacingVectorEnv(gymnasium.vector.VectorEnv[Floats, Floats, Any]):
    """Thousands of cars, each alone on a circuit, as one Gymnasium vector environment.

    A sub-environment that has ended starts again by itself as `autoreset_mode` says. SAME_STEP, the
    default: the observation is the new start's; `info["final_obs"]` holds the last ones, a row for each
    sub-environment, and `info["_final_obs"]` whose are new. NEXT_STEP: the next step starts it and drives
    nothing. DISABLED: it stays as it is until `reset` with `options={"reset_mask": …}`.

    `info` also holds, one entry a sub-environment, `progress_m`, `laps` and `lap_time_s` (not a number
    unless a lap was finished), and `off_track` and the like.

    Args:
        circuits: Where they drive: sub-environment i on number i modulo how many there are.
        num_envs: How many.
        car: What they drive.
        control_hz: Steps per second.
        episode: What ends an episode and where one starts; `TRAINING` by default.
        autoreset_mode: How an ended one starts again.
        vary: By how large a share figures of the car may differ, drawn anew for each episode; see `Batch`.
        random_boxes: How many boxes stand in the way, at places drawn anew for each episode.
        bots: Cars without a driver that they have to pass, see `Batch`.
        noise: Noise on what is seen, in multiples of a good tracker's; see `league.learn.ground.senses`.
        latency_ticks: How many ticks late actions take effect; until then the car is told to stand.
        threads: How many threads share the work; None is as many as are worth it.
        copy: Whether observations are copies; if not, they change with the next step.
    """

    def __init__(
        self,
        circuits: Circuit | Sequence[Circuit],
        num_envs: int,
        car: CarSpec = DEEPRACER,
        *,
        control_hz: int = 15,
        episode: Episode = TRAINING,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
        vary: Mapping[str, float] | None = None,
        random_boxes: int = 0,
        bots: Sequence[Bot] | Traffic = (),
        noise: float = 0.0,
        latency_ticks: int = 0,
        threads: int | None = None,
        copy: bool = True,
    ) -> None:
        if not 0.0 <= noise < np.inf:
            raise InputError(f"noise is {noise}, expected 0 or more")
        if latency_ticks != int(latency_ticks) or not 0 <= latency_ticks <= MOST_LATENCY_TICKS:
            raise InputError(f"latency_ticks is {latency_ticks}, expected 0 to {MOST_LATENCY_TICKS}")
        self.num_envs, self.car, self._copy = num_envs, car, copy
        self.metadata = {"autoreset_mode": autoreset_mode, "render_modes": []}
        self.single_observation_space, self.single_action_space = observation_space(), action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.batch = Batch(
            circuits,
            car,
            worlds=num_envs,
            control_hz=control_hz,
            episode=episode,
            again=_AGAIN[autoreset_mode],
            vary=vary,
            random_boxes=random_boxes,
            bots=bots,
            crew=crew(),
            parts=share(num_envs, threads),
        )
        self._sigma = (noise * state_noise()).astype(np.float32) if noise else None
        self._random = np.random.default_rng(0)
        self._coming = np.zeros((int(latency_ticks), num_envs, 2))

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Words | None = None
    ) -> tuple[Floats, Words]:
        """Start new episodes in all, or in those of `options["reset_mask"]`.

        Args:
            seed: A number n gives sub-environment i the seed n + i, as Gymnasium has it; or one for each.
            options: May hold "reset_mask", a bool for each sub-environment.

        Raises:
            InputError: There are not as many seeds as sub-environments, or only some.
        """
        mask = None if options is None else options.get("reset_mask")
        self._coming[:, slice(None) if mask is None else mask] = 0.0
        if seed is not None:
            given = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else list(seed)
            self._random = np.random.default_rng([0 if one is None else int(one) for one in given])
            if all(one is None for one in given):
                seed = None
            elif any(one is None for one in given):
                raise InputError("seed holds None beside numbers, expected one for each or none at all")
            else:
                self.batch.reset(seed=[int(one) for one in given if one is not None], worlds=mask)
        if seed is None:
            self.batch.reset(worlds=mask)
        return self._seen(), {}

    def step(self, actions: Floats) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_], Words]:
        """Drive all by one tick; actions have shape (num_envs, 2).

        Raises:
            ValueError: The actions have another shape or are not finite.
        """
        batch = self.batch
        batch.step(self._delayed(to_commands(actions, self.car))[:, None])
        happened = batch.happened[:, 0]
        terminated, truncated = batch.terminated[:, 0], batch.truncated[:, 0]
        info: Words = {
            "progress_m": batch.progress_m[:, 0].copy(),
            "laps": batch.laps[:, 0].copy(),
            "lap_time_s": batch.lap_time_s[:, 0],
        }
        info |= {name: happened & bit != 0 for name, bit in _NAMES.items()}
        done = terminated | truncated
        self._coming[:, done] = 0.0
        if batch.again == "same_step" and done.any():
            info["final_obs"], info["_final_obs"] = self._blurred(batch.last_seen[:, 0].copy()), done
        return self._seen(), batch.gained_m[:, 0].astype(np.float32), terminated, truncated, info

    def _delayed(self, commands: NDArray[np.float64]) -> NDArray[np.float64]:
        """The commands that take effect now; those that were given come later."""
        if len(self._coming) == 0:
            return commands
        if commands.shape != self._coming.shape[1:] or not np.isfinite(commands).all():
            return commands  # for the batch to refuse
        now: NDArray[np.float64] = self._coming[0].copy()
        self._coming[:-1] = self._coming[1:]
        self._coming[-1] = commands
        return now

    def _seen(self) -> Floats:
        seen = self.batch.seen[:, 0]
        if self._sigma is not None:
            return self._blurred(np.array(seen))
        return np.array(seen) if self._copy else seen

    def _blurred(self, seen: Floats) -> Floats:
        if self._sigma is not None:
            seen += self._sigma * self._random.standard_normal(seen.shape, dtype=np.float32)
        return seen


class HeadToHeadEnv(ParallelEnv[str, Floats, Floats]):  # type: ignore[misc]
    """Cars that race each other, as a PettingZoo parallel environment; agents are "car_0", "car_1" ….

    They start on a grid, "car_0" first. Whoever touches another from behind is charged; what follows is
    `episode.collision`. A car whose episode ends leaves the circuit; the others go on.

    Args:
        circuit: Where they drive.
        cars: How many.
        car: What they drive.
        control_hz: Steps per second.
        episode: What ends an episode and where one starts; `TRAINING` by default.
    """

    metadata: ClassVar[Words] = {"name": "league_head_to_head_v1", "render_modes": []}

    def __init__(
        self,
        circuit: Circuit,
        cars: int = 2,
        car: CarSpec = DEEPRACER,
        *,
        control_hz: int = 15,
        episode: Episode = TRAINING,
    ) -> None:
        self.car = car
        self.batch = Batch(
            circuit,
            car,
            worlds=1,
            cars_per_world=cars,
            control_hz=control_hz,
            episode=episode,
            again="never",
        )
        self.possible_agents = [f"car_{i}" for i in range(cars)]
        self.agents: list[str] = []
        self.observation_spaces = {name: observation_space() for name in self.possible_agents}
        self.action_spaces = {name: action_space() for name in self.possible_agents}

    def observation_space(self, agent: str) -> Any:
        """The state vector."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Steering and speed, each from -1 to 1."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Words | None = None
    ) -> tuple[dict[str, Floats], dict[str, Words]]:
        """Start an episode; the same seed gives the same one."""
        self.batch.reset(seed=None if seed is None else [seed])
        self.agents = list(self.possible_agents)
        return (
            {name: self.batch.seen[0, i].copy() for i, name in enumerate(self.agents)},
            {name: _told(self.batch, 0, i) for i, name in enumerate(self.agents)},
        )

    def step(
        self, actions: dict[str, Floats]
    ) -> tuple[dict[str, Floats], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Words]]:
        """Drive one tick; a car for which there is no action rolls at its least speed.

        Raises:
            ValueError: An action has another shape or is not finite.
        """
        given = np.array([actions.get(name, (0.0, -1.0)) for name in self.possible_agents])
        batch = self.batch
        batch.step(to_commands(given, self.car)[None])
        racing = [(i, name) for i, name in enumerate(self.possible_agents) if name in self.agents]
        terminated, truncated = batch.terminated[0], batch.truncated[0]
        self.agents = [name for i, name in racing if not (terminated[i] or truncated[i])]
        return (
            {name: batch.seen[0, i].copy() for i, name in racing},
            {name: float(batch.gained_m[0, i]) for i, name in racing},
            {name: bool(terminated[i]) for i, name in racing},
            {name: bool(truncated[i]) for i, name in racing},
            {name: _told(batch, 0, i) for i, name in racing},
        )

    def render(self) -> None:
        """Nothing is drawn here; recordings and the live page show races."""

    def close(self) -> None:
        """Nothing is held open."""


def _told(batch: Batch, world: int, car: int) -> Words:
    happened = int(batch.happened[world, car])
    info: Words = {"progress_m": float(batch.progress_m[world, car]), "laps": int(batch.laps[world, car])}
    if happened & marshal.LAP:
        info["lap_time_s"] = float(batch.lap_time_s[world, car])
    return info | {name: True for name, bit in _NAMES.items() if happened & bit}
