"""Recorders: what is installed, and those of strangers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import CIRCUIT, league

from league import League, Recorder, Recording, hookimpl, mcap, positions, race, simtrace
from league.errors import ConfigError, InputError, PluginError
from league.hooks.recorder import Tell


@pytest.fixture(scope="module")
def recording() -> Recording:
    return race(
        CIRCUIT, ["pure-pursuit", "pure-pursuit"], laps=1, format="head-to-head", league=league()
    ).recordings[-1]


class Speeds:
    """A stranger's plugin."""

    @hookimpl
    def register_recorders(self) -> dict[str, Recorder]:
        def fastest(
            recording: Recording,
            path: Path,
            *,
            seat: int = 0,
            fine: bool = False,
            tell: Tell,
        ) -> None:
            tell(1, 2)
            path.write_text(f"{recording.frames[:, seat, 3].max():.{5 if fine else 2}f}")

        def broken(recording: Recording, path: Path) -> None:
            path.write_text("half")
            raise KeyError("nothing")

        def refused() -> None:
            raise ConfigError("it needs an abacus")

        return {
            "fastest": Recorder(fastest, ".txt", "a car's highest speed", media="text/plain"),
            "broken": Recorder(broken, ".txt", "half of something"),
            "heavy": Recorder(fastest, ".txt", "what is not installed", check=refused),
        }


@pytest.fixture
def opened() -> League:
    return League(extra=[Speeds()], installed=False)


def test_the_leagues_own_forms_are_recorders(recording: Recording) -> None:
    assert league().recorder("mcap").content(recording) == mcap(recording)
    assert league().recorder("positions").content(recording).decode() == positions(recording)
    second = league().recorder("simtrace?seat=1").content(recording)
    assert second.decode() == simtrace(recording, 1) != simtrace(recording, 0)
    assert {name for name, one in league().recorders.items() if one.films} == {"mp4", "gif"}


def test_a_plugin_adds_a_form_with_options_and_progress(
    opened: League, recording: Recording, tmp_path: Path
) -> None:
    told: list[tuple[float, float]] = []
    path = tmp_path / "speed.txt"
    opened.recorder("fastest?seat=1&fine=1").save(recording, path, lambda *how_far: told.append(how_far))
    assert float(path.read_text()) == pytest.approx(recording.frames[:, 1, 3].max(), abs=1e-5)
    assert told == [(1, 2)]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("fastest?lap=1", "recorder 'fastest' has no option 'lap', expected fine, seat"),
        ("fastest?seat=0.5", "seat is 0.5, expected a whole number"),
        ("fastest?tell=1", "has no option 'tell'"),
        ("fastest?", "recorder 'fastest\\?': expected NAME"),
        ("slowest", "no recorder is called 'slowest'"),
        ("heavy", "needs an abacus"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_any_work(opened: League, asked: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        opened.recorder(asked)


def test_a_recorder_that_fails_is_named_and_leaves_nothing(
    opened: League, recording: Recording, tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match="recorder 'broken' failed: KeyError: 'nothing'"):
        opened.recorder("broken").save(recording, tmp_path / "a.txt")
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_cannot_be_written_is_named(opened: League, recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/a\.txt: cannot be written"):
        opened.recorder("fastest").save(recording, tmp_path / "nowhere" / "a.txt")


def test_what_is_no_recorder_leaves_its_plugin_out() -> None:
    class Plain:
        @hookimpl
        def register_recorders(self) -> dict[str, Recorder]:
            return {"bare": Recorder(print, "txt", "an ending without a dot")}

    (report,) = League(extra=[Plain()], installed=False).plugins
    assert report.status == "left out"
    assert "register_recorders offers something unusable under 'bare'" in report.reason
