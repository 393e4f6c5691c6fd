"""Measuring where cars are in DeepRacer's terms, as compiled functions over all cars of a batch.

Pure. `reward.telemetry` is the plain door to it. All numbers that the functions here use are defined
here or in `league.sim`: compiled code that is kept on disk would not notice a change in another file.
"""

from __future__ import annotations

from math import atan2, cos, degrees, sin, sqrt, tan

import numpy as np
from numpy.typing import NDArray

from league.sim import contact
from league.sim.compiled import lean
from league.sim.road import foot_m, gap_m2

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# DeepRacer's camera on its third generation of cars: where it is from the origin, how far it looks down,
# half of what it sees sideways, its picture's height by its width, and what is too near or too far.
_CAMERA_X_M, _CAMERA_Z_M, _CAMERA_DOWN_RAD = 0.14529379, 0.13032555, 0.2618
_CAMERA_WIDE, _CAMERA_HIGH = tan(1.13 / 2.0), tan(1.13 / 2.0) * 480.0 / 640.0
_CAMERA_NEAR_M, _CAMERA_FAR_M = 0.2, 300.0

# Columns of a line: a row and the segment that starts there. The first ones are those of a road, too.
_X, _Y, _TANGENT_X, _TANGENT_Y, _LENGTH, _ALONG = range(6)
# What is kept of each car between ticks.
_START, _LEAD, _BEFORE, _TICKS, _HINT = range(5)
KEPT = 5

# What is read of a body, columns as in `league.sim.contact`.
_AT_X, _AT_Y, _COS, _SIN, _HALF_LENGTH, _HALF_WIDTH = range(6)
_PACE, _KIND, _BOT = contact.PACE, contact.KIND, contact.BOT

# What is found of each car.
(
    NOSE_X,
    NOSE_Y,
    HEADING,
    FROM_CENTER,
    ALONG,
    PROGRESS,
    STEPS,
    WIDTH,
    LEFT,
    POINT_BEHIND,
    POINT_AHEAD,
) = range(11)
FOUND = 11
# And of the objects around it: whether the next is in the picture, the nearest behind, the nearest ahead.
IN_CAMERA, OBJECT_BEHIND, OBJECT_AHEAD = range(3)
AROUND = 3
# What is told of each object.
(
    AT_X,
    AT_Y,
    ON_LEFT,
    SPEED,
    YAW,
    OFF_CENTER,
    DISTANCE,
    PRESENT,
) = range(8)
OBJECT = 8


def line_rows(points: FloatArray) -> FloatArray:
    """The rows of a closed line as the functions below read them; segments may have no length."""
    step = np.roll(points, -1, axis=0) - points
    length = np.hypot(step[:, 0], step[:, 1])
    rows = np.empty((len(points), 6))
    rows[:, _X : _Y + 1] = points
    rows[:, _TANGENT_X : _TANGENT_Y + 1] = step / np.maximum(length, 1e-300)[:, None]
    rows[:, _LENGTH] = length
    rows[:, _ALONG] = np.concatenate(([0.0], np.cumsum(length)[:-1]))
    return rows


@lean
def _nearest(line: FloatArray, x: float, y: float, hint: int) -> int:
    """The segment of a closed line that is nearest to a point; of several the first.

    The hint makes it quick: what begins farther away than the best so far and its own length is skipped.
    """
    best = hint if 0 <= hint < len(line) else 0
    least = gap_m2(line, best, x, y)
    radius = sqrt(least)
    for i in range(len(line)):
        dx, dy = x - line[i, _X], y - line[i, _Y]
        reach = radius + line[i, _LENGTH]
        if dx * dx + dy * dy <= reach * reach:
            gap = gap_m2(line, i, x, y)
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
def begin(
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
            start = _share(line, segment, foot_m(line, segment, x, y))
            x, y = x + nose_m * cos(pose[i, 2]), y + nose_m * sin(pose[i, 2])
            segment = _nearest(line, x, y, segment)
            lead = _share(line, segment, foot_m(line, segment, x, y)) - start
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
def measure(
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
        on = foot_m(centre, segment, x, y)
        share = _share(centre, segment, on)
        foot_x = centre[segment, _X] + on * centre[segment, _TANGENT_X]
        foot_y = centre[segment, _Y] + on * centre[segment, _TANGENT_Y]
        row[NOSE_X], row[NOSE_Y], row[HEADING] = x, y, degrees(pose[i, 2])
        row[FROM_CENTER] = sqrt((x - foot_x) ** 2 + (y - foot_y) ** 2)
        row[ALONG] = share * (centre[-1, _ALONG] + centre[-1, _LENGTH])
        a = _nearest(left, foot_x, foot_y, segment)
        on = foot_m(left, a, foot_x, foot_y)
        left_x, left_y = left[a, _X] + on * left[a, _TANGENT_X], left[a, _Y] + on * left[a, _TANGENT_Y]
        b = _nearest(right, foot_x, foot_y, segment)
        on = foot_m(right, b, foot_x, foot_y)
        right_x, right_y = right[b, _X] + on * right[b, _TANGENT_X], right[b, _Y] + on * right[b, _TANGENT_Y]
        row[WIDTH] = sqrt((left_x - right_x) ** 2 + (left_y - right_y) ** 2)
        to_left = sqrt((x - left_x) ** 2 + (y - left_y) ** 2)
        to_right = sqrt((x - right_x) ** 2 + (y - right_y) ** 2)
        # The simulator asks whether the inner border is nearer, and turns the answer round on a clockwise
        # circuit; as near to both is therefore left there.
        row[LEFT] = to_left < to_right if anticlockwise[at] else to_left <= to_right
        ahead = _bisect(own, share)
        row[POINT_BEHIND] = ahead - 1 if ahead > 0 else len(own) - 1
        row[POINT_AHEAD] = ahead if ahead < len(own) else 0
        progress = _progress(share - kept[i, _START], kept[i, _BEFORE])
        kept[i, _TICKS] += 1.0
        row[PROGRESS], row[STEPS] = min(progress, 100.0), kept[i, _TICKS]
        kept[i, _BEFORE] = row[PROGRESS]
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
def _shows(pose: FloatArray, x: float, y: float, yaw: float, half_length: float, half_width: float) -> bool:
    """Whether the middle or a corner of an object is in the picture."""
    if _sees(pose, x, y):
        return True
    c, s = cos(yaw), sin(yaw)
    for corner in range(4):
        along = half_length if corner < 2 else -half_length
        aside = half_width if corner % 2 == 0 else -half_width
        if _sees(pose, x + along * c - aside * s, y + along * s + aside * c):
            return True
    return False


@lean
def tell_objects(
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
    bodies: FloatArray,
    found: FloatArray,
    objects: FloatArray,
    around: FloatArray,
) -> None:
    """Tell every car of the others in its world, in their order, and then of its boxes and bots in theirs.

    A bot's speed and heading are told as they are; a box's are 0, whichever way it stands, as in DeepRacer.
    """
    for i in range(len(pose)):
        at = course[i]
        first, last = places[at], places[at + 1]
        centre = lines[0][first:last]
        inner = lines[1][first:last] if anticlockwise[at] else lines[2][first:last]
        own = found[i, ALONG]
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
            _tell_place(told, pose[j, 0], pose[j, 1], centre, inner, anticlockwise[at])
            told[SPEED], told[YAW] = speed[j], pose[j, 2]
            behind, ahead, most, least = _sort_in(objects[i], own, place - 1, behind, ahead, most, least)
            number += 1
        rows = bodies[i // each if len(bodies) > 1 else 0]
        for k in range(len(rows)):
            told = objects[i, place]
            _tell_place(told, rows[k, _AT_X], rows[k, _AT_Y], centre, inner, anticlockwise[at])
            if rows[k, _KIND] == _BOT:
                told[SPEED], told[YAW] = rows[k, _PACE], atan2(rows[k, _SIN], rows[k, _COS])
            place += 1
            behind, ahead, most, least = _sort_in(objects[i], own, place - 1, behind, ahead, most, least)
            number += 1
        if number == 0:
            continue
        if behind < 0:
            behind = most
        if ahead < 0:
            ahead = least
        x, y, yaw = objects[i, ahead, AT_X], objects[i, ahead, AT_Y], objects[i, ahead, YAW]
        if ahead < each - 1:
            around[i, IN_CAMERA] = _shows(pose[i], x, y, yaw, half_length, half_width)
        else:
            row = rows[ahead - each + 1]
            yaw = atan2(row[_SIN], row[_COS])
            around[i, IN_CAMERA] = _shows(pose[i], x, y, yaw, row[_HALF_LENGTH], row[_HALF_WIDTH])
        around[i, OBJECT_BEHIND] = _rank(objects[i], behind)
        around[i, OBJECT_AHEAD] = _rank(objects[i], ahead)


@lean
def _tell_place(
    told: FloatArray, x: float, y: float, centre: FloatArray, inner: FloatArray, anticlockwise: bool
) -> None:
    """Tell where an object is."""
    segment = _nearest(centre, x, y, 0)
    told[AT_X], told[AT_Y] = x, y
    in_inner_half = _inside(centre, x, y) and not _inside(inner, x, y)
    told[ON_LEFT] = in_inner_half == anticlockwise
    told[OFF_CENTER] = sqrt(gap_m2(centre, segment, x, y))
    told[DISTANCE], told[PRESENT] = centre[segment, _ALONG] + foot_m(centre, segment, x, y), 1.0


@lean
def _sort_in(
    told: FloatArray, own: float, k: int, behind: int, ahead: int, most: int, least: int
) -> tuple[int, int, int, int]:
    """Whether object k is nearer than those found so far, behind and ahead, and the farthest of all."""
    along = told[k, DISTANCE]
    if along <= own:
        if behind < 0 or along >= told[behind, DISTANCE]:
            behind = k
    elif ahead < 0 or along < told[ahead, DISTANCE]:
        ahead = k
    if most < 0 or along >= told[most, DISTANCE]:
        most = k
    if least < 0 or along < told[least, DISTANCE]:
        least = k
    return behind, ahead, most, least


@lean
def _rank(told: FloatArray, k: int) -> int:
    """The index of object k among those that are there."""
    rank = 0
    for j in range(k):
        if told[j, PRESENT] != 0.0:
            rank += 1
    return rank
