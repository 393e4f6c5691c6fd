"""A recording as MCAP, which Foxglove and other robotics tools open (mcap.dev, foxglove.dev).

Foxglove's own message schemas, as protocol buffers, so that panels show them without being told how:

    /circuit        foxglove.SceneUpdate    the road, once
    /cars           foxglove.SceneUpdate    every car as a box with its name, every tick; boxes and bots, too
    /tf             foxglove.FrameTransforms  every car's frame in the frame "world"
    /car/N/pose     foxglove.PoseInFrame    one topic a car, N is its seat
    /car/N/state    JSON                    speed, lap, place along the road and what the driver asked for
    /log            foxglove.Log            what the referee saw

Times count from the green light. The same recording gives the same bytes.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.racing.fact import Fact
from league.racing.heat import FRAME_FIELDS, OUT
from league.racing.recording import Recording

if TYPE_CHECKING:
    from foxglove_schemas_protobuf.SceneEntity_pb2 import SceneEntity

WORLD: Final = "world"
CAR_HEIGHT_M: Final = 0.12
BOX_HEIGHT_M: Final = 0.3
COLOURS: Final = (
    (0.90, 0.22, 0.21), (0.13, 0.47, 0.87), (0.20, 0.66, 0.33), (0.96, 0.62, 0.04),
    (0.56, 0.27, 0.78), (0.00, 0.65, 0.68), (0.91, 0.35, 0.65), (0.55, 0.45, 0.33),
)  # fmt: skip
"""Of the cars by seat: red, green and blue, 0 to 1."""
_WARNINGS: Final = ("off_track", "contact", "immobilised", "reversed", "penalty", "dnf")
_STATE: Final = {
    "type": "object",
    "title": "league.CarState",
    "properties": {
        name: {"type": kind}
        for name, kind in (
            ("speed_mps", "number"), ("along_m", "number"), ("lap", "integer"), ("flags", "integer"),
            ("asked_steer_rad", ["number", "null"]), ("asked_speed_mps", ["number", "null"]),
        )
    },
}  # fmt: skip


def mcap(recording: Recording) -> bytes:
    """The recording as an MCAP file's content.

    Raises:
        ConfigError: The packages for it are not installed.
    """
    try:
        from mcap.writer import Writer
        from mcap_protobuf.schema import register_schema
    except ImportError:
        raise ConfigError(
            "MCAP needs more packages, which are not installed: pip install 'racing-league[mcap]'"
        ) from None
    out = io.BytesIO()
    writer: Any = Writer(out)
    writer.start()
    _Scene(recording, writer, register_schema).write()
    writer.finish()
    return out.getvalue()


class _Scene:
    """Writes one recording, message by message in order of time."""

    def __init__(self, recording: Recording, writer: Any, register: Callable[[Any, Any], int]) -> None:
        self._recording, self._writer, self._register = recording, writer, register
        self._channels: dict[str, int] = {}
        self._hz = recording.plan.rules.control_hz
        self._names = [entry.name for entry in recording.plan.grid]
        self._states: list[int] = []

    def write(self) -> None:
        recording = self._recording
        about = {
            "circuit": recording.circuit.id,
            "car": recording.car.id,
            "heat": recording.plan.id,
            "seed": str(recording.plan.seed),
            "state_hash": recording.result.state_hash,
            **{f"seat {seat}": name for seat, name in enumerate(self._names)},
        }
        self._writer.add_metadata("heat", about)
        schema = self._writer.register_schema("league.CarState", "jsonschema", json.dumps(_STATE).encode())
        self._states = [
            self._writer.register_channel(f"/car/{seat}/state", "json", schema)
            for seat in range(len(self._names))
        ]
        self._say("/circuit", self._road(), 0)
        facts: dict[int, list[Fact]] = {}
        for fact in recording.facts:
            facts.setdefault(fact.tick, []).append(fact)
        for tick in range(len(recording.frames)):
            self._tick(tick)
            for fact in facts.get(tick, ()):
                self._log(fact)
        result = json.dumps(recording.result.model_dump(mode="json"), sort_keys=True).encode()
        self._writer.add_attachment(0, 0, "result.json", "application/json", result)

    def _tick(self, tick: int) -> None:
        from foxglove_schemas_protobuf.FrameTransforms_pb2 import FrameTransforms
        from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
        from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate

        time_ns = tick * 1_000_000_000 // self._hz
        frame = self._recording.frames[tick]
        transforms, scene = FrameTransforms(), SceneUpdate()
        for seat, car in enumerate(frame):
            one = transforms.transforms.add(parent_frame_id=WORLD, child_frame_id=f"car/{seat}")
            _stamp(one.timestamp, time_ns)
            one.translation.x, one.translation.y = float(car[0]), float(car[1])
            _turn(one.rotation, float(car[2]))
            pose = PoseInFrame(frame_id=WORLD)
            _stamp(pose.timestamp, time_ns)
            _place(pose.pose, float(car[0]), float(car[1]), 0.0, float(car[2]))
            self._say(f"/car/{seat}/pose", pose, time_ns)
            self._state(tick, seat, time_ns)
            self._car(scene.entities.add(id=f"car/{seat}", frame_id=f"car/{seat}"), seat, car, time_ns)
        for number, bot in enumerate(self._recording.bot_frames[tick]):
            entity = scene.entities.add(id=f"bot/{number}", frame_id=WORLD)
            _stamp(entity.timestamp, time_ns)
            size = self._recording.bots[number]
            x_m, y_m, yaw_rad = (float(value) for value in bot[:3])
            _block(entity, x_m, y_m, yaw_rad, size.length_m, size.width_m)
        self._say("/tf", transforms, time_ns)
        self._say("/cars", scene, time_ns)

    def _state(self, tick: int, seat: int, time_ns: int) -> None:
        frame = self._recording.frames[tick, seat]
        told = {name: frame[FRAME_FIELDS.index(name)] for name in ("speed_mps", "along_m", "lap", "flags")}
        asked = self._recording.answers[tick - 1, seat] if tick else np.full(2, math.nan)
        state = {
            "speed_mps": round(float(told["speed_mps"]), 5),
            "along_m": round(float(told["along_m"]), 5),
            "lap": int(told["lap"]),
            "flags": int(told["flags"]),
            "asked_steer_rad": _or_none(asked[0]),
            "asked_speed_mps": _or_none(asked[1]),
        }
        self._writer.add_message(self._states[seat], time_ns, json.dumps(state).encode(), time_ns, tick)

    # -- what is seen ----------------------------------------------------------------------------------

    def _road(self) -> Any:
        """The circuit: both borders, the centre line, the start line, and the boxes that stand on it."""
        from foxglove_schemas_protobuf.LinePrimitive_pb2 import LinePrimitive
        from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate

        circuit = self._recording.circuit
        scene = SceneUpdate()
        entity = scene.entities.add(id="road", frame_id=WORLD)
        entity.metadata.add(key="circuit", value=circuit.name)
        start = np.stack((circuit.left[0], circuit.right[0]))
        for points, kind, width_m, shade in (
            (circuit.left, LinePrimitive.LINE_LOOP, 0.03, (0.9, 0.9, 0.9)),
            (circuit.right, LinePrimitive.LINE_LOOP, 0.03, (0.9, 0.9, 0.9)),
            (circuit.centre, LinePrimitive.LINE_LOOP, 0.01, (0.9, 0.75, 0.2)),
            (start, LinePrimitive.LINE_STRIP, 0.06, (0.9, 0.2, 0.2)),
        ):
            line = entity.lines.add(type=kind, thickness=width_m)
            _place(line.pose, 0.0, 0.0, 0.0, 0.0)
            _colour(line.color, shade)
            for x_m, y_m in points.tolist():
                line.points.add(x=x_m, y=y_m)
        for box in self._recording.boxes:
            _block(entity, *box)
        return scene

    def _car(self, entity: SceneEntity, seat: int, frame: NDArray[np.float64], time_ns: int) -> None:
        car = self._recording.car
        _stamp(entity.timestamp, time_ns)
        cube, text = entity.cubes.add(), entity.texts.add()
        ahead_m = car.length_m / 2 - car.body_rear_m
        _place(cube.pose, ahead_m, 0.0, CAR_HEIGHT_M / 2, 0.0)
        cube.size.x, cube.size.y, cube.size.z = car.length_m, car.width_m, CAR_HEIGHT_M
        out = int(frame[FRAME_FIELDS.index("flags")]) & OUT
        _colour(cube.color, COLOURS[seat % len(COLOURS)], 0.3 if out else 1.0)
        _place(text.pose, 0.0, 0.0, 3 * CAR_HEIGHT_M, 0.0)
        text.billboard, text.font_size, text.scale_invariant = True, 14.0, True
        _colour(text.color, COLOURS[seat % len(COLOURS)])
        text.text = self._names[seat]

    def _log(self, fact: Fact) -> None:
        from foxglove_schemas_protobuf.Log_pb2 import Log

        name = self._names[fact.seat] if 0 <= fact.seat < len(self._names) else "race"
        details = ", ".join(f"{key} {value}" for key, value in fact.data.items())
        log = Log(
            level=Log.WARNING if fact.kind in _WARNINGS else Log.INFO,
            message=f"{name}: {fact.kind.replace('_', ' ')}" + (f" ({details})" if details else ""),
            name=name,
        )
        time_ns = max(0, fact.time_us) * 1000
        _stamp(log.timestamp, time_ns)
        self._say("/log", log, time_ns)

    def _say(self, topic: str, message: Any, time_ns: int) -> None:
        if topic not in self._channels:
            schema = self._register(self._writer, type(message))
            self._channels[topic] = self._writer.register_channel(topic, "protobuf", schema)
        self._writer.add_message(self._channels[topic], time_ns, message.SerializeToString(), time_ns)


def _block(
    entity: SceneEntity, x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float
) -> None:
    """A box, or a bot, in the way."""
    cube = entity.cubes.add()
    _place(cube.pose, x_m, y_m, BOX_HEIGHT_M / 2, yaw_rad)
    cube.size.x, cube.size.y, cube.size.z = length_m, width_m, BOX_HEIGHT_M
    _colour(cube.color, (0.6, 0.5, 0.4))


def _stamp(where: Any, time_ns: int) -> None:
    where.seconds, where.nanos = divmod(time_ns, 1_000_000_000)


def _place(pose: Any, x_m: float, y_m: float, z_m: float, yaw_rad: float) -> None:
    pose.position.x, pose.position.y, pose.position.z = x_m, y_m, z_m
    _turn(pose.orientation, yaw_rad)


def _turn(rotation: Any, yaw_rad: float) -> None:
    """A turn about the vertical axis, as a quaternion."""
    rotation.z, rotation.w = math.sin(yaw_rad / 2), math.cos(yaw_rad / 2)


def _colour(where: Any, shade: tuple[float, float, float], alpha: float = 1.0) -> None:
    where.r, where.g, where.b = shade
    where.a = alpha


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 5)
