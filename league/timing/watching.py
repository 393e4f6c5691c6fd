"""Following cars with a camera above the track, or by their own odometry, and telling the server."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from league.errors import InputError
from league.gate.car import Sample
from league.racing.linetimer import Crossed, LineTimer, Seen
from league.racing.odometry import Odometry
from league.timing.client import TimingLine
from league.track.circuit import Circuit

if TYPE_CHECKING:
    from league.timing.camera import Watcher

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
POSES_PER_S: Final = 20.0
"""The server is told so often where a car is; crossings are found in every picture."""
ODOMETRY: Final = 0.6
"""How sure a crossing by odometry is, which drifts: good enough to count, and shown as less."""


async def pictures(source: str, *, latency_s: float = 0.0) -> AsyncIterator[tuple[int, Any]]:
    """Pictures of a camera (its number, or an address) or a film, each with its time on our monotonic clock.

    A camera's picture is stamped when it was taken from the driver, less `latency_s`. A film is played at
    its own speed, as if it were happening.

    Raises:
        InputError: It cannot be opened.
    """
    import cv2

    film = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not film.isOpened():
        raise InputError(f"camera {source!r}: cannot be opened; expected a number, a file or an address")
    film.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    late_ns = round(latency_s * 1e9)
    period_ns = round(1e9 / (film.get(cv2.CAP_PROP_FPS) or 30.0)) if _is_film(source) else 0
    began_ns = time.monotonic_ns()
    try:
        for number in itertools.count():
            if not await asyncio.to_thread(film.grab):
                return
            grabbed_ns = began_ns + number * period_ns if period_ns else time.monotonic_ns()
            await asyncio.sleep(max(0.0, (grabbed_ns - time.monotonic_ns()) / 1e9))
            good, picture = await asyncio.to_thread(film.retrieve)
            if good:
                yield grabbed_ns - late_ns, picture
    finally:
        film.release()


def _is_film(source: str) -> bool:
    return Path(source).is_file()


async def follow(
    shown: AsyncIterator[tuple[int, Any]],
    watcher: Watcher,
    circuit: Circuit,
    line: TimingLine,
    *,
    noses_m: Mapping[str, float],
    tell: Tell = lambda text: None,
) -> None:
    """Tell the server where cars are, and when they cross the line, until the pictures end.

    Args:
        shown: Pictures with their times.
        watcher: Finds cars in them.
        circuit: In whose coordinates the camera was calibrated.
        line: To the server.
        noses_m: From origin to nose, by car.
        tell: Told every crossing.
    """
    timers = {car: LineTimer(circuit, nose_m=nose_m) for car, nose_m in noses_m.items()}
    before: dict[str, Seen] = {}
    async for taken_ns, picture in shown:
        for mount, spot in await asyncio.to_thread(watcher.look, picture):
            seen = Seen(line.clock.at(taken_ns), spot.x_m, spot.y_m, spot.yaw_rad)
            crossed = timers[mount.car].see(seen)
            if crossed is not None:
                _tell(line, mount.car, crossed, crossed.confidence, tell)
            last = before.get(mount.car)
            if last is None or seen.ts_ns - last.ts_ns >= 1e9 / POSES_PER_S:
                before[mount.car] = seen
                await line.see(seen.ts_ns, mount.car, seen.x_m, seen.y_m, seen.yaw_rad, _speed(last, seen))


async def follow_odometry(
    samples: AsyncIterator[Sample],
    circuit: Circuit,
    line: TimingLine,
    *,
    car: str,
    nose_m: float,
    tell: Tell = lambda text: None,
) -> None:
    """Tell the server when a car crosses the line by its own odometry, until that ends.

    Where it is when this begins is the start line: stand it there, its nose on the line.
    """
    timer = LineTimer(circuit, nose_m=nose_m)
    # A hair behind the line, so that driving off is a crossing.
    odometry = Odometry(circuit, back_m=nose_m + 0.01)
    last: Seen | None = None
    async for sample in samples:
        if sample.pose is None:
            continue
        x_m, y_m, yaw_rad = odometry.place(sample.pose)
        seen = Seen(line.clock.at(round(sample.at_s * 1e9)), x_m, y_m, yaw_rad)
        crossed = timer.see(seen)
        if crossed is not None:
            _tell(line, car, crossed, min(crossed.confidence, ODOMETRY), tell)
        if last is None or seen.ts_ns - last.ts_ns >= 1e9 / POSES_PER_S:
            await line.see(seen.ts_ns, car, x_m, y_m, yaw_rad, sample.speed_mps or _speed(last, seen))
            last = seen


def _tell(line: TimingLine, car: str, crossed: Crossed, confidence: float, tell: Tell) -> None:
    line.cross(crossed.ts_ns, car=car, confidence=confidence)
    tell(f"{car} crossed the line at {crossed.speed_mps:.2f} m/s")


def _speed(before: Seen | None, seen: Seen) -> float:
    if before is None or seen.ts_ns <= before.ts_ns:
        return 0.0
    return min(hypot(seen.x_m - before.x_m, seen.y_m - before.y_m) / (seen.ts_ns - before.ts_ns) * 1e9, 100.0)
