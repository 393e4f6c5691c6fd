"""What every car of a batch does, in DeepRacer's terms: measures the `params` of reward functions.

The definitions are those of the community's simulator, in its code where that and the documentation
differ; `league/learn/README.md` has them in words. Positions are projected onto all of the centre line
and of the borders, as there, and not only onto the part that a car is known to drive on.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, degrees, sin, sqrt, tan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import ConfigError
from league.learn import params
from league.learn.params import Course, Params
from league.sim import marshal
from league.sim.batch import Batch
from league.sim.compiled import lean
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

REVERSED = ":reversed"

# DeepRacer's camera on its third generation of cars: where it is from the origin, how far it looks down,
# half of what it sees sideways, its picture's height by its width, and what is too near or too far.
_CAMERA_X_M, _CAMERA_Z_M, _CAMERA_DOWN_RAD = 0.14529379, 0.13032555, 0.2618
_CAMERA_WIDE, _CAMERA_HIGH = tan(1.13 / 2.0), tan(1.13 / 2.0) * 480.0 / 640.0
_CAMERA_NEAR_M, _CAMERA_FAR_M = 0.2, 300.0

# Columns of a line: a row and the segment that starts there.
_X, _Y, _TANGENT_X, _TANGENT_Y, _LENGTH, _ALONG = range(6)
# What is kept of each car.
_START, _LEAD, _BEFORE, _TICKS, _HINT = range(5)


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
    its objects.

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
            [_line(line) for line in (circuit.centre, circuit.left, circuit.right)]
            for circuit in batch.circuits
        ]
        self.centre, self.left, self.right = (
            np.concatenate([three[which] for three in lines]) for which in range(3)
        )
        self.places = _places([len(three[0]) for three in lines])
        marks = [_marks(circuit, one) for circuit, one in zip(batch.circuits, own, strict=True)]
        self.marks, self.mark_places = np.concatenate(marks), _places([len(one) for one in marks])
        self.anticlockwise = np.array([not circuit.clockwise for circuit in batch.circuits])
        self.kept = np.zeros((self.cars, 5))
        self.episode = np.full(self.cars, -1.0)
        self.driven = np.ones(self.cars, dtype=np.bool_)
        self.ticks = 0

    def begin(self, whose: NDArray[np.bool_] | None) -> None:
        which = np.ones(self.cars, dtype=np.bool_) if whose is None else np.asarray(whose, dtype=np.bool_)
        self.episode[which & self.driven] += 1.0
        self.driven[which] = False
        pose = self.batch.pose.reshape(-1, 3)
        _begin(self.centre, self.places, self.course, pose, self.batch.car.nose_m, self.kept, which)

    def read(self, orders: FloatArray) -> tuple[FloatArray, FloatArray]:
        batch, each = self.batch, self.batch.cars_per_world
        self.ticks += 1
        self.driven[:] = True
        rows = np.zeros((self.cars, params.COLUMNS))
        objects = np.zeros((self.cars, each - 1, params.OBJECT))
        pose = batch.pose.reshape(-1, 3)
        _measure(
            (self.centre, self.left, self.right),
            self.places,
            (self.marks, self.mark_places),
            self.anticlockwise,
            self.course,
            pose,
            batch.car.nose_m,
            self.kept,
            rows,
        )
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
        if each > 1:
            _tell_objects(
                (self.centre, self.left, self.right),
                self.places,
                self.anticlockwise,
                self.course,
                pose,
                batch.speed_mps.reshape(-1),
                batch.out.reshape(-1),
                each,
                batch.car.length_m / 2.0,
                batch.car.width_m / 2.0,
                rows,
                objects,
            )
        return rows, objects


def _line(points: FloatArray) -> FloatArray:
    """The rows of a closed line as the functions below read them; segments may have no length."""
    step = np.roll(points, -1, axis=0) - points
    length = np.hypot(step[:, 0], step[:, 1])
    rows = np.empty((len(points), 6))
    rows[:, _X : _Y + 1] = points
    rows[:, _TANGENT_X : _TANGENT_Y + 1] = step / np.maximum(length, 1e-300)[:, None]
    rows[:, _LENGTH] = length
    rows[:, _ALONG] = np.concatenate(([0.0], np.cumsum(length)[:-1]))
    return rows


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


# -- compiled --------------------------------------------------------------------------------------


@lean
def _reach(line: FloatArray, i: int, x: float, y: float) -> float:
    on = (x - line[i, _X]) * line[i, _TANGENT_X] + (y - line[i, _Y]) * line[i, _TANGENT_Y]
    return float(min(max(on, 0.0), line[i, _LENGTH]))


@lean
def _gap(line: FloatArray, i: int, x: float, y: float) -> float:
    on = _reach(line, i, x, y)
    dx = x - line[i, _X] - on * line[i, _TANGENT_X]
    dy = y - line[i, _Y] - on * line[i, _TANGENT_Y]
    return float(dx * dx + dy * dy)


@lean
def _nearest(line: FloatArray, x: float, y: float, hint: int) -> int:
    """The segment of a closed line that is nearest to a point; of several the first.

    The hint makes it quick: what begins farther away than the best so far and its own length is skipped.
    """
    best = hint if 0 <= hint < len(line) else 0
    least = _gap(line, best, x, y)
    radius = sqrt(least)
    for i in range(len(line)):
        dx, dy = x - line[i, _X], y - line[i, _Y]
        reach = radius + line[i, _LENGTH]
        if dx * dx + dy * dy <= reach * reach:
            gap = _gap(line, i, x, y)
            if gap < least or (gap == least and i < best):
                best, least = i, gap
                radius = sqrt(least)
    return best


@lean
def _share(line: FloatArray, i: int, on: float) -> float:
    """How much of a closed line lies before a point on segment i, in [0, 1)."""
    last = len(line) - 1
    share = (line[i, _ALONG] + on) / (line[last, _ALONG] + line[last, _LENGTH])
    return share if share < 1.0 else 0.0


@lean
def _begin(
    centre: FloatArray,
    places: IntArray,
    course: IntArray,
    pose: FloatArray,
    nose_m: float,
    kept: FloatArray,
    which: NDArray[np.bool_],
) -> None:
    """Note where episodes begin: where the origin is, so that the nose is ahead of it from the first tick."""
    for i in range(len(pose)):
        if which[i]:
            line = centre[places[course[i]] : places[course[i] + 1]]
            x, y = pose[i, 0], pose[i, 1]
            segment = _nearest(line, x, y, 0)
            start = _share(line, segment, _reach(line, segment, x, y))
            x, y = x + nose_m * cos(pose[i, 2]), y + nose_m * sin(pose[i, 2])
            segment = _nearest(line, x, y, segment)
            lead = _share(line, segment, _reach(line, segment, x, y)) - start
            lead -= np.rint(lead)
            kept[i, _START], kept[i, _LEAD] = start, 100.0 * max(lead, 0.0)
            kept[i, _BEFORE] = kept[i, _TICKS] = 0.0
            kept[i, _HINT] = segment


@lean
def _progress(share: float, before: float) -> float:
    """Per cent of a lap, corrected for the start line in between as the simulator does; may exceed 100."""
    progress = 100.0 * share
    if progress <= 0.0:
        progress += 100.0
    if before > progress + 50.0:
        progress += 100.0
    if progress > before + 50.0:
        progress -= 100.0
    return progress


@lean
def _bisect(marks: FloatArray, share: float) -> int:
    """How many marks are not beyond a share of the length."""
    low, high = 0, len(marks)
    while low < high:
        middle = (low + high) // 2
        if share < marks[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@lean
def _measure(
    lines: tuple[FloatArray, FloatArray, FloatArray],
    places: IntArray,
    marked: tuple[FloatArray, IntArray],
    anticlockwise: NDArray[np.bool_],
    course: IntArray,
    pose: FloatArray,
    nose_m: float,
    kept: FloatArray,
    rows: FloatArray,
) -> None:
    """Fill in whatever follows from where a car is."""
    marks, mark_places = marked
    for i in range(len(pose)):
        at = course[i]
        first, last = places[at], places[at + 1]
        centre, left, right = lines[0][first:last], lines[1][first:last], lines[2][first:last]
        own = marks[mark_places[at] : mark_places[at + 1]]
        row = rows[i]
        x, y = pose[i, 0] + nose_m * cos(pose[i, 2]), pose[i, 1] + nose_m * sin(pose[i, 2])
        segment = _nearest(centre, x, y, int(kept[i, _HINT]))
        kept[i, _HINT] = segment
        on = _reach(centre, segment, x, y)
        share = _share(centre, segment, on)
        foot_x = centre[segment, _X] + on * centre[segment, _TANGENT_X]
        foot_y = centre[segment, _Y] + on * centre[segment, _TANGENT_Y]
        row[params.X], row[params.Y], row[params.HEADING] = x, y, degrees(pose[i, 2])
        row[params.DISTANCE_FROM_CENTER] = sqrt((x - foot_x) ** 2 + (y - foot_y) ** 2)
        row[params.PROJECTION_DISTANCE] = share * (centre[-1, _ALONG] + centre[-1, _LENGTH])
        a = _nearest(left, foot_x, foot_y, segment)
        on = _reach(left, a, foot_x, foot_y)
        left_x, left_y = left[a, _X] + on * left[a, _TANGENT_X], left[a, _Y] + on * left[a, _TANGENT_Y]
        b = _nearest(right, foot_x, foot_y, segment)
        on = _reach(right, b, foot_x, foot_y)
        right_x, right_y = right[b, _X] + on * right[b, _TANGENT_X], right[b, _Y] + on * right[b, _TANGENT_Y]
        row[params.TRACK_WIDTH] = sqrt((left_x - right_x) ** 2 + (left_y - right_y) ** 2)
        to_left = sqrt((x - left_x) ** 2 + (y - left_y) ** 2)
        to_right = sqrt((x - right_x) ** 2 + (y - right_y) ** 2)
        # The simulator asks whether the inner border is nearer, and turns the answer round on a clockwise
        # circuit; as near to both is therefore left there.
        row[params.LEFT_OF_CENTER] = to_left < to_right if anticlockwise[at] else to_left <= to_right
        ahead = _bisect(own, share)
        row[params.WAYPOINT_BEHIND] = ahead - 1 if ahead > 0 else len(own) - 1
        row[params.WAYPOINT_AHEAD] = ahead if ahead < len(own) else 0
        progress = _progress(share - kept[i, _START], kept[i, _BEFORE])
        kept[i, _TICKS] += 1.0
        row[params.PROGRESS], row[params.STEPS] = min(progress, 100.0), kept[i, _TICKS]
        kept[i, _BEFORE] = row[params.PROGRESS]
        if progress >= 100.0 + kept[i, _LEAD]:
            # The nose is where it started. Whoever drives on begins another lap, which is another episode
            # to DeepRacer's training.
            kept[i, _BEFORE] = kept[i, _TICKS] = 0.0


@lean
def _inside(line: FloatArray, x: float, y: float) -> bool:
    """Whether a point lies inside a closed line, by counting how often a ray from it crosses the line."""
    inside = False
    for i in range(len(line)):
        n = i + 1 if i + 1 < len(line) else 0
        ay, by = line[i, _Y], line[n, _Y]
        if (ay > y) != (by > y):
            cross = line[i, _X] + (y - ay) / (by - ay) * (line[n, _X] - line[i, _X])
            if x < cross:
                inside = not inside
    return inside


@lean
def _sees(pose: FloatArray, x: float, y: float) -> bool:
    """Whether a point on the floor is in the picture of a car's camera."""
    c, s = cos(pose[2]), sin(pose[2])
    dx, dy = x - pose[0], y - pose[1]
    ahead, aside = dx * c + dy * s - _CAMERA_X_M, dy * c - dx * s
    down_cos, down_sin = cos(_CAMERA_DOWN_RAD), sin(_CAMERA_DOWN_RAD)
    depth = ahead * down_cos + _CAMERA_Z_M * down_sin
    up = ahead * down_sin - _CAMERA_Z_M * down_cos
    if not _CAMERA_NEAR_M <= depth <= _CAMERA_FAR_M:
        return False
    return bool(abs(aside) <= depth * _CAMERA_WIDE and abs(up) <= depth * _CAMERA_HIGH)


@lean
def _shows(pose: FloatArray, other: FloatArray, half_length: float, half_width: float) -> bool:
    """Whether the middle or a corner of another car is in the picture."""
    if _sees(pose, other[0], other[1]):
        return True
    c, s = cos(other[2]), sin(other[2])
    for corner in range(4):
        along = half_length if corner < 2 else -half_length
        aside = half_width if corner % 2 == 0 else -half_width
        if _sees(pose, other[0] + along * c - aside * s, other[1] + along * s + aside * c):
            return True
    return False


@lean
def _tell_objects(
    lines: tuple[FloatArray, FloatArray, FloatArray],
    places: IntArray,
    anticlockwise: NDArray[np.bool_],
    course: IntArray,
    pose: FloatArray,
    speed: FloatArray,
    out: NDArray[np.bool_],
    each: int,
    half_length: float,
    half_width: float,
    rows: FloatArray,
    objects: FloatArray,
) -> None:
    """Tell every car of the others in its world, in their order."""
    for i in range(len(pose)):
        at = course[i]
        first, last = places[at], places[at + 1]
        centre = lines[0][first:last]
        inner = lines[1][first:last] if anticlockwise[at] else lines[2][first:last]
        own = rows[i, params.PROJECTION_DISTANCE]
        # The nearest behind and ahead; where there is none, the farthest ahead and behind, which come next
        # round the lap.
        behind, ahead, most, least = -1, -1, -1, -1
        number, place = 0, 0
        base = i - i % each
        for j in range(base, base + each):
            if j == i:
                continue
            told = objects[i, place]
            place += 1
            if out[j]:
                continue
            x, y = pose[j, 0], pose[j, 1]
            segment = _nearest(centre, x, y, 0)
            on = _reach(centre, segment, x, y)
            along = centre[segment, _ALONG] + on
            told[params.OBJECT_X], told[params.OBJECT_Y] = x, y
            in_inner_half = _inside(centre, x, y) and not _inside(inner, x, y)
            told[params.OBJECT_LEFT] = in_inner_half == anticlockwise[at]
            told[params.OBJECT_SPEED], told[params.OBJECT_HEADING] = speed[j], pose[j, 2]
            told[params.OBJECT_FROM_CENTER] = sqrt(_gap(centre, segment, x, y))
            told[params.OBJECT_DISTANCE], told[params.OBJECT_PRESENT] = along, 1.0
            behind, ahead, most, least = _sort_in(objects[i], own, place - 1, behind, ahead, most, least)
            number += 1
        if number == 0:
            continue
        if behind < 0:
            behind = most
        if ahead < 0:
            ahead = least
        rows[i, params.IN_CAMERA] = _shows(
            pose[i], pose[base + ahead + (1 if base + ahead >= i else 0)], half_length, half_width
        )
        rows[i, params.OBJECT_BEHIND] = _rank(objects[i], behind)
        rows[i, params.OBJECT_AHEAD] = _rank(objects[i], ahead)


@lean
def _sort_in(
    told: FloatArray, own: float, k: int, behind: int, ahead: int, most: int, least: int
) -> tuple[int, int, int, int]:
    """Whether object k is nearer than those found so far, behind and ahead, and the farthest of all."""
    along = told[k, params.OBJECT_DISTANCE]
    if along <= own:
        if behind < 0 or along >= told[behind, params.OBJECT_DISTANCE]:
            behind = k
    elif ahead < 0 or along < told[ahead, params.OBJECT_DISTANCE]:
        ahead = k
    if most < 0 or along >= told[most, params.OBJECT_DISTANCE]:
        most = k
    if least < 0 or along < told[least, params.OBJECT_DISTANCE]:
        least = k
    return behind, ahead, most, least


@lean
def _rank(told: FloatArray, k: int) -> int:
    """The index of object k among those that are there."""
    rank = 0
    for j in range(k):
        if told[j, params.OBJECT_PRESENT] != 0.0:
            rank += 1
    return rank
