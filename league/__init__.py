"""An open racing league: circuits, cars, agents, heats and the server that hosts them.

Importing `league` stays light: what needs numba, aiohttp or a database is imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from league.errors import (
        CarError,
        CircuitError,
        ConfigError,
        InputError,
        LeagueError,
        ModelError,
        ProtocolError,
        RaceError,
        RecordingError,
        RewardError,
        UnknownNameError,
        why_unreachable,
    )
    from league.export.mcap import mcap
    from league.export.sheets import positions, simtrace
    from league.export.video import check_films, film
    from league.gate.car import Capabilities, CarAddress, CarCommand, CarDriver, Sample, StopResult
    from league.hooks.catalogue import League
    from league.hooks.page import EventSeen, Page, Visit
    from league.hooks.recorder import Recorder
    from league.hooks.specs import hookimpl
    from league.quick import race, replay, verify
    from league.racing import BEHAVIOR
    from league.racing.agent import Agent, Briefing, Command, Observation, Opponent, Penalty
    from league.racing.incident import Incident, Opinion, clip_at
    from league.racing.knockout import DoubleElimination, Ladder, SingleElimination, Swiss
    from league.racing.metadata import (
        METADATA_FILE,
        MODEL_FILE,
        ContinuousActions,
        DiscreteActions,
        ModelMetadata,
        read_metadata,
    )
    from league.racing.plan import EntryPlan, EventPlan, Format, HeatPlan, derive_seed
    from league.racing.rating import fit_ratings, orders_of, tells_most
    from league.racing.recording import Recording
    from league.racing.result import EntryResult, HeatResult, LapResult, Standing
    from league.racing.rules import Rules
    from league.racing.season import EventScore, PointsTable, Scoring
    from league.racing.stage import Leg, RoundRobin, Series, Solo, Stage, StagedFormat
    from league.racing.standing import best_runs, classify
    from league.racing.tiebreak import competes
    from league.sim.batch import Batch
    from league.sim.camera import CameraSensor, StereoCameraSensor
    from league.sim.car import DEEPRACER, DEEPRACER_2021, DEEPRACER_2022, DEEPRACER_GZSIM, F1TENTH, CarSpec
    from league.sim.episode import Episode, Starts
    from league.sim.lidar import DiscretizedLidarSensor, F1tenthLidarSensor, LidarSensor, SectorLidarSensor
    from league.sim.noise import Noisy
    from league.sim.objects import Bot, Box, Traffic
    from league.sim.sensing import PoseSensor, StateSensor
    from league.sim.sensor import Sensor
    from league.sim.world import Contact, World
    from league.track.check import check_circuit
    from league.track.circuit import Circuit, Projection
    from league.track.limit import Limit, limit_of, share_of_limit
    from league.track.toml_file import read_toml_circuit

__all__ = [
    "BEHAVIOR",
    "DEEPRACER",
    "DEEPRACER_2021",
    "DEEPRACER_2022",
    "DEEPRACER_GZSIM",
    "F1TENTH",
    "METADATA_FILE",
    "MODEL_FILE",
    "Agent",
    "Batch",
    "Bot",
    "Box",
    "Briefing",
    "CameraSensor",
    "Capabilities",
    "CarAddress",
    "CarCommand",
    "CarDriver",
    "CarError",
    "CarSpec",
    "Circuit",
    "CircuitError",
    "Command",
    "ConfigError",
    "Contact",
    "ContinuousActions",
    "DiscreteActions",
    "DiscretizedLidarSensor",
    "DoubleElimination",
    "EntryPlan",
    "EntryResult",
    "Episode",
    "EventPlan",
    "EventScore",
    "EventSeen",
    "F1tenthLidarSensor",
    "Format",
    "HeatPlan",
    "HeatResult",
    "Incident",
    "InputError",
    "Ladder",
    "LapResult",
    "League",
    "LeagueError",
    "Leg",
    "LidarSensor",
    "Limit",
    "ModelError",
    "ModelMetadata",
    "Noisy",
    "Observation",
    "Opinion",
    "Opponent",
    "Page",
    "Penalty",
    "PointsTable",
    "PoseSensor",
    "Projection",
    "ProtocolError",
    "RaceError",
    "Recorder",
    "Recording",
    "RecordingError",
    "RewardError",
    "RoundRobin",
    "Rules",
    "Sample",
    "Scoring",
    "SectorLidarSensor",
    "Sensor",
    "Series",
    "SingleElimination",
    "Solo",
    "Stage",
    "StagedFormat",
    "Standing",
    "Starts",
    "StateSensor",
    "StereoCameraSensor",
    "StopResult",
    "Swiss",
    "Traffic",
    "UnknownNameError",
    "Visit",
    "World",
    "best_runs",
    "check_circuit",
    "check_films",
    "classify",
    "clip_at",
    "competes",
    "derive_seed",
    "film",
    "fit_ratings",
    "hookimpl",
    "limit_of",
    "mcap",
    "orders_of",
    "positions",
    "race",
    "read_metadata",
    "read_toml_circuit",
    "replay",
    "share_of_limit",
    "simtrace",
    "tells_most",
    "verify",
    "why_unreachable",
]

__version__ = "0.1.0"

# Where each public name lives; a test holds this table against `__all__`.
_HOMES = {
    "Agent": "league.racing.agent",
    "BEHAVIOR": "league.racing",
    "Batch": "league.sim.batch",
    "Bot": "league.sim.objects",
    "Box": "league.sim.objects",
    "Briefing": "league.racing.agent",
    "CameraSensor": "league.sim.camera",
    "Capabilities": "league.gate.car",
    "CarAddress": "league.gate.car",
    "CarCommand": "league.gate.car",
    "CarDriver": "league.gate.car",
    "CarError": "league.errors",
    "CarSpec": "league.sim.car",
    "Circuit": "league.track.circuit",
    "CircuitError": "league.errors",
    "Command": "league.racing.agent",
    "ConfigError": "league.errors",
    "Contact": "league.sim.world",
    "ContinuousActions": "league.racing.metadata",
    "DEEPRACER": "league.sim.car",
    "DEEPRACER_2021": "league.sim.car",
    "DEEPRACER_2022": "league.sim.car",
    "DEEPRACER_GZSIM": "league.sim.car",
    "DiscreteActions": "league.racing.metadata",
    "DiscretizedLidarSensor": "league.sim.lidar",
    "DoubleElimination": "league.racing.knockout",
    "EntryPlan": "league.racing.plan",
    "EntryResult": "league.racing.result",
    "Episode": "league.sim.episode",
    "EventPlan": "league.racing.plan",
    "EventScore": "league.racing.season",
    "EventSeen": "league.hooks.page",
    "F1TENTH": "league.sim.car",
    "F1tenthLidarSensor": "league.sim.lidar",
    "Format": "league.racing.plan",
    "HeatPlan": "league.racing.plan",
    "HeatResult": "league.racing.result",
    "Incident": "league.racing.incident",
    "InputError": "league.errors",
    "Ladder": "league.racing.knockout",
    "LapResult": "league.racing.result",
    "League": "league.hooks.catalogue",
    "LeagueError": "league.errors",
    "Leg": "league.racing.stage",
    "LidarSensor": "league.sim.lidar",
    "Limit": "league.track.limit",
    "METADATA_FILE": "league.racing.metadata",
    "MODEL_FILE": "league.racing.metadata",
    "ModelError": "league.errors",
    "ModelMetadata": "league.racing.metadata",
    "Noisy": "league.sim.noise",
    "Observation": "league.racing.agent",
    "Opinion": "league.racing.incident",
    "Opponent": "league.racing.agent",
    "Page": "league.hooks.page",
    "Penalty": "league.racing.agent",
    "PointsTable": "league.racing.season",
    "PoseSensor": "league.sim.sensing",
    "Projection": "league.track.circuit",
    "ProtocolError": "league.errors",
    "RaceError": "league.errors",
    "Recorder": "league.hooks.recorder",
    "Recording": "league.racing.recording",
    "RecordingError": "league.errors",
    "RewardError": "league.errors",
    "RoundRobin": "league.racing.stage",
    "Rules": "league.racing.rules",
    "Sample": "league.gate.car",
    "Scoring": "league.racing.season",
    "SectorLidarSensor": "league.sim.lidar",
    "Sensor": "league.sim.sensor",
    "Series": "league.racing.stage",
    "SingleElimination": "league.racing.knockout",
    "Solo": "league.racing.stage",
    "Stage": "league.racing.stage",
    "StagedFormat": "league.racing.stage",
    "Standing": "league.racing.result",
    "Starts": "league.sim.episode",
    "StateSensor": "league.sim.sensing",
    "StereoCameraSensor": "league.sim.camera",
    "StopResult": "league.gate.car",
    "Swiss": "league.racing.knockout",
    "Traffic": "league.sim.objects",
    "UnknownNameError": "league.errors",
    "Visit": "league.hooks.page",
    "World": "league.sim.world",
    "best_runs": "league.racing.standing",
    "check_circuit": "league.track.check",
    "check_films": "league.export.video",
    "classify": "league.racing.standing",
    "clip_at": "league.racing.incident",
    "competes": "league.racing.tiebreak",
    "derive_seed": "league.racing.plan",
    "film": "league.export.video",
    "fit_ratings": "league.racing.rating",
    "hookimpl": "league.hooks.specs",
    "limit_of": "league.track.limit",
    "mcap": "league.export.mcap",
    "orders_of": "league.racing.rating",
    "positions": "league.export.sheets",
    "race": "league.quick",
    "read_metadata": "league.racing.metadata",
    "read_toml_circuit": "league.track.toml_file",
    "replay": "league.quick",
    "share_of_limit": "league.track.limit",
    "simtrace": "league.export.sheets",
    "tells_most": "league.racing.rating",
    "verify": "league.quick",
    "why_unreachable": "league.errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'league' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
