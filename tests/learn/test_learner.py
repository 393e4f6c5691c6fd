from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from tiny import league, recipe

from league.learn.ground.vecenv import TrainingGround
from league.learn.reward.paying import built_in
from league.learn.settings.recipe import Recipe
from league.learn.training.learner import Experience, RacingPPO, quick_actor
from league.learn.training.run import make_learner


def learner(made: Recipe) -> RacingPPO:
    roads = [league().circuit(ref) for ref in made.circuits]
    ground = TrainingGround(made, roads, league(), lambda: built_in(made.reward, 1.0), seed=1)
    found: RacingPPO = make_learner(made, ground, "cpu")
    callback = found._init_callback(None)
    found.set_logger(Logger(None, []))
    found._setup_learn(1, callback)
    found.gather = lambda: found.collect_rollouts(found.env, callback, found.rollout_buffer, found.n_steps)  # type: ignore[attr-defined]
    return found


def whole(buffer: Experience) -> Any:
    return next(iter(buffer.get()))


@pytest.mark.parametrize("space", [{}, {"actions": [(-30.0, 1.0), (0.0, 2.0), (30.0, 1.0)]}])
def test_what_is_noted_is_what_the_policy_says_of_it(space: dict[str, Any]) -> None:
    ppo = learner(recipe(action_space=space))
    ppo.gather()
    data = whole(ppo.rollout_buffer)
    actions = data.actions.long().flatten() if space else data.actions
    with torch.no_grad():
        values, log_probs, _ = ppo.policy.evaluate_actions(data.observations, actions)
    assert torch.allclose(values.flatten(), data.old_values, atol=1e-4)
    assert torch.allclose(log_probs, data.old_log_prob, atol=1e-4)


def test_advantages_are_those_of_stable_baselines3() -> None:
    """The same driving in stable-baselines3's own words: rewards, ends, and what comes after a cut."""
    made = recipe(episode={"time_limit_s": 1.0}, learning={"cars": 4, "steps": 40})
    ours = learner(made)
    ours.gather()
    buffer = ours.rollout_buffer
    roads = [league().circuit(ref) for ref in made.circuits]
    ground = TrainingGround(made, roads, league(), lambda: built_in(made.reward, 1.0), seed=1)
    plain = PPO(
        "MlpPolicy", ground, n_steps=40, batch_size=160, gamma=ours.gamma, policy_kwargs=ours.policy_kwargs
    )
    plain.policy.load_state_dict(ours.policy.state_dict())
    callback = plain._init_callback(None)
    plain.set_logger(Logger(None, []))
    plain._setup_learn(1, callback)
    given = iter(buffer.actions.copy())

    def as_before(seen: torch.Tensor) -> Any:
        actions = torch.from_numpy(next(given))
        values, log_probs, _ = type(plain.policy).evaluate_actions(plain.policy, seen, actions)
        return actions, values, log_probs

    plain.policy.forward = as_before  # type: ignore[method-assign]
    plain.collect_rollouts(ground, callback, plain.rollout_buffer, 40)
    assert np.allclose(plain.rollout_buffer.rewards, buffer.rewards, atol=1e-4)
    assert np.allclose(plain.rollout_buffer.advantages, buffer.advantages, atol=1e-3)
    assert np.array_equal(plain.rollout_buffer.episode_starts, buffer.episode_starts)
    assert buffer.episode_starts[1:].sum() > 4, "some were cut off by time"


def test_whole_episodes_are_one_of_each_car_to_its_end() -> None:
    ppo = learner(recipe(learning={"cars": 6, "episodes": 6}, episode={"time_limit_s": 4.0}))
    ppo.gather()
    counts = ppo.rollout_buffer.counts
    assert counts is not None
    assert counts[0].all()
    lengths = counts.sum(axis=0)
    assert lengths.max() == len(counts) <= 60
    for car, length in enumerate(lengths):
        assert counts[:length, car].all()
        assert ppo.rollout_buffer.episode_starts[1:length, car].sum() == 0
    assert len(whole(ppo.rollout_buffer).actions) == lengths.sum() == ppo.num_timesteps
    ppo.train()
    ppo.gather()
    assert ppo.rollout_buffer.counts is not None


def test_the_quick_actor_answers_as_the_policy_does() -> None:
    ppo = learner(recipe(learning={"activation": "relu", "network": [32, 16]}))
    seen = np.random.default_rng(0).normal(size=(50, 105)).astype(np.float32)
    quick = quick_actor(ppo.policy)
    assert quick is not None
    with torch.no_grad():
        expected = ppo.policy.get_distribution(torch.from_numpy(seen)).distribution.mean.numpy()
    assert np.allclose(quick(seen), expected, atol=1e-5)


def test_the_loss_is_what_the_recipe_says_and_only_while_it_learns() -> None:
    steps: dict[str, float] = {}
    for loss in ("mse", "huber"):
        torch.manual_seed(0)
        ppo = learner(recipe(learning={"loss": loss}, reward={"scale": 100.0}))
        ppo.gather()
        ppo.train()
        steps[loss] = float(ppo.logger.name_to_value["train/value_loss"])
    assert steps["huber"] < steps["mse"] / 10
    from stable_baselines3.ppo import ppo as module

    assert module.F is torch.nn.functional


def test_fields_take_turns_and_go_on_where_they_were() -> None:
    made = recipe(circuits=["clubhouse-loop", "paperclip", "clover", "old-town"], learning={"cars": 1})
    ppo = learner(made)
    ground = ppo.env
    assert len(ground.fields) == 4
    seen = []
    for _ in range(5):
        ppo.gather()
        seen.append((ground.field, np.array(ppo._last_obs)))
    assert len({id(field) for field, _ in seen}) == 4
    assert seen[0][0] is seen[4][0]
