"""Fitting cars to recordings: how far a car's drive lies from a recorded one, and the car nearest to all.

Pure. A recording is cut into *windows*: a second of commands to let the servo and the wheels settle, then up
to two seconds in which the car drives by the recorded commands alone, from the recorded pose; or, from a
stand, two seconds without the first. What is compared is where it gets to, at several moments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.errors import InputError
from league.sim import kernel
from league.sim.car import CarSpec
from league.sim.compiled import compiled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CONTROL_HZ = 15
WARM_TICKS, SEEN_TICKS = 15, 30
SUBSTEPS = 8

MOMENTS = (4, 8, 15, 22, 30)
"""Ticks after the start at which a drive is compared."""
PLACE_SCALE_M = (0.03, 0.06, 0.12, 0.19, 0.28)
YAW_SCALE_RAD = (0.065, 0.087, 0.153, 0.196, 0.24)
"""An error of this much counts as 1; about what a good model leaves at those moments."""

BOUNDS: dict[str, tuple[float, float]] = {
    "base_to_nose_m": (0.1, 0.3),
    "steer_kick": (0.0, 1.0),
    "steer_slow_s": (0.05, 2.0),
    "steer_aligning_per_m": (0.0, 2.0),
    "steer_fast_s": (0.02, 0.5),
    "steer_bias_rad": (-0.05, 0.05),
    "speed_gain": (0.9, 1.2),
    "top_speed_mps": (2.0, 5.0),
    "corner_drag": (0.0, 0.5),
    "speed_lag_s": (0.02, 0.6),
    "brake_mps2": (1.0, 30.0),
    "accelerate_mps2": (1.0, 30.0),
    "base_m": (0.05, 0.6),
    "base_per_v2": (0.0, 0.2),
    "base_per_tan": (0.0, 1.5),
    "lateral_mps2": (1.0, 8.0),
    "yaw_lag_s": (0.005, 0.3),
    "base_per_push": (-0.05, 0.05),
    "lateral_per_push": (-0.3, 0.65),
}
"""What is fitted, and within what limits. Dead times stay: they are rounded to whole physics steps."""
THROTTLE = ("base_per_push", "lateral_per_push")
"""What a fit without them has at 0: turning that does not depend on throttle and brakes."""


class Windows(NamedTuple):
    """Windows of recordings, stacked."""

    pose: FloatArray
    """x, y (m) of the nose and yaw (rad, unwrapped) before each command, shape (n, 46, 3); NaN at the end."""
    commands: FloatArray
    """Steering (rad) and speed (m/s), shape (n, 45, 2)."""
    speed_mps: FloatArray
    """Measured speed at the start, shape (n,)."""
    warm: IntArray
    """Ticks before the comparison starts: 15, or 0 from a stand."""
    seen: IntArray
    """Ticks after that, 15 to 30."""
    source: IntArray
    """Which recording it is from."""

    def where(self, chosen: NDArray[np.bool_]) -> Windows:
        """Some of them."""
        return Windows(
            self.pose[chosen],
            self.commands[chosen],
            self.speed_mps[chosen],
            self.warm[chosen],
            self.seen[chosen],
            self.source[chosen],
        )


class Episode(NamedTuple):
    """One uninterrupted drive: row k holds the pose before command k acts."""

    time_s: FloatArray
    pose: FloatArray
    commands: FloatArray
    from_stand: bool


def cut(
    episodes: Sequence[Episode], source: int, *, stride: int, most: int, most_starts: int, seed: int
) -> Windows:
    """Cut the episodes of one recording into windows: a seeded choice of at most so many.

    Windows with gaps in time, with leaps (the car was put back) or of a car that is stuck are left out.
    """
    moving = [(e, i) for e in episodes for i in range(2, len(e.pose) - WARM_TICKS - 16, stride)]
    starts = [(e, 0) for e in episodes if e.from_stand and len(e.pose) >= 17]
    rows: list[tuple[FloatArray, FloatArray, float, int, int]] = []
    rng = np.random.default_rng(seed)
    for candidates, warm, cap in ((moving, WARM_TICKS, most), (starts, 0, most_starts)):
        taken = 0
        for pick in rng.permutation(len(candidates)):
            episode, first = candidates[pick]
            seen = min(SEEN_TICKS, len(episode.pose) - 1 - first - warm)
            part = slice(first, first + warm + seen + 1)
            lapse, move = np.diff(episode.time_s[part]), np.hypot(*np.diff(episode.pose[part, :2], axis=0).T)
            if (
                lapse.min() < 0.015
                or lapse.max() > 0.125
                or move.max() > 0.45
                or (warm and move.mean() < 0.015)
            ):
                continue
            speed = 0.0
            if warm:
                speed = hypot(*(episode.pose[first + 1, :2] - episode.pose[first - 1, :2])) * CONTROL_HZ / 2
            rows.append((episode.pose[part], episode.commands[part][:-1], speed, warm, seen))
            taken += 1
            if taken == cap:
                break
    total = WARM_TICKS + SEEN_TICKS
    pose, commands = np.full((len(rows), total + 1, 3), np.nan), np.zeros((len(rows), total, 2))
    for k, (where, orders, *_) in enumerate(rows):
        pose[k, : len(where)], commands[k, : len(orders)] = where, orders
    columns = [np.array([row[c] for row in rows]) for c in (2, 3, 4)]
    return Windows(
        pose,
        commands,
        columns[0].astype(np.float64),
        columns[1].astype(np.int64),
        columns[2].astype(np.int64),
        np.full(len(rows), source),
    )


def joined(parts: Sequence[Windows]) -> Windows:
    """The windows of several recordings in one."""
    if not parts:
        raise InputError("no recordings, expected at least one")
    return Windows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@compiled
def _drive_all(
    p: FloatArray, depth: int, commands: FloatArray, ticks: IntArray, speed: FloatArray, path: FloatArray
) -> None:
    s = np.zeros(kernel.COMMANDS + 2 * depth)
    for i in range(len(ticks)):
        s[:] = 0.0
        s[kernel.X] = -p[kernel.NOSE]
        s[kernel.SPEED] = speed[i]
        kernel.replay(p, s, SUBSTEPS, commands[i, : ticks[i]], path[i])


def drives(car: CarSpec, windows: Windows) -> FloatArray:
    """Where a car gets to by the commands of each window, shape (n, 46, 3), in its own coordinates."""
    step_s = 1.0 / (CONTROL_HZ * SUBSTEPS)
    path = np.zeros((*windows.pose.shape[:2], 6))
    depth = kernel.history(car, step_s, SUBSTEPS)
    ticks = windows.warm + windows.seen
    _drive_all(kernel.parameters(car, step_s), depth, windows.commands, ticks, windows.speed_mps, path)
    return path[:, :, :3]


def errors(path: FloatArray, windows: Windows, ticks: int) -> FloatArray:
    """Errors so many ticks after the start, shape (n, 3): ahead and left (m), yaw (rad); NaN if unseen.

    The drive is first moved so that its pose is the recorded one at the start of the comparison.
    """
    n = np.arange(len(path))
    start, end = windows.warm, np.minimum(windows.warm + ticks, windows.pose.shape[1] - 1)
    turn = windows.pose[n, start, 2] - path[n, start, 2]
    c, q = np.cos(turn), np.sin(turn)
    dx, dy = (path[n, end, :2] - path[n, start, :2]).T
    ex = windows.pose[n, start, 0] + c * dx - q * dy - windows.pose[n, end, 0]
    ey = windows.pose[n, start, 1] + q * dx + c * dy - windows.pose[n, end, 1]
    yaw = windows.pose[n, end, 2]
    c, q = np.cos(yaw), np.sin(yaw)
    found = np.stack((c * ex + q * ey, c * ey - q * ex, path[n, end, 2] + turn - yaw), axis=1)
    found[windows.seen < ticks] = np.nan
    return found


def sizes(found: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How large errors are: of place in cm, of yaw in degrees."""
    return 100 * np.hypot(found[:, 0], found[:, 1]), np.degrees(np.abs(found[:, 2]))


def distances(path: FloatArray, windows: Windows) -> tuple[FloatArray, FloatArray]:
    """Driven and recorded distance (m) of each window, after its warm-up."""
    ticks = np.arange(path.shape[1] - 1)
    inside = (ticks >= windows.warm[:, None]) & (ticks < (windows.warm + windows.seen)[:, None])
    return tuple(
        np.where(inside, np.hypot(*np.moveaxis(np.diff(line[:, :, :2], axis=1), 2, 0)), 0.0).sum(axis=1)
        for line in (path, windows.pose)
    )


def changed(car: CarSpec, figures: Mapping[str, float]) -> CarSpec:
    """A car with other figures; however hard it accelerates or brakes, it keeps some of its lateral limit."""
    found = {name: getattr(car, name) for name in BOUNDS} | dict(figures)
    most = 0.99 * found["lateral_mps2"] / max(found["accelerate_mps2"], found["brake_mps2"])
    found["lateral_per_push"] = min(max(found["lateral_per_push"], -most), most)
    return car.changed(**found)


def residuals(car: CarSpec, windows: Windows, weight: FloatArray) -> FloatArray:
    """What a least-squares fit brings down: scaled errors, those of hopeless windows weighing less.

    All windows' errors ahead, left and of yaw at the first of `MOMENTS`, then at the next.
    """
    path, parts = drives(car, windows), []
    for ticks, place_m, yaw_rad in zip(MOMENTS, PLACE_SCALE_M, YAW_SCALE_RAD, strict=True):
        scaled = np.nan_to_num(errors(path, windows, ticks) / (place_m, place_m, yaw_rad))
        size = np.sqrt((scaled**2).sum(axis=1, keepdims=True)) + 1e-9
        # From a square near 0 to about a root far out.
        soft = np.sqrt(2 * (np.sqrt(1 + size**2) - 1)) / size / (1 + 0.04 * size**2) ** 0.25
        parts.append(scaled * soft * np.sqrt(weight)[:, None])
    return np.concatenate(parts).ravel()


def likeliest(cars: Sequence[CarSpec], windows: Windows) -> IntArray:
    """Which of several cars each window was recorded of, told by the other half of its recording.

    A recording is of one car, but does not say of which. The windows of each are dealt into two halves, and
    each half is given the car that drives the other one with the least cost: no window has a say in what
    it is measured with.

    Returns:
        Numbers of cars, shape (n,).
    """
    one = np.ones(len(windows.warm))
    costs = np.array(
        [(residuals(car, windows, one).reshape(len(MOMENTS), -1, 3) ** 2).sum(axis=(0, 2)) for car in cars]
    )
    found = np.zeros(len(one), dtype=np.int64)
    for source in np.unique(windows.source):
        numbers = np.flatnonzero(windows.source == source)
        halves = numbers[::2], numbers[1::2]
        for half, other in (halves, halves[::-1]):
            found[half] = costs[:, other].sum(axis=1).argmin()
    return found


def weights(windows: Windows, starts: float = 0.22) -> FloatArray:
    """Weights that sum to 1: recordings count alike, however long they are; standing starts by a share."""
    standing = windows.warm == 0
    weight = np.zeros(len(standing))
    for group, share in ((standing, starts), (~standing, 1 - starts)):
        if group.any():
            weight[group] = 1.0 / np.bincount(windows.source[group])[windows.source[group]]
            weight[group] *= share / weight[group].sum()
    return np.asarray(weight / weight.sum())


def fit(
    car: CarSpec,
    windows: Windows,
    *,
    rounds: int = 25,
    fixed: Sequence[str] = (),
    loyalty: float = 0.0,
    weight: FloatArray | None = None,
) -> tuple[CarSpec, float]:
    """The car that drives most like the recordings, by trust-region least squares from a first guess.

    Args:
        car: Where to start; what is not in `BOUNDS` stays.
        windows: What to match.
        rounds: Most iterations.
        fixed: Names in `BOUNDS` that stay too.
        loyalty: What it costs that a figure changes by its own size (or by 0.02 if that is more): for few
            recordings and a first guess that was fitted to more.
        weight: Of each window; `weights` if none.

    Returns:
        The fitted car and its cost, the sum of squared residuals.
    """
    from scipy.optimize import least_squares  # slow to import, and only fitting needs it

    names = [name for name in BOUNDS if name not in fixed]
    low, high = (np.array([BOUNDS[name][side] for name in names]) for side in (0, 1))
    first = np.clip([getattr(car, name) for name in names], low + 1e-5, high - 1e-5)
    weight, size = weights(windows) if weight is None else weight, np.maximum(np.abs(first), 0.02)

    def with_figures(x: FloatArray) -> CarSpec:
        return changed(car, dict(zip(names, x.tolist(), strict=True)))

    def misses(x: FloatArray) -> FloatArray:
        missed = residuals(with_figures(x), windows, weight)
        return np.append(missed, np.sqrt(loyalty) * (x - first) / size)

    found = least_squares(
        misses,
        first,
        bounds=(low, high),
        x_scale=size,
        diff_step=1e-3,
        max_nfev=rounds,
    )
    return with_figures(found.x), 2 * float(found.cost)
