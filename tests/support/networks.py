"""Networks for tests: some that drive, some that mean harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from league.store.records import ModelFiles

STATE = 105
METADATA = json.dumps(
    {
        "action_space_type": "continuous",
        "action_space": {"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 0.0, "high": 3.0}},
    }
)


def value(name: str, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def constant(name: str, numbers: Any, kind: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(numbers, kind), name)


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
    inputs: Sequence[onnx.ValueInfoProto] | None = None,
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
    **more: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "net",
        [value("state", (1, STATE))] if inputs is None else list(inputs),
        [value("action", (1, 2))] if outputs is None else list(outputs),
        list(weights),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **more)


def files(made: onnx.ModelProto | bytes, metadata: str = METADATA) -> ModelFiles:
    return ModelFiles(made if isinstance(made, bytes) else made.SerializeToString(), metadata)


def places() -> tuple[int, int]:
    """Where offset and heading error stand in the state."""
    from league.racing.agent import Observation

    found = []
    for name in ("offset_m", "heading_error_rad"):
        for place in range(STATE):
            state = np.zeros(STATE, np.float32)
            state[place] = 0.5
            if getattr(Observation(0, 0, state), name) != getattr(Observation(0, 0, state * 0), name):
                found.append(place)
                break
    return found[0], found[1]


def steady(speed: float = 1.2) -> ModelFiles:
    """A network of one layer that keeps to the middle of the road."""
    offset, heading = places()
    gains = np.zeros((STATE, 2), np.float32)
    most_rad = np.radians(30)
    gains[offset, 0], gains[heading, 0] = -1 / most_rad, -1.5 / most_rad
    bias = np.array([0.0, speed / 1.5 - 1], np.float32)
    nodes = [
        helper.make_node("Gemm", ["state", "gains", "bias"], ["raw"]),
        helper.make_node("Clip", ["raw", "low", "high"], ["action"]),
    ]
    return files(
        model(
            nodes,
            [constant("gains", gains), constant("bias", bias), constant("low", -1), constant("high", 1)],
        )
    )


def _to_action(name: str) -> list[onnx.NodeProto]:
    """From whatever to a proper answer, so that only one thing is wrong."""
    return [
        helper.make_node("ReduceMax", [name], ["most"], keepdims=0),
        helper.make_node("Expand", ["most", "answer_shape"], ["action"]),
    ]


_ANSWER = constant("answer_shape", [1, 2], np.int64)


def not_onnx() -> ModelFiles:
    return files(b"not a network")


def cut_short() -> ModelFiles:
    whole = steady().onnx
    return files(whole[: len(whole) * 2 // 3])


def nested_protobuf() -> ModelFiles:
    """Groups within groups: a graph in an attribute of a node in a graph, 50,000 deep."""

    def wrapped(number: int, inner: bytes) -> bytes:
        size, text = len(inner), bytearray()
        while size > 0x7F:
            text.append(size & 0x7F | 0x80)
            size >>= 7
        return bytes((number << 3 | 2,)) + bytes(text) + bytes((size,)) + inner

    inner = b""
    for _ in range(3000):
        inner = wrapped(1, wrapped(5, wrapped(6, inner)))
    return files(wrapped(7, inner))


def outside_weights(place: str = "/etc/passwd") -> ModelFiles:
    made = onnx.load_model_from_string(steady().onnx)
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", place), ("offset", "0"), ("length", str(STATE * 8))):
        tensor.external_data.add(key=key, value=text)
    return files(made)


def huge_constant(numbers: int = 1 << 30) -> ModelFiles:
    """A few bytes that become gigabytes when it is loaded."""
    nodes = [helper.make_node("ConstantOfShape", ["huge"], ["filled"]), *_to_action("filled")]
    return files(model(nodes, [constant("huge", [numbers], np.int64), _ANSWER]))


def huge_by_answer(numbers: float = 3e9) -> ModelFiles:
    """Gigabytes whose number only the run tells, so that no look at the file can."""
    nodes = [
        helper.make_node("Shape", ["state"], ["shape"]),
        helper.make_node("ReduceMax", ["state"], ["top"], keepdims=0),
        helper.make_node("Mul", ["top", "zero"], ["nought"]),
        helper.make_node("Add", ["nought", "many"], ["count"]),
        helper.make_node("Cast", ["count"], ["counted"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["counted", "one"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["filled"]),
        *_to_action("filled"),
    ]
    weights = [constant("zero", 0.0), constant("many", numbers), constant("one", [1], np.int64), _ANSWER]
    return files(model(nodes, weights))


def huge_declared() -> ModelFiles:
    """A weight that says that it has 2⁴⁰ numbers, and holds none."""
    made = onnx.load_model_from_string(steady().onnx)
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.ClearField("dims")
    tensor.dims.extend([1 << 20, 1 << 20])
    return files(made)


def endless_loop() -> ModelFiles:
    """A loop of 2⁶² rounds."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["x", "x"], ["y"])],
        "body",
        [value("round", (), TensorProto.INT64), value("go", (), TensorProto.BOOL), value("x", (1, 2))],
        [value("go_on", (), TensorProto.BOOL), value("y", (1, 2))],
    )
    nodes = [
        helper.make_node("Slice", ["state", "from", "to", "axis"], ["start"]),
        helper.make_node("Loop", ["rounds", "go_first", "start"], ["action"], body=body),
    ]
    weights = [
        constant("rounds", 1 << 62, np.int64),
        constant("go_first", True, np.bool_),
        constant("from", [0], np.int64),
        constant("to", [2], np.int64),
        constant("axis", [1], np.int64),
    ]
    return files(model(nodes, weights))


def slow(size: int = 1400) -> ModelFiles:
    """Allowed arithmetic that takes far longer than an answer may."""
    nodes = [
        helper.make_node("ReduceMax", ["state"], ["top"], keepdims=0),
        helper.make_node("Expand", ["top", "square"], ["a0"]),
        *(helper.make_node("MatMul", [f"a{n}", f"a{n}"], [f"a{n + 1}"]) for n in range(8)),
        helper.make_node("Clip", ["a8", "low", "high"], ["clipped"]),
        *_to_action("clipped"),
    ]
    weights = [constant("square", [size, size], np.int64), constant("low", -1), constant("high", 1), _ANSWER]
    return files(model(nodes, weights))


def not_finite() -> ModelFiles:
    nodes = [
        helper.make_node("ReduceMax", ["state"], ["top"], keepdims=0),
        helper.make_node("Log", ["top"], ["logged"]),
        *_to_action("logged"),
    ]
    return files(model(nodes, [_ANSWER]))


def random() -> ModelFiles:
    nodes = [helper.make_node("RandomUniformLike", ["state"], ["noise"]), *_to_action("noise")]
    return files(model(nodes, [_ANSWER]))


def own_function() -> ModelFiles:
    function = helper.make_function(
        "own",
        "Own",
        ["a"],
        ["b"],
        [helper.make_node("Identity", ["a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    made = onnx.load_model_from_string(steady().onnx)
    made.functions.append(function)
    made.opset_import.append(helper.make_opsetid("own", 1))
    return files(made)


def foreign_operator() -> ModelFiles:
    made = onnx.load_model_from_string(steady().onnx)
    made.graph.node[0].domain = "com.example"
    made.opset_import.append(helper.make_opsetid("com.example", 1))
    return files(made)


def wrong_size() -> ModelFiles:
    nodes = [
        helper.make_node("ReduceMax", ["state"], ["top"], keepdims=1),
        helper.make_node("Identity", ["top"], ["action"]),
    ]
    return files(model(nodes, outputs=[value("action", (1, 1))]))


def too_many_nodes(count: int = 30_000) -> ModelFiles:
    nodes = [helper.make_node("Identity", [f"n{n}" if n else "state"], [f"n{n + 1}"]) for n in range(count)]
    return files(model([*nodes, *_to_action(f"n{count}")], [_ANSWER]))


def bad_metadata() -> ModelFiles:
    return ModelFiles(steady().onnx, '{"action_space_type": "continuous", "action_space": {}}')


def future_opset() -> ModelFiles:
    made = onnx.load_model_from_string(steady().onnx)
    made.opset_import[0].version = 999
    return files(made)


HOSTILE: dict[str, tuple[Callable[[], ModelFiles], str, str]] = {
    "not ONNX": (not_onnx, "format", "broken protobuf"),
    "cut short": (cut_short, "format", "broken protobuf"),
    "nested protobuf": (nested_protobuf, "format", "broken protobuf"),
    "too many nodes": (too_many_nodes, "format", "30002 nodes"),
    "weights elsewhere": (outside_weights, "weights inside", "'/etc/passwd'"),
    "future opset": (future_opset, "opset", "opset 999"),
    "endless loop": (endless_loop, "operators", "operator 'Loop'"),
    "random answers": (random, "operators", "operator 'RandomUniformLike'"),
    "function of its own": (own_function, "operators", "function 'Own'"),
    "foreign operator": (foreign_operator, "operators", "'com.example'"),
    "huge constant": (huge_constant, "shapes", "1073741824 numbers"),
    "huge weight": (huge_declared, "shapes", "1048576×1048576"),
    "bad metadata": (bad_metadata, "loads", "steering_angle"),
    "wrong size": (wrong_size, "loads", "expected 2 numbers"),
    "huge by answer": (huge_by_answer, "loads", "ConstantOfShape"),
    "slow": (slow, "pace", "ms, half of them within"),
    "not finite": (not_finite, "loads", "not finite"),
}
"""Each with the check that must catch it, and a word of the reason."""
