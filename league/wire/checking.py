"""From a decoded message to a typed one: what a driver may put into each field.

Pure. Unknown keys are ignored; a field that is missing, of the wrong type or out of bounds is refused with
its name, what was found and what was expected. Answers to ticks are read in `league.wire.serverside`, by
hand, because they come thousands of times a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, cast

from league.errors import RemoteProtocolError
from league.wire.messages import (
    CODECS,
    PROTO,
    VERSION,
    Bye,
    Codec,
    Entry,
    Hello,
    Loading,
    Ready,
    Resume,
    Sdk,
    Sync,
)

KINDS = ("onnx", "scripted", "remote", "physical")
MOST_SENSORS = 16
REASON_CHARACTERS = 300

# Characters that no name may hold: controls, lone surrogates (they cannot be sent on), and the marks that
# turn the direction of writing around and so could disguise one name as another.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def describe(value: object) -> str:
    """A value as an error shows it: short, one line, plain ASCII, whatever it is."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return ascii(value[:40]) + ("..." if len(value) > 40 else "")
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, dict):
        return f"a map of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 1 << 64:
        return "a huge whole number"
    return repr(value)[:60]


def bad_field(where: str, expected: str, found: object) -> RemoteProtocolError:
    """The error for a field that cannot be used."""
    return RemoteProtocolError("bad_field", f"{where}: expected {expected}, found {describe(found)}")


def text(
    message: Mapping[str, Any],
    where: str,
    key: str,
    *,
    default: str | None = None,
    least: int = 0,
    most: int = 64,
) -> str:
    """A text of bounded length without control characters."""
    value = message.get(key)
    if value is None and default is not None:
        return default
    if type(value) is not str or not least <= len(value) <= most:
        raise bad_field(f"{where}.{key}", f"text of {least} to {most} characters", value)
    if _UNPRINTABLE.search(value):
        raise bad_field(f"{where}.{key}", "text without control characters", value)
    return value


def whole(
    message: Mapping[str, Any],
    where: str,
    key: str,
    *,
    default: int | None = None,
    least: int = 0,
    most: int = 2**53,
) -> int:
    """A whole number within bounds; booleans are none."""
    value = message.get(key)
    if value is None and default is not None:
        return default
    if type(value) is not int or not least <= value <= most:
        raise bad_field(f"{where}.{key}", f"a whole number from {least} to {most}", value)
    return value


def number(
    message: Mapping[str, Any],
    where: str,
    key: str,
    *,
    default: float | None = None,
    least: float = 0.0,
    most: float = 1e18,
) -> float:
    """A finite number within bounds."""
    value = message.get(key)
    if value is None and default is not None:
        return default
    if (type(value) is float or type(value) is int) and least <= value <= most:
        return float(value)
    raise bad_field(f"{where}.{key}", f"a number from {least:g} to {most:g}", value)


def flag(message: Mapping[str, Any], where: str, key: str, *, default: bool | None = None) -> bool:
    """True or false."""
    value = message.get(key)
    if value is None and default is not None:
        return default
    if type(value) is not bool:
        raise bad_field(f"{where}.{key}", "true or false", value)
    return value


def mapping(message: Mapping[str, Any], where: str, key: str, *, needed: bool = True) -> Mapping[str, Any]:
    """A map; an empty one where it may be missing."""
    value = message.get(key)
    if value is None and not needed:
        return {}
    if type(value) is not dict:
        raise bad_field(f"{where}.{key}", "a map", value)
    return cast("dict[str, Any]", value)


def version(message: Mapping[str, Any], where: str) -> tuple[int, int]:
    """The protocol's version as [major, minor]; another major version ends the conversation."""
    value = message.get("proto")
    good = (
        type(value) is list
        and len(value) == 2
        and all(type(part) is int and 0 <= part < 1000 for part in value)
    )
    if not good:
        raise bad_field(f"{where}.proto", "[major, minor]", value)
    major, minor = cast("list[int]", value)
    if major != PROTO[0]:
        raise RemoteProtocolError(
            "version", f"{where}.proto: expected major version {PROTO[0]}, found {major}", close=VERSION
        )
    return major, minor


def read_hello(message: Mapping[str, Any], now_s: float) -> Hello:
    """A `hello`, checked."""
    proto = version(message, "hello")
    codec = message.get("codec", "msgpack")
    if codec not in CODECS:
        raise bad_field("hello.codec", " or ".join(map(repr, CODECS)), codec)
    entry = mapping(message, "hello", "entry")
    kind = entry.get("kind", "remote")
    if kind not in KINDS:
        raise bad_field("hello.entry.kind", f"one of {', '.join(KINDS)}", kind)
    sdk = mapping(message, "hello", "sdk", needed=False)
    return Hello(
        event=text(message, "hello", "event", least=1, most=128),
        entry=Entry(
            name=text(entry, "hello.entry", "name", least=1).strip() or _nameless(entry["name"]),
            version=text(entry, "hello.entry", "version", default=""),
            kind=kind,
            sha256=text(entry, "hello.entry", "sha256", default=""),
            licence=text(entry, "hello.entry", "licence", default=""),
        ),
        proto=proto,
        codec=cast("Codec", codec),
        token=text(message, "hello", "token", least=1, most=256)
        if message.get("token") is not None
        else None,
        sdk=Sdk(text(sdk, "hello.sdk", "lang", default=""), text(sdk, "hello.sdk", "version", default="")),
        want=_wanted(message.get("want")),
        resume=_resume(message),
    )


def read_sync(message: Mapping[str, Any], now_s: float) -> Sync:
    """A `sync`, checked."""
    return Sync(number(message, "sync", "t0", least=-1e18), now_s)


def read_loading(message: Mapping[str, Any], now_s: float) -> Loading:
    """A `loading`, checked."""
    heat = text(message, "loading", "heat", least=1, most=128)
    return Loading(heat, number(message, "loading", "progress", default=0.0, most=1.0))


def read_ready(message: Mapping[str, Any], now_s: float) -> Ready:
    """A `ready`, checked."""
    return Ready(
        text(message, "ready", "heat", least=1, most=128),
        number(message, "ready", "load_ms", default=0.0, most=1e9),
        number(message, "ready", "warm_ms_p99", default=0.0, most=1e9),
    )


def read_bye(message: Mapping[str, Any], now_s: float = 0.0) -> Bye:
    """A `bye`; a reason that cannot be shown is left out, because the other side goes anyway."""
    reason = message.get("reason")
    if type(reason) is not str:
        return Bye()
    return Bye(_UNPRINTABLE.sub("?", reason[:REASON_CHARACTERS]))


READERS: Mapping[str, Callable[[Mapping[str, Any], float], Hello | Sync | Loading | Ready | Bye]] = {
    "hello": read_hello,
    "sync": read_sync,
    "loading": read_loading,
    "ready": read_ready,
    "bye": read_bye,
}
"""How to read each type that a driver may send, except `act`."""


def finite(value: object) -> bool:
    """Whether a value is a number that is finite; booleans are none."""
    return (type(value) is float or type(value) is int) and isfinite(value)


def _nameless(found: object) -> str:
    raise bad_field("hello.entry.name", "a name that can be seen", found)


def _wanted(value: object) -> tuple[str, ...]:
    if value is None:
        return ("state",)
    if type(value) is not list or len(value) > MOST_SENSORS:
        raise bad_field("hello.want", f"a list of at most {MOST_SENSORS} sensors", value)
    for name in value:
        if type(name) is not str or not 1 <= len(name) <= 64 or _UNPRINTABLE.search(name):
            raise bad_field("hello.want", "names of sensors", name)
    return tuple(dict.fromkeys(value))


def _resume(message: Mapping[str, Any]) -> Resume | None:
    if message.get("resume") is None:
        return None
    given = mapping(message, "hello", "resume")
    return Resume(
        text(given, "hello.resume", "session", least=1, most=128),
        text(given, "hello.resume", "token", least=1, most=256),
        whole(given, "hello.resume", "last_k", default=-1, least=-1),
    )
