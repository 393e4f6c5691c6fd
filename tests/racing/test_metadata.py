"""DeepRacer's model_metadata.json: every variant is read, written back the same, and faults get one line."""

from __future__ import annotations

import json
from math import radians
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import ContinuousActions, DiscreteActions, ModelError, ModelMetadata, read_metadata

ACTIONS = [
    {"steering_angle": -30, "speed": 0.6, "index": 0},
    {"steering_angle": 15.5, "speed": 1, "index": 1},
]
RANGES = {"speed": {"high": 2, "low": 1}, "steering_angle": {"high": 30, "low": -30}}


def read(**entries: Any) -> ModelMetadata:
    return read_metadata(json.dumps({"action_space": ACTIONS} | entries))


def test_users_files_are_read_and_written_back_the_same(data_folder: Path) -> None:
    files = sorted((data_folder / "model_metadata").glob("*.json"))
    assert len(files) > 50
    kinds = set()
    for file in files:
        text = file.read_text(encoding="utf-8")
        found = read_metadata(text, where=file.name)
        assert read_metadata(found.text()) == found
        kinds.add((found.actions.kind, found.sensors, found.training_algorithm, found.version))
        given_space = json.loads(text)["action_space"]
        if isinstance(given_space, list):
            assert found.actions.size == len(given_space)
        for key, value in json.loads(found.text()).items():
            before = json.loads(text).get(key)
            if before is not None and key not in ("action_space", "version"):
                assert value == before, f"{file.name}: {key}"
    assert len(kinds) >= 8


def test_a_discrete_space_is_a_list_of_actions() -> None:
    actions = read().actions
    assert isinstance(actions, DiscreteActions)
    assert actions.pairs == ((-30.0, 0.6), (15.5, 1.0))
    assert actions.actions[0].steer_rad == radians(-30)
    assert np.allclose(
        actions.commands(np.array([[0.2, 0.1], [0, 1]])), [[radians(-30), 0.6], [radians(15.5), 1]]
    )
    assert actions.as_json() == ACTIONS


def test_a_continuous_space_is_two_ranges() -> None:
    actions = read(action_space=RANGES, action_space_type="continuous").actions
    assert isinstance(actions, ContinuousActions)
    answers = np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [9.0, -9.0]])
    limit = radians(30)
    assert np.allclose(actions.commands(answers), [[-limit, 1], [0, 1.5], [limit, 2], [limit, 1]])
    for answer, command in zip(answers, actions.commands(answers), strict=True):
        one = actions.command(answer)
        assert (one.steer_rad, one.speed_mps) == pytest.approx(tuple(command))
    assert actions.as_json() == RANGES


@pytest.mark.parametrize("bare", [ACTIONS, RANGES, {"action_space": ACTIONS}, {"action_space": RANGES}])
def test_a_bare_action_space_will_do(bare: Any) -> None:
    found = read_metadata(json.dumps(bare))
    assert found.actions.kind == ("continuous" if bare in (RANGES, {"action_space": RANGES}) else "discrete")
    assert (found.version, found.sensor, found.sensors) == (1.0, ("observation",), ("camera",))
    assert (found.training_algorithm, found.vision) == ("clipped_ppo", "shallow")


@pytest.mark.parametrize(
    ("entries", "version", "sensors"),
    [
        ({"sensor": ["FRONT_FACING_CAMERA"]}, 2.0, ("camera",)),
        ({"version": "5"}, 5.0, ("camera",)),
        ({"version": 3.0, "sensor": ["STEREO_CAMERAS", "LIDAR"]}, 3.0, ("camera-stereo", "lidar")),
        ({"version": "1.0", "sensor": ["STEREO_CAMERAS"]}, 1.0, ("camera",)),
        ({"sensor": ["STATE"]}, 2.0, ("state",)),
        ({"version": 1, "sensor": ["STATE"]}, 1.0, ("state",)),
        ({"sensor": ["SECTOR_LIDAR", "LEFT_CAMERA"]}, 2.0, ("lidar-sectors", "camera")),
        ({"sensor": ["DISCRETIZED_SECTOR_LIDAR"]}, 2.0, ("lidar-discretized",)),
        (
            {
                "sensor": ["DISCRETIZED_SECTOR_LIDAR"],
                "lidar_config": {"num_sectors": "4", "clipping_dist": 1.5},
            },
            2.0,
            ("lidar-discretized?sectors=4&clip_m=1.5",),
        ),
    ],
)
def test_sensors_have_the_leagues_names(
    entries: dict[str, Any], version: float, sensors: tuple[str, ...]
) -> None:
    found = read(**entries)
    assert (found.version, found.sensors) == (version, sensors)


def test_sensors_can_be_had_under_these_names() -> None:
    from league import League

    league = League()
    for name in ("FRONT_FACING_CAMERA", "STEREO_CAMERAS", "LIDAR", "SECTOR_LIDAR", "STATE"):
        assert league.sensor(read(sensor=[name]).sensors[0]).size > 0
    config = {"num_sectors": 16, "num_values_per_sector": 4, "clipping_dist": 1.5}
    asked = read(sensor=["DISCRETIZED_SECTOR_LIDAR"], lidar_config=config).sensors[0]
    assert league.sensor(asked).size == 16 * 4


def test_what_else_a_file_says_is_kept() -> None:
    found = read(preprocess_type="GREY_SCALE", regional_parameters=["0"])
    assert found.extra == {"preprocess_type": "GREY_SCALE", "regional_parameters": ["0"]}
    assert json.loads(found.text())["preprocess_type"] == "GREY_SCALE"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("3", "has no action_space"),
        ('{"acton_space": []}', "found 'acton_space', did you mean 'action_space'?"),
        ('{"action_space": [{"steering": 3, "speed": 1}]}', "did you mean 'steering_angle'?"),
        (
            '{"action_space": {"steering_angle": {"low": 1, "high": 2}, "sped": {}}}',
            "needs speed with low and high",
        ),
        (json.dumps({"action_space": ACTIONS, "sensor": ["CAMERA"]}), "sensor 'CAMERA' is unknown (known: "),
        (json.dumps({"action_space": ACTIONS, "sensor": []}), "expected a list of names"),
        (json.dumps({"action_space": ACTIONS, "sensor": [["LIDAR"]]}), "sensor ['LIDAR'] is unknown"),
        (json.dumps({"action_space": [{"steering_angle": 10**400, "speed": 1}]}), "expected a number"),
        (json.dumps({"action_space": ACTIONS, "version": 10**400}), "expected a number such as 5"),
        (json.dumps({"action_space": ACTIONS, "sensor": ["LIDAR", "SECTOR_LIDAR"]}), "more than one LIDAR"),
        (
            json.dumps({"action_space": ACTIONS, "sensor": ["LEFT_CAMERA", "observation"]}),
            "more than one camera",
        ),
        (json.dumps({"action_space": ACTIONS, "sensor": ["STATE", "STATE"]}), "names a sensor twice"),
        (json.dumps({"action_space": ACTIONS, "version": "five"}), "version is 'five', expected a number"),
        (json.dumps({"action_space": ACTIONS, "version": True}), "version is True"),
        (json.dumps({"action_space": ACTIONS, "neural_network": "CNN"}), "expected one of DEEP_CONV"),
        (
            json.dumps({"action_space": ACTIONS, "training_algorithm": "dqn"}),
            "expected one of clipped_ppo, sac",
        ),
        (json.dumps({"action_space": ACTIONS, "training_algorithm": "sac"}), "expected continuous actions"),
        (
            json.dumps({"action_space": ACTIONS, "lidar_config": {"num_sectors": 7}}),
            "a number that divides 64",
        ),
        (json.dumps({"action_space": ACTIONS, "lidar_config": 3}), "expected an object"),
        (
            json.dumps({"action_space": RANGES, "action_space_type": "box"}),
            "expected 'continuous' or 'discrete'",
        ),
    ],
)
def test_a_wrong_file_gets_one_line(text: str, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_metadata(text, where="m.json")
    assert str(caught.value).startswith("m.json: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["action_space", "speed", "steering_angle", "low", "high", "sensor",
                                       "version", "lidar_config", "num_sectors"]), inner, max_size=4)
)))  # fmt: skip
def test_anything_is_metadata_or_a_model_error(anything: Any) -> None:
    try:
        found = read_metadata(json.dumps(anything))
    except ModelError:
        return
    assert read_metadata(found.text()) == found
