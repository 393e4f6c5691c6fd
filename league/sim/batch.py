"""Thousands of independent worlds, advanced by one call.

Pure. The same kernels drive a `World` and a `Batch`: the same commands from the same start give the same
bytes. Nothing that one world does depends on another, nor on how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import InputError
from league.sim import bots as driving
from league.sim import contact, kernel, marshal, road, sharing, sweep, tick
from league.sim.asked import check_batch, check_boxes, check_traffic, check_vary
from league.sim.car import CarSpec
from league.sim.convoy import stands_of
from league.sim.episode import Episode
from league.sim.grip import check_spins
from league.sim.lanelines import line_rows
from league.sim.lanes import LANES, make_lanes
from league.sim.layout import STATE_SIZE
from league.sim.objects import Bot, Box, Traffic
from league.sim.world import PHYSICS_HZ
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Seen = NDArray[np.float32]

MAX_SEED = 2**63 - 1

Again = Literal["same_step", "next_step", "never"]
_DOUBLE = np.dtype(np.float64)
_AGAIN = {"same_step": 0, "next_step": 1, "never": 2}


class Batch:
    """Many worlds with the same kind of car, each with its own referee, its own start and its own end.

    The arrays hold one entry per world and car, are read-only views and follow the batch: copy what you
    want to keep.

    Args:
        circuits: One circuit, or several: world w then drives on number w modulo how many there are.
        car: What everybody drives.
        worlds: How many worlds.
        cars_per_world: Cars that race each other in each world.
        control_hz: Ticks per second, 1 to 240.
        episode: What ends an episode and where one starts.
        seed: Each world draws from a random stream of its own, made from this and its number.
        again: When a world whose cars are all out starts its next episode: in the same step (`seen` then
            shows the new start, `last_seen` the end), in the next one (whose command is not driven), or
            never, until it is reset.
        boxes: What stands in the way in every world, on one circuit.
        random_boxes: Or how many boxes stand at places that each world draws for each episode: on lane
            lines, between 7 and 90 % of the lap and at least 13 % of it apart.
        bots: Cars without a driver, the same in every episode of every world, on one circuit; or `Traffic`,
            whose places each world draws for each episode.
        vary: By how large a share figures of the car may differ, by their names, as in
            {"lateral_mps2": 0.1}; each world's cars draw theirs anew with each episode. `FIGURES` of
            `league.sim.kernel` are their names. Besides, "spins": how many times as often as recorded cars
            these lose grip, see `league.sim.grip`.
        crew: Threads that share the work.
        parts: How many share it, whoever calls `step` included.

    Raises:
        InputError: No worlds or cars or too many, a control rate out of range, a circuit narrower than
            the car, a seed out of range, a box or bot that is none, boxes or bots that find no room, a figure
            that cannot vary so much, a word that is none of those above.
    """

    def __init__(
        self,
        circuits: Circuit | Sequence[Circuit],
        car: CarSpec,
        *,
        worlds: int,
        cars_per_world: int = 1,
        control_hz: int = 15,
        episode: Episode | None = None,
        seed: int = 0,
        again: Again = "same_step",
        boxes: Sequence[Box] = (),
        random_boxes: int = 0,
        bots: Sequence[Bot] | Traffic = (),
        vary: Mapping[str, float] | None = None,
        crew: sharing.Crew | None = None,
        parts: int = 1,
    ) -> None:
        self.circuits = (circuits,) if isinstance(circuits, Circuit) else tuple(circuits)
        self.car, self.worlds, self.cars_per_world = car, int(worlds), int(cars_per_world)
        self.episode = episode or Episode()
        check_batch(self.circuits, car, worlds, cars_per_world, control_hz)
        if again not in _AGAIN:
            raise InputError(f"again is {again!r}, expected one of {', '.join(_AGAIN)}")
        if parts < 1:
            raise InputError(f"parts is {parts}, expected 1 or more")
        self.control_hz = int(control_hz)
        self.substeps = ceil(PHYSICS_HZ / control_hz)
        self.step_s = 1.0 / (control_hz * self.substeps)
        self.again = again
        vary = dict(vary or {})
        self.spins = check_spins(vary.pop("spins", 0.0))
        self.vary = check_vary(car, vary)
        self.boxes = tuple(Box(*box) for box in boxes)
        self.bots = bots if isinstance(bots, Traffic) else tuple(Bot(*bot) for bot in bots)
        check_traffic(self.circuits, self.bots, self.cars_per_world, self.episode.grid_gap_m)
        starts, grid_m = _starts(self.bots), self.cars_per_world * self.episode.grid_gap_m
        check_boxes(self.circuits, car, self.boxes, random_boxes, len(starts), grid_m)
        self._arrays = self._make(random_boxes, starts)
        self._plain: tuple[Any, ...] = tuple(self._arrays)
        # Cars that are driven side by side do all the same: those that lose grip are driven one by one.
        self._alone = not self.spins and self.cars_per_world == 1 and self._arrays.bodies.shape[1] == 1
        self._how, self._shape = _AGAIN[again], (self.worlds, self.cars_per_world, 2)
        self._crew = crew if parts > 1 else None
        self._sharers = parts if self._crew is not None else 1
        cuts = sharing.cuts(self.worlds, self._sharers)
        self._parts = [(*self._room(), self._how, a, b) for a, b in pairwise(cuts)]
        self._drive = sweep.drive_alone if self._alone else sweep.drive_together
        self._show()
        self.reset(seed=seed)

    def _make(self, random_boxes: int, starts: FloatArray) -> sweep.Worlds:
        worlds, cars = self.worlds, self.cars_per_world
        boxes, bots = len(self.boxes) or random_boxes, len(starts)
        row = kernel.parameters(self.car, self.step_s)
        slowest = self.car.changed(
            **{
                name: getattr(self.car, name) * (1.0 + self.vary.get(name, 0.0))
                for name in ("steer_dead_s", "speed_dead_s")
            }
        )
        depth = kernel.history(slowest, self.step_s, self.substeps)
        rules = self.episode.settings(self.control_hz)
        rules[marshal.RANDOM_BOXES] = random_boxes
        if isinstance(self.bots, Traffic):
            rules[marshal.RANDOM_BOTS] = bots
            rules[marshal.SLOWEST_BOT], rules[marshal.FASTEST_BOT] = self.bots.speed_mps
        if self.vary:
            shares = [self.vary.get(name, 0.0) for name in kernel.FIGURES]
            rules = np.concatenate((rules, kernel.figures(self.car), shares))
            row = np.concatenate((row, kernel.figures(self.car)))
        own = self.vary or self.spins
        params = np.tile(row, (worlds if own else 1, cars, 1))
        if self.spins:
            kernel.loosen(params.reshape(-1, len(row)), self.spins, 0)
        counters = np.zeros((worlds, 5), dtype=np.int64)
        counters[:, sweep.CIRCUIT] = np.arange(worlds) % len(self.circuits)
        arrays = sweep.Worlds(
            *_join(self.circuits),
            rules,
            params,
            counters,
            np.zeros((worlds, cars, kernel.COMMANDS + 2 * depth)),
            np.zeros((worlds, cars, tick.MEASURED)),
            np.zeros((worlds, cars, marshal.CARD)),
            np.zeros((worlds, cars), dtype=np.int64),
            np.zeros((worlds, cars, 3)),
            np.zeros((worlds, cars, STATE_SIZE), dtype=np.float32),
            np.zeros((worlds, cars, STATE_SIZE), dtype=np.float32),
            np.zeros((worlds if cars + boxes + bots > 1 else 1, cars + boxes + bots, marshal.BODY)),
            starts,
            np.zeros((worlds if bots else 1, *starts.shape)),
            np.zeros((worlds if bots else 1, boxes, driving.HEEDED)),
        )
        for row, box in zip(arrays.bodies[0, cars:], self.boxes, strict=False):
            contact.shape(row, box.x_m, box.y_m, box.yaw_rad, box.length_m / 2, box.width_m / 2)
            seen = self.circuits[0].project((box.x_m, box.y_m))
            row[marshal.BOX_ALONG], row[marshal.BOX_OFFSET] = seen.along_m, seen.offset_m
        arrays.bodies[:, cars:] = arrays.bodies[:1, cars:]
        if self.boxes:
            arrays.stands[:] = stands_of(self.circuits[0], self.boxes)
        return arrays

    def _room(self) -> tuple[Any, ...]:
        """Scratch for a part of the work."""
        cars = self.cars_per_world
        noted = np.zeros((self.substeps + 1, tick.POSE, LANES if self._alone else cars))
        if self._alone:
            return noted, make_lanes(self._arrays.params[0, 0], self.substeps + 1)
        touch = np.zeros((cars, self._arrays.bodies.shape[1]))
        trace, commands = np.zeros(self.substeps + 1), np.zeros((cars, 2))
        heeded = np.zeros((cars + len(self._arrays.starts), driving.HEEDED))
        return noted, (trace, touch, commands, np.zeros(cars, dtype=np.int64), heeded)

    def _show(self) -> None:
        self.seen: Seen = _view(self._arrays.seen)
        """The state observation of every car, float32, shape (worlds, cars, 105)."""
        self.last_seen = _view(self._arrays.last_seen)
        """The observation with which each world's last episode ended, if worlds start again at once."""
        self.gained_m = _view(self._arrays.told)[:, :, sweep.GAINED]
        """Progress of the last tick along the road; what a car that is put back loses is taken off."""
        self.happened = _view(self._arrays.happened)
        """What happened in the last tick, as a sum of LAP, OFF_TRACK and so on of `league.sim.marshal`."""
        self.laps = _view(self._arrays.told)[:, :, sweep.LAPS]
        """Laps driven in the episode that the last tick belonged to."""
        self.progress_m = _view(self._arrays.cards)[:, :, marshal.PROGRESS]
        """Distance driven since the start line was first ahead."""
        seen = _view(self._arrays.measured)
        self.along_m = seen[:, :, tick.ALONG]
        self.offset_m = seen[:, :, tick.OFFSET]
        self.heading_error_rad = seen[:, :, tick.HEADING_ERROR]
        self.speed_mps = seen[:, :, tick.SPEED]
        self.pose = seen[:, :, tick.ORIGIN_X : tick.YAW + 1]
        """x, y and yaw of the origin, shape (worlds, cars, 3)."""
        self.wheels_off = _view(self._arrays.cards)[:, :, marshal.WHEELS_OFF]
        self.episodes = _view(self._arrays.counters)[:, sweep.EPISODE]
        """Episodes begun, less one, by each world since it was seeded."""
        self.ticks = _view(self._arrays.counters)[:, sweep.TICK]
        """Ticks done in each world's episode."""
        self.object_rows = _view(self._arrays.bodies)[:, self.cars_per_world :]
        """Boxes and then bots as sensors read them, columns as in `contact`, shape (worlds or 1, of these,
        columns)."""
        boxes = self._arrays.stands.shape[1]
        self.boxes_at = self.object_rows[:, :boxes, contact.AT_X : contact.SIN + 1]
        """Middle (x, y) and direction (cosine, sine) of the boxes, shape (worlds or 1, boxes, 4)."""
        self.bots_at = self.object_rows[:, boxes:, contact.AT_X : contact.SIN + 1]
        """The same of the bots, shape (worlds or 1, bots, 4)."""
        self.bot_speed_mps = self.object_rows[:, boxes:, contact.PACE]
        """How fast they are, shape (worlds or 1, bots)."""

    @property
    def lap_time_s(self) -> FloatArray:
        """Times of the laps that were finished in the last tick, else not a number, shape (worlds, cars)."""
        spent = self._arrays.told[:, :, sweep.LAP_US]
        return np.where(spent > 0.0, spent / 1e6, np.nan)

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """Whose episode was ended by a rule in the last tick, shape (worlds, cars)."""
        return np.asarray(self._arrays.happened & marshal.TERMINATED != 0)

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whose episode was cut off by a limit in the last tick, shape (worlds, cars)."""
        return np.asarray(self._arrays.happened & marshal.TRUNCATED != 0)

    @property
    def out(self) -> NDArray[np.bool_]:
        """Whose episode is over while the world's goes on or waits, shape (worlds, cars)."""
        return np.asarray(self._arrays.cards[:, :, marshal.OUT] != 0.0)

    @property
    def nbytes(self) -> int:
        """Memory that the worlds take, roads included."""
        return sum(array.nbytes for array in self._arrays)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, worlds: NDArray[np.bool_] | None = None
    ) -> Seen:
        """Start new episodes.

        Args:
            seed: Begin the worlds' random streams anew: from one number for all, or from one number for
                each world. None goes on with the streams as they are.
            worlds: Which worlds, a bool for each; None is all.

        Returns:
            The observations, `seen`.

        Raises:
            InputError: A seed is out of range, or there are not as many entries as worlds.
        """
        which = np.ones(self.worlds, dtype=np.bool_) if worlds is None else np.asarray(worlds, dtype=np.bool_)
        if which.shape != (self.worlds,):
            raise InputError(f"worlds has shape {which.shape}, expected ({self.worlds},)")
        if seed is None:
            self._arrays.counters[which, sweep.EPISODE] += 1
        else:
            self._arrays.counters[which, sweep.SEED] = self._seeds(seed)[which]
            self._arrays.counters[which, sweep.EPISODE] = 0
        sweep.restart(self._plain, which)
        return self.seen

    def step(self, commands: ArrayLike) -> Seen:
        """Advance every world by one tick.

        Args:
            commands: Steering angle (rad) and speed (m/s) for every car, shape (worlds, cars, 2), limited
                to what the car can do as in `World.step`.

        Returns:
            The observations, `seen`.

        Raises:
            ValueError: The shape is another, or a number is not finite; nothing has moved then.
        """
        orders = _orders(commands)
        if orders.shape != self._shape:
            raise ValueError(f"commands have shape {orders.shape}, expected {self._shape}")
        if self._crew is None:
            bad = self._drive(self._plain, orders, *self._parts[0])
        else:
            bad = sweep.unfit(orders, 0, self.worlds)
            if bad < 0:
                drive, plain = self._drive, self._plain
                sharing.share(
                    self._crew, self._sharers, self._parts, lambda part: drive(plain, orders, *part)
                )
        if bad >= 0:
            world, car = divmod(bad, self.cars_per_world)
            raise ValueError(
                f"the command of car {car} in world {world} is {tuple(orders[world, car].tolist())}, "
                "expected finite numbers"
            )
        return self.seen

    def place(
        self,
        world: int,
        car: int,
        along_m: float,
        offset_m: float = 0.0,
        heading_error_rad: float = 0.0,
        speed_mps: float = 0.0,
    ) -> None:
        """Put a car on the road as an episode's start would; numbers as of `World.place`.

        Raises:
            InputError: There is no such car, or a number is not finite.
        """
        if not (0 <= world < self.worlds and 0 <= car < self.cars_per_world):
            raise InputError(
                f"there is no car {car} in world {world}, expected cars 0 to {self.cars_per_world - 1} "
                f"in worlds 0 to {self.worlds - 1}"
            )
        numbers = (along_m, offset_m, heading_error_rad, speed_mps)
        if not all(isfinite(number) for number in numbers) or speed_mps < 0:
            raise InputError(f"car {car} cannot be placed at {numbers}, expected finite numbers, speed ≥ 0")
        sweep.place(self._plain, world, car, *(float(number) for number in numbers))

    def driven(self, world: int, car: int) -> CarSpec:
        """What a car is in this episode, its figures as they were drawn."""
        if not self.vary:
            return self.car
        drawn = self._arrays.params[world, car, kernel.PARAMETERS :].tolist()
        return self.car.changed(**dict(zip(kernel.FIGURES, drawn, strict=True)))

    def card(self, world: int, car: int) -> dict[str, float]:
        """What the referee has counted of a car in this episode, by name."""
        card = self._arrays.cards[world, car]
        return {
            "laps": float(card[marshal.LAPS]),
            "last_lap_s": float(card[marshal.LAST_LAP_US]) / 1e6,
            "best_lap_s": float(card[marshal.BEST_LAP_US]) / 1e6,
            "resets": float(card[marshal.RESETS]),
            "off_tracks": float(card[marshal.OFF_TRACKS]),
            "collisions": float(card[marshal.COLLISIONS]),
        }

    def state_bytes(self, world: int) -> bytes:
        """Exact bytes of everything that evolves in a world, the same as `World.state_bytes`."""
        ticks = int(self._arrays.counters[world, sweep.TICK])
        state = ticks.to_bytes(8, "little") + self._arrays.state[world].astype("<f8", copy=False).tobytes()
        if self.spins:
            slides = self._arrays.params[world, :, kernel.KEY : kernel.PARAMETERS]
            state += slides.astype("<f8", copy=False).tobytes()
        if bots := len(self._arrays.starts):
            state += driving.evolved(self._arrays.bots[world], self._arrays.bodies[world, -bots:])
        return bytes(state)

    # -- inside --------------------------------------------------------------------------------

    def _seeds(self, seed: int | Sequence[int]) -> IntArray:
        if isinstance(seed, int | np.integer):
            if not 0 <= seed <= MAX_SEED:
                raise InputError(f"seed is {seed}, expected 0 to {MAX_SEED}")
            return sweep.spread(int(seed), self.worlds)
        given = list(seed)
        if len(given) != self.worlds or not all(0 <= one <= MAX_SEED for one in given):
            raise InputError(
                f"{len(given)} seeds from {min(given, default=0)} to {max(given, default=0)}, expected "
                f"{self.worlds} from 0 to {MAX_SEED}"
            )
        return np.array(given, dtype=np.int64)


def _view(array: Any) -> Any:
    view = array.view()
    view.setflags(write=False)
    return view


def _orders(commands: ArrayLike) -> NDArray[Any]:
    if type(commands) is np.ndarray and commands.dtype is _DOUBLE and commands.flags.c_contiguous:
        return commands
    orders = np.asarray(commands, order="C")
    return orders if orders.dtype == np.float32 else orders.astype(np.float64, copy=False)


def _starts(bots: tuple[Bot, ...] | Traffic) -> FloatArray:
    """How bots begin, but for what is drawn."""
    if not isinstance(bots, Traffic):
        return driving.bot_rows(bots)
    return driving.bot_rows([bots.one(bots.speed_mps[0])] * bots.bots)


def _join(circuits: Sequence[Circuit]) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """All roads in one array, slabs and lane lines in others, and where each circuit's begin and end."""
    rows = [road.road_rows(circuit) for circuit in circuits]
    slabs = [road.road_slabs(circuit) for circuit in circuits]
    lines = [line_rows(circuit) for circuit in circuits]
    places = np.zeros((len(circuits), 6), dtype=np.int64)
    for column, arrays in ((0, rows), (2, slabs), (4, lines)):
        ends = np.cumsum([len(array) for array in arrays])
        places[:, column], places[:, column + 1] = np.concatenate(([0], ends[:-1])), ends
    roads = np.concatenate(rows), np.concatenate(slabs), np.concatenate(lines), places
    for array in roads:
        array.setflags(write=False)
    return roads
