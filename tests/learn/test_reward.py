"""Rewards from users' own files: state, types, faults, processes, and the form for many cars."""

from __future__ import annotations

import json
import os
import random
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paying import driven, write

from league import LeagueError, RewardError
from league.learn.reward.params import KEYS, Params
from league.learn.reward.rewards import Rewards
from league.learn.reward.script import Script

COMMUNITY = sorted((Path(__file__).parent / "rewards").glob("*.py"))


def paid_by(file: Path, told: tuple[Params, ...] | None = None, **how: object) -> np.ndarray:
    told = driven() if told is None else told
    with Rewards(file, len(told[0]), folder=file.parent, **how) as rewards:  # type: ignore[arg-type]
        return np.stack([rewards(params) for params in told])


# -- what runs -------------------------------------------------------------------------------------


def test_there_are_functions_of_every_manner() -> None:
    assert len(COMMUNITY) > 40


@pytest.mark.parametrize("file", COMMUNITY, ids=lambda file: file.stem)
def test_reward_functions_as_racers_write_them_run(file: Path, tmp_path: Path) -> None:
    script = Script.read(file)
    others = 2 if "object" in file.stem else 0
    told = driven(others=others)
    with Rewards(script, 5, folder=tmp_path) as rewards:
        paid = np.stack([rewards(params) for params in told])
    assert paid.shape == (12, 5)
    assert np.isfinite(paid).all()
    assert np.abs(paid).max() <= 1e5


def test_a_reward_is_what_the_function_returns(tmp_path: Path) -> None:
    paid = paid_by(write(tmp_path, "p['speed'] * 2 - p['steps']"))
    expected = [[told["speed"] * 2 - told["steps"] for told in params.dicts()] for params in driven()]
    assert np.array_equal(paid, expected)


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("1", 1.0),
        ("True", 1.0),
        ("'2.5'", 2.5),
        ("-1e5", -1e5),
        ("__import__('numpy').float32(0.5)", 0.5),
        ("__import__('numpy').int64(3)", 3.0),
        ("__import__('numpy').array([[4.0]])", 4.0),
        ("__import__('decimal').Decimal('0.25')", 0.25),
    ],
)
def test_whatever_is_a_number_is_a_reward(answer: str, number: float, tmp_path: Path) -> None:
    assert (paid_by(write(tmp_path, answer), driven()[:1]) == number).all()


@given(st.floats(-1e5, 1e5))
def test_numbers_come_through_exactly(number: float) -> None:
    script = Script(f"def reward_function(params):\n    return {number!r}\n", "f.py")
    assert (Rewards(script, 5)(driven()[0]) == number).all()


def test_every_car_has_a_module_of_its_own(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        calls, seen = 0, []

        def reward_function(params):
            global calls
            calls += 1
            seen.append(params["x"])
            return calls + len(seen) * 100
        """,
    )
    expected = [[101.0 * tick] * 5 for tick in range(1, 13)]
    assert np.array_equal(paid_by(file), expected)
    assert np.array_equal(paid_by(file, workers=2), expected)


def test_what_a_function_does_to_its_params_nobody_notices(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        def reward_function(params):
            assert len(params) == 27 and len(params["waypoints"]) > 50
            params["waypoints"].clear()
            params["closest_waypoints"][0] = -1
            params.clear()
            return 1
        """,
    )
    before = [params.rows.copy() for params in driven()]
    assert (paid_by(file) == 1.0).all()
    assert all(np.array_equal(a, params.rows) for a, params in zip(before, driven(), strict=True))


def test_prints_are_taken_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = Script.read(write(tmp_path, "print('speed', p['speed'], sep='=', end='') or 1"))
    Rewards(script, 5)(driven()[0])
    assert script.said.count == 5
    assert all(line.startswith("speed=") for line in script.said.lines)
    assert capsys.readouterr().out == ""


def test_remarks_of_python_and_numpy_stop_nothing(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        import numpy as np
        import warnings

        def reward_function(params):
            "\\d"
            warnings.warn("old", DeprecationWarning)
            return 1.0 if np.isinf(np.float64(1) / np.float64(0)) and params["steps"] is not 0 else 2.0
        """,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (paid_by(file) == 1.0).all()


def test_two_runs_do_not_share_modules(tmp_path: Path) -> None:
    file = write(tmp_path, "n = [0]\ndef reward_function(p):\n    n[0] += 1\n    return n[0]\n")
    assert paid_by(file)[-1, 0] == paid_by(file)[-1, 0] == 12.0


# -- what does not ---------------------------------------------------------------------------------


def fault_of(file: Path, **how: object) -> str:
    """The one line that a wrong function gets."""
    with pytest.raises(RewardError) as caught:
        paid_by(file, **how)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{file}")
    assert isinstance(caught.value, LeagueError)
    return text


@pytest.mark.parametrize("how", [{}, {"workers": 2}, {"untrusted": True}], ids=str)
def test_a_function_that_raises_is_named_with_line_episode_step_and_params(
    how: dict[str, object], tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        """
        def divide(a, b):
            return a / b

        def reward_function(params):
            if params["steps"] == 7:
                return divide(1, 0)
            return 1.0
        """,
    )
    said = fault_of(file, **how)
    assert f"{file}: line 3: ZeroDivisionError: " in said
    assert "episode 0, step 7" in said
    kept = json.loads((tmp_path / "reward-failed.json").read_text())
    assert kept["params"].keys() == set(KEYS)
    assert (kept["params"]["steps"], kept["step"], kept["line"]) == (7.0, 7, 3)
    assert str(tmp_path / "reward-failed.json") in said


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("float('nan')", "returned nan, expected a finite number"),
        ("float('-inf')", "returned -inf, expected a finite number"),
        ("100000.1", "expected a number within ±100000"),
        ("-1e300", "returned -1e+300"),
        ("10 ** 400", "returned 1000"),
        ("None", "returned nothing (None), expected a number"),
        ("'fast'", "returned 'fast', expected a number"),
        ("(1.0,)", "returned (1.0,), expected a number"),
        ("[]", "returned [], expected a number"),
        ("1j", "returned 1j, expected a number"),
        ("__import__('numpy').ones(2)", "returned array([1., 1.])"),
        ("exit(3)", "SystemExit: 3"),
        ("p['sped']", "KeyError: 'sped'"),
        ("(lambda f: f(f))(lambda f: f(f))", "RecursionError"),
    ],
)
def test_what_is_no_reward_is_said_with_its_line(answer: str, problem: str, tmp_path: Path) -> None:
    said = fault_of(write(tmp_path, f"def reward_function(p):\n    x = 1\n    return {answer}\n"))
    assert ": line 3: " in said
    assert problem in said


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def reward_function(params):\n    print 'hello'\n", "line 2: is not Python 3"),
        ("def reward_function(params)\n    return 1\n", "line 1: is not Python 3: expected ':'"),
        ("def reward(params):\n    return 1\n", "defines reward, expected reward_function(params)"),
        ("", "defines nothing, expected reward_function(params)"),
        ("import no_such_module\ndef reward_function(p):\n    return 1\n", "line 1: ModuleNotFoundError"),
        ("def reward_function(p):\n    return 1\n\n1 / 0\n", "line 4: ZeroDivisionError"),
        ("reward_function = 3\n", "reward_function is int, expected a function"),
        ("def reward_function(p):\n    return 1\nraise SystemExit\n", "line 3: SystemExit"),
        ("x = '\0'\ndef reward_function(p): return 1", "is not Python"),
    ],
)
@pytest.mark.parametrize("how", [{}, {"workers": 1}], ids=["here", "worker"])
def test_a_file_that_cannot_be_run_is_said_in_one_line(
    code: str, problem: str, how: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "f.py"
    file.write_text(code)
    assert problem in fault_of(file, **how)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in fault_of(tmp_path / "none.py")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_function_or_a_reward_error(content: bytes) -> None:
    with suppress(RewardError):
        Script(content.decode("latin-1"), "f.py")


# -- other processes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", [{"workers": 1}, {"workers": 3}, {"workers": 9}, {"untrusted": True}], ids=str
)
def test_other_processes_pay_the_same(how: dict[str, object], tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        last = 0.0

        def reward_function(params):
            global last
            last = 0.9 * last + params["progress"] + len(params["objects_location"])
            return last + params["waypoints"][params["closest_waypoints"][1]][0]
        """,
    )
    told = driven(others=2)
    assert np.array_equal(paid_by(file, told, **how), paid_by(file, told))


def test_a_failure_in_another_process_names_the_right_car(tmp_path: Path) -> None:
    code = (
        "def reward_function(p):\n    if p['x'] == {x!r}:\n        raise ValueError('here')\n    return 1\n"
    )
    third = list(driven()[2].dicts())[3]
    said = fault_of(write(tmp_path, code.format(x=third["x"])), workers=2)
    assert "ValueError: here (car 3, episode " in said


def test_a_process_that_is_gone_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, "import os\ndef reward_function(p):\n    os._exit(9)\n")
    assert "its process ended with code 9" in fault_of(file, workers=1)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seed_gives_the_same_chances_whoever_else_draws(workers: int, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        import random
        import numpy as np
        import numpy.random as npr
        from numpy.random import rand
        from random import choice, Random

        def reward_function(params):
            drawn = random.random() + np.random.random() + npr.uniform() + rand() + choice([0.0, 1.0])
            return drawn + Random(3).random() + np.random.default_rng(4).random()
        """,
    )
    once = paid_by(file, workers=workers, seed=1)
    before = random.getstate()
    random.random()
    assert np.array_equal(once, paid_by(file, workers=workers, seed=1))
    assert not np.array_equal(once, paid_by(file, workers=workers, seed=2))
    random.setstate(before)
    expected = random.random()
    random.setstate(before)
    paid_by(file, seed=3)
    assert random.random() == expected


# -- strangers' functions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("does", "problem"),
    [
        ("open(VICTIM, 'w').write('x' * 100)", "Error"),
        ("__import__('socket').create_connection(('127.0.0.1', 9), 1)", "Error"),
        ("bytearray(8 << 30)", "MemoryError"),
    ],
)
def test_untrusted_functions_can_only_compute(does: str, problem: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    code = f"VICTIM = {str(victim)!r}\ndef reward_function(p):\n    {does}\n    return 1\n"
    said = fault_of(write(tmp_path, code), untrusted=True)
    assert problem in said
    assert victim.read_text() == "mine"


def test_an_untrusted_function_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("league.learn.reward.judging.ANSWER_S", 0.3)
    file = write(tmp_path, "def reward_function(p):\n    while True:\n        pass\n")
    assert "took longer than 0.3 s" in fault_of(file, untrusted=True)


def test_processes_are_gone_when_the_rewards_are_closed(tmp_path: Path) -> None:
    file = write(tmp_path, "import os\ndef reward_function(p):\n    return os.getpid() % 90001\n")
    rewards = Rewards(file, 5, workers=2)
    first = rewards(driven()[0])
    assert len(set(first.tolist())) == 2
    rewards.close()
    assert all(worker._process.poll() is not None for worker in rewards._crew._workers)  # type: ignore[union-attr]
    assert os.getpid() % 90001 not in first


# -- the form for many cars ------------------------------------------------------------------------

BOTH = """
    import numpy as np

    def reward_function(params):
        return params["speed"] * params["all_wheels_on_track"]

    def reward_batch(params):
        return params["speed"] * params["all_wheels_on_track"]
"""


def test_the_form_for_many_cars_is_used_where_there_is_one(tmp_path: Path) -> None:
    file = write(tmp_path, BOTH)
    assert Rewards(file, 5).vectorised
    assert not Rewards(file, 5, vectorised=False).vectorised
    one_by_one = paid_by(file, vectorised=False)
    assert np.array_equal(paid_by(file), one_by_one)
    assert np.array_equal(paid_by(file, workers=2), one_by_one)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("1.0", "returned shape (), expected (5,): one for each car"),
        ("params['waypoints']", "expected (5,)"),
        ("params['x'] / 0", "expected finite numbers within ±100000"),
        ("params['nothing']", "KeyError: 'nothing'"),
        ("['a'] * 5", "ValueError"),
    ],
)
def test_what_the_form_for_many_cars_may_not_return(answer: str, problem: str, tmp_path: Path) -> None:
    said = fault_of(write(tmp_path, f"def reward_batch(params):\n    return {answer}\n"))
    assert "reward_batch" in said
    assert problem in said


# -- what a worker loads ---------------------------------------------------------------------------


def test_what_workers_import_stays_light() -> None:
    import subprocess

    code = (
        "import sys, league.learn.reward.judging\n"
        "print([name for name in ('numba', 'torch', 'gymnasium', 'scipy', 'aiohttp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
