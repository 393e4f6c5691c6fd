"""Camera pictures over HTTP: one long answer, JPEG after JPEG, of which only a few are looked at."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from league import why_unreachable

PICTURE_BYTES = 2_000_000
"""No picture of a car's camera is larger."""
_PIXELS = 4_000_000


def read_jpeg(data: bytes) -> NDArray[np.uint8]:
    """A picture, height × width × 3, red first.

    Raises:
        ValueError: It is none, or has more than four million pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            if picture.width * picture.height > _PIXELS:
                raise ValueError(f"a picture of {picture.width} × {picture.height} pixels")
            return np.asarray(picture.convert("RGB"), dtype=np.uint8)
    except OSError as error:
        raise ValueError(f"no JPEG: {error}") from None


async def pictures(
    answer: aiohttp.ClientResponse, hz: float, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[bytes]:
    """The newest JPEG of a `multipart/x-mixed-replace` answer, `hz` times a second at most.

    All of it is read, so that nothing old waits in a buffer on the way; what comes between two looks is
    dropped undecoded.

    Raises:
        ValueError: The answer is no such thing.
    """
    next_s = -math.inf
    while True:
        length = await _length(answer.content)
        if length is None:
            return
        if not 0 < length <= PICTURE_BYTES:
            raise ValueError(f"a picture of {length} bytes")
        data = await answer.content.readexactly(length)
        now_s = clock()
        if now_s >= next_s:
            next_s = now_s + 1.0 / hz
            yield data


async def _length(content: aiohttp.StreamReader) -> int | None:
    """Read up to the blank line before a picture: how long the picture is; None at the end."""
    length = -1
    for _ in range(32):
        line = await content.readline()
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            try:
                length = int(value)
            except ValueError:
                raise ValueError(f"found {value!r} as the length of a picture") from None
        if not line.strip() and length >= 0:
            return length
    raise ValueError("no length before a picture")


async def watch(
    http: aiohttp.ClientSession, url: str, hz: float, see: Callable[[NDArray[np.uint8]], None]
) -> str:
    """Look at a camera until it ends; says why it did."""
    quiet = aiohttp.ClientTimeout(total=None, sock_connect=2.0, sock_read=2.0)
    try:
        async with http.get(url, timeout=quiet) as answer:
            if answer.status != 200:
                return f"the camera answers HTTP {answer.status}"
            async for data in pictures(answer, hz):
                see(await asyncio.to_thread(read_jpeg, data))
    except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        return f"no camera: {why_unreachable(error)}"
    return "the camera ended"
