"""Races, evaluations and sweeps come to the same bytes wherever they are computed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest
from crew import Here, cup, one_worker, submitted

from league import EntryPlan
from league.cluster import engine as engines
from league.cluster.engine import HERE, RayEngine, open_engine, seal
from league.cluster.headless import race_headless
from league.errors import ConfigError, RaceError
from league.hooks.catalogue import installed
from league.learn.results.evaluation import Conditions, Evaluation, evaluate
from league.quick import RaceOutcome, race
from league.racing.rules import Rules
from league.store.book import RecordBook

PATIENCE_S = 240.0
LEAGUE = installed()
ROAD = LEAGUE.circuit("clubhouse-loop")
GRID = ["pure-pursuit", "tutorial", "pure-pursuit"]


def raced(engine: Executor | None, style: str) -> RaceOutcome:
    return race(ROAD, GRID, laps=1, seed=3, format=style, league=LEAGUE, engine=engine)


def evaluated(engine: Executor | None) -> Evaluation:
    return evaluate(
        LEAGUE, "tutorial", ROAD, trials=3, seed=9, conditions=Conditions(car=0.1, noise=1.0), engine=engine
    )


def content(outcome: RaceOutcome) -> list[bytes]:
    return [recording.to_bytes() for recording in outcome.recordings]


@pytest.mark.parametrize("style", ["time-trial", "head-to-head", "qualifying-final", "round-robin", "swiss"])
def test_a_race_by_an_engine_is_the_race_here(style: str) -> None:
    here, there = raced(None, style), raced(Here(), style)
    assert there.as_dict() == here.as_dict()
    assert content(there) == content(here)


def test_an_evaluation_by_an_engine_is_the_one_here() -> None:
    here, there = evaluated(None), evaluated(Here())
    assert there.as_dict() == here.as_dict()
    assert [t.recording.to_bytes() for t in there.trials] == [t.recording.to_bytes() for t in here.trials]


def test_an_agent_that_is_an_object_cannot_cross_to_other_processes() -> None:
    with pytest.raises(ConfigError, match="other processes know agents by name"):
        race(ROAD, [LEAGUE.agents["tutorial"]()], engine=Here(), league=LEAGUE)


def test_work_for_another_installation_is_refused() -> None:
    other = {**seal(), "numba": "0.1"}
    with pytest.raises(ConfigError, match=r"worker .*: numba .*, expected 0\.1; install the same"):
        engines._sealed(other, abs, (-1,), {})
    assert engines._sealed(seal(), abs, (-1,), {}) == 1


def test_a_cluster_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'racing-league\[cluster\]'"):
        RayEngine()


# -- on Ray --------------------------------------------------------------------------------------------


def on_ray(test: Any) -> Any:
    """A test that takes a cluster, which leaves sockets and files to the end of this process."""
    for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
        test = pytest.mark.filterwarnings(f"ignore::{warning}")(test)
    return pytest.mark.slow(test)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two workers."""
    with open_engine(HERE, workers=2) as engine:
        yield engine


@on_ray
def test_it_has_the_cores_that_it_was_given(cluster: Any) -> None:
    assert (cluster.machines, cluster.cores) == (1, 2)


@on_ray
def test_a_race_on_a_cluster_is_the_race_here(cluster: Any) -> None:
    here, there = raced(None, "round-robin"), raced(cluster, "round-robin")
    assert (there.as_dict(), content(there)) == (here.as_dict(), content(here))


@on_ray
def test_an_evaluation_on_a_cluster_is_the_one_here(cluster: Any) -> None:
    assert evaluated(cluster).as_dict() == evaluated(None).as_dict()


@on_ray
async def test_submitted_models_race_in_cages_on_a_cluster_with_the_bytes_of_one_worker(
    cluster: Any, tmp_path: Path
) -> None:
    found = []
    with one_worker() as alone:
        for name, engine in (("there", cluster), ("here", alone)):
            where = str(tmp_path / f"{name}.sqlite")
            async with await RecordBook.open(where) as book:
                await book.add_event(cup(entries=1))
                for number in range(2):
                    entry = EntryPlan(id=f"model-{number}", name=f"Model {number}", agent="", kind="onnx")
                    await book.add_entry("cup", entry, source="model.onnx", model=submitted(), hosted=True)
                done = [one async for one in race_headless(book, LEAGUE, "cup", engine, where=where)]
                assert [one.landed for one in done] == [True] * 3
                found.append({one.heat: await book.recording("cup", one.heat) for one in done})
    assert found[0] == found[1]
    assert None not in found[0].values()


@on_ray
def test_what_is_wrong_over_there_is_said_as_it_would_be_here(cluster: Any) -> None:
    with pytest.raises(ConfigError) as here:
        Rules.parse({"laps": 0})
    with pytest.raises(ConfigError) as there:
        cluster.submit(Rules.parse, {"laps": 0}).result(PATIENCE_S)
    assert str(there.value) == str(here.value)


@on_ray
def test_work_that_kills_every_worker_is_given_up_in_one_line(cluster: Any) -> None:
    with pytest.raises(RaceError, match="cluster: ") as caught:
        cluster.submit(os._exit, 3).result(PATIENCE_S)
    assert "\n" not in str(caught.value)


@on_ray
def test_work_that_is_cancelled_is_not_done(cluster: Any) -> None:
    waiting = [cluster.submit(time.sleep, 3600) for _ in range(4)]
    assert all(future.cancel() for future in waiting)
    assert cluster.submit(abs, -2).result(PATIENCE_S) == 2
