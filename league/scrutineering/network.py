"""A network looked at without running it: whether it is ONNX, all of it is there, and it only computes.

Runs in a cage: reading a stranger's file is work for a parser in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, Final

import onnx
from google.protobuf.message import DecodeError
from onnx import shape_inference

from league.scrutineering.operators import OPERATORS
from league.scrutineering.report import Check

OLDEST_OPSET: Final = 7
MOST_NODES: Final = 20_000
MOST_NUMBERS: Final = 16 << 20
"""In one tensor: 64 MiB of float32, a thousand times the largest layer of DeepRacer's networks."""
_DEFAULT_DOMAINS = ("", "ai.onnx")


class Fault(Exception):  # noqa: N818 - not a failure of ours but what was looked for
    """What was found is not as it should be."""


def look_at(content: bytes, begin: Callable[[str, str], None]) -> Iterator[Check]:
    """Look at a network from outside in; ends early where the rest cannot be looked at.

    Args:
        content: The ONNX file.
        begin: Told each check's name and what is expected before it is made, in case it is the last.
    """

    def check(name: str, expected: str, look: Callable[[], str]) -> Check:
        begin(name, expected)
        try:
            return Check.of(name, True, look(), expected)
        except Fault as fault:
            return Check.of(name, False, fault, expected)

    model = onnx.ModelProto()
    yield (first := check("format", "an ONNX network", lambda: _parse(model, content)))
    if not first.passed:
        return
    checks = (
        ("weights inside", "all weights in the file itself", _weights_inside),
        ("opset", f"{OLDEST_OPSET} to {onnx.defs.onnx_opset_version()} of ONNX's own operators", _opset),
        ("operators", "arithmetic only, no loops, branches, randomness or functions", _operators),
        ("shapes", f"at most {MOST_NUMBERS} numbers in a tensor", _shapes),
    )
    for name, expected, look in checks:
        done = check(name, expected, lambda look=look: look(model))  # type: ignore[misc]
        yield done
        if not done.passed:
            return
    yield check("well formed", "a graph that ONNX's own checker accepts", lambda: _well_formed(model))


def _parse(model: onnx.ModelProto, content: bytes) -> str:
    try:
        model.ParseFromString(content)
    except (DecodeError, ValueError) as error:
        raise Fault(f"a broken protobuf ({_first_line(error)})") from None
    if not model.HasField("graph") or not model.graph.node:
        raise Fault("a file without a graph")
    if len(model.graph.node) > MOST_NODES:
        raise Fault(f"{len(model.graph.node)} nodes, more than {MOST_NODES}")
    by = f" by {model.producer_name}" if model.producer_name else ""
    return f"IR {model.ir_version}{by}, {len(model.graph.node)} nodes"


def _weights_inside(model: onnx.ModelProto) -> str:
    weights = 0
    for tensor in _tensors(model):
        weights += 1
        if tensor.data_location == onnx.TensorProto.EXTERNAL or len(tensor.external_data):
            where = next((item.value for item in tensor.external_data if item.key == "location"), "")
            raise Fault(f"tensor {tensor.name!r} in another file, {where!r}")
    return f"{weights} tensors"


def _opset(model: onnx.ModelProto) -> str:
    versions = [opset.version for opset in model.opset_import if opset.domain in _DEFAULT_DOMAINS]
    if len(versions) != 1:
        raise Fault(f"{len(versions)} versions of ONNX's operators")
    if not OLDEST_OPSET <= versions[0] <= onnx.defs.onnx_opset_version():
        raise Fault(f"opset {versions[0]}")
    return f"opset {versions[0]}"


def _operators(model: onnx.ModelProto) -> str:
    if len(model.functions):
        raise Fault(f"a function {model.functions[0].name!r} of its own")
    if len(model.training_info):
        raise Fault("instructions for training")
    used: set[str] = set()
    for node in model.graph.node:
        if node.domain not in _DEFAULT_DOMAINS:
            raise Fault(f"operator {node.op_type!r} of {node.domain!r}")
        if node.op_type not in OPERATORS:
            raise Fault(f"operator {node.op_type!r}")
        for attribute in node.attribute:
            if attribute.HasField("g") or len(attribute.graphs):
                raise Fault(f"a graph inside operator {node.op_type!r}")
        used.add(node.op_type)
    shown = sorted(used)
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")


def _shapes(model: onnx.ModelProto) -> str:
    if len(model.graph.sparse_initializer):
        raise Fault("sparse tensors")
    for tensor in _tensors(model):
        _check_size(f"tensor {tensor.name!r}", tensor.dims)
        size = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize if tensor.data_type else 0
        if tensor.HasField("raw_data") and size and len(tensor.raw_data) > size * prod(tensor.dims):
            raise Fault(f"tensor {tensor.name!r} with {len(tensor.raw_data)} bytes for {_shape(tensor.dims)}")
    # Sizes are computed as they would be for one car.
    inferred = onnx.ModelProto()
    inferred.CopyFrom(model)
    for value in inferred.graph.input:
        for dimension in value.type.tensor_type.shape.dim:
            if not dimension.HasField("dim_value"):
                dimension.dim_value = 1
    try:
        inferred = shape_inference.infer_shapes(inferred, data_prop=True)
    except (shape_inference.InferenceError, ValueError, RuntimeError, MemoryError) as error:
        raise Fault(f"shapes that do not fit ({_first_line(error)})") from None
    largest = 0
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        dims = [size.dim_value for size in value.type.tensor_type.shape.dim if size.HasField("dim_value")]
        _check_size(f"value {value.name!r}", dims)
        largest = max(largest, prod(dims))
    return f"at most {largest} numbers"


def _check_size(what: str, dims: Any) -> None:
    if any(size < 0 for size in dims) or prod(dims) > MOST_NUMBERS:
        raise Fault(f"{what} of shape {_shape(dims)}, {prod(dims)} numbers")


def _well_formed(model: onnx.ModelProto) -> str:
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, MemoryError) as error:
        raise Fault(_first_line(error)) from None
    return "accepted"


def _tensors(message: Any) -> Iterator[onnx.TensorProto]:
    """Every tensor in a message, however deep; how deep is limited by the parser."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        parts = value if not hasattr(value, "ListFields") else (value,)
        for part in parts:
            if isinstance(part, onnx.TensorProto):
                yield part
            else:
                yield from _tensors(part)


def _shape(dims: Any) -> str:
    return "×".join(map(str, dims)) or "()"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
