from __future__ import annotations

from pathlib import Path

import pytest

from league.learn.results import cost
from league.learn.results.cost import Meter, Prices


def zone(folder: Path, name: str, joules: float, full_uj: int = 10_000_000) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(str(int(joules * 1e6) % full_uj))
    (folder / name / "max_energy_range_uj").write_text(str(full_uj - 1))


def test_energy_is_that_of_whole_processors_also_when_a_counter_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "RAPL", tmp_path)
    zone(tmp_path, "intel-rapl:0", 9.0)
    zone(tmp_path, "intel-rapl:0:0", 5.0)
    meter = Meter()
    zone(tmp_path, "intel-rapl:0", 12.6)
    zone(tmp_path, "intel-rapl:0:0", 8.0)
    card = meter.card(steps=1, control_hz=15, prices=Prices())
    assert card.energy_wh == pytest.approx(3.6 / 3600, abs=1e-4)


def test_energy_that_nobody_may_read_is_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "RAPL", tmp_path / "absent")
    assert Meter().card(steps=1, control_hz=15, prices=Prices()).energy_wh is None


def test_money_follows_from_what_was_used_and_the_prices_named() -> None:
    meter = Meter()
    sum(range(2_000_000))
    meter.add({"wall_s": 1800.0, "cpu_s": 3600.0})
    card = meter.card(steps=54_000, control_hz=15, prices=Prices(cpu_hour_usd=0.1, cloud_hour_usd=3.5))
    assert card.simulated_hours == 1.0
    assert card.cloud_usd == 3.5
    assert card.wall_s > 1800.0
    assert card.cpu_hours > 1.0
    assert card.cost_usd == pytest.approx(card.cpu_hours * 0.1, abs=1e-5)
    assert set(card.as_dict()) >= {"steps", "energy_wh", "cpu_hour_usd", "cloud_hour_usd", "load_before"}
