"""Recorders: forms in which a recording can be written, for other programs to open."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

from league.errors import InputError, LeagueError, PluginError
from league.racing.recording import Recording
from league.whole import whole

Tell = Callable[[float, float], None]
"""Told while something is made: how far it is, and how far it goes."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """A form in which a recording can be written.

    Args:
        write: Writes a recording to a new file. Its keyword-only arguments are options, each with a number as
            its default; `tell`, if it has one, is called while it works.
        ending: Of its files: ".csv".
        about: What it is, in a few words.
        media: Its media type; one of video/* or image/* is a film.
        served: Whether a server makes it for whoever asks; not what takes long.
        check: Called before any work; raises ConfigError if something that it needs is missing.
    """

    write: Callable[..., None]
    ending: str
    about: str
    media: str = "application/octet-stream"
    served: bool = True
    check: Callable[[], None] | None = None

    @property
    def films(self) -> bool:
        """Whether what it writes moves."""
        return self.media.startswith(("video/", "image/"))


@dataclass(frozen=True, slots=True)
class Form:
    """A recorder with its options, as somebody asked for it: ready to write."""

    name: str
    recorder: Recorder
    options: dict[str, float]

    def save(self, recording: Recording, path: Path, tell: Tell = lambda done, everything: None) -> None:
        """Write a recording; the file is there completely or not at all.

        Raises:
            InputError: The file cannot be written, or the recording has not what is asked for.
            ConfigError: Something is missing that it needs.
            PluginError: The plugin failed.
        """
        hears = "tell" in signature(self.recorder.write).parameters
        try:
            with whole(path, ending=self.recorder.ending) as partial:
                self.recorder.write(recording, partial, **self.options, **({"tell": tell} if hears else {}))
        except LeagueError:
            raise
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        except Exception as error:  # a stranger's code may raise anything
            problem = f"recorder {self.name!r} failed: {type(error).__name__}: {error}"
            raise PluginError(problem) from error

    def content(self, recording: Recording) -> bytes:
        """What `save` would write."""
        with tempfile.TemporaryDirectory(prefix="league-recorder-") as folder:
            path = Path(folder) / f"recording{self.recorder.ending}"
            self.save(recording, path)
            return path.read_bytes()
