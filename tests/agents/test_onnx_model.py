"""The ONNX driver: it drives as the network does in torch, and names what is wrong with a model."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from math import pi, radians
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import (
    Agent,
    Command,
    ContinuousActions,
    DiscreteActions,
    InputError,
    League,
    LeagueError,
    ModelError,
    Observation,
    race,
    read_metadata,
)
from league.testing import check_agent
from league_agents.onnx_model import (
    OnnxDriver,
    has_outside_weights,
    open_session,
)

torch = pytest.importorskip("torch", reason="torch exports the models of these tests")
onnx = pytest.importorskip("onnx", reason="onnx builds the models of these tests")

CONTINUOUS = {
    "action_space_type": "continuous",
    "action_space": {"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 0.5, "high": 1.9}},
}
DISCRETE = {
    "action_space": [
        {"steering_angle": angle, "speed": 1.2, "index": index}
        for index, angle in enumerate((-25, -8, 8, 25))
    ]
}


class Steering(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A network that follows the road, with a random layer on top that disturbs it a little."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.hidden = torch.nn.Linear(105, 32)
        self.out = torch.nn.Linear(32, outputs)
        self.road = torch.nn.Linear(105, outputs, bias=False)
        weights = torch.zeros(outputs, 105)
        lean = torch.linspace(-1, 1, outputs) if outputs > 2 else torch.tensor([1.0, 0.0])
        weights[:, 16] = 2.2 * lean  # y of the centre line, 0.8 m ahead
        self.road.weight.data = weights

    def forward(self, state: Any) -> Any:
        near = torch.clamp(state, -5, 5)
        return self.road(state) + 0.05 * self.out(torch.tanh(self.hidden(near)))


def export(network: Any, file: Path, *, shape: tuple[int, ...] = (1, 105), **options: Any) -> Path:
    """Export as users do, by torch's exporter."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        torch.onnx.export(network, torch.zeros(shape), str(file), dynamo=False, **options)
    return file


def save(folder: Path, network: Any, metadata: object, **options: Any) -> Path:
    export(network, folder / "model.onnx", **options)
    (folder / "model_metadata.json").write_text(json.dumps(metadata))
    return folder


class InTorch(Agent):
    """The same network in torch; scales its answers by hand, as DeepRacer does."""

    def __init__(self, network: Any, metadata: dict[str, Any]) -> None:
        self.network, self.metadata = network, metadata
        self.answers: list[Command] = []

    def act(self, seen: Observation) -> Command:
        with torch.no_grad():
            out = self.network(torch.from_numpy(seen.state.copy())[None])[0].tolist()
        space = self.metadata["action_space"]
        if isinstance(space, list):
            action = space[int(np.argmax(out))]
            command = Command(action["steering_angle"] * pi / 180, float(action["speed"]))
        else:
            steer, speed = (
                bounds["low"] + (max(-1.0, min(1.0, value)) + 1) / 2 * (bounds["high"] - bounds["low"])
                for value, bounds in zip(out, (space["steering_angle"], space["speed"]), strict=True)
            )
            command = Command(steer * pi / 180, speed)
        self.answers.append(command)
        return command


class Listening(OnnxDriver):
    """The driver, noting what it answers."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.answers: list[Command] = []

    def act(self, seen: Observation) -> Command:
        self.answers.append(super().act(seen))
        return self.answers[-1]


@pytest.mark.parametrize("metadata", [CONTINUOUS, DISCRETE], ids=["continuous", "discrete"])
@pytest.mark.parametrize("batch", [False, True], ids=["(1, 105)", "(batch, 105)"])
def test_a_model_from_torch_drives_exactly_as_in_torch(
    metadata: dict[str, Any], batch: bool, tmp_path: Path
) -> None:
    network = Steering(2 if metadata is CONTINUOUS else 4).eval()
    options = {"input_names": ["obs"], "dynamic_axes": {"obs": {0: "batch"}}} if batch else {}
    folder = save(tmp_path / "model", network, metadata, **options)
    in_onnx, in_torch = Listening(folder), InTorch(network, metadata)
    raced = [race("a-to-z-speedway", [driver], laps=3, seed=1) for driver in (in_onnx, in_torch)]
    assert len(in_onnx.answers) == len(in_torch.answers) > 300
    for mine, its in zip(in_onnx.answers, in_torch.answers, strict=True):
        assert mine.steer_rad == pytest.approx(its.steer_rad, abs=1e-6)
        assert mine.speed_mps == pytest.approx(its.speed_mps, abs=1e-6)
    mine_s, its_s = (outcome.standings[0].total_s for outcome in raced)
    assert raced[0].standings[0].status == "FIN"
    assert mine_s == pytest.approx(its_s, abs=1e-3)


def test_a_model_drives_by_its_path(tmp_path: Path) -> None:
    folder = save(tmp_path / "swift", Steering(2), CONTINUOUS)
    league = League()
    for ref, name in ((folder, "swift"), (folder / "model.onnx", "model")):
        named = league.agent(str(ref))
        assert named.name == name
        assert isinstance(named.make(), OnnxDriver)
    (entry,) = race("a-to-z-speedway", [str(folder)], laps=1).standings
    assert (entry.status, entry.off_tracks) == ("FIN", 0)


def test_it_keeps_the_contract_of_agents(tmp_path: Path) -> None:
    folder = save(tmp_path, Steering(2), CONTINUOUS)
    assert check_agent(lambda: OnnxDriver(folder)).progress_m > 5


def test_metadata_may_be_inside_the_file(tmp_path: Path) -> None:
    file = export(Steering(4), tmp_path / "alone.onnx")
    model = onnx.load(str(file))
    model.metadata_props.add(key="model_metadata", value=json.dumps(DISCRETE))
    onnx.save(model, str(file))
    assert check_agent(lambda: OnnxDriver(file)).progress_m > 5


def test_onnx_without_a_model_says_what_to_name_instead() -> None:
    with pytest.raises(ModelError, match=r"name its \.onnx file or its folder"):
        race("a-to-z-speedway", ["onnx"])


# -- broken models ---------------------------------------------------------------------------------


def said_of(path: Path) -> str:
    """The one line that a model's error is."""
    with pytest.raises(ModelError) as caught:
        race("a-to-z-speedway", [OnnxDriver(path)], laps=1)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path if path.suffix else path / "model") in text
    return text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelError, match="no such file"):
            OnnxDriver(path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08", bytes(1000), b"PK\x03\x04" * 50])
def test_a_file_that_is_no_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    assert "is not ONNX" in said_of(file)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path, Steering(2), CONTINUOUS)
    file = folder / "model.onnx"
    file.write_bytes(file.read_bytes()[:-300])
    assert "is not ONNX" in said_of(file)


def test_missing_metadata_are_asked_for(tmp_path: Path) -> None:
    file = export(Steering(2), tmp_path / "model.onnx")
    said = said_of(file)
    assert "expected model_metadata.json beside it" in said
    assert "'model_metadata'" in said


@pytest.mark.parametrize("shape", [(1, 104), (1, 3, 105), (105,), (2, 105), (1, 1, 120, 160)])
def test_another_input_shape_is_named(shape: tuple[int, ...], tmp_path: Path) -> None:
    class Summing(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, state: Any) -> Any:
            return torch.stack((state.sum(), state.mean()))[None]

    folder = save(tmp_path, Summing(), CONTINUOUS, shape=shape)
    said = said_of(folder)
    assert f"of shape {shape}" in said
    assert "expected tensor(float) of shape (1, 105), the state observation" in said


def test_a_network_of_doubles_is_refused(tmp_path: Path) -> None:
    model = _model([("obs", onnx.TensorProto.DOUBLE, [1, 105])])
    assert "input is tensor(double)" in said_of(_saved(model, tmp_path))


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    model = _model([("obs", onnx.TensorProto.FLOAT, [1, 105]), ("mask", onnx.TensorProto.FLOAT, [1, 105])])
    assert "has 2 inputs (obs, mask), expected one" in said_of(_saved(model, tmp_path))


@pytest.mark.parametrize(
    ("outputs", "metadata", "said"),
    [
        (3, CONTINUOUS, "answers with shape (1, 3), expected 2 numbers, steering and speed"),
        (5, DISCRETE, "answers with shape (1, 5), expected 4 numbers, one per action"),
    ],
)
def test_another_output_size_is_named(outputs: int, metadata: Any, said: str, tmp_path: Path) -> None:
    assert said in said_of(save(tmp_path, Steering(outputs), metadata))


def test_an_answer_that_is_not_finite_is_found_on_the_road_too(tmp_path: Path) -> None:
    class Root(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, state: Any) -> Any:
            return torch.sqrt(0.5 - state[:, :1]).repeat(1, 2)  # of the speed: NaN beyond 0.5 m/s

    assert "answers with a number that is not finite" in said_of(save(tmp_path, Root(), CONTINUOUS))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    file = export(Steering(2), tmp_path / "inside.onnx")
    model = onnx.load(str(file))
    assert not has_outside_weights(file.read_bytes())
    target = tmp_path / "model.onnx"
    onnx.save(model, str(target), save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert has_outside_weights(target.read_bytes())
    (tmp_path / "model_metadata.json").write_text(json.dumps(CONTINUOUS))
    assert "keeps weights in another file" in said_of(target)


def test_weights_hidden_in_an_attribute_are_found() -> None:
    tensor = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL, data_type=1, dims=[1])
    tensor.external_data.add(key="location", value="/etc/passwd")
    inner = onnx.helper.make_graph(
        [onnx.helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], []
    )
    branch = onnx.helper.make_node("If", ["yes"], ["out"], then_branch=inner, else_branch=inner)
    graph = onnx.helper.make_graph([branch], "outer", [], [])
    assert has_outside_weights(onnx.helper.make_model(graph).SerializeToString())


def test_an_unknown_operator_is_told_in_one_line(tmp_path: Path) -> None:
    model = _model([("obs", onnx.TensorProto.FLOAT, [1, 105])], operator="Levitate")
    assert "onnxruntime cannot load it" in said_of(_saved(model, tmp_path))


def _model(inputs: list[tuple[str, int, list[int]]], operator: str = "Identity") -> Any:
    """A model of one node; sound as protobuf, whatever else it is."""
    helper = onnx.helper
    values = [helper.make_tensor_value_info(*item) for item in inputs]
    out = helper.make_tensor_value_info("out", inputs[0][1], inputs[0][2])
    node = helper.make_node(operator, [inputs[0][0]], ["out"])
    graph = helper.make_graph([node], "graph", values, [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _saved(model: Any, folder: Path) -> Path:
    file = folder / "model.onnx"
    onnx.save(model, str(file))
    (folder / "model_metadata.json").write_text(json.dumps(CONTINUOUS))
    return file


def test_the_session_uses_one_thread(tmp_path: Path) -> None:
    session = open_session(export(Steering(2), tmp_path / "model.onnx"))
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert session.get_providers() == ["CPUExecutionProvider"]


@given(st.binary(max_size=400))
def test_random_bytes_are_judged_without_a_crash(content: bytes) -> None:
    with suppress(ValueError):
        assert has_outside_weights(content) in (True, False)


# -- metadata --------------------------------------------------------------------------------------


def read(metadata: object) -> Any:
    return read_metadata(json.dumps(metadata), where="model_metadata.json").actions


def test_continuous_actions_are_scaled_linearly_and_clipped() -> None:
    actions = read(CONTINUOUS)
    assert isinstance(actions, ContinuousActions)
    for answer, steer_deg, speed_mps in (
        ((-1, -1), -30, 0.5),
        ((1, 1), 30, 1.9),
        ((0, 0), 0, 1.2),
        ((0.5, -0.5), 15, 0.85),
        ((7, -9), 30, 0.5),
    ):
        command = actions.command(np.array(answer, dtype=np.float32))
        assert command.steer_rad == pytest.approx(radians(steer_deg), abs=1e-9)
        assert command.speed_mps == pytest.approx(speed_mps)


def test_of_discrete_actions_the_greatest_wins() -> None:
    actions = read(DISCRETE)
    assert isinstance(actions, DiscreteActions)
    assert actions.size == 4
    assert actions.command(np.array([0.1, 0.2, 0.9, 0.3], dtype=np.float32)) == Command(radians(8), 1.2)
    assert actions.command(np.array([0.5, 0.5, 0.1, 0.5], dtype=np.float32)) == Command(radians(-25), 1.2)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ([], "has no action_space"),
        ({}, "has no action_space"),
        ({"action_space": []}, "must be a list of actions, found []"),
        ({"action_space": {}, "action_space_type": "discrete"}, "must be a list of actions"),
        ({"action_space": [{"speed": 1}]}, "action 0: steering_angle is None, expected a number"),
        ({"action_space": [{"speed": "fast", "steering_angle": 0}]}, "action 0: speed is 'fast'"),
        ({"action_space": [1]}, "action 0: steering_angle is None"),
        ({"action_space": [], "action_space_type": "fuzzy"}, "action_space_type is 'fuzzy'"),
        ({"action_space": {}}, "needs steering_angle with low and high, found None"),
        (
            {"action_space": {"steering_angle": {"low": 30, "high": -30}, "speed": {"low": 1, "high": 2}}},
            "steering_angle is from 30 to -30",
        ),
        (
            {"action_space": {"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 1}}},
            "speed: high is None",
        ),
    ],
)
def test_bad_metadata_get_one_line(metadata: object, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(metadata)
    assert str(caught.value).startswith("model_metadata.json: ")
    assert said in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ModelError, match=r"^m\.json: [^\n]*$"):
        read_metadata(text, where="m.json")


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(ModelError, match="not JSON"):
        read_metadata("[" * 200_000, where="m.json")


def test_metadata_of_deepracer_users_are_read(data_folder: Path) -> None:
    files = sorted((data_folder / "model_metadata").glob("*.json"))
    assert len(files) > 20
    kinds = {type(read_metadata(file.read_text(encoding="utf-8"), where=file.name).actions) for file in files}
    assert kinds == {ContinuousActions, DiscreteActions}


def test_model_errors_are_input_errors() -> None:
    assert issubclass(ModelError, InputError)
    assert issubclass(InputError, LeagueError)
