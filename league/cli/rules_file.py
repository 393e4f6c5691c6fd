"""Rules from a TOML file, for commands whose options make rules."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from league.errors import ConfigError

_NAMES = {
    "hz": "control_hz",
    "time_limit": "time_limit_s",
    "off_track_penalty": "off_track_penalty_s",
    "collision_penalty": "collision_penalty_s",
    "bot_speed": "bot_speed_mps",
    "resets_per_lap": "max_resets_per_lap",
    "min_lap": "min_lap_s",
}
"""Options whose rule has another name."""


def with_file(rules: dict[str, Any], file: str | None) -> dict[str, Any]:
    """Rules from options together with those from a file; an option that was given goes first.

    Raises:
        ConfigError: The file cannot be read.
    """
    if file is None:
        return rules
    context = click.get_current_context()
    given = {
        _NAMES.get(name, name)
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return rules | {name: value for name, value in read(file).items() if name not in given}


def read(file: str) -> dict[str, Any]:
    """The table `[rules]` of a TOML file.

    Raises:
        ConfigError: The file cannot be read, or has no such table or another one.
    """
    try:
        content = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: cannot be read: no UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    table = content.get("rules")
    if set(content) != {"rules"} or not isinstance(table, dict):
        raise ConfigError(
            f"{file}: found {', '.join(sorted(content)) or 'nothing'}, expected a table [rules]"
        )
    return table
