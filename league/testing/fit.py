"""Fit the car to recorded runs and print how well it drives: `python -m league.testing.fit FOLDER`.

Data contract. FOLDER holds `index.csv` with at least the columns `file`, `track` and `simulator`, and the
files it names: CSV, a header, one row per control step of 1/15 s, with at least
    episode        what belongs together; a new value starts a new drive
    step           counts up by 1; a gap starts a new drive
    t              time stamp in s; only used to leave out steps that took unusually long
    x, y           the nose of the car, in m; yaw_deg its direction
    steer_deg      the command given at this step, in degrees, positive to the left
    speed_cmd      the command given at this step, in m/s
    status         "prepare" at a standing start; "crashed" at the end of an episode drops its last 4 rows
Row k holds the pose before its command acts.

Whole recordings are held out, never parts of one: neighbouring steps of one run would tell the fit what it
is tested on. `--by track` holds out all recordings of a circuit at once. Every recording counts alike,
however long it is.

What it finds in the 26 public recordings of the classic simulator, a fifth held out in turn, `--rounds 12`:

    held out              1 s, median    1 s, 90 %       2 s, median    launch, 1 s    distance
    by recording           9.4 cm  5.8°  36.5 cm  18.6°  21.5 cm        12.8 cm        -0.8 %
    by circuit            14.1 cm  8.4°  42.7 cm  23.3°  29.8 cm        12.7 cm        -2.0 %
    2021's, by recording   7.2 cm  4.6°  20.5 cm  12.1°  16.7 cm        12.1 cm        -0.2 %
    2022's, by recording  15.1 cm  5.1°  44.4 cm  15.3°  43.3 cm        13.0 cm        -3.3 %

The last two are cars of their own, from `deepracer-2021` and `deepracer-2022`. Holding out a circuit mostly
takes one generation away from the fit, and one car for both is then the other one's.

A recording does not name its generation, but half of it tells which of the two cars drives the other half:
right for all 26. `--own` measures each with the car found so, for recordings whose kind is not known:

    as fitted to all of them     1 s, median    1 s, 90 %       2 s, median    launch, 1 s    distance
    one car for both             9.0 cm  5.4°   32.5 cm  17.2°  19.7 cm        13.0 cm        -0.6 %
    each by its own car          7.7 cm  4.5°   22.2 cm  12.6°  17.6 cm        12.3 cm        -0.2 %
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from league.errors import InputError
from league.sim.car import CarSpec
from league.testing.fidelity import CARS, GENERATIONS
from league.testing.fitting import (
    BOUNDS,
    THROTTLE,
    Episode,
    FloatArray,
    Windows,
    cut,
    distances,
    drives,
    errors,
    fit,
    joined,
    likeliest,
    sizes,
)


@dataclass(frozen=True)
class Recording:
    """One recorded run."""

    name: str
    track: str
    simulator: str
    windows: Windows


def read_recordings(
    folder: Path, *, stride: int = 5, most: int = 70, most_starts: int = 15, seed: int = 1
) -> list[Recording]:
    """Read every recording that the index names.

    Raises:
        InputError: There is no index, or a column is missing.
    """
    found = []
    for number, row in enumerate(_index(folder)):
        episodes = read_episodes(folder / row["file"])
        windows = cut(episodes, number, stride=stride, most=most, most_starts=most_starts, seed=seed)
        found.append(Recording(row["file"], row["track"], row["simulator"], windows))
    return found


def chosen_files(folder: Path, simulator: str) -> list[Path]:
    """The files of the recordings of one simulator, in the order of the index.

    Raises:
        InputError: There is no index.
    """
    return [folder / row["file"] for row in _index(folder) if row["simulator"] == simulator]


def _index(folder: Path) -> list[dict[str, str]]:
    index = folder / "index.csv"
    if not index.is_file():
        raise InputError(f"no index.csv in {folder}, expected a folder of recordings")
    with index.open(newline="") as rows:
        return list(csv.DictReader(rows))


def read_episodes(path: Path) -> list[Episode]:
    """Read one recording as uninterrupted drives."""
    drives_by_name: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="") as rows:
        for row in csv.DictReader(rows):
            drives_by_name.setdefault(row["episode"], []).append(row)
    try:
        return [part for rows in drives_by_name.values() for part in _drives(rows)]
    except (KeyError, ValueError) as error:
        raise InputError(f"{path.name}: {error!r}, expected the columns of a recording") from None


def _drives(rows: list[dict[str, str]]) -> list[Episode]:
    crashed = rows[-1]["status"] == "crashed"
    if crashed:
        rows = rows[:-4]
    if not rows:
        return []
    steps = np.array([int(row["step"]) for row in rows])
    numbers = np.array(
        [[float(row[name]) for name in ("t", "x", "y", "yaw_deg", "steer_deg", "speed_cmd")] for row in rows]
    )
    pose = np.column_stack((numbers[:, 1:3], np.unwrap(np.radians(numbers[:, 3]))))
    commands = np.column_stack((np.radians(numbers[:, 4]), numbers[:, 5]))
    breaks = [0, *(np.flatnonzero(np.diff(steps) != 1) + 1).tolist(), len(rows)]
    return [
        Episode(numbers[a:b, 0], pose[a:b], commands[a:b], a == 0 and rows[0]["status"] == "prepare")
        for a, b in pairwise(breaks)
    ]


def generation(name: str) -> str:
    """Which car drove a recording, by the version in its name, or "" if it names none.

    The steering of the recorded cars shows two kinds: a slow servo in versions 1 and 2 and in the version 4
    recordings of 2021, and a direct one in versions 3 and 4 from 2022 on. The latter differ only by date.
    """
    version = re.search(r"_v(\d)", name)
    if version is None:
        return ""
    return "2021" if version[1] in "12" or "red_star" in name else "2022"


def lines(path: FloatArray, windows: Windows) -> list[str]:
    """Errors of drives as text: running and from a stand, and running by commanded speed."""
    top = windows.commands[:, :, 1].max(axis=1)
    standing = windows.warm == 0
    groups = [("running", ~standing), ("launch", standing)]
    groups += [
        (f"  to {hi:g} m/s", ~standing & (top > lo) & (top <= hi))
        for lo, hi in ((0, 1.05), (1.05, 2.05), (2.05, 3.05), (3.05, 9))
    ]
    return [_line(title, path, windows, chosen) for title, chosen in groups if chosen.any()]


def _line(title: str, path: FloatArray, windows: Windows, chosen: NDArray[np.bool_]) -> str:
    part, some = path[chosen], windows.where(chosen)
    text = f"{title:12s} n={len(part):<5d}"
    for ticks, name in ((8, "0.5 s"), (15, "1 s"), (30, "2 s")):
        found = errors(part, some, ticks)
        found = found[~np.isnan(found[:, 0])]
        if len(found):
            place, yaw = sizes(found)
            text += f" | {name} {np.median(place):5.1f}/{np.percentile(place, 90):5.1f} cm"
            text += f" {np.median(yaw):4.1f}/{np.percentile(yaw, 90):4.1f}°"
    driven, recorded = distances(part, some)
    return text + f" | distance {100 * (driven.sum() / recorded.sum() - 1):+.1f} %"


def shares(text: str) -> int:
    """Into how many shares recordings are dealt, to hold one out at a time: with a single one, none is left.

    Raises:
        argparse.ArgumentTypeError: It is neither 0, for none, nor 2 or more.
    """
    if text.isdecimal() and int(text) != 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"found {text!r}, expected 0 for none, or 2 or more")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, hold out, print."""
    parser = argparse.ArgumentParser(prog="python -m league.testing.fit", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--simulator", default="classic")
    parser.add_argument("--generation", choices=("2021", "2022"), help="only recordings of this car")
    parser.add_argument("--car", default="deepracer", choices=sorted(CARS), help="where the fit starts")
    parser.add_argument("--folds", type=shares, default=5, help="parts to hold out in turn; 0: none")
    parser.add_argument("--by", choices=("recording", "track"), default="recording")
    parser.add_argument("--rounds", type=int, default=25, help="iterations of a fit; 0 only measures")
    parser.add_argument(
        "--loyalty", type=float, default=0.0, help="cost of leaving the start; for few recordings"
    )
    parser.add_argument(
        "--own", action="store_true", help="measure each classic recording with the car that it is of"
    )
    parser.add_argument("--plain", action="store_true", help="turning does not depend on throttle and brakes")
    options = parser.parse_args(arguments)
    chosen = [
        item
        for item in read_recordings(options.folder)
        if options.simulator in ("all", item.simulator)
        and options.generation in (None, generation(item.name))
    ]
    windows = joined([item.windows for item in chosen])
    fixed = THROTTLE if options.plain else ()
    car = CARS[options.car].changed(**dict.fromkeys(fixed, 0.0))
    print("medians/90th percentiles;", len(chosen), "recordings")
    if options.own:
        own = likeliest(GENERATIONS, windows)
        parts = [(each, windows.where(own == k)) for k, each in enumerate(GENERATIONS) if (own == k).any()]
        _print("each by its own car, as its other half tells", parts)
    _print(f"{car.id} as it is", [(car, windows)])
    if not options.rounds:
        return
    fitted, cost = fit(car, windows, rounds=options.rounds, fixed=fixed, loyalty=options.loyalty)
    _print(f"fitted to all, cost {cost:.4f}", [(fitted, windows)])
    print(json.dumps({name: round(getattr(fitted, name), 4) for name in BOUNDS}))
    if options.folds:
        keys = [item.track if options.by == "track" else item.name for item in chosen]
        fold_of = {key: k % options.folds for k, key in enumerate(sorted(set(keys)))}
        sources = {int(item.windows.source[0]): fold_of[key] for item, key in zip(chosen, keys, strict=True)}
        fold = np.array([sources[int(source)] for source in windows.source])
        held = []
        for k in sorted(set(fold.tolist())):
            most, rest = windows.where(fold != k), windows.where(fold == k)
            held.append(
                (fit(car, most, rounds=options.rounds, fixed=fixed, loyalty=options.loyalty)[0], rest)
            )
        _print(f"held out by {options.by}", held)


def _print(title: str, parts: list[tuple[CarSpec, Windows]]) -> None:
    """Print one table over several cars, each on its own windows."""
    print(title)
    both = joined([windows for _, windows in parts])
    path = np.concatenate([drives(car, windows) for car, windows in parts])
    for line in lines(path, both):
        print("  " + line)


if __name__ == "__main__":
    main()
