"""Settings: defaults of the protocol, a file, options; and errors that name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from league.errors import ConfigError
from league.server.race.settings import Settings


def test_a_file_sets_and_options_go_first(tmp_path: Path) -> None:
    file = tmp_path / "league.toml"
    file.write_text('[server]\nname = "Club"\nport = 9000\nno_show_s = 30.0\n')
    settings = Settings.read(file, port=9001, host=None)
    assert (settings.name, settings.port, settings.no_show_s) == ("Club", 9001, 30.0)
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("[server]\nprot = 1\n", "prot: there is no such name; did you mean 'port'"),
        ("[server]\nzzz = 1\n", "zzz: there is no such name, expected one of .*no_show_s"),
        ("[server]\nport = 70000\n", "port"),
        ('[server]\nport = "80"\n[server.x]\n', "x"),
        ("[sever]\n", r"unknown table \[sever\]"),
        ("port = ", "not TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "league.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=found):
        Settings.read(file)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Settings.read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.8.8.8", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("league.example", False),
    ],
)
def test_entry_is_open_only_where_nobody_else_can_connect(host: str, is_open: bool) -> None:
    assert Settings(host=host).entry_is_open is is_open
    assert Settings(host=host, open_entry=not is_open).entry_is_open is not is_open


def test_drivers_are_told_the_limits_that_hold() -> None:
    limits = Settings(ready_s=3.0, resume_s=2.0, resumes=1, dead_s=9.0).limits
    assert (limits.ready_s, limits.resume_s, limits.resumes, limits.dead_s) == (3.0, 2.0, 1, 9.0)
