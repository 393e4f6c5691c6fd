"""What every car of a batch does, in DeepRacer's terms: measures the `params` of reward functions.

The definitions are those of the community's simulator, in its code where that and the documentation
differ; `league/learn/README.md` has them in words. Positions are projected onto all of the centre line
and of the borders, as there, and not only onto the part that a car is known to drive on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import ConfigError
from league.hooks.catalogue import REVERSED
from league.learn.reward import measuring, params
from league.learn.reward.params import Course, Params
from league.sim import marshal
from league.sim.batch import Batch
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


# The columns of `params` in the order in which they are measured.
_COLUMNS = [
    params.X,
    params.Y,
    params.HEADING,
    params.DISTANCE_FROM_CENTER,
    params.PROJECTION_DISTANCE,
    params.PROGRESS,
    params.STEPS,
    params.TRACK_WIDTH,
    params.LEFT_OF_CENTER,
    params.WAYPOINT_BEHIND,
    params.WAYPOINT_AHEAD,
]
_AROUND = [params.IN_CAMERA, params.OBJECT_BEHIND, params.OBJECT_AHEAD]


def course_of(circuit: Circuit) -> Course:
    """What `params` say of a circuit.

    Where a reader had to add rows, the waypoints are the file's own. A circuit named ID:reversed is what
    DeepRacer calls reversed.
    """
    turned = circuit.id.endswith(REVERSED)
    rows = [*circuit.centre.tolist(), circuit.centre[0].tolist()]
    own = circuit.facts.get("waypoints")
    if own is not None:
        count = len(circuit.centre)
        kept = sorted((count - row) % count if turned else row for row in own)
        rows = [rows[row] for row in kept] + [rows[kept[0]]]
    return Course(tuple((x, y) for x, y in rows), circuit.length_m, turned)


class Telemetry:
    """Follows the cars of one or more batches and tells what DeepRacer's simulator would tell of them.

    Call `begin` after every start and `read` after every tick. The batches must not start worlds again by
    themselves within a tick (`again="never"` or `"next_step"`): how an episode ended would be lost.

    Cars are counted through all batches, their worlds and each world's cars. The other cars of a world are
    its objects, and after them its boxes and bots.

    Raises:
        ConfigError: A batch starts worlds again within a tick.
    """

    def __init__(self, batches: Batch | Sequence[Batch]) -> None:
        given = [batches] if isinstance(batches, Batch) else list(batches)
        if any(batch.again == "same_step" for batch in given):
            raise ConfigError("a batch starts again in the same step, expected again='never' or 'next_step'")
        self.courses: list[Course] = []
        self._parts = [_Part(batch, len(self.courses), self.courses) for batch in given]
        self.cars = sum(part.cars for part in self._parts)
        """How many."""
        self.begin()

    def begin(self, whose: NDArray[np.bool_] | None = None) -> None:
        """Count from here: an episode has begun for some cars, or for all."""
        at = 0
        for part in self._parts:
            part.begin(None if whose is None else whose[at : at + part.cars])
            at += part.cars

    def read(self, commands: ArrayLike) -> Params:
        """What reward functions are told after a tick.

        Args:
            commands: Steering (rad) and speed (m/s) as they were asked for, shape (cars, 2).
        """
        orders = np.ascontiguousarray(commands, dtype=np.float64).reshape(self.cars, 2)
        rows, objects, at = [], [], 0
        for part in self._parts:
            mine, others = part.read(orders[at : at + part.cars])
            rows.append(mine)
            objects.append(others)
            at += part.cars
        if len(rows) == 1:
            return Params(rows[0], tuple(self.courses), objects[0])
        most = max(others.shape[1] for others in objects)
        padded = [np.pad(others, ((0, 0), (0, most - others.shape[1]), (0, 0))) for others in objects]
        return Params(np.concatenate(rows), tuple(self.courses), np.concatenate(padded))


class _Part:
    """The telemetry of one batch."""

    def __init__(self, batch: Batch, first_course: int, courses: list[Course]) -> None:
        self.batch = batch
        self.cars = batch.worlds * batch.cars_per_world
        known = len(batch.circuits)
        course = np.repeat(np.arange(batch.worlds) % known, batch.cars_per_world)
        self.course = course.astype(np.int64)
        self.first_course = first_course
        courses.extend(course_of(circuit) for circuit in batch.circuits)
        own = courses[first_course:]
        lines = [
            [measuring.line_rows(line) for line in (circuit.centre, circuit.left, circuit.right)]
            for circuit in batch.circuits
        ]
        self.centre, self.left, self.right = (
            np.concatenate([three[which] for three in lines]) for which in range(3)
        )
        self.places = _places([len(three[0]) for three in lines])
        marks = [_marks(circuit, one) for circuit, one in zip(batch.circuits, own, strict=True)]
        self.marks, self.mark_places = np.concatenate(marks), _places([len(one) for one in marks])
        self.anticlockwise = np.array([not circuit.clockwise for circuit in batch.circuits])
        self.kept = np.zeros((self.cars, measuring.KEPT))
        self.episode = np.full(self.cars, -1.0)
        self.driven = np.ones(self.cars, dtype=np.bool_)
        self.ticks = 0

    def begin(self, whose: NDArray[np.bool_] | None) -> None:
        which = np.ones(self.cars, dtype=np.bool_) if whose is None else np.asarray(whose, dtype=np.bool_)
        self.episode[which & self.driven] += 1.0
        self.driven[which] = False
        pose = self.batch.pose.reshape(-1, 3)
        measuring.begin(self.centre, self.places, self.course, pose, self.batch.car.nose_m, self.kept, which)

    def read(self, orders: FloatArray) -> tuple[FloatArray, FloatArray]:
        batch, each = self.batch, self.batch.cars_per_world
        self.ticks += 1
        self.driven[:] = True
        rows = np.zeros((self.cars, params.COLUMNS))
        bodies = batch.object_rows
        objects = np.zeros((self.cars, each - 1 + bodies.shape[1], measuring.OBJECT))
        lines = (self.centre, self.left, self.right)
        pose = batch.pose.reshape(-1, 3)
        found = np.empty((self.cars, measuring.FOUND))
        measuring.measure(
            lines,
            self.places,
            (self.marks, self.mark_places),
            self.anticlockwise,
            self.course,
            pose,
            batch.car.nose_m,
            self.kept,
            found,
        )
        rows[:, _COLUMNS] = found
        happened = batch.happened.reshape(-1)
        off = (happened & marshal.OFF_TRACK) != 0
        rows[:, params.ON_TRACK] = (batch.wheels_off.reshape(-1) == 0.0) & ~off
        rows[:, params.OFFTRACK] = off
        rows[:, params.CRASHED] = (happened & marshal.COLLISION) != 0
        # Rounded, so that an action of 30 degrees is 30 again after its way through radians.
        rows[:, params.STEERING_ANGLE] = np.round(np.degrees(orders[:, 0]), 9)
        rows[:, params.SPEED] = orders[:, 1]
        rows[:, params.SIM_TIME] = self.ticks / batch.control_hz
        rows[:, params.COURSE] = self.course + self.first_course
        rows[:, params.EPISODE] = self.episode
        if objects.shape[1]:
            around = np.zeros((self.cars, measuring.AROUND))
            measuring.tell_objects(
                lines,
                self.places,
                self.anticlockwise,
                self.course,
                pose,
                batch.speed_mps.reshape(-1),
                batch.out.reshape(-1),
                each,
                batch.car.length_m / 2.0,
                batch.car.width_m / 2.0,
                np.ascontiguousarray(bodies),
                found,
                objects,
                around,
            )
            rows[:, _AROUND] = around
        return rows, objects


def _marks(circuit: Circuit, course: Course) -> FloatArray:
    """Where the waypoints lie, in shares of the length; the last is 1."""
    own = circuit.facts.get("waypoints")
    along = circuit.along_m
    if own is not None:
        count = len(circuit.centre)
        turned = course.reversed
        along = np.append(along[sorted((count - row) % count if turned else row for row in own)], along[-1])
    marks = np.asarray(along / circuit.length_m, dtype=np.float64)
    marks[-1] = 1.0
    return marks


def _places(counts: Sequence[int]) -> IntArray:
    """Where each of several arrays begins in all of them together, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
