"""Tokens kept for commands on this machine, in a file that only their user can read.

Light to import: every command that talks to a server asks here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs

from league.errors import ConfigError
from league.whole import write_private


def token_file() -> Path:
    """Where this machine's organiser keeps tokens: a private file, one token by server address."""
    return platformdirs.user_config_path("league") / "organiser.json"


def stored_token(server: str) -> str | None:
    """The organiser's token for a server that was started on this machine, if there is one."""
    token = _stored().get(server)
    return token if isinstance(token, str) else None


def store_token(server: str, token: str) -> Path:
    """Keep an organiser's token for commands on this machine, readable by this user only.

    Raises:
        ConfigError: The file cannot be written.
    """
    path = token_file()
    tokens = {**_stored(), server: token}
    try:
        write_private(path, json.dumps(tokens, indent=1))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _stored() -> dict[str, Any]:
    try:
        content = json.loads(token_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
