"""The agents' checker: what it accepts, and what it says of each breach of the contract."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from league import Agent, Briefing, Command, LeagueError, Observation
from league.testing import AgentCheckError, check_agent, oval


class Good(Agent):
    """Steers for the point ahead."""

    def act(self, seen: Observation) -> Command:
        x_m, y_m = (float(value) for value in seen.ahead[1, :2])
        return Command(steer_rad=max(-0.5, min(0.5, y_m / max(x_m, 0.1))), speed_mps=1.2)


def acting(act: Callable[[Agent, Observation], Any]) -> type[Agent]:
    """A driver that answers like this."""
    return type("Made", (Agent,), {"act": act})


def test_a_good_agent_passes_and_is_reported_on() -> None:
    report = check_agent(Good)
    assert report.progress_m > 10
    assert report.off_tracks == 0
    assert 0 < report.act_mean_s <= report.act_slowest_s


@pytest.mark.parametrize("given", [Good, Good(), lambda: Good()], ids=["class", "instance", "function"])
def test_a_class_an_instance_or_a_function_may_be_checked(given: Any) -> None:
    assert check_agent(given).progress_m > 10


def test_the_oval_is_driven_anticlockwise_and_closes() -> None:
    circuit = oval()
    assert not circuit.clockwise
    assert circuit.length_m == pytest.approx(13.5, abs=0.1)
    assert circuit.segment_m.max() < 0.3


def test_a_breach_is_an_error_of_the_league_and_of_a_test() -> None:
    with pytest.raises(AgentCheckError) as caught:
        check_agent(acting(lambda self, seen: None))
    assert isinstance(caught.value, LeagueError)
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "answered None, expected a league.Command"),
        ((0.1, 1.0), "expected a league.Command"),
        (Command(float("nan"), 1.0), "steer_rad is nan, expected a finite number"),
        (Command(0.0, float("inf")), "speed_mps is inf"),
        (Command(20.0, 1.0), "steer_rad is 20, expected -1.57 to 1.57, in radians"),
        (Command(0.0, 4.5), "speed_mps is 4.5, expected 0.00 to 4.00"),
        (Command(0.0, -0.1), "speed_mps is -0.1"),
        (Command(np.float32(0.1), 1.0), "steer_rad is a float32, expected a plain number: write float(...)"),  # type: ignore[arg-type]
        (Command(True, 1.0), "steer_rad is a bool"),
        (Command(0.0, 1.0, note="x" * 257), "the note is too long"),
        (Command(0.0, 0.0), "drove 0.00 m in 15 s"),
    ],
)
def test_an_unusable_answer_is_named(answer: object, said: str) -> None:
    with pytest.raises(AgentCheckError) as caught:
        check_agent(acting(lambda self, seen: answer))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_agent_without_act_is_told_to_define_it() -> None:
    with pytest.raises(AgentCheckError, match="does not define act"):
        check_agent(type("Idle", (Agent,), {}))


@pytest.mark.parametrize(
    ("sensors", "said"),
    [
        ("state", "expected a tuple of names"),
        ((), "at least one name"),
        (("state", "state"), "each once"),
        (("state", "radar"), "names 'radar', which nobody offers"),
        ((1,), "expected a tuple of names"),
    ],
)
def test_wrong_sensors_are_named(sensors: object, said: str) -> None:
    with pytest.raises(AgentCheckError, match=said):
        check_agent(type("Made", (Good,), {"sensors": sensors}))


def test_what_cannot_make_an_agent_is_refused() -> None:
    class Needy(Good):
        def __init__(self, path: str) -> None:
            self.path = path

    with pytest.raises(AgentCheckError, match="without arguments"):
        check_agent(Needy)
    with pytest.raises(AgentCheckError, match="makes a dict"):
        check_agent(dict)  # type: ignore[arg-type]
    with pytest.raises(AgentCheckError, match="is a str"):
        check_agent("tutorial")  # type: ignore[arg-type]
    assert check_agent(lambda: Needy("model")).progress_m > 10


def test_chance_without_a_seed_is_found() -> None:
    chance = random.Random(7)

    def act(self: Agent, seen: Observation) -> Command:
        return Command(0.05 * chance.random(), 1.0)

    with pytest.raises(AgentCheckError, match=r"draw random numbers from briefing\.seed"):
        check_agent(acting(act))
    assert check_agent(acting(act), deterministic=False).progress_m > 1


def test_what_is_left_over_from_another_heat_is_found() -> None:
    class Tiring(Good):
        ticks = 0

        def act(self, seen: Observation) -> Command:
            self.ticks += 1
            return Command(0.0, max(1.5 - 0.001 * self.ticks, 0.5))

    assert check_agent(Tiring).progress_m > 1
    with pytest.raises(AgentCheckError, match="start from scratch in prepare"):
        check_agent(Tiring())


def test_changing_the_observation_is_found() -> None:
    def act(self: Agent, seen: Observation) -> Command:
        seen.state[:] = 0
        return Command(0.0, 1.0)

    with pytest.raises(AgentCheckError, match="changed the 'state' observation"):
        check_agent(acting(act))


def test_what_an_agent_raises_is_told_with_the_place() -> None:
    class Broken(Good):
        def prepare(self, briefing: Briefing) -> None:
            raise RuntimeError("no weights")

    class Fragile(Good):
        def act(self, seen: Observation) -> Command:
            if seen.opponents:
                raise IndexError("crowded")
            return super().act(seen)

    class Rude(Good):
        def finish(self, result: Mapping[str, Any]) -> None:
            raise ValueError("I was robbed")

    for made, said in (
        (Broken, "prepare raised RuntimeError: no weights"),
        (Fragile, "act raised IndexError at tick 0: crowded"),
        (Rude, "finish raised ValueError: I was robbed"),
    ):
        with pytest.raises(AgentCheckError, match=said):
            check_agent(made)


def test_a_prepare_that_returns_something_is_found() -> None:
    class Chatty(Good):
        def prepare(self, briefing: Briefing) -> str:  # type: ignore[override]
            return "ready"

    with pytest.raises(AgentCheckError, match="prepare returned 'ready'"):
        check_agent(Chatty)


def test_answers_slower_than_a_server_grants_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(0.06 * tick for tick in range(100_000))  # every look at the clock is 60 ms later
    monkeypatch.setattr("league.testing.agents.perf_counter", lambda: next(clock))
    with pytest.raises(AgentCheckError, match=r"for \d+ answers, expected 50 ms each and 2 s once"):
        check_agent(Good)


def test_a_slow_prepare_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(21.0 * tick for tick in range(100))
    monkeypatch.setattr("league.testing.agents.perf_counter", lambda: next(clock))
    with pytest.raises(AgentCheckError, match=r"prepare took 21.0 s, expected at most 20 s"):
        check_agent(Good)
