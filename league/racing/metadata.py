"""DeepRacer's `model_metadata.json`: what a model sees, what its answers mean, how it is trained.

Pure. Every form that racers have is read: with and without version, sensors and network, actions as a list
or as ranges, and files that are an action space and nothing else. What a name is here:

| DeepRacer's sensor | is |
|---|---|
| FRONT_FACING_CAMERA, LEFT_CAMERA, observation | `camera` |
| STEREO_CAMERAS | `camera-stereo` |
| LIDAR | `lidar` |
| SECTOR_LIDAR | `lidar-sectors` |
| DISCRETIZED_SECTOR_LIDAR | `lidar-discretized`, with the options of `lidar_config` |
| STATE (the league's own) | `state` |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from math import isfinite, nan, radians
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from league.errors import ModelError
from league.racing.agent import Command

FloatArray = NDArray[np.float64]
Answer = NDArray[Any]

MODEL_FILE, METADATA_FILE = "model.onnx", "model_metadata.json"
"""A model's files, side by side in its folder."""

Algorithm = Literal["clipped_ppo", "sac"]

NETWORKS = (
    "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW",
    "DEEP_CONVOLUTIONAL_NETWORK",
    "DEEP_CONVOLUTIONAL_NETWORK_DEEP",
)
ALGORITHMS = ("clipped_ppo", "sac")
CAMERAS = {
    "observation": "camera",
    "FRONT_FACING_CAMERA": "camera",
    "LEFT_CAMERA": "camera",
    "STEREO_CAMERAS": "camera-stereo",
}
LIDARS = {
    "LIDAR": "lidar",
    "SECTOR_LIDAR": "lidar-sectors",
    "DISCRETIZED_SECTOR_LIDAR": "lidar-discretized",
}
STATES = {"STATE": "state"}
SENSORS = CAMERAS | LIDARS | STATES
"""Our names of DeepRacer's sensors."""

_KEYS = (
    "action_space",
    "action_space_type",
    "sensor",
    "neural_network",
    "training_algorithm",
    "version",
    "lidar_config",
)
LIDAR_BEAMS = 64
MOST_ACTIONS = 10_000


@dataclass(frozen=True)
class ContinuousActions:
    """Two numbers in [-1, 1], steering then speed, scaled linearly to these ranges."""

    steering_angle_deg: tuple[float, float]
    """From the right (negative) to the left."""
    speed_mps: tuple[float, float]

    size = 2
    kind = "continuous"

    @property
    def steer_rad(self) -> tuple[float, float]:
        """The steering range in radians."""
        return radians(self.steering_angle_deg[0]), radians(self.steering_angle_deg[1])

    def command(self, answer: Answer) -> Command:
        """What an answer asks for."""
        steer, speed = ((min(max(float(value), -1.0), 1.0) + 1) / 2 for value in answer)
        low, high = self.steer_rad
        return Command(
            low + steer * (high - low),
            self.speed_mps[0] + speed * (self.speed_mps[1] - self.speed_mps[0]),
        )

    def commands(self, answers: Answer) -> FloatArray:
        """Steering (rad) and speed (m/s) that answers of shape (n, 2) ask for, shape (n, 2)."""
        shares = (np.clip(np.asarray(answers, dtype=np.float64), -1.0, 1.0) + 1.0) / 2.0
        low = np.array([self.steer_rad[0], self.speed_mps[0]])
        high = np.array([self.steer_rad[1], self.speed_mps[1]])
        return np.asarray(low + shares * (high - low), dtype=np.float64)

    def as_json(self) -> Any:
        """The action space as the file has it."""
        (right, left), (slow, fast) = self.steering_angle_deg, self.speed_mps
        return {"steering_angle": {"high": left, "low": right}, "speed": {"high": fast, "low": slow}}


@dataclass(frozen=True)
class DiscreteActions:
    """One number per action; the greatest wins, the first of equals."""

    pairs: tuple[tuple[float, float], ...]
    """Steering angle (degrees, positive to the left) and speed (m/s) of each action."""

    kind = "discrete"

    @property
    def size(self) -> int:
        """How many numbers an answer has."""
        return len(self.pairs)

    @cached_property
    def actions(self) -> tuple[Command, ...]:
        """The actions as commands."""
        return tuple(Command(radians(steer), speed) for steer, speed in self.pairs)

    @cached_property
    def table(self) -> FloatArray:
        """The actions as steering (rad) and speed (m/s), shape (actions, 2)."""
        return np.array([(radians(steer), speed) for steer, speed in self.pairs])

    def command(self, answer: Answer) -> Command:
        """What an answer asks for."""
        return self.actions[int(answer.argmax())]

    def commands(self, answers: Answer) -> FloatArray:
        """Steering (rad) and speed (m/s) that answers of shape (n, actions) ask for, shape (n, 2)."""
        chosen: FloatArray = self.table[np.asarray(answers).argmax(axis=1)]
        return chosen

    def as_json(self) -> Any:
        """The action space as the file has it."""
        return [
            {"steering_angle": steer, "speed": speed, "index": index}
            for index, (steer, speed) in enumerate(self.pairs)
        ]


Actions = ContinuousActions | DiscreteActions


@dataclass(frozen=True)
class LidarConfig:
    """DeepRacer's `lidar_config`."""

    num_sectors: int = 8
    num_values_per_sector: int = 8
    clipping_dist: float = 2.0

    @property
    def options(self) -> str:
        """What differs from the default, as options of the sensor: "?sectors=4&clip_m=1.5"."""
        names = {"sectors": "num_sectors", "values": "num_values_per_sector", "clip_m": "clipping_dist"}
        default = LidarConfig()
        changed = [
            f"{ours}={getattr(self, theirs):g}"
            for ours, theirs in names.items()
            if getattr(self, theirs) != getattr(default, theirs)
        ]
        return f"?{'&'.join(changed)}" if changed else ""


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """What a `model_metadata.json` says, with DeepRacer's defaults for what it leaves out."""

    actions: Actions
    sensor: tuple[str, ...] = ("observation",)
    """DeepRacer's names, as in the file."""
    neural_network: str = NETWORKS[0]
    training_algorithm: Algorithm = "clipped_ppo"
    version: float = 1.0
    """The generation of DeepRacer's car and physics that the file was written for."""
    lidar_config: LidarConfig = LidarConfig()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the file says; it is kept and written back."""

    @property
    def sensors(self) -> tuple[str, ...]:
        """The league's names of the sensors, each with its options, as events and recipes ask for them."""
        return tuple(
            SENSORS[name] + (self.lidar_config.options if name == "DISCRETIZED_SECTOR_LIDAR" else "")
            for name in self.sensor
        )

    @property
    def vision(self) -> str:
        """The network in a word: "shallow", "default" or "deep"."""
        return ("shallow", "default", "deep")[NETWORKS.index(self.neural_network)]

    def as_dict(self) -> dict[str, Any]:
        """The same as the file has it, every entry written out."""
        said: dict[str, Any] = {
            "action_space": self.actions.as_json(),
            "action_space_type": self.actions.kind,
            "sensor": list(self.sensor),
            "neural_network": self.neural_network,
            "training_algorithm": self.training_algorithm,
            "version": f"{self.version:g}",
        }
        if self.lidar_config != LidarConfig():
            said["lidar_config"] = dict(vars(self.lidar_config))
        return said | dict(self.extra)

    def text(self) -> str:
        """The file."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"


def read_metadata(text: str, *, where: str = METADATA_FILE) -> ModelMetadata:
    """What a `model_metadata.json` says.

    Args:
        text: What the file says; a bare action space, a list of actions or a pair of ranges, will do.
        where: The file, for errors.

    Raises:
        ModelError: With the first problem, in one line.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: not JSON ({_brief_words(error)})") from None
    if _is_bare(given):
        given = {"action_space": given}
    if not isinstance(given, dict) or "action_space" not in given:
        raise ModelError(f"{where}: has no action_space{_meant(given)}")
    sensor, version = _sensors(given, where)
    algorithm = _word(given, "training_algorithm", ALGORITHMS, where)
    actions = _actions(given, where)
    if algorithm == "sac" and isinstance(actions, DiscreteActions):
        raise ModelError(f"{where}: training_algorithm is 'sac', expected continuous actions with it")
    return ModelMetadata(
        actions=actions,
        sensor=sensor,
        neural_network=_word(given, "neural_network", NETWORKS, where),
        training_algorithm=cast("Algorithm", algorithm),
        version=version,
        lidar_config=_lidar(given.get("lidar_config", {}), where),
        extra={key: value for key, value in given.items() if key not in _KEYS},
    )


def _is_bare(given: object) -> bool:
    """Whether a file is an action space and nothing else."""
    if isinstance(given, list):
        return bool(given)
    return isinstance(given, dict) and {"steering_angle", "speed"} <= given.keys()


# -- the parts -------------------------------------------------------------------------------------


def _actions(given: dict[str, Any], where: str) -> Actions:
    space = given["action_space"]
    kind = given.get("action_space_type", "continuous" if isinstance(space, dict) else "discrete")
    kind = kind.lower().strip() if isinstance(kind, str) else kind
    if kind == "continuous":
        return ContinuousActions(_range(space, "steering_angle", where), _range(space, "speed", where))
    if kind != "discrete":
        raise ModelError(f"{where}: action_space_type is {kind!r}, expected 'continuous' or 'discrete'")
    if not isinstance(space, list) or not space:
        raise ModelError(f"{where}: a discrete action_space must be a list of actions, found {_brief(space)}")
    if len(space) > MOST_ACTIONS:
        raise ModelError(f"{where}: has {len(space)} actions, expected at most {MOST_ACTIONS}")
    return DiscreteActions(
        tuple(
            (
                _number(action, "steering_angle", f"{where}: action {index}"),
                _number(action, "speed", f"{where}: action {index}"),
            )
            for index, action in enumerate(space)
        )
    )


def _sensors(given: dict[str, Any], where: str) -> tuple[tuple[str, ...], float]:
    """The sensors and the version: each says what the other is where that is left out."""
    version = given.get("version", 2.0 if "sensor" in given else 1.0)
    try:
        number = float(version)
    except (TypeError, ValueError, OverflowError):
        number = nan
    if isinstance(version, bool) or not (isfinite(number) and number > 0):
        raise ModelError(f"{where}: version is {_brief(version)}, expected a number such as 5")
    sensor = given.get("sensor", ["FRONT_FACING_CAMERA" if number >= 2 else "observation"])
    if number < 2 and sensor != ["STATE"]:
        sensor = ["observation"]
    names = [sensor] if isinstance(sensor, str) else sensor
    if not isinstance(names, list) or not names:
        raise ModelError(f"{where}: sensor is {_brief(sensor)}, expected a list of names")
    for name in names:
        if not isinstance(name, str) or name not in SENSORS:
            raise ModelError(f"{where}: sensor {_brief(name)} is unknown (known: {', '.join(SENSORS)})")
    for kinds, what in ((CAMERAS, "camera"), (LIDARS, "LIDAR")):
        found = [name for name in names if name in kinds]
        if len(found) > 1:
            raise ModelError(f"{where}: has more than one {what}: {', '.join(found)}; expected one at most")
    if len(set(names)) < len(names):
        raise ModelError(f"{where}: names a sensor twice: {', '.join(names)}")
    return tuple(names), number


def _lidar(given: Any, where: str) -> LidarConfig:
    if not isinstance(given, dict):
        raise ModelError(f"{where}: lidar_config is {_brief(given)}, expected an object")
    default = LidarConfig()
    sectors = _number(vars(default) | given, "num_sectors", f"{where}: lidar_config")
    values = _number(vars(default) | given, "num_values_per_sector", f"{where}: lidar_config")
    clip_m = _number(vars(default) | given, "clipping_dist", f"{where}: lidar_config")
    if not (1 <= sectors <= LIDAR_BEAMS and LIDAR_BEAMS % sectors == 0):
        raise ModelError(
            f"{where}: lidar_config: num_sectors is {sectors:g}, expected a number that divides {LIDAR_BEAMS}"
        )
    if values < 1 or values != int(values) or clip_m <= 0:
        raise ModelError(
            f"{where}: lidar_config: num_values_per_sector is {values:g} and clipping_dist {clip_m:g}, "
            "expected a whole number from 1 and a distance"
        )
    return LidarConfig(int(sectors), int(values), clip_m)


def _word(given: dict[str, Any], key: str, known: Sequence[str], where: str) -> str:
    word = given.get(key, known[0])
    for one in known:
        if isinstance(word, str) and word.strip().lower() == one.lower():
            return one
    raise ModelError(f"{where}: {key} is {_brief(word)}, expected one of {', '.join(known)}")


def _range(space: object, name: str, where: str) -> tuple[float, float]:
    bounds = space.get(name) if isinstance(space, dict) else None
    if not isinstance(bounds, dict):
        raise ModelError(
            f"{where}: a continuous action_space needs {name} with low and high, found {_brief(bounds)}"
            + _meant(space, (name,))
        )
    low, high = _number(bounds, "low", f"{where}: {name}"), _number(bounds, "high", f"{where}: {name}")
    if low > high:
        raise ModelError(f"{where}: {name} is from {low:g} to {high:g}, expected low before high")
    return low, high


def _number(given: object, name: str, where: str) -> float:
    value = given.get(name) if isinstance(given, dict) else None
    number = nan
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if not isfinite(number):
        raise ModelError(f"{where}: {name} is {_brief(value)}, expected a number{_meant(given, (name,))}")
    return number


def _meant(given: object, keys: Sequence[str] = _KEYS) -> str:
    """A key that was probably meant to be another."""
    for found in given if isinstance(given, dict) else ():
        near = get_close_matches(str(found), keys, n=1, cutoff=0.6)
        if near and near[0] not in cast("dict[str, Any]", given):
            return f"; found {_brief(found)}, did you mean {near[0]!r}?"
    return ""


def _brief(what: object) -> str:
    text = " ".join(repr(what).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _brief_words(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
