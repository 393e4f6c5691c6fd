"""A road for real car software: what its motors get moves a car along it, and its camera sees where that is.

And a pilot for it: a network of one layer in ONNX that was shown pictures of the road and how to steer there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from math import cos, pi, sin, tan
from pathlib import Path

import numpy as np
import onnx
import peers
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from league.sim.camera import CameraSensor
from league.sim.car import DEEPRACER
from league.sim.world import World
from league.track.circuit import Circuit

SHAPE = (120, 160)
LOCK_RAD = 0.35
"""How far the front wheels turn; `donkey:…?steer_max_rad=` says the same of the car."""
FULL_SPEED_MPS = 4.0
PICTURE_S = 0.04
CAMERA = """
    class RoadCamera:
        def __init__(self):
            self.picture = None
        def update(self):
            pass
        def run_threaded(self):
            import numpy as np
            try:
                self.picture = np.repeat(np.load({file!r})[:, :, None], 3, axis=2)
            except (OSError, ValueError):
                pass
            return self.picture
    V.add(RoadCamera(), outputs=["cam/image_array"], threaded=True)
"""
"""A camera for `manage.py` that sees what lies in a file."""


def with_camera(manage: str, file: Path) -> str:
    """A `manage.py` whose camera looks at the road."""
    line = "    add_camera(V, cfg, camera_type)\n"
    assert manage.count(line) == 1
    return manage.replace(line, CAMERA.format(file=str(file)))


class Eye:
    """Pictures from anywhere on a circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self._world, self._sensor = World(circuit, [DEEPRACER]), CameraSensor()

    def see(self, along_m: float, offset_m: float, error_rad: float) -> NDArray[np.float32]:
        """What a car sees whose nose is there, from 0 to 255."""
        self._world.place(0, along_m, offset_m, error_rad)
        return np.asarray(self._sensor.sense(self._world)[0], np.float32)


def train_pilot(circuit: Circuit, folder: Path, *, speed_mps: float) -> Path:
    """Fit a network to pictures from all over a circuit, and write it as a model's folder."""
    eye, random = Eye(circuit), np.random.default_rng(1)
    count = 1500
    along = random.uniform(0, circuit.length_m, count)
    offset, error = random.uniform(-0.3, 0.3, count), random.uniform(-0.6, 0.6, count)
    ahead = circuit.curvature_at(along + 0.25)
    wanted = np.clip(
        np.arctan(DEEPRACER.wheelbase_m * ahead) - 0.6 * offset - 0.7 * error, -LOCK_RAD, LOCK_RAD
    )
    seen = np.stack([_pooled(eye.see(*at)) for at in zip(along, offset, error, strict=True)])
    seen = np.hstack([seen, np.ones((count, 1), np.float32)])
    fitted = np.linalg.solve(seen.T @ seen + 0.3 * np.eye(seen.shape[1]), seen.T @ (wanted / LOCK_RAD))
    _write(folder, fitted.astype(np.float32), speed_mps)
    return folder


def _pooled(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(picture.reshape(15, 8, 20, 8).mean(axis=(1, 3)).reshape(-1) / 255, np.float32)


def _write(folder: Path, fitted: NDArray[np.float32], speed_mps: float) -> None:
    """Mean over squares of 8 × 8 pixels, one layer for the steering, and always the same speed."""
    weights = np.zeros((300, 2), np.float32)
    weights[:, 0] = fitted[:-1] / 255
    constants = [
        numpy_helper.from_array(np.array([1, 1, *SHAPE]), "shape"),
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([fitted[-1], 0], np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Reshape", ["camera", "shape"], ["picture"]),
        helper.make_node("AveragePool", ["picture"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["small"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["action"]),
    ]
    seen = helper.make_tensor_value_info("camera", TensorProto.FLOAT, (1, 1, *SHAPE))
    action = helper.make_tensor_value_info("action", TensorProto.FLOAT, (1, 2))
    graph = helper.make_graph(nodes, "pilot", [seen], [action], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    folder.mkdir()
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    lock_deg = float(np.degrees(LOCK_RAD))
    space = {
        "steering_angle": {"low": -lock_deg, "high": lock_deg},
        "speed": {"low": speed_mps, "high": speed_mps},
    }
    metadata = {"sensor": ["FRONT_FACING_CAMERA"], "action_space_type": "continuous", "action_space": space}
    (folder / "model_metadata.json").write_text(json.dumps(metadata))


class Road:
    """A car on a circuit that moves as a Donkeycar's motors are told.

    Args:
        circuit: The road.
        picture: File for what its camera sees.
        cross: Told when it crosses the line, in ns since the epoch.
    """

    def __init__(self, circuit: Circuit, picture: Path, cross: Callable[[int], None]) -> None:
        self.circuit, self._picture, self._cross = circuit, picture, cross
        self.crossed_ns: list[int] = []
        self.offsets_m: list[float] = []
        """How far from the middle of the road its nose was."""
        self.on_track = False
        """The sign test is done on a box."""
        self.throttle = self._angle = 0.0
        self._eye = Eye(circuit)
        self._at_s = self._shown_s = 0.0
        self._ahead_ns = time.time_ns() - time.monotonic_ns()
        self._along_m = circuit.length_m - 0.3
        x, y = circuit.at(self._along_m)
        self._x, self._y, self._yaw = float(x), float(y), float(circuit.heading_at(self._along_m))
        self._show(0.0, 0.0)

    def see(self, step: peers.Step) -> None:
        """The car a moment later; may be called from a thread."""
        spent_s = step.at_s - self._at_s if self.on_track else 0.0
        self._move(spent_s)
        nose = self.circuit.project([self._x, self._y])
        along_m, offset_m = float(nose.along_m), float(nose.offset_m)
        length_m = self.circuit.length_m
        gone_m = (along_m - self._along_m + length_m / 2) % length_m - length_m / 2
        if gone_m > 0 and along_m < self._along_m:
            at_s = step.at_s - spent_s * along_m / gone_m
            self.crossed_ns.append(round(at_s * 1e9) + self._ahead_ns)
            self._cross(self.crossed_ns[-1])
        self._along_m, self._at_s = along_m, step.at_s
        self.throttle, self._angle = float(str(step.throttle or 0)), float(str(step.steering or 0))
        if self.on_track:
            self.offsets_m.append(offset_m)
        if step.at_s - self._shown_s > PICTURE_S:
            self._shown_s = step.at_s
            error = (self._yaw - float(self.circuit.heading_at(along_m)) + pi) % (2 * pi) - pi
            self._show(offset_m, error)

    def _move(self, spent_s: float) -> None:
        """A car without mass on two axles; left is negative on a Donkeycar."""
        back_m = DEEPRACER.nose_m
        gone_m = self.throttle * FULL_SPEED_MPS * spent_s
        tail_x, tail_y = self._x - back_m * cos(self._yaw), self._y - back_m * sin(self._yaw)
        self._yaw += gone_m * tan(-self._angle * LOCK_RAD) / DEEPRACER.wheelbase_m
        self._x = tail_x + gone_m * cos(self._yaw) + back_m * cos(self._yaw)
        self._y = tail_y + gone_m * sin(self._yaw) + back_m * sin(self._yaw)

    def _show(self, offset_m: float, error_rad: float) -> None:
        picture = self._eye.see(self._along_m, offset_m, error_rad)
        fresh = self._picture.with_suffix(".new.npy")
        np.save(fresh, picture.reshape(SHAPE).astype(np.uint8))
        fresh.replace(self._picture)
