"""Frames on an agent's line: as RFC 6455 has them, at once, and never waiting."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from league.server.race.line import websocket_frame


def unpacked(frame: bytes) -> tuple[int, bytes]:
    """First byte and body of an unmasked frame, read by the letter of the standard."""
    size, rest = frame[1], frame[2:]
    assert size < 128, "a server does not mask"
    if size == 126:
        size, rest = int.from_bytes(rest[:2], "big"), rest[2:]
        assert size > 125, "the shortest form is to be used"
    elif size == 127:
        size, rest = int.from_bytes(rest[:8], "big"), rest[8:]
        assert size > 65535, "the shortest form is to be used"
    assert len(rest) == size
    return frame[0], rest


@given(st.binary(max_size=300) | st.sampled_from([125, 126, 127, 65535, 65536, 70000]).map(bytes))
def test_bytes_travel_in_one_binary_frame(body: bytes) -> None:
    assert unpacked(websocket_frame(body)) == (0x82, body)


@given(st.text(max_size=200))
def test_text_travels_in_one_text_frame(body: str) -> None:
    assert unpacked(websocket_frame(body)) == (0x81, body.encode())


async def test_another_programs_websocket_reads_our_frames() -> None:
    sent = [b"", b"x" * 125, b"y" * 126, b"z" * 65535, b"w" * 65536, "Zoë", b"\x00\xff" * 50_000]

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert request.transport is not None
        for frame in sent:
            request.transport.write(websocket_frame(frame))
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    async with (
        asyncio.timeout(60),
        TestServer(app) as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.make_url("/"), max_msg_size=0) as socket,
    ):
        assert [message.data async for message in socket] == sent
