"""Loading plugins, the catalogue, and that a stranger's faults stop nobody."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from league import Agent, Command, EntryPlan, EventPlan, HeatPlan, League, Observation, Rules, hookimpl
from league.errors import CircuitError, InputError, UnknownNameError
from league.hooks import specs
from league.hooks.plugins import load


class Slow(Agent):
    def act(self, seen: Observation) -> Command:
        return Command(0.0, 0.5)


class Adds:
    """A plugin that adds an agent."""

    @hookimpl
    def register_agents(self) -> dict[str, type[Agent]]:
        return {"slow": Slow}


class AddsTheSame:
    @hookimpl
    def register_agents(self) -> dict[str, Any]:
        return {"slow": Agent, "slower": Slow}


class Misspelt:
    @hookimpl
    def register_agent(self) -> dict[str, type[Agent]]:
        return {"slow": Slow}


class WrongArguments:
    @hookimpl
    def on_lap(self, lap_time: float) -> None: ...


class Raises:
    @hookimpl
    def register_agents(self) -> dict[str, type[Agent]]:
        raise RuntimeError("no licence")


class Nonsense:
    @hookimpl
    def register_cars(self) -> dict[str, object]:
        return {"tank": "heavy"}


class NoHooks:
    pass


def league(*extra: object) -> League:
    return League(extra=extra, installed=False)


def only(plugins: League) -> Any:
    (report,) = plugins.plugins
    return report


def test_a_plugin_adds_what_it_registers() -> None:
    opened = league(Adds())
    assert only(opened).status == "loaded"
    assert only(opened).hooks == ("register_agents",)
    assert isinstance(opened.agent("slow").make(), Slow)


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        (Misspelt(), "; did you mean 'register_agents'?"),
        (WrongArguments(), "lap_time"),
        (Raises(), "no licence"),
        (Nonsense(), "tank"),
        (NoHooks(), "no hook"),
    ],
)
def test_a_broken_plugin_is_left_out_with_its_reason_and_the_others_load(plugin: object, reason: str) -> None:
    opened = league(plugin, Adds())
    broken, good = opened.plugins
    assert broken.status == "left out"
    assert reason in broken.reason
    assert good.status == "loaded"
    assert set(opened.agents) == {"slow"}


def test_of_two_plugins_with_one_name_the_first_keeps_it_and_the_other_is_reported() -> None:
    opened = league(Adds(), AddsTheSame())
    assert opened.agents["slow"] is Slow
    assert "slower" in opened.agents
    assert len(opened.conflicts) == 1
    assert "slow" in opened.conflicts[0]


def test_a_plugin_whose_import_fails_is_left_out() -> None:
    point = EntryPoint("broken", "no_such_module_anywhere", specs.GROUP)
    manager, reports = load([point], [Adds()])
    assert [report.status for report in reports] == ["left out", "loaded"]
    assert "no_such_module_anywhere" in reports[0].reason
    assert len(manager.get_plugins()) == 1


def event() -> EventPlan:
    return EventPlan(id="e", name="E", circuit="c", format="time-trial")


def test_a_listener_that_raises_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    told = []

    class Listens:
        @hookimpl
        def on_heat_started(self, heat: str) -> None:
            told.append(heat)

    class Breaks:
        @hookimpl
        def on_heat_started(self) -> None:
            raise ValueError("oh no")

    opened = league(Listens(), Breaks(), Listens())
    with caplog.at_level(logging.ERROR):
        opened.tell("on_heat_started", event=event(), heat="h1", names=("a",))
    assert told == ["h1", "h1"]
    assert "Breaks" in caplog.text


def heat(count: int = 3) -> HeatPlan:
    grid = tuple(EntryPlan(id=f"e{index}", name=f"E{index}") for index in range(count))
    return HeatPlan(id="h", phase="final", circuit="c", car="deepracer", rules=Rules(), seed=1, grid=grid)


def test_a_plugin_may_choose_the_grid() -> None:
    class Reverses:
        @hookimpl
        def choose_grid(self, entries: tuple[EntryPlan, ...]) -> tuple[EntryPlan, ...]:
            return tuple(reversed(entries))

    chosen = league(Reverses()).arrange(event(), heat())
    assert [entry.id for entry in chosen.grid] == ["e2", "e1", "e0"]


def test_a_grid_of_other_entries_is_ignored() -> None:
    class Cheats:
        @hookimpl
        def choose_grid(self, entries: tuple[EntryPlan, ...]) -> tuple[EntryPlan, ...]:
            return entries[:1]

    assert league(Cheats()).arrange(event(), heat()) == heat()


def test_a_plugin_that_fails_to_choose_leaves_the_grid_as_it_is() -> None:
    class Fails:
        @hookimpl
        def choose_grid(self) -> None:
            raise RuntimeError

    assert league(Fails()).arrange(event(), heat()) == heat()


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no agent is called 'slwo'; did you mean 'slow'\?.*known: slow"
    ):
        league(Adds()).agent("slwo")
    with pytest.raises(UnknownNameError, match="no circuit is called 'monza'"):
        league().circuit("monza")


def test_a_class_in_a_module_is_an_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "my_driver.py").write_text(
        "from league import Agent, Command\n"
        "class Mine(Agent):\n    def act(self, seen): return Command(0.0, 1.0)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    opened = league()
    assert opened.agent("my_driver:Mine").make().act(None).speed_mps == 1.0  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no Agent called 'Nine' \(it has: Mine\)"):
        opened.agent("my_driver:Nine")
    with pytest.raises(InputError, match="cannot import 'nowhere'"):
        opened.agent("nowhere:Mine")


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    opened = League()
    with pytest.raises(InputError, match=r"gone\.onnx: no such file"):
        opened.agent(str(tmp_path / "gone.onnx"))
    with pytest.raises(InputError, match=r"model\.onnx: no such file"):
        opened.agent(str(tmp_path))


def test_a_circuit_file_that_does_not_exist_or_has_no_reader_is_named(tmp_path: Path) -> None:
    opened = League()
    with pytest.raises(CircuitError, match=r"gone\.toml: no such file"):
        opened.circuit(str(tmp_path / "gone.toml"))
    odd = tmp_path / "circuit.xyz"
    odd.write_text("")
    with pytest.raises(CircuitError, match=r"no reader for files ending in '\.xyz' \(known: .*\.npy"):
        opened.circuit(str(odd))


def test_a_circuit_may_be_driven_the_other_way_by_name() -> None:
    opened = League()
    there, back = opened.circuit("a-to-z-speedway"), opened.circuit("a-to-z-speedway:reversed")
    assert (there.direction, back.direction) == ("anticlockwise", "clockwise")
    assert back.length_m == pytest.approx(there.length_m)


def test_every_hook_is_typed_documented_and_in_the_handbook() -> None:
    handbook = (Path(__file__).parents[2] / "plugins" / "README.md").read_text(encoding="utf-8")
    families = ("register_", "on_", "choose_")
    hooks = {name: what for name, what in vars(specs).items() if name.startswith(families)}
    assert len(hooks) >= 12
    for name, hook in hooks.items():
        assert hook.__doc__, name
        assert hook.__annotations__.get("return") is not None, name
        assert f"### `{name}" in handbook, f"plugins/README.md does not explain {name}"
    titles = [line for line in handbook.splitlines() if line.startswith("### `")]
    documented = {title.split("`")[1].split("(")[0] for title in titles}
    assert documented == set(hooks), "the handbook explains a hook that does not exist"
