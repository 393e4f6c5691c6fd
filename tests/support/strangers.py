"""A stranger's plugin that adds pages, with files of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from league import League, Page, Visit, hookimpl

TEMPLATE = """{% extends "base.html" %}
{% block title %}Fastest laps · {{ site }}{% endblock %}
{% block head %}<link rel="stylesheet" href="{{ file('laps.css') }}"><script type="module" src="{{ file('laps.js') }}"></script>{% endblock %}
{% block main %}
<main id="main">
  <h1>Fastest laps</h1>
  <ul id="laps">{% for name, time_s in laps %}<li>{{ name }} {{ time_s | as_seconds }}</li>{% endfor %}</ul>
</main>
{% endblock %}
"""  # noqa: E501 - as a template is written
STYLE = "#laps li { list-style: square; letter-spacing: 3px; }\n"
SCRIPT = 'document.querySelector("#laps").dataset.counted = document.querySelectorAll("#laps li").length;\n'
Show = Callable[[Visit], Mapping[str, Any]]


def fastest_laps(visit: Visit) -> Mapping[str, Any]:
    """The fastest lap of everybody, of one event if the address names it."""
    wanted = visit.query.get("event")
    laps = [
        (entry.name, entry.fastest_lap_s)
        for event in visit.events()
        if wanted in (None, event.plan.id)
        for heat in visit.results(event.plan.id)
        for entry in heat.entries
        if entry.fastest_lap_s is not None
    ]
    return {"laps": sorted(laps, key=lambda lap: lap[1])}


def lay_out(folder: Path, template: str = TEMPLATE) -> Path:
    """Write a page's files."""
    folder.mkdir(exist_ok=True)
    for name, text in (("page.html", template), ("laps.css", STYLE), ("laps.js", SCRIPT)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class Pages:
    """The plugin.

    Args:
        pages: What it registers.
    """

    def __init__(self, **pages: Any) -> None:
        self._pages = pages

    @hookimpl
    def register_pages(self) -> dict[str, Any]:
        return {name.replace("_", "-"): page for name, page in self._pages.items()}


def league_with(folder: Path, **shows: Show) -> League:
    """Everything that is installed, and a page for each of these."""
    return League(extra=[Pages(**{name: Page(name.title(), folder, show) for name, show in shows.items()})])
