"""Messages to frames and back: msgpack in binary frames, the same as JSON in text frames.

Pure, and safe against any input: a frame is measured before it is read, nesting and lengths are bounded,
and whatever is wrong with it comes out as a `RemoteProtocolError`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from typing import Any

import msgpack
import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire.messages import BAD_FRAME, TOO_LARGE, Codec

Frame = bytes | str
"""What a WebSocket carries: bytes in a binary frame, text in a text frame."""

MAX_DEPTH = 12
"""Maps and lists may be nested this deep."""
MAX_ITEMS = 256
"""Keys of a map, or elements of a list, in a driver's message."""
MAX_SERVER_ITEMS = 4096
"""The same in a server's message, which may carry long results."""
_CONTAINERS = frozenset({dict, list})
_FLOAT32 = np.dtype("<f4")


def encode(message: Mapping[str, Any], codec: Codec) -> Frame:
    """A message as one frame: bytes for "msgpack", text for "json" (where bytes become base64 text).

    Raises:
        LocalProtocolError: The message holds something that does not travel, such as a numpy scalar.
    """
    try:
        if codec == "msgpack":
            return msgpack.packb(message)  # type: ignore[no-any-return]
        return json.dumps(message, default=_json_bytes, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise LocalProtocolError(f"message {message.get('type')!r} cannot be sent: {error}") from None


def decode(frame: Frame, *, limit: int, items: int = MAX_ITEMS) -> dict[str, Any]:
    """A frame as a message: a map with a text under "type".

    Numbers may be anything, NaN and infinity included; whoever reads a field checks it.

    Args:
        frame: Bytes are read as msgpack, text as JSON.
        limit: Most bytes that the frame may have.
        items: Most keys of a map or elements of a list.

    Raises:
        RemoteProtocolError: "too_large" (close code 4004), or "bad_frame" (4000): it is no message.
    """
    size = len(frame)
    if size > limit or (isinstance(frame, str) and size * 4 > limit and _text_bytes(frame) > limit):
        raise RemoteProtocolError(
            "too_large", f"a message of {size} bytes, expected at most {limit}", close=TOO_LARGE
        )
    try:
        if isinstance(frame, str):
            message = json.loads(frame)
        else:
            message = msgpack.unpackb(
                frame,
                strict_map_key=True,
                max_array_len=items,
                max_map_len=items,
                max_ext_len=0,
                ext_hook=_no_extension,
            )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        what = "JSON" if isinstance(frame, str) else "msgpack"
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise _no_message(f"a frame that is not {what}: {ascii(reason)[1:-1]}") from None
    if type(message) is not dict:
        raise _no_message(f"a frame that holds {_kind(message)}, expected a map with the key 'type'")
    if type(message.get("type")) is not str:
        raise _no_message(f"a message whose 'type' is {_kind(message.get('type'))}, expected text")
    _check_nesting(message, items)
    return message


def pack_floats(numbers: ArrayLike) -> bytes:
    """Numbers as little-endian float32, the form in which observations travel."""
    return np.asarray(numbers, dtype=_FLOAT32).tobytes()


def pack_doubles(numbers: ArrayLike) -> bytes:
    """Numbers as little-endian float64, the form in which a circuit's geometry travels."""
    return np.asarray(numbers, dtype="<f8").tobytes()


def unpack_floats(value: object, what: str, *, size: int | None = None) -> NDArray[np.float32]:
    """A new float32 array from what `pack_floats` made; base64 text where it came through JSON.

    Args:
        value: The field's value.
        what: The field's name, for the error.
        size: How many numbers are expected; None for any.

    Raises:
        RemoteProtocolError: "bad_field": it is no such array, or has another size.
    """
    raw = value if type(value) is bytes else _raw(value, what)
    if len(raw) % 4 or (size is not None and len(raw) != 4 * size):
        raise _wrong_size(what, len(raw), "float32", 4, size)
    return np.frombuffer(raw, dtype=_FLOAT32).astype(np.float32)


def unpack_doubles(value: object, what: str, *, size: int | None = None) -> NDArray[np.float64]:
    """A new float64 array from what `pack_doubles` made; otherwise as `unpack_floats`."""
    raw = _raw(value, what)
    if len(raw) % 8 or (size is not None and len(raw) != 8 * size):
        raise _wrong_size(what, len(raw), "float64", 8, size)
    return np.frombuffer(raw, dtype="<f8").astype(np.float64)


def _raw(value: object, what: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return b64decode(value, validate=True)
        except ValueError:
            raise RemoteProtocolError("bad_field", f"{what}: found text that is not base64") from None
    raise RemoteProtocolError("bad_field", f"{what}: expected bytes, found {_kind(value)}")


def _wrong_size(what: str, found: int, kind: str, width: int, size: int | None) -> RemoteProtocolError:
    expected = f"{size * width}" if size is not None else f"a multiple of {width}"
    return RemoteProtocolError("bad_field", f"{what}: found {found} bytes of {kind}, expected {expected}")


def _no_message(problem: str) -> RemoteProtocolError:
    return RemoteProtocolError("bad_frame", problem, close=BAD_FRAME)


def _no_extension(code: int, data: bytes) -> object:
    raise ValueError(f"extension type {code} is not used here")


def _json_bytes(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    raise TypeError(f"can not serialize {type(value).__name__!r} object")


def _text_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _kind(value: object) -> str:
    """What a value is, in a word, whatever its size."""
    if value is None:
        return "nothing"
    return {"dict": "a map", "list": "a list", "str": "text", "bytes": "bytes"}.get(
        type(value).__name__, f"a {type(value).__name__}"
    )


def _check_nesting(outer: dict[str, Any] | list[Any], items: int, left: int = MAX_DEPTH) -> None:
    """Refuse what is nested too deep or too wide."""
    if len(outer) > items:
        raise _no_message(f"a map or list of {len(outer)}, expected at most {items}")
    values: Collection[Any] = outer.values() if isinstance(outer, dict) else outer
    if _CONTAINERS.isdisjoint(map(type, values)):
        return
    if left == 1:
        raise _no_message(f"a message nested deeper than {MAX_DEPTH}")
    for value in values:
        if type(value) in _CONTAINERS:
            _check_nesting(value, items, left - 1)
