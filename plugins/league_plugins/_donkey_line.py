"""A Donkeycar with the league's part in its program: lines of JSON over TCP, each answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from league import Capabilities, CarCommand, CarError, Sample, StopResult, why_unreachable
from league_plugins._mjpeg import PICTURE_BYTES, read_jpeg
from league_plugins._newest import Newest

PATIENCE_S = 2.0
ANSWER_S = 0.15
"""A part that has not answered a command after this hangs."""
TOUCH_S = 0.2
STOP_S = 0.095
_LINE_BYTES = 4096


class Line:
    """One connection to the part: a question, an answer, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, host: str, port: int) -> Line:
        """Connect.

        Raises:
            OSError, TimeoutError: It cannot be reached.
        """
        async with asyncio.timeout(PATIENCE_S):
            return cls(*await asyncio.open_connection(host, port, limit=_LINE_BYTES))

    async def ask(self, **question: Any) -> dict[str, Any]:
        """One question and its answer.

        Raises:
            OSError: The connection is gone, or talks nonsense.
        """
        async with self._turn:
            return await self._ask(question)

    def tell(self, **words: Any) -> None:
        """Say something without waiting for the answer; `hear` gets it. Not to be mixed with `ask`.

        Raises:
            OSError: The connection is gone, or does not take what it is told.
        """
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > _LINE_BYTES:
            raise OSError("the connection is gone")
        self._writer.write(json.dumps(words).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """The next answer.

        Raises:
            OSError: The connection is gone, or talks nonsense.
        """
        try:
            line = await self._reader.readline()
            told = json.loads(line) if line else None
        except ValueError:
            told = None
        if not isinstance(told, dict):
            self.close()
            raise OSError("the connection is gone")
        return told

    async def picture(self) -> bytes | None:
        """The newest camera picture, a JPEG; None where there is none yet."""
        async with self._turn:
            told = await self._ask({"frame": 1})
            length = told.get("frame")
            if not isinstance(length, int):
                return None
            if not 0 < length <= PICTURE_BYTES:
                raise OSError(f"a picture of {length} bytes")
            try:
                return await self._reader.readexactly(length)
            except asyncio.IncompleteReadError:
                raise OSError("the connection ended") from None

    def close(self) -> None:
        """End the connection at once, with whatever has not been sent."""
        self._writer.transport.abort()

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._writer.write(json.dumps(question).encode() + b"\n")
        try:
            return await self.hear()
        except BaseException:
            # Whoever gave up waiting leaves an answer behind, which the next question would take for its own.
            self.close()
            raise


class DonkeyPart:
    """A Donkeycar whose `manage.py` holds `LeaguePart`.

    Driving, stopping and looking have a connection each, so that none waits for another.
    """

    def __init__(
        self, host: str, port: int, known: Capabilities, look_hz: float, *, only_stops: bool
    ) -> None:
        self.name = f"Donkeycar at {host}:{port}"
        self._where, self._known, self._look_hz = (host, port), known, look_hz
        self._only_stops = only_stops
        self._line: Line | None = None
        self._brake: Line | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._samples = Newest()
        self._unheard_s: float | None = None
        """Since when a command has had no answer."""
        self._fault = ""
        self._told = CarCommand(0, 0.0, 0.0)
        self._armed: asyncio.Future[None] | None = None

    async def connect(self) -> Capabilities:
        """Open the connections and hear what the part is."""
        try:
            self._brake = await Line.open(*self._where)
            self._tasks.append(asyncio.create_task(self._touch(self._brake)))
            if self._only_stops:
                return self._known
            told = await self._brake.ask(stop="a bridge connects")
            if told.get("stopped") is not True:
                raise CarError(f"{self.name}: the part answers, but no drive loop runs")
            self._line = await Line.open(*self._where)
            told = await self._line.ask(hello=1)
            self._tasks.append(asyncio.create_task(self._listen(self._line)))
            if self._look_hz:
                eyes = await Line.open(*self._where)
                self._tasks.append(asyncio.create_task(self._look(eyes)))
        except (OSError, TimeoutError) as error:
            raise CarError(f"{self.name}: no answer: {why_unreachable(error)}") from None
        if not isinstance(told.get("hold_s"), float | int):
            raise CarError(f"{self.name}: found {str(told)[:80]!r}, expected LeaguePart to answer")
        return replace(
            self._known,
            native_deadman_s=float(told["hold_s"]),
            native_arm=True,
            in_process=True,
            api_version=str(told.get("version", "")),
        )

    async def arm(self) -> None:
        """Become the one that drives."""
        self._armed = asyncio.get_running_loop().create_future()
        self._tell(arm=True)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._armed
        except TimeoutError:
            raise CarError(f"{self.name}: no answer to arm") from None

    async def apply(self, command: CarCommand) -> None:
        """Send one command; the part answers each."""
        self._told = command
        angle = min(max(-command.steer_rad / self._known.steer_max_rad, -1.0), 1.0)
        self._tell(seq=command.seq, angle=angle, throttle=command.drive)

    def telemetry(self) -> AsyncIterator[Sample]:
        """What the part took, and camera pictures."""
        return aiter(self._samples)

    async def stop(self, why: str) -> StopResult:
        """Take the drive from whoever has it, and hear that the drive loop obeyed."""
        try:
            async with asyncio.timeout(STOP_S):
                if self._brake is None:
                    self._brake = await Line.open(*self._where)
                told = await self._brake.ask(stop=why[:80])
        except (OSError, TimeoutError):
            self._brake = None
            return "unreachable"
        return "acked" if told.get("stopped") is True else "sent"

    async def disarm(self) -> None:
        """Let go of the car."""
        await self.stop("disarmed")

    async def close(self) -> None:
        """Leave the car standing, and go."""
        if not self._only_stops and self._brake is not None:
            await self.stop("the bridge leaves")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._samples.close()
        for line in (self._line, self._brake):
            if line is not None:
                line.close()

    def _tell(self, **words: Any) -> None:
        now_s = time.monotonic()
        if self._unheard_s is not None and now_s - self._unheard_s > ANSWER_S:
            self._fault = self._fault or f"the part took no command for {ANSWER_S} s"
        if self._fault or self._line is None:
            raise CarError(f"{self.name}: {self._fault or 'not connected'}")
        try:
            self._line.tell(**words)
        except OSError as error:
            raise CarError(f"{self.name}: {error}") from None
        if self._unheard_s is None:
            self._unheard_s = now_s

    async def _listen(self, line: Line) -> None:
        """Hear the answers to what the part was told."""
        try:
            while True:
                self._hear(await line.hear())
        except OSError as error:
            self._fault = self._fault or str(error)
            self._samples.close()

    def _hear(self, told: dict[str, Any]) -> None:
        self._unheard_s = None
        armed = self._armed
        if "seq" not in told and armed is not None and not armed.done():
            if "error" in told:
                armed.set_exception(CarError(f"{self.name}: {str(told['error'])[:120]}"))
            else:
                armed.set_result(None)
        elif "error" in told and told.get("armed") is not False:
            self._fault = self._fault or str(told["error"])[:120]
        else:
            now_s, command = time.monotonic(), self._told
            self._samples.put(
                Sample(
                    now_s,
                    drive=command.drive,
                    steer_rad=command.steer_rad,
                    armed=told.get("armed") is True,
                    note=str(told.get("error", ""))[:120],
                )
            )

    async def _touch(self, line: Line) -> None:
        """Notice when the part is gone, also where nobody has anything to say."""
        with suppress(OSError, TimeoutError):
            while True:
                async with asyncio.timeout(PATIENCE_S):
                    await line.ask(hello=1)
                await asyncio.sleep(TOUCH_S)
        self._samples.close()

    async def _look(self, eyes: Line) -> None:
        try:
            while True:
                began_s = time.monotonic()
                data = await eyes.picture()
                if data is not None:
                    with suppress(ValueError):
                        picture = await asyncio.to_thread(read_jpeg, data)
                        self._samples.put(Sample(time.monotonic(), camera=picture))
                await asyncio.sleep(max(0.0, began_s + 1.0 / self._look_hz - time.monotonic()))
        except OSError:
            pass  # the touch notices too, and says so
        finally:
            eyes.close()
