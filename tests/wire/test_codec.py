from __future__ import annotations

import json
import struct

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire.codec import (
    MAX_DEPTH,
    MAX_ITEMS,
    decode,
    encode,
    pack_doubles,
    pack_floats,
    unpack_doubles,
    unpack_floats,
)
from league.wire.messages import CODECS

LIMIT = 64 * 1024
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
)
INNER = LEAVES | st.lists(LEAVES, max_size=4) | st.dictionaries(st.text("abc"), LEAVES, max_size=4)
VALUES = INNER | st.lists(INNER, max_size=4) | st.dictionaries(st.text("abc"), INNER, max_size=4)


@pytest.mark.parametrize("codec", CODECS)
@given(fields=st.dictionaries(st.text("abcdefg", min_size=1), VALUES, max_size=5))
def test_a_message_comes_back_as_it_was(codec, fields):
    message = {"type": "event", **fields}
    assert decode(encode(message, codec), limit=LIMIT) == message


@pytest.mark.parametrize("codec", CODECS)
@given(numbers=st.lists(st.floats(width=32), max_size=200))
def test_float_arrays_come_back_bit_for_bit_nan_included(codec, numbers):
    sent = np.array(numbers, np.float32)
    message = decode(encode({"type": "obs", "state": pack_floats(sent)}, codec), limit=LIMIT)
    came = unpack_floats(message["state"], "state", size=len(sent))
    assert came.dtype == np.float32
    assert came.tobytes() == sent.tobytes()
    assert came.flags.writeable


@pytest.mark.parametrize("codec", CODECS)
@given(numbers=st.lists(st.floats(), max_size=200))
def test_double_arrays_come_back_bit_for_bit(codec, numbers):
    sent = np.array(numbers, np.float64)
    message = decode(encode({"type": "assign", "centre": pack_doubles(sent)}, codec), limit=LIMIT)
    assert unpack_doubles(message["centre"], "centre").tobytes() == sent.tobytes()


def test_arrays_travel_little_endian():
    assert pack_floats([1.0, -2.5]) == struct.pack("<2f", 1.0, -2.5)
    assert pack_doubles(np.array([1.0, -2.5], ">f8")) == struct.pack("<2d", 1.0, -2.5)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"12345", "found 5 bytes of float32, expected 8"),
        (b"1234", "found 4 bytes of float32, expected 8"),
        ("no base64!", "not base64"),
        ("ä", "not base64"),
        (None, "expected bytes, found nothing"),
        ([1.0, 2.0], "expected bytes, found a list"),
        (7, "expected bytes, found a int"),
    ],
)
def test_what_is_no_array_is_refused_by_name(value, says):
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        unpack_floats(value, "sensors.state", size=2)
    assert caught.value.code == "bad_field"
    assert "sensors.state" in str(caught.value)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xc1", id="never used"),
        pytest.param(msgpack.packb(7), id="number"),
        pytest.param(msgpack.packb([1]), id="list"),
        pytest.param(msgpack.packb({}), id="no type"),
        pytest.param(msgpack.packb({"type": 7}), id="type is a number"),
        pytest.param(msgpack.packb({"type": ["act"]}), id="type is a list"),
        pytest.param(msgpack.packb({"type": "act"})[:-1], id="truncated"),
        pytest.param(msgpack.packb({"type": "act"}) + b"\x00", id="more than one"),
        pytest.param(msgpack.packb({"type": "a", "t": msgpack.Timestamp(1)}), id="timestamp"),
        pytest.param(b"\x82\xa4type\xa1a\xa1b\xc7\x00\x05", id="empty extension"),
        pytest.param(b"\x82\xa4type\xa1a\xa1b\xd8\x05" + b"x" * 16, id="extension"),
        pytest.param(b"\x82\xa4type\xa1a\x07\x08", id="key is a number"),
        pytest.param(b"\x82\xa4type\xa1a\x90\x08", id="key is a list"),
        pytest.param(b"\x82\xa4type\xa1a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x08", id="key is NaN"),
        pytest.param(b"\x81\xa4type\xa2\xff\xfe", id="no utf-8"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="list of four thousand million"),
        pytest.param(b"\xdf\xff\xff\xff\xff", id="map of four thousand million"),
        pytest.param(b"\x81\xa4type\xdb\xff\xff\xff\xff", id="text of 4 GiB"),
        pytest.param(b"\x81\xa4type\xc6\xff\xff\xff\xff", id="bytes of 4 GiB"),
        pytest.param(b"\xc9\xff\xff\xff\xff\x01", id="extension of 4 GiB"),
        pytest.param(b"\x91" * 60_000, id="nested lists"),
        pytest.param(b"\x81\xa1a" * 20_000, id="nested maps"),
        pytest.param(b"\xdc\x01\x00" * 20_000, id="nested wide lists"),
        pytest.param("", id="empty text"),
        pytest.param("[" * 60_000, id="nested JSON lists"),
        pytest.param('{"a":' * 10_000, id="nested JSON maps"),
        pytest.param("1" * 60_000, id="a number of 60 000 digits"),
        pytest.param('{"type":"act","k":' + "1" * 5000 + "}", id="a field of 5 000 digits"),
        pytest.param('{"type":"act"', id="truncated JSON"),
        pytest.param('{"type":"act"}{}', id="more than one in JSON"),
        pytest.param('{"type":null}', id="null type"),
        pytest.param("\x00", id="NUL"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_what_is_no_message_is_a_bad_frame_and_nothing_else(frame):
    with pytest.raises(RemoteProtocolError) as caught:
        decode(frame, limit=LIMIT)
    assert (caught.value.code, caught.value.close) == ("bad_frame", 4000)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isascii()


@pytest.mark.parametrize("codec", CODECS)
def test_a_message_may_be_as_large_as_the_limit_and_no_larger(codec):
    room = 200 - len(encode({"type": "act", "note": "x" * 100}, codec)) + 100
    fits = encode({"type": "act", "note": "x" * room}, codec)
    assert len(fits) == 200
    assert decode(fits, limit=200)["note"] == "x" * room
    with pytest.raises(RemoteProtocolError) as caught:
        decode(encode({"type": "act", "note": "x" * (room + 1)}, codec), limit=200)
    assert (caught.value.code, caught.value.close) == ("too_large", 4004)


def test_text_is_measured_in_bytes():
    frame = json.dumps({"type": "act", "note": "é" * 90}, ensure_ascii=False)
    assert len(frame) < 200 < len(frame.encode())
    with pytest.raises(RemoteProtocolError, match="expected at most 199"):
        decode(frame, limit=199)
    decode(frame, limit=len(frame.encode()))


@pytest.mark.parametrize("codec", CODECS)
def test_nesting_is_bounded(codec):
    def nested(depth):
        value: object = 1
        for _ in range(depth - 1):
            value = [value]
        return {"type": "a", "in": value}

    assert decode(encode(nested(MAX_DEPTH), codec), limit=LIMIT) == nested(MAX_DEPTH)
    with pytest.raises(RemoteProtocolError, match="nested deeper than 12"):
        decode(encode(nested(MAX_DEPTH + 1), codec), limit=LIMIT)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("wide", [lambda n: [0] * n, lambda n: {str(i): 0 for i in range(n)}])
def test_width_is_bounded(codec, wide):
    assert len(decode(encode({"type": "a", "in": wide(MAX_ITEMS)}, codec), limit=LIMIT)["in"]) == MAX_ITEMS
    with pytest.raises(RemoteProtocolError) as caught:
        decode(encode({"type": "a", "in": wide(MAX_ITEMS + 1)}, codec), limit=LIMIT)
    assert caught.value.code == "bad_frame"


@pytest.mark.parametrize(
    ("codec", "value"),
    [(codec, value) for codec in CODECS for value in (np.float32(1), object(), {1, 2})]
    + [("msgpack", 2**70)],
)
def test_what_does_not_travel_is_our_own_fault(codec, value):
    with pytest.raises(LocalProtocolError, match="'act' cannot be sent"):
        encode({"type": "act", "value": value}, codec)


def test_a_lone_surrogate_cannot_be_sent():
    with pytest.raises(LocalProtocolError):
        encode({"type": "act", "note": "\ud800"}, "msgpack")


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_frame_is_a_message_or_a_remote_error(frame):
    try:
        message = decode(frame, limit=256)
    except RemoteProtocolError as error:
        outcome = (error.code, error.close)
    else:
        outcome = (type(message["type"]).__name__, None)
    assert outcome in {("bad_frame", 4000), ("too_large", 4004), ("str", None)}
