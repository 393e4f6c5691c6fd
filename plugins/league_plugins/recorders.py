"""The forms in which recordings can be written: tables, a scene for robotics tools, films."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import league
from league import Recorder, Recording, hookimpl

# Named through the package when one is written: what draws and encodes takes a while to load.


def positions(recording: Recording, path: Path) -> None:
    """Where every car was at every tick, as CSV."""
    path.write_text(league.positions(recording), encoding="utf-8", newline="")


def simtrace(recording: Recording, path: Path, *, seat: int = 0) -> None:
    """One car's race as DeepRacer logs it, as CSV."""
    path.write_text(league.simtrace(recording, seat), encoding="utf-8", newline="")


def mcap(recording: Recording, path: Path) -> None:
    """A scene that Foxglove shows."""
    path.write_bytes(league.mcap(recording))


def mp4(
    recording: Recording, path: Path, *, speed: float = 1.0, tell: Callable[[float, float], None]
) -> None:
    """A film from above, with the timing tower."""
    league.film(recording, path, speed=speed, tell=tell)


def gif(
    recording: Recording, path: Path, *, speed: float = 1.0, tell: Callable[[float, float], None]
) -> None:
    """The same, smaller, for chats."""
    league.film(recording, path, speed=speed, tell=tell, small=True)


def check_films() -> None:
    """Look whether ffmpeg is there."""
    league.check_films()


@hookimpl
def register_recorders() -> Mapping[str, Recorder]:
    """Offer the forms."""
    return {
        "positions": Recorder(positions, ".csv", "every car's place at every tick as CSV", media="text/csv"),
        "simtrace": Recorder(simtrace, ".csv", "one car's race as DeepRacer logs it", media="text/csv"),
        "mcap": Recorder(mcap, ".mcap", "MCAP for Foxglove and robotics tools"),
        "mp4": Recorder(
            mp4, ".mp4", "a film from above", media="video/mp4", served=False, check=check_films
        ),
        "gif": Recorder(
            gif, ".gif", "a small film from above", media="image/gif", served=False, check=check_films
        ),
    }  # fmt: skip
