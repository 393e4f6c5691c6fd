"""Loading plugins: one at a time, in a fixed order; a broken one is left out and reported."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from league.hooks import specs

log = logging.getLogger(__name__)

_HOOKS = tuple(name for name, spec in vars(specs).items() if hasattr(spec, f"{specs.GROUP}_spec"))
_UNKNOWN_HOOK = re.compile(r"unknown hook '(\w+)'")


@dataclass(frozen=True, slots=True)
class PluginReport:
    """What became of one plugin."""

    name: str
    origin: str
    """Distribution and module it came from."""
    status: Literal["loaded", "left out"]
    reason: str = ""
    """Why it was left out."""
    hooks: tuple[str, ...] = ()


def installed() -> list[EntryPoint]:
    """Entry points of the group "league": the league's own first, then others by distribution and name."""

    def order(point: EntryPoint) -> tuple[bool, str, str]:
        distribution, _ = _named(point.dist) if point.dist else ("", "")
        return (distribution != "racing-league", distribution, point.name)

    return sorted(set(entry_points(group=specs.GROUP)), key=order)


@lru_cache(maxsize=256)
def _named(distribution: Distribution) -> tuple[str, str]:
    """Name and version of a distribution, which many plugins may share; each look reads a whole file."""
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


def load(
    points: Iterable[EntryPoint], extra: Iterable[object] = ()
) -> tuple[pluggy.PluginManager, list[PluginReport]]:
    """Load plugins into a new manager.

    Args:
        points: Entry points to import, in this order.
        extra: Plugin objects to add after them, for tests and notebooks.
    """
    manager = pluggy.PluginManager(specs.GROUP)
    manager.add_hookspecs(specs)
    reports: list[PluginReport] = []
    for point in points:
        origin = f"{' '.join(_named(point.dist))}: {point.value}" if point.dist else point.value
        try:
            plugin = point.load()
        except Exception as error:  # noqa: BLE001 - a stranger's import may raise anything; the league must start
            log.warning("plugin %s left out: %s", point.name, error)
            reports.append(PluginReport(point.name, origin, "left out", _reason(error)))
            continue
        reports.append(_register(manager, plugin, point.name, origin))
    for index, plugin in enumerate(extra):
        name = getattr(plugin, "__name__", type(plugin).__name__)
        reports.append(_register(manager, plugin, f"{name}#{index}", "given"))
    return manager, reports


def _register(manager: pluggy.PluginManager, plugin: Any, name: str, origin: str) -> PluginReport:
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except (ValueError, pluggy.PluginValidationError) as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        reason = _reason(error) + _meant(error)
        log.warning("plugin %s left out: %s", name, reason)
        return PluginReport(name, origin, "left out", reason)
    callers = manager.get_hookcallers(plugin) or []
    hooks = tuple(sorted(caller.name for caller in callers))
    if not hooks:
        manager.unregister(name=name)
        return PluginReport(name, origin, "left out", "it implements no hook of the league")
    return PluginReport(name, origin, "loaded", hooks=hooks)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text}"


def _meant(error: BaseException) -> str:
    """The hook that a misspelt one was probably meant to be."""
    misspelt = _UNKNOWN_HOOK.search(str(error))
    near = get_close_matches(misspelt[1], _HOOKS, n=1) if misspelt else []
    return f"; did you mean {near[0]!r}?" if near else ""
