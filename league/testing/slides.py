"""Fit loss of grip to recorded runs, print how often cars slide: `python -m league.testing.slides FOLDER`.

The data contract is that of `league.testing.fit`. A recorded car's slip is the angle of its body less that
of the motion of its rear axle, and of that what is left over a small share of the lateral acceleration:
without a slide it is below a degree nine times in ten. A *slide* is a stretch of slip over 4° that reaches
10°. What a recording does not show the end of (an episode ends soon after many a slide) counts as far as it
is seen.

How often: by the state that the very model of the races has under the recorded commands; the rate that
makes the recorded slides most likely (a Poisson process). How far: means, with slides that are cut off
counted as unfinished. Not every loss of grip becomes a slide that one would count, so the rate and how long
slip grows are then changed until the model, driven by the recorded commands, has as many slides as the
recordings, and as far ones.

The table compares, recorded and driven by the model under the same commands, by figures fitted to the other
recordings: how many slides begin, and after how many steps slip passes 20° and 30° within half a second. A
slide is an event; the up to eight steps before it are not independent. So the 95 % interval (exact, of a
Poisson process) is that of the number of slides, and an asterisk marks where the model is outside of it.

What it does to errors: nothing to those that `league.testing.fit` prints, for a car's most likely path,
second by second, is the one without a slide, and that is measured. A model that slides by chance is right
about how often cars get lost, not about which. Nor are slides what makes the tail of those errors: of the
public recordings' worst tenth after a second one window in seven has a slide in it, and without all windows
that have one the 90th percentile falls from 38.4 to 36.5 cm.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.errors import InputError
from league.sim import kernel
from league.sim.car import CarSpec
from league.sim.compiled import compiled
from league.sim.grip import Grip, figures
from league.testing.fidelity import CARS
from league.testing.fit import chosen_files, read_episodes
from league.testing.fitting import CONTROL_HZ, SUBSTEPS, Episode, FloatArray

Flags = NDArray[np.bool_]

AXLE_M = 0.2217
"""From the nose back to the rear axle."""
SIDE_RAD_PER_MPS2 = np.radians(0.42)
"""Slip of a rear axle that holds, per lateral acceleration; from the recordings' steps below 15°."""
SEEN_RAD, SLIDES_RAD = np.radians(4.0), np.radians(10.0)
LOOK_TICKS = 8
MATCHES, TIMES = 5, 20
"""Steps towards figures by which the model slides as recorded cars do, and drives of it in each."""
SPEEDS_MPS = (0.0, 1.0, 2.0, 3.0, np.inf)
STEERS_RAD = tuple(np.radians((0.0, 10.0, 20.0, 90.0)))
_CLASSES = (len(SPEEDS_MPS) - 1) * (len(STEERS_RAD) - 1) * 3
HOLDING_MPS = 0.5
"""A command within so much of the speed neither accelerates nor brakes."""


class Run(NamedTuple):
    """An episode of a recording, a row a step, and what the model does under its commands."""

    source: int
    commands: FloatArray
    slip_rad: FloatArray
    speed_mps: FloatArray
    """As recorded, over three steps."""
    state: FloatArray
    """x, y, yaw, speed, turning rate and wheel angle of the model."""
    yaw_rad: FloatArray


class Slide(NamedTuple):
    """A stretch of slip: numbers of its first step, its greatest slip and its last step."""

    first: int
    peak: int
    last: int


def run_of(source: int, episode: Episode, car: CarSpec) -> Run:
    """What the slip of a recorded episode was."""
    yaw = episode.pose[:, 2]
    axle = episode.pose[:, :2] - AXLE_M * np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
    step = np.diff(axle, axis=0)
    far_m = np.hypot(*step.T)
    slip = (yaw[1:] + yaw[:-1]) / 2 - np.arctan2(step[:, 1], step[:, 0])
    slip = (slip + np.pi) % (2 * np.pi) - np.pi
    # What stands has no direction of motion, what leaps was put back, and a start is not yet driving.
    slip[(far_m < 0.03) | (far_m > 0.45)] = 0.0
    slip[:3] = 0.0
    start = 0.0 if episode.from_stand else float(far_m[:3].mean() * CONTROL_HZ)
    state = kernel.drive_open_loop(car, episode.commands, yaw_rad=float(yaw[0]), speed_mps=start)
    state = state[: len(slip)]
    speed = np.convolve(far_m * CONTROL_HZ, np.ones(3) / 3, "same")
    slip -= SIDE_RAD_PER_MPS2 * state[:, 3] * state[:, 4]
    return Run(source, episode.commands[: len(slip)], slip, speed, state, yaw)


def slides(run: Run) -> Iterator[Slide]:
    """The slides of a run."""
    over = np.flatnonzero(np.abs(run.slip_rad) > SEEN_RAD)
    for part in np.split(over, np.flatnonzero(np.diff(over) > 2) + 1):
        size = np.abs(run.slip_rad[part])
        if len(part) >= 3 and size.max() >= SLIDES_RAD:
            yield Slide(max(int(part[0]) - 1, 0), int(part[size.argmax()]), int(part[-1]))


def fit_grip(runs: Sequence[Run], car: CarSpec) -> Grip:
    """The figures that make the recorded slides most likely."""
    return matched(runs, car, fit_onset(runs, car, fit_shape(runs)))


def fit_shape(runs: Sequence[Run]) -> Grip:
    """How slides grow and end."""
    seen = [(run, slide) for run in runs for slide in slides(run)]
    if not seen:
        raise InputError("no slides in these recordings, expected some")
    grown, turned, scrubbed, rises, falls = [], [], [], [], []
    for run, slide in seen:
        side = np.sign(run.slip_rad[slide.peak])
        gone_s = max(slide.peak - slide.first, 1) / CONTROL_HZ
        slip = side * (run.slip_rad[slide.peak] - run.slip_rad[slide.first])
        grown.append(slip / gone_s)
        turned.append((slip, side * _more_turn(run, slide.first, slide.peak)))
        ended = slide.peak < len(run.slip_rad) - 2
        rises.append((gone_s, ended))
        sideways = np.sin(np.abs(run.slip_rad[slide.first : slide.peak])).sum() / CONTROL_HZ
        lost = run.speed_mps[slide.peak] - run.speed_mps[slide.first]
        lost -= run.state[slide.peak, 3] - run.state[slide.first, 3]
        scrubbed.append((sideways, -lost))
        if ended:
            left = max(abs(run.slip_rad[slide.last]), 1e-3) / abs(run.slip_rad[slide.peak])
            fall = side * (run.slip_rad[slide.last] - run.slip_rad[slide.peak])
            more = side * _more_turn(run, slide.peak, slide.last)
            falls.append(((slide.last - slide.peak) / CONTROL_HZ, -np.log(left), fall, more))
    rise_s, ends = np.array(rises).T
    least_s = float(np.percentile(rise_s, 10))
    fall_s, folds, fall, back = np.array(falls).T
    return Grip(
        pushed_per_m=0.0,
        braked_per_m=0.0,
        growth_radps=float(np.median(grown)),
        least_s=least_s,
        more_s=float(np.maximum(rise_s - least_s, 0.0).sum() / ends.sum()),
        recovery_s=float(fall_s.sum() / folds.sum()),
        turned_out=_slope(turned),
        turned_back=float(fall @ back / (fall @ fall)),
        scrub_mps2=max(_slope(scrubbed), 0.0),
    )


def _more_turn(run: Run, first: int, last: int) -> float:
    """What a car turned more between two steps than the model without slides."""
    return float(run.yaw_rad[last] - run.yaw_rad[first] - run.state[last, 2] + run.state[first, 2])


def _slope(pairs: list[tuple[float, float]]) -> float:
    """The median of the ratios: a few slides are not like the model at all."""
    x, y = np.array(pairs).T
    some = x > 1e-3
    return float(np.median(y[some] / x[some]))


def fit_onset(runs: Sequence[Run], car: CarSpec, grip: Grip) -> Grip:
    """How often slides begin: the most likely rates."""
    from scipy.optimize import minimize  # slow to import, and only fitting needs it

    gap, load, began = [], [], []
    for run in runs:
        free = np.ones(len(run.slip_rad), dtype=bool)
        starts = np.zeros(len(run.slip_rad), dtype=bool)
        for slide in slides(run):
            free[slide.first + 1 : slide.last + 1] = False
            starts[slide.first] = True
        v, turn = run.state[:, 3], run.state[:, 4]
        target = np.minimum(car.speed_gain * run.commands[:, 1], car.top_speed_mps)
        gap.append((target / (1 + car.corner_drag * np.abs(v * turn)) - v)[free])
        load.append((np.abs(v * turn / car.lateral_mps2) ** 3)[free])
        began.append(starts[free])
    gaps, loads, starting = np.concatenate(gap), np.concatenate(load), np.concatenate(began)

    def unlikely(x: FloatArray) -> float:
        pushed, braked = np.exp(x)
        rate = loads * np.where(gaps > 0, pushed * gaps, -braked * gaps)
        return float(rate.sum() / CONTROL_HZ - np.log(np.maximum(rate[starting], 1e-9)).sum())

    best = minimize(unlikely, np.log([0.5, 0.1]), method="Nelder-Mead", options={"maxiter": 400})
    pushed, braked = np.exp(np.clip(best.x, -8.0, 4.0)).tolist()
    return replace(grip, pushed_per_m=pushed, braked_per_m=braked)


def matched(runs: Sequence[Run], car: CarSpec, grip: Grip) -> Grip:
    """Figures by which the model's own drives have as many slides as recorded ones, and as far.

    Without this they have too few: whoever slides a little is not counted, neither here nor there. How far is
    said by the steps after which slip passes 20° within half a second, which the end of a recording spoils
    least.
    """
    count, far = _often(runs)
    for _ in range(MATCHES):
        drives = [
            again for number, run in enumerate(runs) for again in driven(run, car, grip, number, times=TIMES)
        ]
        seen, seen_far = _often(drives)
        more = count * TIMES / max(seen, 1.0)
        grip = replace(
            grip,
            pushed_per_m=grip.pushed_per_m * more,
            braked_per_m=grip.braked_per_m * more,
            more_s=grip.more_s * far / max(seen_far, 1e-6) / more,
        )
    return grip


def _often(runs: Sequence[Run]) -> tuple[float, float]:
    """How many slides, and for which share of steps slip passes 20° soon."""
    slid, known, passes, *_ = sum(_counted(run, _classes(run)).sum(axis=0) for run in runs)
    return float(slid), float(passes / known)


# -- the table -------------------------------------------------------------------------------------------


@compiled
def _slip_driven(p: FloatArray, s: FloatArray, commands: FloatArray, slip: FloatArray) -> None:
    for tick in range(len(slip)):
        before = p[kernel.SLIP]
        kernel.take(p, s, commands[tick, 0], commands[tick, 1])
        for number in range(SUBSTEPS):
            kernel.substep(p, s, number, SUBSTEPS)
        slip[tick] = (before + p[kernel.SLIP]) / 2


def driven_slip(
    car: CarSpec, grip: Grip, commands: FloatArray, *, speed_mps: float, key: int, spins: float = 1.0
) -> FloatArray:
    """The slip of the model under a list of commands, shape (ticks,)."""
    step_s = 1.0 / (CONTROL_HZ * SUBSTEPS)
    row = kernel.parameters(car, step_s)
    row[kernel.SPINS : kernel.SCRUB + 1] = figures(grip, spins)
    row[kernel.KEY] = key
    slip = np.zeros(len(commands))
    state = np.zeros(kernel.COMMANDS + 2 * kernel.history(car, step_s, SUBSTEPS))
    state[kernel.SPEED] = speed_mps
    _slip_driven(row, state, np.ascontiguousarray(commands), slip)
    return slip


def driven(run: Run, car: CarSpec, grip: Grip, number: int, *, times: int) -> Iterator[Run]:
    """The same run as the model drives it, again and again; each with chances of its own."""
    for again in range(times):
        key = number * times + again + 1
        yield run._replace(slip_rad=driven_slip(car, grip, run.commands, speed_mps=run.state[0, 3], key=key))


def _classes(run: Run) -> NDArray[np.int64]:
    """Which row of the table each step belongs to: speed, steering, then braking, holding, accelerating."""
    speed = np.digitize(run.state[:, 3], SPEEDS_MPS) - 1
    steer = np.digitize(np.abs(run.commands[:, 0]), STEERS_RAD) - 1
    wanted = run.commands[:, 1] - run.state[:, 3]
    pedal = (wanted > -HOLDING_MPS).astype(np.int64) + (wanted > HOLDING_MPS)
    return np.asarray((speed * (len(STEERS_RAD) - 1) + steer) * 3 + pedal, dtype=np.int64)


def soon(slip_rad: FloatArray, most_deg: float) -> tuple[Flags, Flags]:
    """From which steps slip passes an angle within half a second, and for which steps that is known."""
    over = np.abs(slip_rad) > np.radians(most_deg)
    ahead = np.zeros(len(over), dtype=bool)
    for k in range(1, LOOK_TICKS + 1):
        ahead[:-k] |= over[k:]
    known = ~over & (ahead | (np.arange(len(over)) < len(over) - LOOK_TICKS))
    return ahead, known


def table(runs: Sequence[Run], grips: Sequence[Grip], car: CarSpec, *, times: int) -> list[str]:
    """How often recorded and simulated cars slide, a line a class; `grips` is one of each run."""
    recorded, model = (np.zeros((_CLASSES, 5)) for _ in range(2))
    for number, (run, grip) in enumerate(zip(runs, grips, strict=True)):
        classes = _classes(run)
        recorded += _counted(run, classes)
        for again in driven(run, car, grip, number, times=times):
            model += _counted(again, classes)
    lines = [
        "speed     steering  pedals        steps | slides: recorded, model     | over 20°: recorded, model "
        "| over 30°: recorded, model"
    ]
    lines += [
        f"{_name(row)} {recorded[row, 1]:8.0f} |{_shares(recorded[row], model[row], times)}"
        for row in np.flatnonzero(recorded[:, 1] >= 60).tolist()
    ]
    every = _shares(recorded.sum(axis=0), model.sum(axis=0), times)
    return [*lines, f"{'all':31s} {recorded[:, 1].sum():8.0f} |{every}"]


def _counted(run: Run, classes: NDArray[np.int64]) -> FloatArray:
    """Of each class: slides that begin; steps whose next half second is known, those that pass 20°; 30°."""
    count = np.zeros((_CLASSES, 5))
    for slide in slides(run):
        count[classes[slide.first], 0] += 1
    for k, most in enumerate((20.0, 30.0)):
        ahead, known = soon(run.slip_rad, most)
        count[:, 1 + 2 * k] = np.bincount(classes[known], minlength=_CLASSES)
        count[:, 2 + 2 * k] = np.bincount(classes[known & ahead], minlength=_CLASSES)
    return count


def _shares(recorded: FloatArray, model: FloatArray, times: int) -> str:
    least, most = interval(int(recorded[0]))
    seen = model[0] / times
    outside = " " if least <= seen <= most else "*"
    text = f" {recorded[0]:3.0f} ({least:4.1f} to {most:4.1f}) {seen:5.1f}{outside} |"
    for k in (1, 3):
        one, other = (100 * count[k + 1] / max(count[k], 1) for count in (recorded, model))
        text += f" {recorded[k + 1]:6.0f} {one:7.2f} % {other:7.2f} % |"
    return text.removesuffix(" |")


def interval(count: int) -> tuple[float, float]:
    """The rates for which so many events are not unlikely: exact, 95 %, Garwood 1936."""
    from scipy.stats import chi2  # slow to import, and only this needs it

    least = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return least, float(chi2.ppf(0.975, 2 * count + 2)) / 2


def _name(row: int) -> str:
    speed, rest = divmod(row, (len(STEERS_RAD) - 1) * 3)
    steer, pedal = divmod(rest, 3)
    most = f"{SPEEDS_MPS[speed]:g}-{SPEEDS_MPS[speed + 1]:g} m/s"
    angle = f"{np.degrees(STEERS_RAD[steer]):.0f}-{np.degrees(STEERS_RAD[steer + 1]):.0f}°"
    return f"{most:10s}{angle:8s}  {('braking', 'holding', 'accelerating')[pedal]:12s}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, hold out, print."""
    parser = argparse.ArgumentParser(
        prog="python -m league.testing.slides", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--simulator", default="classic")
    parser.add_argument("--car", default="deepracer", choices=sorted(CARS), help="the car without slides")
    parser.add_argument("--folds", type=int, default=5, help="parts of the recordings to hold out in turn")
    parser.add_argument("--times", type=int, default=20, help="drives of the model for each recorded one")
    options = parser.parse_args(arguments)
    car = CARS[options.car]
    files = chosen_files(options.folder, options.simulator)
    runs = [
        run_of(number, episode, car)
        for number, path in enumerate(files)
        for episode in read_episodes(path)
        if len(episode.pose) > LOOK_TICKS
    ]
    found = [sum(1 for _ in slides(run)) for run in runs]
    print(len(files), "recordings,", sum(len(run.slip_rad) for run in runs), "steps,", sum(found), "slides")
    fitted = fit_grip(runs, car)
    for field, value in zip(fields(fitted), astuple(fitted), strict=True):
        print(f"  {field.name} {value:.4g}")
    print("fitted to all")
    print("\n".join(table(runs, [fitted] * len(runs), car, times=options.times)))
    # Recordings with slides are dealt out first, so that every part has some of them.
    some = np.bincount([run.source for run in runs], weights=found, minlength=len(files))
    order = np.argsort(-some, kind="stable").tolist()
    fold = {source: place % options.folds for place, source in enumerate(order)}
    held = {k: fit_grip([run for run in runs if fold[run.source] != k], car) for k in range(options.folds)}
    print("held out by recording")
    for k, grip in held.items():
        print(f"  without part {k}: " + " ".join(f"{value:.3g}" for value in astuple(grip)))
    print("\n".join(table(runs, [held[fold[run.source]] for run in runs], car, times=options.times)))


if __name__ == "__main__":
    main()
