"""Any network in ONNX whose input is the state observation, driven by onnxruntime on one thread.

A network that sees something else says so by the names of its inputs: "camera", "camera-stereo", "lidar",
"lidar-sectors", "lidar-discretized", also several of them, and "state" among them; `league train` names them
so. Each is float32 with a first dimension of 1 or open, and as many numbers as the sensor gives.

A model is a folder with `model.onnx` and `model_metadata.json`, or an `.onnx` file that has its
`model_metadata.json` beside it or the same text in its metadata under "model_metadata". The metadata are
DeepRacer's: they say what the network's answers mean. onnxruntime is imported when a heat is prepared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import (
    METADATA_FILE,
    MODEL_FILE,
    Agent,
    Briefing,
    Command,
    DiscreteActions,
    ModelError,
    ModelMetadata,
    Observation,
    hookimpl,
    read_metadata,
)

STATE_SIZE = 105
MOST_BYTES = 256 << 20
METADATA_KEY = "model_metadata"
SENSORS = ("state", "camera", "camera-stereo", "lidar", "lidar-sectors", "lidar-discretized")
"""Names of inputs that are names of sensors."""

Answer = NDArray[np.float32]


class OnnxDriver(Agent):
    """Let a network drive.

    Args:
        path: The model's folder, or its `.onnx` file.

    Raises:
        ModelError: There is no such model, or its metadata cannot be used. What is wrong with the network
            itself is found when a heat is prepared.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        if path is None:
            raise ModelError("the agent 'onnx' needs a model: name its .onnx file or its folder instead")
        given = Path(path)
        self.file = given / MODEL_FILE if given.is_dir() else given
        if not self.file.is_file():
            raise ModelError(f"{self.file}: no such file, expected a model in ONNX")
        self.inputs = self._inputs()
        self.sensors = self._asked()  # type: ignore[misc]

    def _inputs(self) -> tuple[str, ...]:
        """Names of the sensors that the network's inputs name, in their order; "state" if they name none."""
        try:
            names = input_names(_content(self.file))
        except (ModelError, ValueError):
            return ("state",)  # what is wrong is told when a heat is prepared
        return names if names and set(names) <= set(SENSORS) else ("state",)

    def _asked(self) -> tuple[str, ...]:
        """The same as events are asked for them: with the options that the metadata give."""
        beside = self.file.with_name(METADATA_FILE)
        if "lidar-discretized" not in self.inputs or not beside.is_file():
            return self.inputs
        known = {text.partition("?")[0]: text for text in self._metadata().sensors}
        return tuple(known.get(name, name) for name in self.inputs)

    def prepare(self, briefing: Briefing) -> None:
        """Load the network and try it once."""
        self.fastest_mps = briefing.car.max_speed_mps
        self.session = open_session(self.file)
        self.shapes: dict[str, tuple[int, ...]]
        if self.inputs == ("state",):
            self.shapes = {self._input_name(): (1, STATE_SIZE)}
        else:
            self.shapes = {str(given.name): self._shape(given) for given in self.session.get_inputs()}
        self.actions = self._metadata().actions
        self.ask([np.zeros(shape, dtype=np.float32) for shape in self.shapes.values()])

    def act(self, seen: Observation) -> Command:
        """Ask the network once."""
        command = self.actions.command(self.ask([self._seen(name, seen) for name in self.inputs]))
        return Command(command.steer_rad, min(max(command.speed_mps, 0.0), self.fastest_mps))

    def _seen(self, name: str, seen: Observation) -> NDArray[np.float32]:
        if name == "state":
            return seen.state
        if name not in seen.sensors:
            raise ModelError(f"{self.file}: sees {name!r}, expected an event that offers this sensor")
        return seen.sensors[name]

    def _shape(self, given: Any) -> tuple[int, ...]:
        """The shape of an input for one car."""
        open_, *sizes = given.shape or (None,)
        fixed = [size for size in sizes if isinstance(size, int) and size > 0]
        if (
            given.type != "tensor(float)"
            or len(fixed) != len(sizes)
            or (isinstance(open_, int) and open_ != 1)
        ):
            raise ModelError(
                f"{self.file}: its input {given.name!r} is {given.type} of shape {tuple(given.shape)}, "
                "expected tensor(float) of a shape that begins with 1"
            )
        return (1, *fixed)

    def ask(self, seen: Sequence[NDArray[np.float32]]) -> Answer:
        """The network's answer to what it sees, one array for each input.

        Raises:
            ModelError: The answer has the wrong size or is not finite, or the network failed.
        """
        try:
            shown = {
                name: part.reshape(shape)
                for (name, shape), part in zip(self.shapes.items(), seen, strict=True)
            }
            answer = self.session.run(None, shown)[0]
        except Exception as error:  # noqa: BLE001 - onnxruntime has no common ancestor for its errors
            raise ModelError(f"{self.file}: the network failed: {_one_line(error)}") from None
        answer = np.asarray(answer)
        size = self.actions.size
        if answer.size != size:
            meaning = "one per action" if isinstance(self.actions, DiscreteActions) else "steering and speed"
            raise ModelError(
                f"{self.file}: answers with shape {answer.shape}, expected {size} numbers, {meaning}"
            )
        if not np.isfinite(answer).all():
            raise ModelError(f"{self.file}: answers with a number that is not finite")
        return answer.reshape(size)

    def _input_name(self) -> str:
        inputs = self.session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(item.name for item in inputs) or "none"
            raise ModelError(
                f"{self.file}: has {len(inputs)} inputs ({names}), expected one, the state observation"
            )
        shape, kind = inputs[0].shape, inputs[0].type
        wanted = (1, STATE_SIZE)  # a dimension that is no number is open
        fits = len(shape) == 2 and all(
            not isinstance(found, int) or found == size for found, size in zip(shape, wanted, strict=True)
        )
        if not fits or kind != "tensor(float)":
            raise ModelError(
                f"{self.file}: its input is {kind} of shape {tuple(shape)}, "
                f"expected tensor(float) of shape (1, {STATE_SIZE}), the state observation"
            )
        return str(inputs[0].name)

    def _metadata(self) -> ModelMetadata:
        beside = self.file.with_name(METADATA_FILE)
        if beside.is_file():
            try:
                return read_metadata(beside.read_text(encoding="utf-8"), where=str(beside))
            except (OSError, UnicodeDecodeError) as error:
                raise ModelError(f"{beside}: cannot be read: {_one_line(error)}") from None
        inside = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if inside is None:
            raise ModelError(
                f"{self.file}: nothing says what its answers mean, expected {METADATA_FILE} beside it "
                f"or its text in the model's metadata under {METADATA_KEY!r}"
            )
        return read_metadata(inside, where=f"{self.file}: metadata {METADATA_KEY!r}")


def open_session(file: Path) -> Any:
    """A model's onnxruntime session on one thread that sleeps while it waits.

    The model is loaded from memory and must hold all of its weights: weights in other files would let a
    model read whatever the server can.

    Raises:
        ModelError: The file is too large, is no ONNX, refers to other files, or is of a version or has
            operators that onnxruntime does not know.
    """
    import onnxruntime

    content = _content(file)
    try:
        if has_outside_weights(content):
            raise ModelError(f"{file}: keeps weights in another file, expected all of them inside")
    except ValueError:
        raise ModelError(f"{file}: is not ONNX") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    for which in ("intra", "inter"):
        options.add_session_config_entry(f"session.{which}_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime has no common ancestor for its errors
        raise ModelError(f"{file}: onnxruntime cannot load it: {_one_line(error)}") from None


def _content(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise ModelError(f"{file}: has {size >> 20} MiB, expected at most {MOST_BYTES >> 20}")
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}") from None


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


# -- looking for weights outside the file ----------------------------------------------------------

# Where tensors can hide: message to field number to the message in it (onnx.proto3, IR version 10).
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 64


def has_outside_weights(content: bytes) -> bool:
    """Whether a model says of any tensor that its numbers are in another file.

    Raises:
        ValueError: The bytes are no ONNX model.
    """
    view = memoryview(content)
    if not any(number == 7 for number, _ in _fields(view)):
        raise ValueError("no graph")
    return _outside(view, "model", 0)


def input_names(content: bytes) -> tuple[str, ...]:
    """Names of a model's inputs, in their order, without those of weights that old files list among them.

    Raises:
        ValueError: The bytes are no ONNX model.
    """
    weights: set[str] = set()
    names: list[str] = []
    for graph in _parts(memoryview(content), 7):
        weights |= {_text(name) for tensor in _parts(graph, 5) for name in _parts(tensor, 8)}
        names += [_text(name) for given in _parts(graph, 11) for name in _parts(given, 1)]
    return tuple(name for name in names if name not in weights)


def _parts(view: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in _fields(view):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _text(view: memoryview) -> str:
    return bytes(view).decode("utf-8", "replace")


def _outside(view: memoryview, message: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    for number, value in _fields(view):
        if message == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1)):
            return True
        inner = _MESSAGES[message].get(number)
        if inner is not None and isinstance(value, memoryview) and _outside(value, inner, depth + 1):
            return True
    return False


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message: numbers and contents, of which only varints are decoded."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(view, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(view, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if number == 0 or at + length > len(view):
            raise ValueError("cut short")
        yield number, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("cut short")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("number too long")


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under the name by which the league asks for it when an agent is a model file."""
    return {"onnx": OnnxDriver}
