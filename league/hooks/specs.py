"""Every hook, in the order in which a season meets them.

Three families: `register_*` is asked once at start and returns what the plugin adds; `on_*` is told
what happened, its answer is ignored and its errors are logged; `choose_*` is a question that the first
answer settles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from league.gate.car import CarAddress, CarDriver
from league.hooks.page import Page
from league.hooks.recorder import Recorder
from league.racing.agent import Agent
from league.racing.incident import Incident, Opinion
from league.racing.plan import EntryPlan, EventPlan, Format
from league.racing.result import HeatResult, Standing
from league.racing.season import Scoring
from league.sim.car import CarSpec
from league.track.read import TrackReader

if TYPE_CHECKING:
    from league.racing.recording import Recording
    from league.sim.sensor import Sensor

GROUP = "league"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def register_track_readers() -> Mapping[str, TrackReader]:  # type: ignore[empty-body]
    """File formats of circuits: a file name's ending (".csv") to a function from a path to a `Circuit`.

    Called once when the league is opened. Two plugins that offer the same ending: the one loaded first
    keeps it and the other is reported.
    """


@hookspec
def register_circuits() -> Mapping[str, Path | Traversable]:  # type: ignore[empty-body]
    """Circuits: an id to its file. Files are read when somebody asks for the circuit."""


@hookspec
def register_cars() -> Mapping[str, CarSpec]:  # type: ignore[empty-body]
    """Cars: an id to its `CarSpec`."""


@hookspec
def register_sensors() -> Mapping[str, Callable[[], Sensor]]:  # type: ignore[empty-body]
    """Sensors: a name to something that makes one, fresh for every heat."""


@hookspec
def register_agents() -> Mapping[str, Callable[[], Agent]]:  # type: ignore[empty-body]
    """Drivers: a name to something that makes one, fresh for every heat; usually the class itself."""


@hookspec
def register_car_drivers() -> Mapping[str, Callable[[CarAddress], CarDriver]]:  # type: ignore[empty-body]
    """Drivers of physical cars: the word before the colon of a car's address to what makes its driver.

    It is called with the address, reads its options, calls `CarAddress.check`, and touches no network yet:
    that is what `CarDriver.connect` is for.
    """


@hookspec
def register_formats() -> Mapping[str, Callable[[], Format]]:  # type: ignore[empty-body]
    """Formats: a name to something that makes one."""


@hookspec
def register_scorings() -> Mapping[str, Scoring]:  # type: ignore[empty-body]
    """Scorings: a name to what makes points of an event, for seasons that name it.

    It is a pure function of the season's table of points and of what the event came to, asked whenever the
    season is looked at: for everybody, and again for every division and class with places of their own.

    Example:
        A win is worth ten, anything else nothing, whatever the season's table says::

            def wins(table: PointsTable, score: EventScore) -> dict[str, float]:
                return {row.entry_id: 10.0 for row in score.standings if row.place == 1}

            @hookimpl
            def register_scorings():
                return {"wins": Scoring(wins, "ten points for a win")}
    """


@hookspec
def register_recorders() -> Mapping[str, Recorder]:  # type: ignore[empty-body]
    """Recorders: a name to a form in which recordings can be written, for other programs to open.

    One that is `served` is also made by servers for whoever asks, in a thread, two at once at the most.

    Example:
        The fastest moment of one car::

            def fastest(recording: Recording, path: Path, *, seat: int = 0) -> None:
                path.write_text(f"{recording.frames[:, seat, 3].max():.2f} m/s")

            @hookimpl
            def register_recorders():
                return {"fastest": Recorder(fastest, ".txt", "a car's highest speed", media="text/plain")}
    """


@hookspec
def register_pages() -> Mapping[str, Page]:  # type: ignore[empty-body]
    """Pages: a name, in small letters, digits and hyphens, to a page that servers show at `/pages/NAME`.

    It is for everybody, its title stands on the home page, and the policy of all pages holds: nothing of
    another host, no script and no style in the template itself.

    Example:
        How many events there are, with `page.html` beside the module::

            def show(visit: Visit) -> dict[str, object]:
                return {"count": len(visit.events())}

            @hookimpl
            def register_pages():
                return {"count": Page("Events counted", Path(__file__).parent, show)}
    """


@hookspec
def register_detectors() -> Mapping[str, Callable[[Recording], Iterable[Incident]]]:  # type: ignore[empty-body]
    """Detectors: a name to a function from a heat's recording to what stewards should look at.

    Asked for every simulated heat, before its result is committed; what it finds is committed with it. It
    must be a pure function, and decides nothing.
    """


@hookspec
def register_advisers() -> Mapping[str, Callable[[Incident, Recording], Opinion | None]]:  # type: ignore[empty-body]
    """Advisers: a name to a function from an incident and its heat's recording to an opinion, or None.

    Asked once an incident is filed, beside the race. Nothing follows from an opinion until a person decides.
    """


@hookspec(firstresult=True)
def choose_grid(event: EventPlan, phase: str, entries: tuple[EntryPlan, ...]) -> tuple[EntryPlan, ...] | None:
    """The order on the grid of a heat about to start; `entries` is the order that the format chose.

    Asked just before a head-to-head heat. Answer the same entries in another order, or None to leave it.
    """


@hookspec
def on_heat_started(event: EventPlan, heat: str, names: tuple[str, ...]) -> None:
    """The lights went green. `names` are the entries by seat."""


@hookspec
def on_lap(event: EventPlan, heat: str, name: str, lap: Mapping[str, Any]) -> None:
    """An entry finished a lap; `lap` holds lap, time_us, off_tracks, resets, collisions, valid."""


@hookspec
def on_penalty(event: EventPlan, heat: str, name: str, penalty: Mapping[str, Any]) -> None:
    """An entry has to stand; `penalty` holds why and ticks."""


@hookspec
def on_heat_finished(event: EventPlan, result: HeatResult) -> None:
    """A heat is over and in the record book."""


@hookspec
def on_standings_changed(event: EventPlan, standings: tuple[Standing, ...]) -> None:
    """The event's standings are different from what they were."""
