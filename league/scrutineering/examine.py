"""Examining a model from outside: the bench is started in its cage, and what it tells is put together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgpack
from pydantic import ValidationError

from league.cage.limits import Limits
from league.cage.program import CagedProgram, Ending
from league.scrutineering.report import Check, Report
from league.store.records import ModelFiles

PATIENCE_S: Final = 90.0
"""Time on the clock for everything; the limit of processor time is met long before on a quiet machine."""
CPU_S: Final = 30
NICENESS: Final = 10
"""Races go first."""
_MODEL, _BRIEFING = "model", "briefing"
_OUTPUT_BYTES: Final = 256 * 1024


async def examine(
    model: ModelFiles, told: Mapping[str, Any], *, most_bytes: int, limits: Limits, niceness: int = NICENESS
) -> Report:
    """Look at a model and ask it, in a cage.

    Args:
        model: Its files.
        told: The assignment to a heat, as `briefing_fields` makes it.
        most_bytes: Largest ONNX file.
        limits: Of the race; processor time is less here.
        niceness: How far it stands back behind others.
    """
    size = len(model.onnx)
    within = size <= most_bytes
    checks = [
        Check.of("digest", True, model.sha256, "SHA-256 of both files"),
        Check.of("size", within, f"{size} bytes", f"at most {most_bytes} bytes"),
    ]
    if within:
        checks += await _at_the_bench(model, told, limits, niceness)
    return Report(sha256=model.sha256, size_bytes=size, checks=tuple(checks))


async def _at_the_bench(
    model: ModelFiles, told: Mapping[str, Any], limits: Limits, niceness: int
) -> list[Check]:
    given = {**asdict(limits), "cpu_s": min(limits.cpu_s, CPU_S)}

    def orders(folder: Path) -> bytes:
        places = {"model": str(folder / _MODEL), "briefing": str(folder / _BRIEFING), "limits": given}
        return json.dumps(places).encode() + b"\n"

    program = CagedProgram(
        "league.scrutineering",
        orders,
        limits=Limits(**given),
        files={**model.files(_MODEL), _BRIEFING: msgpack.packb(dict(told))},
        output_bytes=_OUTPUT_BYTES,
        niceness=niceness,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            ending = await program.run()
    except TimeoutError:
        ending = Ending(-9, f"its program did not end within {PATIENCE_S:g} s", program.output)
    return _read(ending)


def _read(ending: Ending) -> list[Check]:
    """What the bench told; the check that it was at when it ended by itself has failed."""
    checks: list[Check] = []
    begun, expected, done = "start", "a program that runs", False
    for line in ending.output.splitlines():
        try:
            told = json.loads(line)
            if "begin" in told:
                begun, expected = str(told["begin"])[:80], str(told["expected"])[:200]
            elif "done" in told:
                done = True
            else:
                checks.append(Check.model_validate(told))
        except (ValueError, TypeError, KeyError, ValidationError):
            break
    if not done:
        checks.append(Check.of(begun, False, ending.reason, expected))
    return checks
