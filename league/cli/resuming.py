"""Sessions of `league drive` that a later process may go on with, in a private file of this user."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from league.whole import is_alive, write_private
from league.wire.messages import Resume

_MOST = 50


class Sessions:
    """The sessions that were not said goodbye to, by server, event and name.

    Nothing here is worth failing for: a file that cannot be read or written is as good as none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or platformdirs.user_state_path("league") / "sessions.json"

    def find(self, *key: str) -> Resume | None:
        """The session to go on with, if there is one, and no other program is driving in it."""
        kept = self._read().get(_joined(key))
        if kept is None or is_alive(int(kept[2])):
            return None
        return Resume(kept[0], kept[1])

    def keep(self, resume: Resume, *key: str) -> None:
        """Remember a session."""
        sessions = self._read()
        sessions.pop(_joined(key), None)
        sessions[_joined(key)] = [resume.session, resume.token, str(os.getpid())]
        self._write(dict([*sessions.items()][-_MOST:]))

    def forget(self, *key: str) -> None:
        """Forget a session that is over."""
        sessions = self._read()
        if sessions.pop(_joined(key), None) is not None:
            self._write(sessions)

    def _read(self) -> dict[str, list[str]]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict):
            return {}
        return {key: value for key, value in content.items() if _is_session(value)}

    def _write(self, sessions: dict[str, list[str]]) -> None:
        with suppress(OSError):
            write_private(self._path, json.dumps(sessions))


def _joined(key: tuple[str, ...]) -> str:
    return "\n".join(key)


def _is_session(value: object) -> bool:
    good = isinstance(value, list) and len(value) == 3 and all(isinstance(part, str) for part in value)
    return good and value[2].isascii() and value[2].isdigit()  # type: ignore[index]
