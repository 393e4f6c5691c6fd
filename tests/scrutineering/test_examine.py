"""Examining models, good and hostile, in a cage as the server does."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import Any

import networks
import pytest

from league import EntryPlan, HeatPlan, League, Rules
from league.cage.limits import Limits
from league.racing.heat import Heat
from league.racing.telling import briefing_fields
from league.scrutineering.examine import examine
from league.scrutineering.report import Check, Report
from league.store.records import ModelFiles

LIMITS = Limits(memory_bytes=1 << 30)
QUICK = (
    "not ONNX",
    "nested protobuf",
    "weights elsewhere",
    "endless loop",
    "huge constant",
    "huge by answer",
)


@cache
def told() -> dict[str, Any]:
    """What a model is told before a lap alone."""
    league = League()
    circuit = league.circuit("clubhouse-loop")
    plan = HeatPlan(
        id="solo", phase="solo", circuit=circuit.id, car="deepracer", rules=Rules(laps=1), seed=1,
        grid=(EntryPlan(id="model", name="model"),),
    )  # fmt: skip
    heat = Heat(plan, circuit, league.car("deepracer"), [league.sensor(name) for name in plan.rules.sensors])
    spec = [{"name": s.name, "id": s.id, "size": s.size, **s.describe()} for s in heat.sensors]
    return briefing_fields(heat.briefing(0), obs_spec=spec)


def look(model: ModelFiles, *, most_bytes: int = 1 << 20, limits: Limits = LIMITS) -> Report:
    return asyncio.run(examine(model, told(), most_bytes=most_bytes, limits=limits, niceness=0))


def failed(report: Report) -> Check:
    """The one check that did not pass, which is the last."""
    (check,) = (check for check in report.checks if not check.passed)
    assert check is report.checks[-1]
    return check


def test_a_good_model_passes_every_check() -> None:
    report = look(networks.steady())
    assert report.passed, report.reason
    assert report.sha256 == networks.steady().sha256
    assert [check.name for check in report.checks][-4:] == ["sensors", "pace", "answers", "same answers"]


def catches(name: str) -> None:
    make, check, word = networks.HOSTILE[name]
    report = look(make())
    assert (failed(report).name, report.passed) == (check, False), report.reason
    assert word in failed(report).found


@pytest.mark.parametrize("name", QUICK)
def test_a_hostile_model_is_caught_by_the_right_check_with_the_reason(name: str) -> None:
    catches(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(networks.HOSTILE) - set(QUICK)))
def test_every_hostile_model_is_caught_by_the_right_check_with_the_reason(name: str) -> None:
    catches(name)


def test_a_model_that_is_too_large_is_not_even_unpacked() -> None:
    report = look(networks.steady(), most_bytes=100)
    assert failed(report).name == "size"
    assert report.reason.startswith("size: found 1")
    assert report.reason.endswith("bytes, expected at most 100 bytes")


def test_a_program_that_is_ended_says_at_which_check() -> None:
    report = look(networks.huge_by_answer(3e9), limits=Limits(memory_bytes=64 << 20))
    assert not report.passed
    assert failed(report).found


def test_the_checks_read_from_json_what_they_were() -> None:
    report = Report(sha256="0" * 64, size_bytes=1, checks=(Check.of("size", True, "1\n byte", "more"),))
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert json.loads(report.model_dump_json())["checks"][0]["found"] == "1 byte"


def test_a_report_names_the_first_reason_and_how_many_more_there_are() -> None:
    checks = (Check.of("a", True, "x", "y"), Check.of("b", False, "c", "d"), Check.of("e", False, "f", "g"))
    report = Report(sha256="", size_bytes=0, checks=checks)
    assert report.reason == "b: found c, expected d (and 1 more)"
    assert not Report(sha256="", size_bytes=0).passed


@pytest.mark.slow
def test_the_models_of_the_handbook_pass(tmp_path: Path) -> None:
    """What torch's exporter writes uses no operator that is not allowed."""
    torch = pytest.importorskip("torch")
    import warnings

    layers = [
        torch.nn.Linear(105, 64),
        torch.nn.Tanh(),
        torch.nn.LayerNorm(64),
        torch.nn.Linear(64, 2),
        torch.nn.Tanh(),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            torch.nn.Sequential(*layers), (torch.zeros(1, 105),), str(tmp_path / "m.onnx"), dynamo=False
        )
    report = look(ModelFiles((tmp_path / "m.onnx").read_bytes(), networks.METADATA))
    assert report.passed, report.reason
