"""A training run: from a recipe to a model that races, in one folder.

`Run` prepares, trains, evaluates along the way, keeps checkpoints and the best policy, and writes the
model. It prints nothing: whoever wants to show progress is told a `Moment` after every update.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import Logger, configure
from stable_baselines3.common.utils import LinearSchedule

from league.errors import ModelError
from league.hooks.catalogue import League
from league.learn.ground.roads import GENERATED, generate
from league.learn.ground.senses import make_senses
from league.learn.ground.variation import varied
from league.learn.ground.vecenv import TrainingGround
from league.learn.results.cost import Cost, Meter, Prices
from league.learn.results.export import best_answers, check_onnx, to_onnx, write_model
from league.learn.results.runfolder import WEIGHTS, RunFolder, load_weights, parent_of
from league.learn.results.testdrive import Answer, Driven, TestDrive, reached, score
from league.learn.reward.paying import FileReward, Reward, built_in
from league.learn.settings.recipe import Recipe
from league.learn.settings.settling import settle
from league.learn.training.learner import RacingPPO, RacingSAC
from league.learn.training.pit import Moment, Pit
from league.learn.training.policies import policy_options, seen_of
from league.learn.training.polish import Polish
from league.sim.car import CarSpec
from league.track.circuit import Circuit

MOST_TEST_CIRCUITS = 8
TEST_CARS, TEST_SEED = 7, 77
TEST_COPIES = 10
"""Races of a car on each test circuit where something is in the way, each with other places of it."""
RISE = 0.1
"""Share of a clone's budget over which its learning rate rises. Adam's first steps are as large as the rate
whatever the slope is, and knock over a driver that is already precise."""
_NEVER = 2**62


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    folder: Path
    model: Path
    drives: tuple[Driven, ...]
    """Test drives of the model that was kept."""
    cost: Cost
    finished: bool
    """Whether the budget was used up; if not, the run was interrupted and can be gone on with."""


def find_circuits(league: League, refs: Sequence[str], *, both: bool = False) -> list[Circuit]:
    """The circuits that a recipe names, each also the other way if asked for.

    Raises:
        InputError: One cannot be found or read.
    """
    found: list[Circuit] = []
    for ref in refs:
        for road in generate(ref) if ref.startswith(GENERATED) else [league.circuit(ref)]:
            found += [road, road.reversed()] if both else [road]
    return found


class Run:
    """One training run.

    Args:
        recipe: What to train, on what, for how long.
        folder: Where everything goes; already begun ones go on from their checkpoint.
        league: What the plugins offer.
        tell: Told after every update.
        prices: For the cost card.
        device: Where torch computes.
        threads: How many threads torch uses.
        reward: What cars are paid, instead of what the recipe says.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: RunFolder,
        *,
        league: League | None = None,
        tell: Callable[[Moment], None] | None = None,
        prices: Prices | None = None,
        device: str = "cpu",
        threads: int | None = None,
        reward: Reward | None = None,
    ) -> None:
        self.settled = settle(recipe)
        recipe = self.recipe = self.settled.recipe
        self.folder, self.league = folder, league or League()
        self.tell, self.prices = tell or (lambda moment: None), prices or Prices()
        if threads is not None:
            torch.set_num_threads(threads)
        circuits = find_circuits(self.league, recipe.circuits, both=recipe.both_directions)
        self._tests = find_circuits(self.league, recipe.test_circuits) or circuits[:MOST_TEST_CIRCUITS]
        make_reward = self._reward if reward is None else lambda: reward
        self.ground = TrainingGround(recipe, circuits, self.league, make_reward, seed=recipe.seed)
        self.learner = make_learner(recipe, self.ground, device)
        self.test = self.test_drive(self.test_cars())
        self.pit = Pit(self)
        self.polish = Polish(self) if recipe.polish.share else None
        self.best: dict[str, Any] | None = None
        self.best_score = -np.inf
        self.cloned = False
        self.parent_cost: dict[str, Any] | None = None
        """What the model that this one clones has cost before."""
        self.meter = Meter()

    # -- before --------------------------------------------------------------------------------

    def clone(self, ref: str | Path) -> None:
        """Begin with another model's weights.

        Raises:
            ModelError: It sees something else, or its network has another shape.
        """
        weights, parent = parent_of(ref)
        if parent.sensors != self.recipe.sensors:
            raise ModelError(
                f"{ref}: sees {', '.join(parent.sensors)}, the recipe {', '.join(self.recipe.sensors)}; "
                "expected the same sensors"
            )
        self._take(load_weights(weights)["policy"], str(ref))
        self._count_parent(weights.parent)
        self.cloned = True

    def _count_parent(self, folder: Path) -> None:
        with suppress(OSError, ValueError):
            self.parent_cost = json.loads((folder / "cost.json").read_text(encoding="utf-8"))

    def _take(self, given: dict[str, torch.Tensor], where: str) -> None:
        own = self.learner.policy.state_dict()
        # An action space of another size has an answering layer of its own, which begins anew.
        answering = {name for name in own if name.startswith(("action_net.", "log_std"))}
        wrong = [
            name
            for name, tensor in own.items()
            if name not in answering and (name not in given or given[name].shape != tensor.shape)
        ]
        if wrong:
            raise ModelError(f"{where}: its network differs in {wrong[0]}, expected the recipe's network")
        fitting = {
            name: given[name] if name in given and given[name].shape == tensor.shape else tensor
            for name, tensor in own.items()
        }
        self.learner.policy.load_state_dict(fitting)

    def resume(self) -> None:
        """Go on where the last checkpoint of the folder was written.

        Raises:
            ModelError: There is none.
        """
        found = self.folder.load("checkpoint.pt")
        if found is None:
            raise ModelError(f"{self.folder.path}: has no checkpoint to go on from")
        self.learner.policy.load_state_dict(found["policy"])
        for optimizer, state in zip(self.optimizers(), found["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.learner.num_timesteps = int(found["steps"])
        self.ground.steps_done = int(found["driven"])
        self.pit.take(found)
        self.meter.add(found["used"])
        self._count_parent(self.folder.path / "inputs" / "parent")
        self.cloned = bool(self.recipe.start_from)
        self.best, self.best_score = self.folder.load("best.pt"), float(found["best_score"])

    def optimizers(self) -> list[Any]:
        """The learner's optimizers, in an order that stays."""
        policy = self.learner.policy
        if isinstance(self.learner, RacingPPO):
            return [policy.optimizer]
        return [policy.actor.optimizer, policy.critic.optimizer]

    def test_drive(
        self, cars: Sequence[CarSpec], *, copies: int = 1, time_limit_s: float | None = None
    ) -> TestDrive:
        """Races on the test circuits; see `TestDrive`."""
        recipe = self.recipe
        return TestDrive(
            self._tests,
            cars,
            make_senses(self.league, recipe.sensors),
            self.ground.answers,
            control_hz=recipe.control_hz,
            laps=recipe.keep.laps,
            noise=recipe.vary.noise,
            latency_ticks=recipe.vary.latency_ticks,
            copies=copies * (TEST_COPIES if recipe.objects.any else 1),
            time_limit_s=time_limit_s,
            objects=recipe.objects,
        )

    def test_cars(self, seed: int = TEST_SEED) -> list[CarSpec]:
        """The car itself; where cars differ in training, also some that training never sees."""
        car, vary = self.league.car(self.recipe.car), self.recipe.vary
        random = np.random.default_rng([self.recipe.seed, seed])
        others = [varied(car, vary.car, random) for _ in range(TEST_CARS if vary.car else 0)]
        return [car, *others]

    def _reward(self) -> Reward:
        recipe = self.recipe
        if recipe.reward.kind == "file":
            return FileReward(recipe.reward, recipe.learning.cars, folder=self.folder.path, seed=recipe.seed)
        low, high = recipe.action_space.steering_angle_deg
        return built_in(recipe.reward, float(np.radians(high - low)) or 1.0)

    # -- the run -------------------------------------------------------------------------------

    def train(self) -> Outcome:
        """Train until the budget is used up or somebody interrupts.

        Raises:
            KeyboardInterrupt: Somebody did; the checkpoint and the model so far are written.
        """
        self._warm_up()
        if self.cloned:
            self._spare_the_parent()
        # Before it learns, or it makes a folder for a logger of its own.
        self.learner.set_logger(_logger(self.folder.path / "tensorboard"))
        self.meter = _started(self.meter)
        try:
            self.learner.learn(_NEVER, callback=self.pit, log_interval=1, reset_num_timesteps=False)
            if self.polish is not None:
                self.pit.polish(self.polish)
        except KeyboardInterrupt:
            self.pit.checkpoint()
            self.finish(finished=False)
            raise
        except Exception:
            # What was learned before a reward function raised is worth keeping.
            self.pit.checkpoint()
            if self.best is not None:
                self.finish(finished=False)
            raise
        self.pit.look()
        self.pit.checkpoint()
        return self.finish(finished=True)

    def _spare_the_parent(self) -> None:
        """Let the learning rate rise slowly, and keep the parent itself until something better is found."""
        rate = self.learner.lr_schedule
        self.learner.lr_schedule = lambda left: rate(left) * min(1.0, (1.0 - left) / RISE)
        if self.best is None and self.recipe.keep.best_by != "reward":  # which nobody knows yet
            self.pit.look()

    def _warm_up(self) -> None:
        """Compile what must be compiled, before the clock starts."""
        self.ground.begin()
        self.ground.drive(self.ground.answers.still(self.ground.num_envs))
        self.ground.take_finished()
        self.ground.steps_done = max(self.ground.steps_done - self.ground.num_envs, 0)
        for batch in self.test.batches:
            batch.step(np.zeros((batch.worlds, 1, 2)))
        if self.learner.env is not None and not isinstance(self.learner, RacingPPO):
            self.ground.begin()

    def drive_test(self) -> tuple[Driven, ...]:
        """Test drives of the policy as it is."""
        self.learner.policy.set_training_mode(False)
        return tuple(self.test(self.best_answers()))

    def best_answers(self) -> Answer:
        """What the policy as it is answers to what it sees."""
        answer: Answer = best_answers(self.learner.policy, self.ground.sights)
        return answer

    def keep_best(self, drives: tuple[Driven, ...], reward: float) -> None:
        """Keep the policy as it is if it is the best so far."""
        by = self.recipe.keep.best_by
        found = score(drives, by, reward) if by != "last" else float(self.ground.steps_done)
        if self.best is None or (isfinite(found) and found > self.best_score):
            policy = {
                name: tensor.detach().cpu().clone()
                for name, tensor in self.learner.policy.state_dict().items()
            }
            self.best, self.best_score = {"policy": policy}, found
            self.folder.save("best.pt", self.best)

    def finish(self, *, finished: bool) -> Outcome:
        """Write the model: the best policy as ONNX, its metadata, its cost and its recipe."""
        if self.best is None:
            self.keep_best(self.drive_test(), 0.0)
        assert self.best is not None
        cost = self.meter.card(
            steps=self.ground.steps_done, control_hz=self.recipe.control_hz, prices=self.prices
        )
        policy, sights = self.learner.policy, self.ground.sights
        policy.load_state_dict(self.best["policy"])
        policy.set_training_mode(False)
        policy.to("cpu")
        drives = tuple(self.test(best_answers(policy, sights)))
        metadata = self.settled.metadata.as_dict()
        content = to_onnx(policy, sights, metadata)
        apart = check_onnx(content, policy, sights, np.array(self.ground.begin()[:256]))
        model = self.folder.model
        write_model(model, content, metadata)
        (model / "recipe.toml").write_text(self.recipe.toml(), encoding="utf-8")
        self.folder.save(f"model/{WEIGHTS}", self.best)
        # Where cars differ, many drive each circuit; a card needs one of them.
        first = {drive.circuit: drive for drive in reversed(drives)}
        more = {"reached": reached([*first.values()]), "onnx_apart": apart, "parent": self.parent_cost}
        self.folder.write_json("model/cost.json", cost.as_dict() | more)
        self.folder.write_history([asdict(moment) for moment in self.pit.moments])
        return Outcome(self.folder.path, model, drives, cost, finished)


def _started(meter: Meter) -> Meter:
    """A meter that starts now and counts on from what another was told of earlier."""
    fresh = Meter()
    fresh.add(meter.earlier)
    return fresh


def make_learner(recipe: Recipe, ground: TrainingGround, device: str) -> Any:
    """stable-baselines3's algorithm with a recipe's settings."""
    settings = recipe.learning
    last = settings.learning_rate if settings.learning_rate_end is None else settings.learning_rate_end
    shared: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": ground,
        "learning_rate": LinearSchedule(settings.learning_rate, last, 1.0),
        "gamma": settings.discount,
        "batch_size": settings.batch_size,
        "policy_kwargs": policy_options(settings, ground.sights, seen_of(recipe)),
        "device": device,
        "seed": recipe.seed,
    }
    if settings.algorithm == "sac":
        return RacingSAC(
            **shared,
            buffer_size=settings.buffer,
            learning_starts=settings.first_steps,
            train_freq=1,
            gradient_steps=max(1, round(settings.updates * settings.cars)),
            ent_coef="auto" if settings.temperature is None else settings.temperature,
        )
    steps = settings.steps
    if settings.episodes:
        steps = max(1, int(np.ceil(recipe.episode.time_limit_s * recipe.control_hz)))
    with warnings.catch_warnings():
        # A last batch that is not full is common and does no harm.
        warnings.filterwarnings(
            "ignore", message="You have specified a mini-batch size", category=UserWarning
        )
        return RacingPPO(
            **shared,
            loss=settings.loss,
            whole_episodes=bool(settings.episodes),
            n_steps=steps,
            n_epochs=settings.epochs,
            gae_lambda=settings.gae_lambda,
            clip_range=settings.clip,
            ent_coef=settings.entropy,
            vf_coef=settings.value_share,
            max_grad_norm=settings.max_grad_norm,
        )


def _logger(folder: Path) -> Logger:
    """A logger for TensorBoard if it is installed, else one that forgets."""
    try:
        from torch.utils import tensorboard  # noqa: F401 - only to know
    except ImportError:
        return Logger(None, [])
    return configure(str(folder), ["tensorboard"])
