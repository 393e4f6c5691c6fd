"""A recording as a film: MP4 or GIF, drawn by `picture` and encoded by the ffmpeg that a package brings."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from league.errors import ConfigError, InputError
from league.racing.recording import Recording

_STILL_S: Final = 2.0
"""The end stands so long."""
_MP4: Final = (
    "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "22", "-preset", "veryfast",
    "-movflags", "+faststart",
)  # fmt: skip
# The first picture has every colour in it; with one palette for all, only what moves is stored.
_GIF: Final = (
    "-vf", "split[a][b];[a]trim=end_frame=1,palettegen[p];[b][p]paletteuse=dither=none:diff_mode=rectangle",
)  # fmt: skip


def check_films() -> None:
    """Refuse, before any work, a film that could not be made.

    Raises:
        ConfigError: The packages for it are not installed.
    """
    _ffmpeg()


def film(
    recording: Recording,
    path: Path,
    *,
    speed: float = 1.0,
    small: bool = False,
    tell: Callable[[float, float], None] = lambda done, everything: None,
) -> None:
    """Write a film of a heat.

    Args:
        recording: The heat.
        path: A .mp4, or a .gif if it is to be small.
        speed: Times real time.
        small: A GIF of 15 pictures a second instead of H.264 at 30, and half as large.
        tell: Called while it works, with how far it is and how far it goes.

    Raises:
        InputError: The speed is none.
        OSError: The file cannot be written.
        ConfigError: The packages for it are not installed.
    """
    if speed <= 0:
        raise InputError(f"speed is {speed:g}, expected more than 0")
    # Pillow takes a while to load, and only films need it here.
    from league.export.picture import Pictures

    rate = 15 if small else 30
    pictures = Pictures(recording, width_px=960, height_px=540) if small else Pictures(recording)
    count = int(pictures.length_s / speed * rate) + 1
    with _Encoder(path, pictures.size, rate, small=small) as encoder:
        for number in range(count):
            encoder.show(pictures.at(number / rate * speed).tobytes())
            tell(number, count)
        last = pictures.at(pictures.length_s).tobytes()
        for _ in range(round(_STILL_S * rate)):
            encoder.show(last)


class _Encoder:
    """Ffmpeg, fed with pictures.

    Args:
        path: What to write.
        size: Of a picture, in pixels.
        rate: Pictures a second.
        small: Whether it becomes a GIF.

    Raises:
        OSError: Ffmpeg cannot write it.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: int, *, small: bool) -> None:
        raw = (
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{size[0]}x{size[1]}",
            "-r",
            str(rate),
            "-i",
            "-",
        )
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the encoder
        self._process = subprocess.Popen(  # noqa: S603 - the package's own program; no shell
            (str(_ffmpeg()), "-v", "error", "-y", *raw, *(_GIF if small else _MP4), str(path)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )

    def show(self, picture: bytes) -> None:
        """Add a picture."""
        assert self._process.stdin is not None
        self._process.stdin.write(picture)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not isinstance(error, BrokenPipeError):
            self._process.kill()
        with suppress(BrokenPipeError), self._process:
            pass  # closes its input, and waits for it
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        self._said.close()
        if self._process.returncode and (kind is None or isinstance(error, BrokenPipeError)):
            raise OSError(said.splitlines()[-1] if said else f"ffmpeg ended with {self._process.returncode}")


def _ffmpeg() -> Path:
    """The program; its package's own ways of feeding it leave files open."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ConfigError(
            "a film needs ffmpeg, which is not installed: pip install 'racing-league[video]'"
        ) from None
    return Path(imageio_ffmpeg.get_ffmpeg_exe())
