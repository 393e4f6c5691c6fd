"""The pit: looks after a run while stable-baselines3 learns.

Budget, test drives, checkpoints, history and TensorBoard; it tells the run's listener a `Moment` after every
update.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from league.learn.ground.field import Finished
from league.learn.results.testdrive import Driven
from league.learn.training.learner import RacingPPO

if TYPE_CHECKING:
    from league.learn.training.polish import Polish
    from league.learn.training.run import Run


@dataclass(frozen=True, slots=True)
class Moment:
    """How a run stands after an update."""

    time_s: float
    """Training time."""
    steps: int
    episodes: int
    steps_per_s: float
    reward: float | None
    """Mean reward of the episodes that ended since the last update, before it is scaled."""
    progress_pct: float | None
    """Mean progress of these."""
    completed_pct: float | None
    """Share of these that came once round."""
    lap_s: float | None
    """Fastest lap of the last test drive."""
    total_s: float | None
    """Its whole race, of several circuits the mean; None if not all were finished."""
    off_tracks: int | None
    best: float | None
    """Best score so far, see `testdrive.score`."""
    share: float
    """Share of the budget that is used."""
    collisions: int | None = None
    """Collisions of the last test drive."""

    @property
    def left_s(self) -> float | None:
        """Time until the budget is used up, if it goes on like this."""
        return self.time_s * (1.0 - self.share) / self.share if self.share > 0.0 else None


class Pit(BaseCallback):
    """Looks after a run while stable-baselines3 learns: budget, test drives, checkpoints, history."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.moments: list[Moment] = []
        self.episodes = 0
        self._began_s = self._looked_s = self._saved_s = 0.0
        self._before_s, self._steps_before = 0.0, 0
        self._last: tuple[Driven, ...] = ()
        self._reward = 0.0

    def take(self, found: dict[str, Any]) -> None:
        """Count on from a checkpoint."""
        self._before_s, self.episodes = float(found["used"]["wall_s"]), int(found["episodes"])
        self.moments = [Moment(**row) for row in found["history"]]

    @property
    def time_s(self) -> float:
        """Training time so far, that before an interruption included."""
        return self._before_s + time.perf_counter() - self._began_s

    def _on_training_start(self) -> None:
        self._began_s = time.perf_counter()
        self._looked_s = self._saved_s = self.time_s
        self._steps_before = self.run.ground.steps_done

    def _on_step(self) -> bool:
        share = self._share(self.time_s)
        self.model.remaining = max(0.0, 1.0 - share / self._until)  # type: ignore[attr-defined]
        if isinstance(self.model, RacingPPO):
            return self._after_stretch()
        ground = self.run.ground
        if ground.steps_done // ground.num_envs % 64 == 0:
            return self._after_stretch()
        return True

    def _after_stretch(self) -> bool:
        recipe, now_s = self.run.recipe, self.time_s
        finished = self.run.ground.take_finished()
        share = self._share(now_s)
        if now_s - self._looked_s >= recipe.keep.every_s:
            self.look()
            self._looked_s = self.time_s
        if now_s - self._saved_s >= recipe.keep.checkpoint_s:
            self.checkpoint()
            self._saved_s = self.time_s
        self._note(finished, share)
        enough = recipe.budget.mean_reward
        return share < self._until and not (
            enough is not None and finished is not None and self._reward >= enough
        )

    def polish(self, polish: Polish) -> None:
        """Spend what is left of the budget on polishing."""
        recipe = self.run.recipe
        self.look()
        polish.begin()
        while (share := self._share(self.time_s)) < 1.0:
            self.run.ground.steps_done += polish.generation((1.0 - share) / recipe.polish.share)
            self.episodes += polish.races
            now_s = self.time_s
            if now_s - self._saved_s >= recipe.keep.checkpoint_s:
                self.checkpoint()
                self._saved_s = self.time_s
            self._note(None, self._share(now_s))

    @property
    def _until(self) -> float:
        """Share of the budget at which learning ends and polishing begins."""
        return 1.0 - self.run.recipe.polish.share

    def _share(self, now_s: float) -> float:
        budget, ground = self.run.recipe.budget, self.run.ground
        shares = [
            ground.steps_done / budget.steps if budget.steps else 0.0,
            now_s / (60.0 * budget.minutes) if budget.minutes else 0.0,
            self.episodes / budget.episodes if budget.episodes else 0.0,
        ]
        return min(1.0, max(shares))

    def look(self) -> None:
        """Drive a test, and keep the policy if it is the best."""
        self._last = self.run.drive_test()
        self.run.keep_best(self._last, self._reward)

    def checkpoint(self) -> None:
        """Write down where an interrupted run can go on."""
        run = self.run
        run.folder.save(
            "checkpoint.pt",
            {
                "policy": run.learner.policy.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in run.optimizers()],
                "steps": int(run.learner.num_timesteps),
                "driven": int(run.ground.steps_done),
                "episodes": int(self.episodes),
                "used": run.meter.so_far(),
                "best_score": float(run.best_score),
                "history": [asdict(moment) for moment in self.moments],
            },
        )

    def _note(self, finished: Finished | None, share: float) -> None:
        run, now_s = self.run, self.time_s
        reward = progress = completed = None
        if finished is not None:
            self.episodes += len(finished.reward)
            reward = self._reward = float(finished.reward.mean())
            progress, completed = (
                float(finished.progress_pct.mean()),
                100.0 * float(finished.completed.mean()),
            )
        laps = [drive.fastest_s for drive in self._last if drive.fastest_s is not None]
        done = bool(self._last) and all(drive.finished for drive in self._last)
        moment = Moment(
            time_s=round(now_s, 3),
            steps=run.ground.steps_done,
            episodes=self.episodes,
            steps_per_s=(run.ground.steps_done - self._steps_before) / max(now_s - self._before_s, 1e-9),
            reward=reward,
            progress_pct=progress,
            completed_pct=completed,
            lap_s=min(laps, default=None),
            total_s=float(np.mean([drive.total_s for drive in self._last])) if done else None,
            off_tracks=sum(drive.off_tracks for drive in self._last) if self._last else None,
            best=None if run.best is None else run.best_score,
            share=share,
            collisions=sum(drive.collisions for drive in self._last) if self._last else None,
        )
        self.moments.append(moment)
        for name in (
            "reward",
            "progress_pct",
            "completed_pct",
            "lap_s",
            "total_s",
            "off_tracks",
            "collisions",
        ):
            value = getattr(moment, name)
            if value is not None:
                self.model.logger.record(f"race/{name}", value)
        run.tell(moment)
