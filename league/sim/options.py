"""How something is asked for by name and with options: "lidar?noise=0.01&latency=1".

Pure: text in, values out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from inspect import Parameter, signature
from math import isfinite, nan
from typing import Any, NamedTuple

from league.errors import ConfigError


class Asked(NamedTuple):
    """What is asked for, and how it is to be."""

    name: str
    options: dict[str, float]


def read_asked(text: str, *, kind: str = "sensor") -> Asked:
    """A name and options from text.

    Raises:
        ConfigError: It is not NAME or NAME?OPTION=NUMBER&OPTION=NUMBER.
    """
    name, mark, rest = text.partition("?")
    options: dict[str, float] = {}
    if not name or (mark and not rest):
        raise ConfigError(f"{kind} {text!r}: expected NAME or NAME?OPTION=NUMBER&OPTION=NUMBER")
    for part in rest.split("&") if rest else ():
        option, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = nan
        if not option or not isfinite(number):
            raise ConfigError(f"{kind} {text!r}: found {part!r}, expected OPTION=NUMBER")
        if option in options:
            raise ConfigError(f"{kind} {text!r}: gives {option} twice, expected once")
        options[option] = number
    return Asked(name, options)


def fitted(
    kind: str,
    name: str,
    make: Callable[..., object],
    options: Mapping[str, float],
    *,
    besides: Collection[str] = (),
    only_keywords: bool = False,
) -> dict[str, Any]:
    """Options as the keyword arguments of what they are for, those named in `besides` left out.

    An argument must have a default, whose type says what numbers it takes: a bool 0 or 1, an int a whole
    number, all others any; one whose default is a function is no option.

    Args:
        kind: What sort of thing it is, for messages.
        name: What it is called.
        make: What takes them.
        options: What was asked for.
        besides: Options that somebody else takes.
        only_keywords: Whether arguments that may stand by place are no options.

    Raises:
        ConfigError: An option that it does not have, or a value that it cannot take.
    """
    kinds = {Parameter.KEYWORD_ONLY} | (set() if only_keywords else {Parameter.POSITIONAL_OR_KEYWORD})
    own = {
        key: parameter.default
        for key, parameter in signature(make).parameters.items()
        if parameter.kind in kinds
        and parameter.default is not Parameter.empty
        and not callable(parameter.default)
    }
    known = sorted({*own, *besides})
    given: dict[str, Any] = {}
    for key, value in options.items():
        if key not in known:
            raise ConfigError(f"{kind} {name!r} has no option {key!r}, expected {', '.join(known) or 'none'}")
        if key in own:
            given[key] = _as_like(f"{kind} {name!r}", key, value, own[key])
    return given


def _as_like(what: str, key: str, value: float, default: object) -> float:
    if isinstance(default, bool):
        if value not in (0, 1):
            raise ConfigError(f"{what}: {key} is {value:g}, expected 0 or 1")
        return bool(value)
    if isinstance(default, int):
        if value != int(value):
            raise ConfigError(f"{what}: {key} is {value:g}, expected a whole number")
        return int(value)
    return value
