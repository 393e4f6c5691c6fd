"""A whole bridge: the car, its operator, and the client that races it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from league import client
from league.bridge.ride import Ride
from league.bridge.seat import CarSeat
from league.bridge.senses import Senses
from league.gate.gate import State
from league.hooks.catalogue import League, NamedAgent
from league.sim.car import DEEPRACER
from league.sim.sensing import StateSensor
from league.sim.world import World
from league.track.circuit import Circuit
from league.wire.messages import EMERGENCY_STOP, Assign, Event, Resume

AWAY_S = 0.5
"""So long without a word from the server in a heat, and the car is not driven."""


@dataclass(frozen=True, slots=True)
class Post:
    """Where to race, and as whom."""

    server: str
    event: str
    name: str
    token: str | None = None
    patience_s: float = 3600.0
    resume: Resume | None = None


async def race(
    ride: Ride,
    post: Post,
    league: League,
    agent: NamedAgent,
    *,
    on_progress: Callable[[client.Progress], None] = lambda progress: None,
    on_accepted: Callable[[Resume], None] | None = None,
) -> client.Drive:
    """Race a car in every heat that the server assigns; its ride must be running.

    Raises:
        ProtocolError: The server cannot be reached, or refuses.
        RaceError: The agent failed.
    """
    made = Seats(ride, league, agent)
    lobby = Lobby(ride, on_progress, made.begin_heat)
    watching = asyncio.create_task(lobby.watch(), name="watching the server")
    try:
        return await client.drive(
            made,
            server=post.server,
            event=post.event,
            name=post.name,
            token=post.token,
            kind="physical",
            version=agent.name[:64],
            patience_s=post.patience_s,
            resume=post.resume,
            on_accepted=on_accepted,
            on_progress=lobby.hear,
        )
    finally:
        watching.cancel()
        ride.disarm("it does not race any more")


class Seats:
    """Makes a seat for each heat, with a fresh agent in it."""

    def __init__(self, ride: Ride, league: League, agent: NamedAgent) -> None:
        self._ride, self._league, self._agent = ride, league, agent
        wanted = getattr(agent.make, "sensors", None) or agent.make().sensors
        self.sensors: tuple[str, ...] = tuple(dict.fromkeys((*wanted, "pose")))
        self._taken = False

    def __call__(self) -> CarSeat:
        """The car's seat in one heat."""
        senses = Senses(self.sensors, self._league.sensor)
        return CarSeat(self._ride, self._agent.make, senses, self._claim)

    def begin_heat(self) -> None:
        """The next seat that gets ready is the one that drives."""
        self._taken = False

    def _claim(self) -> bool:
        free, self._taken = not self._taken, True
        return free


class Lobby:
    """What the server says besides observations, as far as it concerns the car.

    Args:
        ride: The car.
        tell: Told everything as well.
        begin_heat: Called when the car is sent to the grid.
    """

    def __init__(
        self, ride: Ride, tell: Callable[[client.Progress], None], begin_heat: Callable[[], None]
    ) -> None:
        self._ride, self._tell, self._begin_heat = ride, tell, begin_heat

    def hear(self, progress: client.Progress) -> None:
        """Take note of what the server said."""
        ride, link, told = self._ride, self._ride.link, progress.told
        if told is not None:
            link.heard_s = time.monotonic()
        if progress.kind in ("lost", "finish", "result", "bye"):
            link.racing = False
        if progress.kind == "lost":
            link.about = progress.text
            ride.disarm("the connection to the league broke off")
        elif progress.kind == "sync":
            link.round_trip_ms = float(progress.text.split()[2])
        elif progress.kind == "accepted":
            link.about = "in the event"
        elif isinstance(told, Assign):
            link.heat, link.about = told.heat, f"in heat {told.heat}"
            ride.gate.begin_heat()
            self._begin_heat()
            cap = told.fields.get("drive_cap")
            if isinstance(cap, int | float):
                ride.gate.lower(float(cap))
        elif isinstance(told, Event) and told.kind == EMERGENCY_STOP:
            ride.emergency_stop(str(told.data.get("why") or "the league stopped every car")[:200])
        elif progress.kind in ("finish", "result"):
            ride.disarm("the heat is over")
        self._tell(progress)

    async def watch(self) -> None:
        """Take the permission to drive away when the server was silent for too long in a heat."""
        while True:
            await asyncio.sleep(0.05)
            link = self._ride.link
            heard_s = link.heard_s
            if link.racing and self._ride.gate.state is State.ARMED and heard_s is not None:
                silent_s = time.monotonic() - heard_s
                if silent_s > AWAY_S:
                    self._ride.disarm(f"no word from the league for {silent_s:.1f} s")


def warm_up(agent: NamedAgent) -> None:
    """Load and compile what a heat needs, before there is a car that must be told something all the time."""
    agent.make()
    corners = [[-2.0, -1.0], [2.0, -1.0], [2.0, 1.0], [-2.0, 1.0]]
    circuit = Circuit.from_widths("warm-up", corners, [0.4] * 4, [0.4] * 4)
    world = World(circuit, [DEEPRACER])
    world.place(0, 0.0)
    StateSensor().sense(world)


async def until_first(*work: asyncio.Task[object]) -> None:
    """Wait for the first of some tasks to end, end the others, and raise what it raised."""
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    for task in done:
        task.result()
