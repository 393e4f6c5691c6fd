from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import ConfigError, InputError, UnknownNameError
from league.learn.settings.recipe import Recipe, read_recipe, recipe_files

LEAST = {"circuits": ["clover"], "budget": {"steps": 10}}


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_every_bundled_recipe_can_be_read_and_explains_itself(name: str) -> None:
    recipe = read_recipe(name)
    text = recipe_files()[name].read_text(encoding="utf-8")
    assert recipe.name == name
    assert recipe.about
    assert sum(line.startswith("#") for line in text.splitlines()) >= 5


def test_the_recipes_of_the_story_are_there() -> None:
    assert {"experiment-1", "experiment-2", "experiment-3", "sprint", "general"} <= set(recipe_files())
    third = read_recipe("experiment-3")
    assert third.start_from == "experiment-2"
    assert third.action_space.speed_mps == (1.1, 3.5)
    assert third.beside[0].laps_s == (9.257, 9.730, 10.730)


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_a_recipe_written_out_reads_as_the_same_recipe(name: str) -> None:
    recipe = read_recipe(name)
    assert Recipe.parse(tomllib.loads(recipe.toml())) == recipe


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "seed": st.integers(0, 2**31 - 1),
            "control_hz": st.integers(1, 60),
            "both_directions": st.booleans(),
            "vary": st.fixed_dictionaries({}, optional={"car": st.floats(0, 0.5), "noise": st.floats(0, 10)}),
            "action_space": st.fixed_dictionaries(
                {},
                optional={"actions": st.lists(st.tuples(st.floats(-30, 30), st.floats(0.1, 4)), max_size=5)},
            ),
            "learning": st.fixed_dictionaries(
                {}, optional={"network": st.lists(st.integers(1, 64), max_size=3)}
            ),
        },
    )
)
def test_any_recipe_survives_being_written_and_read(entries: dict[str, object]) -> None:
    recipe = Recipe.parse(LEAST | entries)
    assert Recipe.parse(tomllib.loads(recipe.toml())) == recipe


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"budget": {}}, "expected at least one"),
        ({"circuits": []}, "circuits"),
        ({"learning": {"lr": 0.1}}, "learning.lr"),
        ({"reward": {"kind": "file"}}, "file"),
        ({"action_space": {"speed_mps": [3.0, 1.0]}}, "low before high"),
        ({"episode": {"lap": "sometimes"}}, "episode.lap"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_entry_is_named_in_one_line(entries: dict[str, object], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        Recipe.parse(LEAST | entries, where="mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert "\n" not in str(caught.value)


def test_what_is_no_recipe_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("circuits = [", encoding="utf-8")
    with pytest.raises(ConfigError, match="not TOML"):
        read_recipe(broken)
    with pytest.raises(InputError, match="cannot be read"):
        read_recipe(tmp_path / "absent.toml")
    with pytest.raises(UnknownNameError, match="did you mean 'sprint'"):
        read_recipe("sprnt")


def test_files_that_a_recipe_names_are_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "pay.py").write_text("def reward_function(params):\n    return 1.0\n", encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(
        'circuits = ["clover"]\n[reward]\nkind = "file"\nfile = "pay.py"\n[budget]\nsteps = 1\n',
        encoding="utf-8",
    )
    recipe = read_recipe(file)
    assert recipe.name == "mine"
    assert recipe.reward.file == str(tmp_path / "pay.py")


def test_circuit_files_beside_a_recipe_are_found_either_way_round(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("", encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(
        'circuits = ["mine.csv:reversed", "clover:reversed"]\ntest_circuits = ["mine.csv"]\n'
        "[budget]\nsteps = 1\n",
        encoding="utf-8",
    )
    recipe = read_recipe(file)
    assert recipe.circuits == (f"{tmp_path / 'mine.csv'}:reversed", "clover:reversed")
    assert recipe.test_circuits == (str(tmp_path / "mine.csv"),)


def test_a_change_leaves_the_other_entries_of_a_group_alone() -> None:
    recipe = Recipe.parse(LEAST | {"learning": {"cars": 7, "epochs": 3}})
    changed = recipe.changed(learning={"cars": 9})
    assert (changed.learning.cars, changed.learning.epochs) == (9, 3)


def test_plugins_that_are_one_module_or_gone_do_not_hide_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "night_owl.py").write_text("")
    info = tmp_path / "night_owl-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: night-owl\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[league]\nnight-owl = night_owl\ngone = no_longer_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "sprint" in recipe_files()
