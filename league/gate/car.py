"""A physical car as the league sees it: what it can do, what it is told, what it tells, how it is driven.

Signs and units are the same for every car: steering is an angle of the front wheels in radians, positive to
the left; drive is positive forward, in m/s or as a throttle from -1 to 1, whichever the car says. The driver
of each kind of car owns the map from these to its own.

Pure: types only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError

DriveUnit = Literal["throttle", "mps"]
StopResult = Literal["acked", "sent", "unreachable"]
"""What is known after a stop: the car confirmed it; it was sent and nothing confirms it; it was not sent."""
Sense = Literal["speed", "pose", "imu", "scan", "camera", "battery"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connected car can do, as its driver found it."""

    drive_unit: DriveUnit = "throttle"
    drive_max: float = 1.0
    """Largest drive that makes sense to the car, in its unit; 1 for a throttle."""
    steer_max_rad: float = 0.42
    """Angle of the front wheels at full lock; beyond it nothing more happens."""
    reverse: bool = False
    """Whether negative drive reverses; if not, it is a brake or nothing, and the gate never sends it."""
    full_speed_mps: float = 4.0
    """Speed on the flat at full drive; how a speed becomes a throttle where the car knows no speeds."""
    drive_min: float = 0.0
    """The smallest drive that the car has besides 0; the driver makes 0 of less."""
    drive_levels: tuple[float, ...] = ()
    """The only drives that the car has, if it has steps; the driver rounds towards 0."""
    steer_levels: tuple[float, ...] = ()
    """The only steering angles that the car has, as shares of full lock, if it has steps."""
    hz: tuple[float, float] = (10.0, 50.0)
    """How often it may be told something: at least, at most."""
    lag_s: float = 0.0
    """How long it takes at most until the motor gets what the car is told: a turn of its drive loop, say."""
    native_deadman_s: float | None = None
    """The car stops by itself after so much silence; None if it never does."""
    stop_ack: bool = False
    """Whether the car confirms a stop."""
    native_arm: bool = False
    """Whether the car itself ignores drive until it is armed."""
    in_process: bool = False
    """Whether the driver runs inside the car's own program."""
    senses: frozenset[Sense] = frozenset()
    """What its telemetry holds."""
    api_version: str = ""
    calibration: str = ""
    """A digest of the calibration as far as the car tells; another value asks for another sign test."""


@dataclass(frozen=True, slots=True)
class CarCommand:
    """What the gate lets through to the car."""

    seq: int
    """Grows by one with every command of a connection."""
    steer_rad: float
    """Angle of the front wheels, positive to the left, within the car's limits."""
    drive: float
    """Positive forward, in the car's unit, within the car's limits."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the car last told; what it does not know is None."""

    at_s: float
    """When it arrived, on this computer's monotonic clock."""
    speed_mps: float | None = None
    pose: tuple[float, float, float] | None = None
    """x and y in m, yaw in rad, in a frame of the car's choosing."""
    yaw_rate_radps: float | None = None
    steer_rad: float | None = None
    drive: float | None = None
    """What the car says that it is doing, in its unit."""
    armed: bool | None = None
    scan: NDArray[np.float32] | None = None
    """Distances in m, from the right to the left."""
    scan_from_rad: float = 0.0
    """Direction of the first distance, positive to the left of straight ahead."""
    scan_step_rad: float = 0.0
    camera: NDArray[np.uint8] | None = None
    """Height × width × 3, red first."""
    battery: float | None = None
    """From 0, empty, to 1, full."""
    battery_v: float | None = None
    note: str = ""
    """Something for the operator to read."""

    def over(self, older: Sample | None) -> Sample:
        """The same, with what it does not tell taken from an older one: a picture, a level."""
        if older is None:
            return self
        told = {item.name: getattr(self, item.name) for item in fields(self)}
        if self.scan is None:
            del told["scan_from_rad"], told["scan_step_rad"]
        return replace(older, **{name: value for name, value in told.items() if value is not None})


@runtime_checkable
class CarDriver(Protocol):
    """How one kind of car is driven.

    One object is one connection, used by one task at a time, but for `stop`, which may come at any moment.
    The methods raise `CarError` when the car cannot be reached or refuses; anything else is a fault of the
    driver, and the bridge stops the car for it all the same.
    """

    name: str
    """What to call this car: for people."""

    async def connect(self) -> Capabilities:
        """Open the connection and authenticate; when it returns, the car stands in neutral.

        For a guardian (`CarAddress.only_stops`) it opens a connection that is good for `stop` and neither
        claims the car nor disturbs whoever drives it; its `telemetry` may stay silent, but must end when the
        connection does.

        It is called once; after a `CarError` from any method the object is closed and another is made.
        """

    async def arm(self) -> None:
        """Let the car accept drive, where it knows such a thing; it must not move it."""

    async def apply(self, command: CarCommand) -> None:
        """Tell the car what to do now.

        It returns within 50 ms or raises. It never queues: a command that was not sent when the next one
        comes is forgotten.
        """

    def telemetry(self) -> AsyncIterator[Sample]:
        """What the car tells, newest only; the iterator ends with the connection."""

    async def stop(self, why: str) -> StopResult:
        """Bring the drive to 0, now.

        It never raises, may be called at any time and any number of times, also while `apply` waits, and
        returns within 100 ms. Nothing that `apply` was given before may reach the car after it.
        """

    async def disarm(self) -> None:
        """Let the car refuse drive again, where it knows such a thing; it never raises."""

    async def close(self) -> None:
        """Stop the car if it may still move, and end the connection; it never raises."""


@dataclass(frozen=True, slots=True)
class CarAddress:
    """Which car to drive and how, as given to `league bridge`: "KIND:WHERE?OPTION=VALUE&…".

    Every reader of an option also notes that it exists; `check` then refuses what nobody read.
    """

    ref: str
    """As it was given."""
    kind: str
    """Which driver: "udp", "donkey" …"""
    where: str
    """What follows the colon, without the options: "192.168.4.1:4210"."""
    options: Mapping[str, str] = field(default_factory=dict)
    only_stops: bool = False
    """This connection is a guardian's: nothing but `connect`, `telemetry`, `stop` and `close` is called."""
    _read: set[str] = field(default_factory=set, compare=False, repr=False)
    _places: list[tuple[str, int]] = field(default_factory=list, compare=False, repr=False)

    @property
    def place(self) -> tuple[str, int] | None:
        """Host and port, once a driver has asked for them: with its own port, where the address has none."""
        return self._places[-1] if self._places else None

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """A number among the options.

        Raises:
            ConfigError: It is none, or out of range.
        """
        self._read.add(name)
        given = self.options.get(name)
        if given is None:
            return default
        try:
            value = float(given)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise ConfigError(
                f"car {self.ref!r}: {name}: found {given!r}, expected a number from {least:g} to {most:g}"
            )
        return value

    def text(self, name: str, default: str = "", *, choices: tuple[str, ...] = ()) -> str:
        """A text among the options, one of `choices` if there are any.

        Raises:
            ConfigError: It is none of them.
        """
        self._read.add(name)
        value = self.options.get(name, default)
        if choices and value not in choices:
            raise ConfigError(
                f"car {self.ref!r}: {name}: found {value!r}, expected one of {', '.join(choices)}"
            )
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A yes or no among the options.

        Raises:
            ConfigError: It is neither.
        """
        word = self.text(name, "yes" if default else "no").lower()
        if word not in _WORDS:
            raise ConfigError(f"car {self.ref!r}: {name}: found {word!r}, expected yes or no")
        return _WORDS[word]

    def host(self, default_port: int) -> tuple[str, int]:
        """Where to connect: a name or address, and a port.

        Raises:
            ConfigError: It is neither.
        """
        head, colon, tail = self.where.rpartition(":")
        host, port = (head, tail) if colon and not tail.endswith("]") else (self.where, str(default_port))
        host = host.strip("[]")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(
                f"car {self.ref!r}: found {self.where!r}, expected HOST or HOST:PORT after {self.kind}:"
            )
        self._places.append((host, int(port)))
        return host, int(port)

    def check(self) -> None:
        """Refuse options that no reader asked for; to be called after the last reader.

        Raises:
            ConfigError: There is one.
        """
        unknown = sorted(set(self.options) - self._read)
        if unknown:
            known = ", ".join(sorted(self._read)) or "none"
            raise ConfigError(
                f"car {self.ref!r}: {self.kind} cars have no option {unknown[0]!r} (known: {known})"
            )


_WORDS = dict.fromkeys(("yes", "true", "1", "on"), True) | dict.fromkeys(("no", "false", "0", "off"), False)


def read_address(ref: str, *, only_stops: bool = False) -> CarAddress:
    """A car's address from its text, "KIND:WHERE?OPTION=VALUE&…".

    Raises:
        ConfigError: It is no such address.
    """
    head, _, query = ref.partition("?")
    kind, colon, where = head.partition(":")
    if not kind or not colon:
        raise ConfigError(f"car {ref!r}: expected KIND:WHERE, such as udp:192.168.4.1")
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise ConfigError(f"car {ref!r}: found {part!r} after the question mark, expected OPTION=VALUE")
        options[name] = value
    return CarAddress(ref, kind, where, options, only_stops)
