"""The world: cars on a circuit, advanced tick by tick.

Pure: the same calls give the same bytes, whatever else ran before.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import InputError
from league.sim import contact, kernel, road, tick
from league.sim.car import CarSpec
from league.sim.convoy import Convoy
from league.sim.grip import check_spins
from league.sim.objects import Bot, Box, check_bots, check_boxes
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

MAX_CARS = 64
PHYSICS_HZ = 120
"""The physics runs at least this often."""
MAX_CONTROL_HZ = 240


class Contact(NamedTuple):
    """Two bodies that touched during a tick."""

    car: int
    other: int
    """Index of the other car, or -1 less the index of a box; bots follow the boxes."""
    closing_mps: float
    """Greatest speed at which they came together, along the normal; 0 if they only leant on each other."""


class Arrays(NamedTuple):
    """What compiled sensors read of a world: read-only views that follow it.

    The columns are named in `league.sim.road`, `kernel`, `tick` and `contact`, in this order.
    """

    road: FloatArray
    params: FloatArray
    state: FloatArray
    measured: FloatArray
    boxes: FloatArray
    """Boxes and, after them, bots."""


class World:
    """Cars on one circuit. A car is absent until it is placed.

    The measured arrays hold one entry per car, are read-only views and follow the world: copy what you
    want to keep. *Nose* and *origin* are points of the car, see `CarSpec`.

    Args:
        circuit: Where they drive.
        cars: What drives, one entry per car; they may differ.
        control_hz: Ticks per second, 1 to 240.
        boxes: What stands in the way.
        bots: Cars without a driver; they move by themselves and cannot be pushed.
        spins: How many times as often as recorded cars these lose grip, see `league.sim.grip`.
        seed: What decides when they do.

    Raises:
        InputError: No cars or more than 64, a control rate out of range, a box or bot that is not finite
            or has no size, a circuit narrower than a car.
    """

    def __init__(
        self,
        circuit: Circuit,
        cars: Sequence[CarSpec],
        *,
        control_hz: int = 15,
        boxes: Sequence[Box] = (),
        bots: Sequence[Bot] = (),
        spins: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.circuit = circuit
        self.cars = tuple(cars)
        self.boxes = tuple(Box(*box) for box in boxes)
        self.n = len(self.cars)
        check_world(circuit, self.cars, control_hz, self.boxes, bots)
        self.control_hz = int(control_hz)
        self.substeps = ceil(PHYSICS_HZ / control_hz)
        self.step_s = 1.0 / (control_hz * self.substeps)
        """Length of a physics step."""
        self.tick = 0
        """Ticks done."""
        self.contacts: list[Contact] = []
        """What touched during the last tick, each pair once, ordered by car and other."""
        depth = max(kernel.history(car, self.step_s, self.substeps) for car in self.cars)
        self._rows, self._slabs = road.road_rows(circuit), road.road_slabs(circuit)
        self._params = np.stack([kernel.parameters(car, self.step_s) for car in self.cars])
        self.spins = check_spins(spins)
        if self.spins:
            kernel.loosen(self._params, self.spins, seed)
        self._state = np.zeros((self.n, kernel.COMMANDS + 2 * depth))
        self._state[:, kernel.STATUS] = kernel.ABSENT
        self._commands = np.zeros((self.n, 2))
        self._objects = len(self.boxes) + len(bots)
        self._bodies = np.zeros((self.n + self._objects, contact.BODY_ROW))
        for row, box in zip(self._bodies[self.n :], self.boxes, strict=False):
            contact.shape(row, box.x_m, box.y_m, box.yaw_rad, box.length_m / 2, box.width_m / 2)
        self.bots = Convoy(
            circuit,
            bots,
            self.boxes,
            self._bodies[self.n + len(self.boxes) :],
            cars=self.n,
            tick_s=self.step_s * self.substeps,
            substeps=self.substeps,
        )
        """The cars without a driver."""
        self._touch = np.full((self.n, self.n + self._objects), -1.0)
        self._since = np.zeros((tick.SINCE, self.n))
        self._poses = np.zeros((self.substeps, tick.POSE, self.n))
        self._trace = np.zeros((self.n, self.substeps + 1))
        self._measured = np.zeros((self.n, tick.MEASURED))
        self._wheels_off = np.zeros(self.n, dtype=np.int64)
        self._show()

    def _show(self) -> None:
        seen = _view(self._measured)
        self.along_m = seen[:, tick.ALONG]
        """Distance of the nose from the start line, in [0, length)."""
        self.offset_m = seen[:, tick.OFFSET]
        """Signed distance of the nose from the centre line, positive to the left."""
        self.origin_along_m = seen[:, tick.ORIGIN_ALONG]
        self.origin_offset_m = seen[:, tick.ORIGIN_OFFSET]
        self.heading_error_rad = seen[:, tick.HEADING_ERROR]
        """The car's direction less the road's at the origin, in (-pi, pi]."""
        self.pose = seen[:, tick.ORIGIN_X : tick.YAW + 1]
        """x, y and yaw of the origin, shape (n, 3); yaw in (-pi, pi]."""
        self.nose = seen[:, tick.NOSE_X : tick.NOSE_Y + 1]
        """x and y of the nose, shape (n, 2)."""
        self.speed_mps = seen[:, tick.SPEED]
        self.yaw_rate_radps = seen[:, tick.YAW_RATE]
        self.steer_rad = seen[:, tick.STEER]
        """Where the front wheels point now."""
        self.wheels_off = _view(self._wheels_off)
        """How many wheel centres are on or outside a border, 0 to 4."""
        self.trace_m = _view(self._trace.T)
        """Distance along of the nose at the start of the last tick and after each of its physics steps,
        shape (substeps + 1, n)."""
        self.last_commands = _view(self._state)[:, kernel.COMMANDS : kernel.COMMANDS + 2]
        """The last command that each car took, as limited to what it can do, shape (n, 2)."""
        self.arrays = Arrays(
            self._rows, _view(self._params), _view(self._state), seen, _view(self._bodies[self.n :])
        )

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which cars are on the circuit, held ones included, shape (n,)."""
        status = self._state[:, kernel.STATUS]
        return np.asarray((status == 0) | (status == kernel.HELD), dtype=np.bool_)

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which cars are held, shape (n,)."""
        return np.asarray(self._state[:, kernel.STATUS].astype(np.int64) & kernel.HELD != 0, dtype=np.bool_)

    def place(
        self,
        car: int,
        along_m: float,
        offset_m: float = 0.0,
        heading_error_rad: float = 0.0,
        speed_mps: float = 0.0,
    ) -> None:
        """Put a car on the circuit, its nose there, as if it had never driven before.

        Args:
            car: Index of the car.
            along_m: Distance of the nose from the start line; wraps around the circuit.
            offset_m: Distance of the nose from the centre line, positive to the left.
            heading_error_rad: Direction of the car less that of the road at its nose.
            speed_mps: Speed; a held car stands whatever it is.

        Raises:
            InputError: A number is not finite, or the car was removed.
        """
        status = self._status(car)
        if status & kernel.REMOVED:
            raise InputError(f"car {car} was removed from this world, expected one that still takes part")
        self._finite(car, along_m, offset_m, heading_error_rad, speed_mps)
        if speed_mps < 0:
            raise InputError(f"car {car}: speed_mps is {speed_mps}, expected 0 or more")
        self._wheels_off[car] = tick.start(
            self._rows,
            self._slabs,
            self._params[car],
            self._state[car],
            self._measured[car],
            # Floats for sure: for the compiler whole numbers would be another function.
            float(along_m),
            float(offset_m),
            float(heading_error_rad),
            float(speed_mps),
        )
        self._trace[car] = self._measured[car, tick.ALONG]

    def hold(self, car: int, held: bool) -> None:
        """Stop a car and keep it where it is, or let it go.

        A held car stands with centred wheels, ignores commands and touches nothing; sensors see it.
        """
        self._status(car)
        tick.hold(self._state[car], self._measured[car], held)

    def remove(self, car: int) -> None:
        """Take a car out of the race for good; nothing touches or sees it any more."""
        self._status(car)
        tick.remove(self._state[car], self._measured[car])

    def step(self, commands: ArrayLike) -> None:
        """Advance everything by one tick.

        Args:
            commands: Steering angle (rad) and speed (m/s) for every car, shape (n, 2). Steering is
                limited to what the car can do, and so is speed: 0 or less brakes to a stand, and a
                crawl below the car's least speed is driven at that.

        Raises:
            ValueError: The shape is another, or a number is not finite; nothing has moved then.
        """
        orders = np.asarray(commands, dtype=np.float64)
        if orders.shape != (self.n, 2):
            raise ValueError(f"commands have shape {orders.shape}, expected ({self.n}, 2)")
        self._commands[:] = orders
        # Nothing has moved if a command is no number: the bots do not set out then, either.
        if len(self.bots) and np.isfinite(orders).all():
            self.bots.set_off(self._params, self._state, self._measured)
        outcome = tick.advance_and_trace(
            self._rows,
            self._slabs,
            self._params,
            self._state,
            self._commands,
            self._objects,
            self._bodies,
            self._touch,
            self._since,
            self._poses,
            self._trace,
            self._measured,
            self._wheels_off,
        )
        if outcome < 0:
            car = -1 - outcome
            raise ValueError(
                f"the command of car {car} is {tuple(orders[car].tolist())}, expected finite numbers"
            )
        self.tick += 1
        if len(self.bots):
            self.bots.arrive()
        self.contacts = self._touching() if outcome else []

    def fits(self, car: int, along_m: float, offset_m: float) -> bool:
        """Whether a car, its nose there and along the road, would overlap no present car, box or bot.

        Held cars count: they will drive on from where they stand.
        """
        self._finite(car, along_m, offset_m)
        return bool(
            tick.fits(
                self._rows,
                self._params,
                self._state,
                self._objects,
                self._bodies,
                int(car),
                float(along_m),
                float(offset_m),
            )
        )

    def state_bytes(self) -> bytes:
        """Exact bytes of everything that evolves: the tick, every car's state, and the bots."""
        state = self.tick.to_bytes(8, "little") + self._state.astype("<f8", copy=False).tobytes()
        if self.spins:
            state += self._params[:, kernel.KEY :].astype("<f8", copy=False).tobytes()
        return state + self.bots.state_bytes() if len(self.bots) else state

    # -- inside --------------------------------------------------------------------------------

    def _status(self, car: int) -> int:
        if not 0 <= car < self.n:
            raise InputError(f"there is no car {car}, expected 0 to {self.n - 1}")
        return int(self._state[car, kernel.STATUS])

    def _finite(self, car: int, *numbers: float) -> None:
        self._status(car)
        if not all(isfinite(number) for number in numbers):
            raise InputError(f"car {car}: cannot be placed at {numbers}, expected finite numbers")

    def _touching(self) -> list[Contact]:
        found = []
        for car, other in np.argwhere(self._touch >= 0).tolist():
            speed = float(self._touch[car, other])
            found.append(Contact(car, other if other < self.n else self.n - 1 - other, speed))
        return found


def _view(array: Any) -> Any:
    view = array.view()
    view.setflags(write=False)
    return view


def check_world(
    circuit: Circuit,
    cars: tuple[CarSpec, ...],
    control_hz: int,
    boxes: tuple[Box, ...],
    bots: Sequence[Bot] = (),
) -> None:
    """Refuse what no world can be made of.

    Raises:
        InputError: As `World` does.
    """
    if not 1 <= len(cars) <= MAX_CARS:
        raise InputError(f"a world with {len(cars)} cars, expected 1 to {MAX_CARS}")
    if not 1 <= control_hz <= MAX_CONTROL_HZ or control_hz != int(control_hz):
        raise InputError(f"control_hz is {control_hz}, expected a whole number from 1 to {MAX_CONTROL_HZ}")
    check_boxes(boxes)
    check_bots(bots)
    narrowest = float((circuit.width_left_m + circuit.width_right_m).min())
    for car in cars:
        if narrowest <= car.width_m:
            raise InputError(
                f"circuit {circuit.id!r} is {narrowest:.3f} m wide at its narrowest, "
                f"expected more than the {car.width_m:.3f} m of car {car.id!r}"
            )
