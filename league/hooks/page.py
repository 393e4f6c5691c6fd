"""Pages that plugins add to a server, and what they are told of the league."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from league.errors import PluginError
from league.racing.plan import EventPlan
from league.racing.result import HeatResult, Standing

if TYPE_CHECKING:
    from league.hooks.catalogue import League

PAGE_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What a page may be called: it stands in an address."""


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event as pages see it."""

    plan: EventPlan
    status: str
    """"open", "running", "finished" or "aborted"."""


class Visit(Protocol):
    """Somebody looks at a page: what they ask for, and what the league knows.

    Its methods may be called as long as the page is being made, which happens in a thread.
    """

    query: Mapping[str, str]
    """What the address says after the question mark."""
    league: League
    """What the plugins offer: circuits, cars, formats."""

    def events(self) -> tuple[EventSeen, ...]:
        """Every event, oldest first."""

    def results(self, event: str) -> tuple[HeatResult, ...]:
        """An event's finished heats, after every decision.

        Raises:
            UnknownNameError: There is no such event.
        """

    def standings(self, event: str) -> tuple[Standing, ...]:
        """How an event stands.

        Raises:
            UnknownNameError: There is no such event.
        """


@dataclass(frozen=True, slots=True)
class Page:
    """A page for everybody, at `/pages/NAME`; it shows, and changes nothing.

    Args:
        title: What the home page calls it.
        folder: Holds its template, and the style sheets, scripts and pictures that the template names by
            `file('records.css')`; the policy of all pages holds, so there are none in the template itself.
        show: Makes what the template is given, in a thread, within ten seconds.
        template: Its name in the folder; Jinja, best one that extends "base.html".
    """

    title: str
    folder: Path | Traversable
    show: Callable[[Visit], Mapping[str, Any]]
    template: str = "page.html"

    def check(self) -> None:
        """Look whether it can be shown.

        Raises:
            PluginError: Something of it is missing.
        """
        if not self.title.strip():
            raise PluginError("a page has no title, expected what the home page is to call it")
        if not callable(self.show):
            raise PluginError(f"page {self.title!r}: show is {self.show!r}, expected a function")
        if not (self.folder / self.template).is_file():
            raise PluginError(f"page {self.title!r}: there is no template {self.template!r} in its folder")
