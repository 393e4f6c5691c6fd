"""What stands beside a track: a gate that sees cars, and a timekeeper who decides; both by hand."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

PATIENCE_S = 60.0


class Beside:
    """A socket beside the track."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.closed: int | None = None
        self._ids = itertools.count(1)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, http: aiohttp.ClientSession, url: str, path: str, *, token: str, **hello: Any
    ) -> AsyncIterator[Self]:
        """Connect and say hello."""
        async with http.ws_connect(url + path, protocols=("league.v1.json",), compress=0) as socket:
            beside = cls(socket)
            await beside.say(type="hello", token=token, **hello)
            yield beside

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def hear(
        self, kind: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The next message of this type that is as wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.socket.receive()
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    self.closed = self.socket.close_code
                    raise ConnectionError(f"closed with {self.socket.close_code}")
                said = json.loads(frame.data)
                self.told.append(said)
                if said["type"] == kind and wanted(said):
                    return dict(said)

    # -- as a gate ---------------------------------------------------------------------------------

    async def cross(self, at_ns: int | None = None, *, seq: int | None = None, **more: Any) -> dict[str, Any]:
        """Something crosses, now unless said; gives the answer."""
        seq = time.time_ns() if seq is None else seq
        await self.say(type="crossing", seq=seq, ts_ns=time.time_ns() if at_ns is None else at_ns, **more)
        return await self.hear("ack", lambda said: said["seq"] == seq)

    # -- as a timekeeper ---------------------------------------------------------------------------

    async def do(self, what: str, *, id: str = "", **more: Any) -> dict[str, Any]:  # noqa: A002
        """Decide something; gives the answer, "done" or "error"."""
        name = id or f"do-{next(self._ids)}"
        await self.say(type="do", id=name, what=what, **more)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.socket.receive()
                said = json.loads(frame.data)
                self.told.append(said)
                if said["type"] in ("done", "error") and said.get("id") == name:
                    return dict(said)

    async def state(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What stands, once it is as wanted."""
        for said in reversed(self.told):
            if said["type"] == "state":
                if wanted(said):
                    return said
                break
        return await self.hear("state", wanted)
