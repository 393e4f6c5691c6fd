"""What timing devices and timekeepers say to the server, as checked values.

Pure: maps in, values out. Who may say it is the server's business.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from league.errors import RemoteProtocolError
from league.racing.rules import first_problem

MOST_BYTES: Final = 16 * 1024
"""Largest message of a device or a timekeeper."""

Ns = Annotated[int, Field(ge=0, lt=2**63)]
Name = Annotated[str, Field(max_length=64)]
Metres = Annotated[float, Field(ge=-1e4, le=1e4)]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Said = TypeVar("Said", bound=_Said)


class Greeting(_Said):
    """The first message of either."""

    type: Literal["hello"]
    token: Annotated[str, Field(max_length=256)] = ""
    """Empty from a browser in which somebody signed in."""
    event: Name = ""
    """Needed where the token is good for more than one event."""
    device: Name = ""
    """What a device calls itself."""


class AskTime(_Said):
    """What time is it? Answered with `t0_ns` and the server's times of arrival and answer."""

    type: Literal["sync"]
    t0_ns: Ns


class Crossing(_Said):
    """Something crossed a point."""

    type: Literal["crossing"]
    seq: Ns
    """The device's number of it; never used twice, after a restart neither."""
    ts_ns: Ns
    """When, on the server's clock."""
    point: Annotated[str, Field(min_length=1, max_length=64)] = "line"
    car: Name = ""
    """The entry's id or name, if the device can tell cars apart."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


class Pose(_Said):
    """Something saw where a car is, in the circuit's coordinates."""

    type: Literal["pose"]
    ts_ns: Ns
    car: Name = ""
    x_m: Metres
    y_m: Metres
    yaw_rad: Annotated[float, Field(ge=-10, le=10)]
    speed_mps: Annotated[float, Field(ge=0, le=100)] = 0.0


class Decide(_Said):
    """A timekeeper's command."""

    type: Literal["do"]
    id: Annotated[str, Field(min_length=1, max_length=64)]
    """The same id again is answered as before and done once."""
    what: Literal[
        "green", "confirm", "again", "choose", "stop",
        "add", "void", "restore", "reassign", "reset", "finish", "dnf", "undo",
    ]  # fmt: skip
    target: Annotated[int, Field(ge=0, lt=2**31)] = 0
    entry: Name = ""
    run: Annotated[str, Field(max_length=128)] = ""
    at_us: Annotated[int, Field(ge=-(2**53), lt=2**53)] | None = None
    """When it happened; None is now."""
    why: Annotated[str, Field(max_length=200)] = ""
    revision: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Do it only if nobody has decided anything since this one."""


DeviceSaid = AskTime | Crossing | Pose
_DEVICE: TypeAdapter[DeviceSaid] = TypeAdapter(Annotated[DeviceSaid, Field(discriminator="type")])


def read_greeting(given: dict[str, Any]) -> Greeting:
    """The first message.

    Raises:
        RemoteProtocolError: It is something else.
    """
    return _read(Greeting, given)


def read_device(given: dict[str, Any]) -> DeviceSaid:
    """What a device says after that.

    Raises:
        RemoteProtocolError: It is nothing that a device may say.
    """
    try:
        return _DEVICE.validate_python(given)
    except ValidationError as error:
        raise RemoteProtocolError("bad_message", first_problem(error)) from None


def read_decision(given: dict[str, Any]) -> Decide:
    """What a timekeeper says after that.

    Raises:
        RemoteProtocolError: It is nothing that a timekeeper may say.
    """
    return _read(Decide, given)


def _read(kind: type[Said], given: dict[str, Any]) -> Said:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RemoteProtocolError("bad_message", first_problem(error)) from None
