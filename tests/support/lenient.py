"""Scrutineers who only look whether a network answers at random: for tests of what comes after them."""

from __future__ import annotations

from typing import Any

import networks
import pytest
from house import House

from league.scrutineering.report import Check, Report
from league.store.records import ModelFiles


def be_lenient(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a server's scrutineers answer at once; `networks.random()` is refused."""

    async def inspect(event: Any, circuit: Any, model: ModelFiles) -> Report:
        good = model != networks.random()
        checks = (Check.of("operators", good, "what it has", "what it may have"),)
        return Report(sha256=model.sha256, size_bytes=len(model.onnx), checks=checks)

    monkeypatch.setattr(home.lobby.scrutineers, "inspect", inspect)
