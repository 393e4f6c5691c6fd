from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from pettingzoo.test import parallel_api_test, parallel_seed_test
from stadium import stadium

from league import DEEPRACER, InputError, Traffic
from league.learn.envs import HeadToHeadEnv, RacingEnv, RacingVectorEnv, to_commands
from league.learn.ground.crew import share
from league.sim.episode import Episode, Starts

CIRCUIT = stadium()
SHORT = Episode(time_limit_s=1.0, starts=Starts(on_line=0.0))


def pursue(seen, speed=1.5):
    """Actions that keep to the centre line."""
    x, y = seen[..., 15], seen[..., 16]
    steer = np.arctan2(0.7 * y, x * x + y * y) / DEEPRACER.max_steer_rad
    action = np.stack((steer, np.full(np.shape(x), speed / 2.05 - 1.0)), axis=-1)
    return np.clip(action, -1.0, 1.0).astype(np.float32)


def test_gymnasiums_own_checker_passes():
    with warnings.catch_warnings():
        # It advises bounded observations and to be made by name; neither is a fault.
        warnings.simplefilter("ignore")
        check_env(RacingEnv(CIRCUIT), skip_render_check=True)


def test_pettingzoos_own_checkers_pass():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parallel_api_test(HeadToHeadEnv(CIRCUIT, 3, episode=SHORT), num_cycles=200)
        parallel_seed_test(lambda: HeadToHeadEnv(CIRCUIT, 2), num_cycles=50)


def test_actions_reach_from_limit_to_limit():
    commands = to_commands(np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [9.0, -9.0]]), DEEPRACER)
    limit = math.radians(30)
    np.testing.assert_allclose(commands, [[-limit, 0.1], [0.0, 2.05], [limit, 4.0], [limit, 0.1]])


def test_the_reward_is_the_progress_and_a_lap_is_told_with_its_time():
    env = RacingEnv(CIRCUIT, episode=Episode(laps=2, time_limit_s=60))
    seen, info = env.reset(seed=3)
    assert info == {"progress_m": 0.0, "laps": 0}
    total, times = 0.0, []
    for _ in range(900):
        seen, reward, terminated, truncated, info = env.step(pursue(seen))
        total += reward
        times += [info["lap_time_s"]] if "lap_time_s" in info else []
        if terminated or truncated:
            break
    assert truncated
    assert not terminated
    assert info["laps"] == 2
    assert len(times) == 2
    assert total == pytest.approx(info["progress_m"])
    assert total == pytest.approx(2 * CIRCUIT.length_m, abs=0.3)


def test_leaving_the_road_terminates_and_is_told():
    env = RacingEnv(CIRCUIT)
    env.reset(seed=1)
    for _ in range(100):
        _, _, terminated, truncated, info = env.step(np.array([1.0, 0.3], dtype=np.float32))
        if terminated:
            break
    assert terminated
    assert not truncated
    assert info["off_track"] is True


def test_vector_and_single_environments_see_the_same():
    many = RacingVectorEnv(CIRCUIT, 3, autoreset_mode=AutoresetMode.DISABLED)
    alone = [RacingEnv(CIRCUIT) for _ in range(3)]
    seen, _ = many.reset(seed=11)
    for i, env in enumerate(alone):
        assert (env.reset(seed=11 + i)[0] == seen[i]).all()
    for tick in range(60):
        actions = np.random.default_rng(tick).uniform(-1, 1, (3, 2)).astype(np.float32)
        seen, rewards, terminated, truncated, _ = many.step(actions)
        for i, env in enumerate(alone):
            one, reward, ended, cut, _ = env.step(actions[i])
            assert (one == seen[i]).all()
            assert reward == pytest.approx(float(rewards[i]), abs=1e-7)
            assert (ended, cut) == (terminated[i], truncated[i])


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_sub_environments_start_again_as_the_mode_says(mode):
    env = RacingVectorEnv(CIRCUIT, 4, episode=SHORT, autoreset_mode=mode)
    assert env.metadata["autoreset_mode"] is mode
    seen, _ = env.reset(seed=5)
    assert env.observation_space.contains(seen)
    for _ in range(15):
        last = seen
        seen, _, terminated, truncated, info = env.step(pursue(seen))
    assert truncated.all()
    assert not terminated.any()
    if mode is AutoresetMode.SAME_STEP:
        assert info["_final_obs"].all()
        assert np.abs(info["final_obs"][:, 0] - last[:, 0]).max() < 0.5
        assert (info["final_obs"] != seen).any(axis=1).all()
        seen, reward, *_ = env.step(pursue(seen))
        assert (reward > 0).any()
        return
    ended = seen
    seen, reward, terminated, truncated, info = env.step(pursue(seen))
    assert not (terminated | truncated).any()
    assert (reward == 0).all()
    assert "final_obs" not in info
    if mode is AutoresetMode.NEXT_STEP:
        assert (seen != ended).any(axis=1).all()
        seen, reward, *_ = env.step(pursue(seen))
        assert (reward > 0).any()
    else:
        assert (seen == ended).all()
        seen, _ = env.reset(options={"reset_mask": np.array([True, False, False, False])})
        assert (seen != ended).any(axis=1).tolist() == [True, False, False, False]


def test_the_same_seed_gives_the_same_run_with_any_number_of_threads():
    runs = []
    for threads in (1, 2):
        env = RacingVectorEnv(CIRCUIT, 600, episode=SHORT, threads=threads)
        seen, _ = env.reset(seed=8)
        total = np.zeros(600)
        for _ in range(40):
            seen, reward, *_ = env.step(pursue(seen))
            total += reward
        runs.append((seen.tobytes(), total.tobytes()))
    assert runs[0] == runs[1]


def test_few_cars_are_driven_by_one_thread():
    assert share(64) == share(1) == 1
    assert share(10_000, 2) == 2
    assert share(10_000, 1) == 1


def test_observations_without_copies_follow_the_environment():
    env = RacingVectorEnv(CIRCUIT, 2, copy=False)
    seen, _ = env.reset(seed=1)
    before = seen.copy()
    env.step(np.ones((2, 2), dtype=np.float32))
    assert (seen != before).any()


def test_bad_actions_and_seeds_are_refused():
    env = RacingEnv(CIRCUIT)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="expected finite"):
        env.step(np.array([np.nan, 0.0], dtype=np.float32))
    many = RacingVectorEnv(CIRCUIT, 2)
    with pytest.raises(InputError, match="seed holds None"):
        many.reset(seed=[1, None])
    with pytest.raises(InputError, match="a batch of 0 worlds"):
        RacingVectorEnv(CIRCUIT, 0)


def test_cars_that_race_each_other_see_each_other_and_leave_one_by_one():
    env = HeadToHeadEnv(CIRCUIT, 2, episode=Episode(time_limit_s=20.0))
    seen, _ = env.reset(seed=1)
    assert seen["car_1"][70] == 1.0
    assert seen["car_1"][71] > 0.3
    assert seen["car_0"][71] < -0.3
    gone = None
    for _ in range(200):
        actions = {"car_0": pursue(seen["car_0"], 1.0)}
        if "car_1" in env.agents:
            actions["car_1"] = np.array([1.0, 0.0], dtype=np.float32)
        seen, rewards, terminated, _, _ = env.step(actions)
        assert rewards.keys() == actions.keys()
        if terminated.get("car_1"):
            gone = seen["car_1"]
            break
    assert gone is not None
    assert gone[0] > 0.0
    assert env.agents == ["car_0"]
    seen, *_ = env.step({"car_0": pursue(seen["car_0"], 1.0)})
    assert seen.keys() == {"car_0"}
    assert seen["car_0"][70] == 0.0


def test_actions_take_effect_as_many_ticks_late_as_asked():
    def moves(**options):
        env = RacingVectorEnv(stadium(), 2, episode=Episode(), **options)
        env.reset(seed=1)
        return [float(env.step(np.full((2, 2), (0.0, 0.5), np.float32))[0][0, 0]) for _ in range(8)]

    assert moves(latency_ticks=2) == [0.0, 0.0, *moves()[:6]]
    assert moves()[1] > 0.0


def test_late_actions_of_an_ended_episode_are_forgotten():
    env = RacingVectorEnv(stadium(), 1, episode=Episode(time_limit_s=1.0), latency_ticks=3)
    env.reset(seed=1)
    ended = False
    for _ in range(16):
        seen, _, _, truncated, _ = env.step(np.ones((1, 2), np.float32))
        if ended:
            assert seen[0, 0] == 0.0
        ended = ended or bool(truncated[0])
    assert ended


def test_noise_is_seeded_and_leaves_the_own_command_and_the_reward_alone():
    def drive(**options):
        env = RacingVectorEnv(stadium(), 300, **options)
        seen, rewards = [env.reset(seed=3)[0]], []
        for _ in range(5):
            step = env.step(np.zeros((300, 2), np.float32))
            seen.append(step[0])
            rewards.append(step[1])
        return np.array(seen), np.array(rewards)

    (plain, paid), (noisy, also), (again, _) = drive(), drive(noise=2.0), drive(noise=2.0)
    np.testing.assert_array_equal(noisy, again)
    np.testing.assert_array_equal(paid, also)
    np.testing.assert_array_equal(noisy[..., 6:10], plain[..., 6:10])
    assert np.std(noisy[..., 0] - plain[..., 0]) == pytest.approx(0.06, rel=0.1)


def test_cars_vary_and_boxes_and_bots_are_in_the_way_if_asked():
    env = RacingVectorEnv(stadium(), 8, vary={"lateral_mps2": 0.2}, random_boxes=1, bots=Traffic(2))
    seen, _ = env.reset(seed=2)
    assert len({env.batch.driven(world, 0).lateral_mps2 for world in range(8)}) == 8
    assert (np.sort(seen[:, 70:85:5]) == [1.0, 1.0, 2.0]).all()


@pytest.mark.parametrize("options", [{"noise": -1.0}, {"latency_ticks": 61}, {"latency_ticks": 0.5}])
def test_noise_and_latency_out_of_range_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        RacingVectorEnv(stadium(), 2, **options)
