"""Every error that the league raises on purpose.

LeagueError                     something the league can explain in one line
├── InputError                  the user's input is wrong; commands exit with 2
│   ├── CircuitError            a circuit file that cannot be read or driven
│   ├── UnknownNameError        a name nobody registered; the message lists the right ones
│   ├── ModelError              a model that cannot drive: wrong shape, wrong metadata, not ONNX
│   ├── RewardError             a reward function that cannot be read, fails, or gives no number
│   ├── RecordingError          a recording that is damaged, or was changed
│   └── ConfigError             a setting that is missing or out of range
├── ProtocolError               a conversation between two programs went wrong
│   ├── RemoteProtocolError     the peer broke the protocol; carries the close code
│   └── LocalProtocolError      our own side tried something the protocol does not allow
├── RaceError                   a heat or event that could not be run to its end; commands exit with 1
│   ├── HeatFinishedError       a heat has its result already; the first one stands
│   └── LeaseLostError          somebody else races it by now; nothing raced here counts
├── CarError                    a physical car cannot be reached, or refuses
├── RecordBookError             the record book cannot be opened, read or written
└── PluginError                 a plugin that cannot be loaded or used
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class LeagueError(Exception):
    """Something went wrong that the league can explain in one line."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross to other processes whole, whatever their constructors ask for."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[LeagueError], args: tuple[Any, ...], state: dict[str, Any]) -> LeagueError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class InputError(LeagueError):
    """What the user gave cannot be used; says what was found and what was expected."""


class CircuitError(InputError):
    """A circuit cannot be read or driven.

    Args:
        source: The file, or the circuit's id.
        problem: What was found, and what was expected.
        place: Where in the circuit: "row 12", "3.4 m from the start", "segment 2". May be empty.
    """

    def __init__(self, source: str | Path, problem: str, *, place: str = "") -> None:
        self.source = str(source)
        self.place = place
        self.problem = problem
        super().__init__(": ".join(part for part in (self.source, place, problem) if part))


class UnknownNameError(InputError):
    """A name that nobody registered.

    Args:
        kind: What sort of thing was asked for, in the singular: "agent", "circuit".
        name: The name that was found.
        known: The names that would have worked.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        near = get_close_matches(name, self.known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        # Plugins bring all other names; events are made by people.
        none = "none" if kind == "event" else "none; was the league installed again after its update?"
        choices = ", ".join(self.known) or none
        super().__init__(f"no {kind} is called {name!r}{hint} (known: {choices})")


class ModelError(InputError):
    """A model file or its metadata cannot drive a car."""


class RewardError(InputError):
    """A reward function cannot be read, failed, or answered with something that is no reward."""


class RecordingError(InputError):
    """A recording is damaged, was changed, or comes from another behaviour version."""


class ConfigError(InputError):
    """A setting is missing, misspelt or out of range."""


class ProtocolError(LeagueError):
    """A conversation between two programs went wrong."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    Args:
        code: A word from the protocol's list of error codes, such as "bad_frame".
        problem: What was found, and what was expected.
        close: The WebSocket close code that ends the connection, or None if it may go on.
    """

    def __init__(self, code: str, problem: str, *, close: int | None = None) -> None:
        self.code, self.close = code, close
        super().__init__(problem)


class LocalProtocolError(ProtocolError):
    """Our own side tried something that the protocol does not allow in this state."""


class RaceError(LeagueError):
    """A heat or an event could not be run to its end."""


class HeatFinishedError(RaceError):
    """A heat is finished already: its first result stands."""


class LeaseLostError(RaceError):
    """Another race host runs the event by now, or another attempt at the heat was begun."""


class CarError(LeagueError):
    """A physical car cannot be reached, refuses, or is driven by somebody else."""


class RecordBookError(LeagueError):
    """The record book cannot be opened, read or written."""


class PluginError(LeagueError):
    """A plugin cannot be loaded or used."""


def why_unreachable(error: BaseException) -> str:
    """Why something on a network cannot be reached, in a few words and without a library's own.

    Libraries wrap what the system said in addresses, lists and numbers of their own; what the system said is
    what people know: "Connection refused", "Name or service not known".
    """
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = " ".join(str(cause).split())
    if said := getattr(cause, "verify_message", ""):
        return f"its certificate is not trusted: {said}"
    number = re.search(r"\[Errno (\d+)\]", text)  # also the first of several addresses that were tried
    if number:
        return os.strerror(int(number[1]))
    if isinstance(cause, TimeoutError) and not text:
        return "no answer in time"
    return str(getattr(cause, "strerror", None) or text or type(cause).__name__)
