from __future__ import annotations

import json

import pytest

from league.server import measuring
from league.server.measuring import measure


@pytest.mark.slow
def test_heats_and_viewers_are_measured_beside_plain_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "AGENTS", (2,))
    told: list[str] = []
    heat, shown = measure(2.0, told.append, viewers=5)
    json.dumps([heat, shown])
    assert len(told) == 2
    for row in (heat, shown):
        assert min(row["value"], row["reference"]) > 0
        assert row["ratio"] == row["value"] / row["reference"]
    assert heat["unit"] == "ticks/s"
    assert shown["unit"] == "of a core"
    assert 0 < shown["encoded"] <= shown["frames"] + 1  # once for all five
