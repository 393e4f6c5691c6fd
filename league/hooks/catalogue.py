"""The league as its plugins make it: circuits, cars, sensors, agents and formats by name."""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import as_file
from importlib.resources.abc import Traversable
from math import isfinite
from pathlib import Path
from typing import Any

from league.errors import InputError, PluginError, UnknownNameError
from league.gate.car import CarAddress, CarDriver, read_address
from league.hooks import plugins as loading
from league.hooks.page import PAGE_NAME, Page
from league.hooks.plugins import PluginReport
from league.hooks.recorder import Form, Recorder
from league.racing.agent import Agent
from league.racing.incident import Incident, Opinion
from league.racing.metadata import MODEL_FILE
from league.racing.objects import objects_of
from league.racing.plan import EntryPlan, EventPlan, Format, HeatPlan, derive_seed
from league.racing.recording import Recording
from league.racing.season import EventScore, PointsTable, Scoring
from league.sim.car import CarSpec
from league.sim.noise import make_sensor
from league.sim.options import fitted, read_asked
from league.sim.sensor import Sensor
from league.track.circuit import Circuit
from league.track.read import TrackReader, read_circuit

log = logging.getLogger(__name__)

REVERSED = ":reversed"
_ANY_NAME = re.compile(".*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NamedAgent:
    """A reference to an agent, resolved: how to call it and how to make one."""

    ref: str
    name: str
    """What to show: the agent's name, or the model's file name."""
    make: Callable[[], Agent]


class League:
    """Everything that the installed plugins offer.

    Args:
        extra: More plugin objects, loaded after the installed ones.
        installed: Whether to load what is installed; off gives an empty league for tests.
    """

    def __init__(self, *, extra: Iterable[object] = (), installed: bool = True) -> None:
        self._manager, reports = loading.load(loading.installed() if installed else (), extra)
        self._reports = {report.name: report for report in reports}
        self._conflicts: list[str] = []
        self.track_readers: Mapping[str, TrackReader] = self._gather("register_track_readers", callable)
        self.circuits: Mapping[str, Path | Traversable] = self._gather("register_circuits", _is_file)
        self.cars: Mapping[str, CarSpec] = self._gather("register_cars", _is_car)
        self.sensors: Mapping[str, Callable[[], Sensor]] = self._gather("register_sensors", callable)
        self.agents: Mapping[str, Callable[[], Agent]] = self._gather("register_agents", callable)
        self.car_drivers: Mapping[str, Callable[[CarAddress], CarDriver]] = self._gather(
            "register_car_drivers", callable
        )
        self.detectors: Mapping[str, Callable[[Recording], Iterable[Incident]]] = self._gather(
            "register_detectors", callable
        )
        self.advisers: Mapping[str, Callable[[Incident, Recording], Opinion | None]] = self._gather(
            "register_advisers", callable
        )
        self.formats: Mapping[str, Callable[[], Format]] = self._gather("register_formats", callable)
        self.pages: Mapping[str, Page] = self._gather("register_pages", _is_page, names=PAGE_NAME)
        self.recorders: Mapping[str, Recorder] = self._gather("register_recorders", _is_recorder)
        self.scorings: Mapping[str, Scoring] = self._gather("register_scorings", _is_scoring)

    @property
    def plugins(self) -> tuple[PluginReport, ...]:
        """What became of every plugin, in the order in which they were loaded."""
        return tuple(self._reports.values())

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Names that two plugins offered, one line each; the plugin loaded first kept the name."""
        return tuple(self._conflicts)

    # -- by name -------------------------------------------------------------------------------

    def circuit(self, ref: str) -> Circuit:
        """The circuit that a reference names: an id or a file, ":reversed" drives it the other way.

        Raises:
            UnknownNameError: No circuit has that id, and no such file exists.
            CircuitError: The file cannot be read.
        """
        plain = ref.removesuffix(REVERSED)
        given = self.circuits.get(plain)
        if given is not None:
            with as_file(given) as path:
                circuit = replace(read_circuit(path, self.track_readers), id=plain)
        elif Path(plain).suffix or "/" in plain:
            circuit = read_circuit(Path(plain), self.track_readers)
        else:
            raise UnknownNameError("circuit", plain, self.circuits)
        return circuit.reversed() if ref != plain else circuit

    def car(self, name: str) -> CarSpec:
        """The car with this id."""
        found: CarSpec = _pick("car", name, self.cars)
        return found

    def sensor(self, asked: str) -> Sensor:
        """A new sensor, by name or with options: "lidar", "lidar?noise=0.01&latency=1".

        Every sensor takes `latency` (ticks), those with one unit `noise` (standard deviation in that
        unit); others are the keyword arguments of what makes it.

        Raises:
            UnknownNameError: Nobody offers a sensor of that name.
            ConfigError: An option that it does not have, or a value that it cannot take.
        """
        name, options = read_asked(asked)
        make: Callable[[], Sensor] = _pick("sensor", name, self.sensors)
        return make_sensor(name, make, options) if options else make()

    def format(self, name: str) -> Format:
        """A format by name."""
        make: Callable[[], Format] = _pick("format", name, self.formats)
        return make()

    def scoring(self, name: str) -> Scoring:
        """A scoring by name, whose `points` raises PluginError if it fails or gives what are no points."""
        found: Scoring = _pick("scoring", name, self.scorings)

        def points(table: PointsTable, score: EventScore) -> Mapping[str, float]:
            try:
                return {str(entry): _finite(worth) for entry, worth in found.points(table, score).items()}
            except Exception as error:  # a stranger's code may raise anything
                log.exception("scoring %s failed on event %s", name, score.event)
                problem = f"scoring {name!r} failed on event {score.event!r}: {type(error).__name__}: {error}"
                raise PluginError(problem) from error

        return replace(found, points=points)

    def recorder(self, asked: str) -> Form:
        """A form to write recordings in, by name or with options: "mcap", "simtrace?seat=1".

        Raises:
            UnknownNameError: Nobody offers a recorder of that name.
            ConfigError: An option that it does not have, a value that it cannot take, or something that it
                needs is not installed.
        """
        name, options = read_asked(asked, kind="recorder")
        found: Recorder = _pick("recorder", name, self.recorders)
        form = Form(name, found, fitted("recorder", name, found.write, options, only_keywords=True))
        if found.check is not None:
            found.check()
        return form

    def car_driver(self, ref: str, *, only_stops: bool = False) -> CarDriver:
        """A driver, not yet connected, for the physical car at an address: "udp:192.168.4.1".

        Args:
            ref: The address.
            only_stops: For a guardian, who never drives.

        Raises:
            UnknownNameError: No plugin drives cars of that kind.
            ConfigError: The address or one of its options cannot be used.
        """
        return self._car(read_address(ref, only_stops=only_stops))

    def car_place(self, ref: str) -> tuple[str, int] | None:
        """Host and port at which a car is driven, if it has such; the errors are `car_driver`'s."""
        address = read_address(ref)
        self._car(address)
        return address.place

    def _car(self, address: CarAddress) -> CarDriver:
        make: Callable[[CarAddress], CarDriver] = _pick("kind of car", address.kind, self.car_drivers)
        return make(address)

    def agent(self, ref: str) -> NamedAgent:
        """What a reference to an agent names.

        A plugin agent's name, a model (`.onnx`, or a folder with `model.onnx` and
        `model_metadata.json`), or `module:Class`.

        Raises:
            UnknownNameError: No agent has that name.
            InputError: The file, folder, module or class cannot be used.
        """
        if ref in self.agents:
            return NamedAgent(ref, ref, self.agents[ref])
        path = Path(ref)
        if path.suffix.lower() == ".onnx" or path.is_dir():
            return self._model(path)
        if ".py" in (path.suffix, Path(ref.partition(":")[0]).suffix):
            module, _, name = ref.partition(":")
            raise InputError(
                f"agent {ref!r}: expected {Path(module).stem}:{name or 'CLASS'}, in the file's folder"
            )
        if ":" in ref:
            return _class_agent(ref)
        if "/" in ref:
            raise InputError(f"{ref}: no such file or folder; expected a model: {MODEL_FILE} or its folder")
        raise UnknownNameError("agent", ref, self.agents)

    def _model(self, path: Path) -> NamedAgent:
        driver = self.agents.get("onnx")
        if driver is None:
            raise PluginError("no plugin drives ONNX models: the agent 'onnx' is not registered")
        file = path / MODEL_FILE if path.is_dir() else path
        if not file.is_file():
            within = path / "model"  # where training puts it
            hint = f"; there is one in {within}" if (within / MODEL_FILE).is_file() else ""
            raise InputError(f"{file}: no such file; expected a {MODEL_FILE}{hint}")
        make: Callable[..., Agent] = driver
        return NamedAgent(str(path), path.name if path.is_dir() else path.stem, lambda: make(path))

    # -- hooks ---------------------------------------------------------------------------------

    def tell(self, hook: str, **what: Any) -> None:
        """Tell every listener of an `on_*` hook; one that raises is logged and stops nobody."""
        for _ in self._answers(hook, what):
            pass

    def choose(self, hook: str, **what: Any) -> Any:
        """The first answer to a `choose_*` hook that is not None, in the order of loading; else None."""
        return next((answer for answer in self._answers(hook, what) if answer is not None), None)

    def _answers(self, hook: str, what: Mapping[str, Any]) -> Iterator[Any]:
        """Ask plugins one by one; pluggy's own call would stop at the first that raises."""
        for listener in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                yield listener.function(*(what[name] for name in listener.argnames))
            except Exception:  # a stranger's code may raise anything; the race goes on
                log.exception("plugin %s failed in %s", listener.plugin_name, hook)

    def detect(self, recording: Recording) -> tuple[Incident, ...]:
        """What stewards should look at in a heat, in order; a detector that raises is logged and left out."""
        found: list[Incident] = []
        for name, detector in self.detectors.items():
            try:
                mine = [*detector(recording)]
                found += [incident.model_copy(update={"source": name, "number": 0}) for incident in mine]
            except Exception:  # a stranger's code may raise anything; the result counts all the same
                log.exception("detector %s failed on heat %s", name, recording.plan.id)
        once = {incident.key: incident for incident in found}
        return tuple(sorted(once.values(), key=lambda incident: (incident.tick, incident.key)))

    def advise(self, incident: Incident, recording: Recording) -> tuple[Opinion, ...]:
        """What every adviser thinks of an incident; one that raises is logged and has no opinion."""
        given: list[Opinion] = []
        for name, adviser in self.advisers.items():
            try:
                opinion = adviser(incident, recording)
            except Exception:  # a stranger's code may raise anything
                log.exception("adviser %s failed on incident %s", name, incident.key)
                continue
            if opinion is not None:
                given.append(opinion.model_copy(update={"adviser": name}))
        return tuple(given)

    def arrange(self, event: EventPlan, heat: HeatPlan) -> HeatPlan:
        """A heat with its objects drawn from the event's seed, and with the grid order that a plugin chose.

        An answer that is not the same entries in another order is ignored and logged.
        """
        heat = _settled(event, heat)
        if len(heat.grid) < 2:
            return heat
        chosen = self.choose("choose_grid", event=event, phase=heat.phase, entries=heat.grid)
        if chosen is None:
            return heat
        if sorted(chosen, key=repr) != sorted(heat.grid, key=repr):
            log.error("a plugin chose a grid of other entries than those of heat %s; ignored", heat.id)
            return heat
        return heat.model_copy(update={"grid": tuple(chosen)})

    def check_room(self, event: EventPlan, circuit: Circuit) -> None:
        """Whether an event's circuit has room for the boxes and bots of its heats.

        Raises:
            ConfigError: It has not.
        """
        entries = tuple(EntryPlan(id=f"entry-{n}", name=f"Entry {n}") for n in range(1, event.grid_size + 1))
        heats = self.format(event.format).next_heats(event.model_copy(update={"entries": entries}), ())
        for heat in heats[:1]:
            rules = _settled(event, heat).rules
            objects_of(rules, heat.seed, circuit, self.car(event.car), len(heat.grid))

    def _gather(
        self, hook: str, good: Callable[[Any], bool], *, names: re.Pattern[str] = _ANY_NAME
    ) -> Mapping[str, Any]:
        """Merge what plugins registered, first come first served; nonsense leaves its plugin out."""
        gathered: dict[str, Any] = {}
        for listener in getattr(self._manager.hook, hook).get_hookimpls():
            owner = listener.plugin_name
            try:
                offered = dict(listener.function() or {})
                bad = [name for name, what in offered.items() if not _is_named(name, names) or not good(what)]
                if bad:
                    raise PluginError(f"{hook} offers something unusable under {bad[0]!r}")
            except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything; the league must start
                report = self._reports[owner]
                reason = f"{hook}: {type(error).__name__}: {error}"
                self._reports[owner] = replace(report, status="left out", reason=reason)
                log.warning("plugin %s left out: %s", owner, reason)
                continue
            for name, what in offered.items():
                if name in gathered:
                    self._conflicts.append(f"{hook}: {name!r} of plugin {owner} is taken already")
                else:
                    gathered[name] = what
        return gathered


@lru_cache(maxsize=1)
def installed() -> League:
    """The league that is installed here, loaded once in a process; for work that comes from another one."""
    return League()


def _settled(event: EventPlan, heat: HeatPlan) -> HeatPlan:
    """A heat whose rules say what its boxes and bots are drawn from."""
    if not heat.rules.has_objects or heat.rules.objects_seed is not None:
        return heat
    rules = heat.rules.model_copy(update={"objects_seed": derive_seed(event.seed, "objects")})
    return heat.model_copy(update={"rules": rules})


def _pick(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]


def _is_car(what: Any) -> bool:
    return isinstance(what, CarSpec)


def _is_named(name: Any, names: re.Pattern[str]) -> bool:
    return isinstance(name, str) and names.fullmatch(name) is not None


def _is_page(what: Any) -> bool:
    if isinstance(what, Page):
        what.check()
    return isinstance(what, Page)


def _is_recorder(what: Any) -> bool:
    return isinstance(what, Recorder) and callable(what.write) and what.ending.startswith(".")


def _is_scoring(what: Any) -> bool:
    return isinstance(what, Scoring)


def _finite(worth: float) -> float:
    if not isfinite(worth):
        raise PluginError(f"{worth} points, expected a finite number")
    return worth


def _is_file(what: Any) -> bool:
    return isinstance(what, Path | Traversable)


def _class_agent(ref: str) -> NamedAgent:
    module_name, _, class_name = ref.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a driver under development lies in the current folder
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:  # it is there, and lacks something itself
            raise InputError(
                f"agent {ref!r}: cannot import {module_name!r}: it needs {error.name!r}, not installed"
            ) from error
        raise InputError(
            f"agent {ref!r}: cannot import {module_name!r}: there is no {module_name}.py in this folder, "
            "and no such package is installed"
        ) from error
    except Exception as error:  # importing a user's module may raise anything
        raise InputError(f"agent {ref!r}: cannot import {module_name!r}: {error}") from error
    made = getattr(module, class_name, None)
    if not (isinstance(made, type) and issubclass(made, Agent)):
        classes = [
            name for name, what in vars(module).items() if isinstance(what, type) and issubclass(what, Agent)
        ]
        raise InputError(
            f"agent {ref!r}: {module_name!r} has no Agent called {class_name!r} "
            f"(it has: {', '.join(sorted(set(classes) - {'Agent'})) or 'none'})"
        )
    return NamedAgent(ref, class_name, made)
