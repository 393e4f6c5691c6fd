"""What DeepRacer tells a reward function: the 27 `params`, for all cars of a tick at once or one by one.

Pure, and light to import: the processes that run strangers' reward functions need nothing else. What the
keys mean is in `league/learn/README.md`; `league.learn.reward.telemetry` measures them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

KEYS = (
    "all_wheels_on_track",
    "x",
    "y",
    "heading",
    "distance_from_center",
    "projection_distance",
    "progress",
    "steps",
    "speed",
    "steering_angle",
    "track_width",
    "track_length",
    "waypoints",
    "closest_waypoints",
    "is_left_of_center",
    "is_reversed",
    "closest_objects",
    "objects_location",
    "objects_left_of_center",
    "object_in_camera",
    "objects_speed",
    "objects_heading",
    "objects_distance_from_center",
    "objects_distance",
    "is_crashed",
    "is_offtrack",
    "sim_time",
)
"""Every key, in the simulator's order."""

OBJECT_KEYS = tuple(key for key in KEYS if "object" in key)

# Columns of a row, one row a car: numbers, then claims, then indices, then what is no key.
(
    X,
    Y,
    HEADING,
    DISTANCE_FROM_CENTER,
    PROJECTION_DISTANCE,
    PROGRESS,
    STEPS,
    SPEED,
    STEERING_ANGLE,
    TRACK_WIDTH,
    SIM_TIME,
    ON_TRACK,
    LEFT_OF_CENTER,
    OFFTRACK,
    CRASHED,
    IN_CAMERA,
    WAYPOINT_BEHIND,
    WAYPOINT_AHEAD,
    OBJECT_BEHIND,
    OBJECT_AHEAD,
    COURSE,
    EPISODE,
) = range(22)
COLUMNS = 22
_CLAIMS, _INDICES, _REST = ON_TRACK, WAYPOINT_BEHIND, COURSE

# Columns of an object as a car is told of it, in the order of `league.learn.reward.measuring`.
(
    OBJECT_X,
    OBJECT_Y,
    OBJECT_LEFT,
    OBJECT_SPEED,
    OBJECT_HEADING,
    OBJECT_FROM_CENTER,
    OBJECT_DISTANCE,
    OBJECT_PRESENT,
) = range(8)
OBJECT = 8

_NUMBERS = {
    "x": X,
    "y": Y,
    "heading": HEADING,
    "distance_from_center": DISTANCE_FROM_CENTER,
    "projection_distance": PROJECTION_DISTANCE,
    "progress": PROGRESS,
    "steps": STEPS,
    "speed": SPEED,
    "steering_angle": STEERING_ANGLE,
    "track_width": TRACK_WIDTH,
    "sim_time": SIM_TIME,
}
_TRUTHS = {
    "all_wheels_on_track": ON_TRACK,
    "is_left_of_center": LEFT_OF_CENTER,
    "is_offtrack": OFFTRACK,
    "is_crashed": CRASHED,
    "object_in_camera": IN_CAMERA,
}
_OBJECT_NUMBERS = {
    "objects_speed": OBJECT_SPEED,
    "objects_heading": OBJECT_HEADING,
    "objects_distance_from_center": OBJECT_FROM_CENTER,
    "objects_distance": OBJECT_DISTANCE,
}


@dataclass(frozen=True, eq=False)
class Course:
    """What `params` say of a circuit, the same in every tick."""

    waypoints: tuple[tuple[float, float], ...]
    """The rows of the centre line as stored, the first repeated at the end."""
    length_m: float
    reversed: bool
    points: FloatArray = field(init=False, repr=False)
    """The waypoints as an array of shape (waypoints, 2)."""

    def __post_init__(self) -> None:
        points = np.array(self.waypoints, dtype=np.float64)
        points.setflags(write=False)
        object.__setattr__(self, "points", points)


@dataclass(slots=True, eq=False)
class Params:
    """The `params` of all cars after a tick.

    Args:
        rows: A row a car, shape (cars, 22).
        courses: What the column COURSE counts through.
        objects: What each car is told of the others, shape (cars, objects, 8).
    """

    rows: FloatArray
    courses: tuple[Course, ...]
    objects: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, first: int, last: int) -> Params:
        """The cars from `first` to before `last`."""
        return Params(self.rows[first:last], self.courses, self.objects[first:last])

    def dicts(self) -> Iterator[dict[str, Any]]:
        """What the reward function of each car is given: a dict of plain numbers and lists, new every time.

        Whatever a function does to it, nobody else notices; the points in `waypoints` are tuples.
        """
        rows, courses = self.rows, self.courses
        numbers = rows[:, :_CLAIMS].tolist()
        claims = (rows[:, _CLAIMS:_INDICES] != 0.0).tolist()
        indices = rows[:, _INDICES:_REST].astype(np.int64).tolist()
        places = rows[:, COURSE].astype(np.int64).tolist()
        many = self.objects.shape[1] > 0
        for car, (number, claim, index, place) in enumerate(
            zip(numbers, claims, indices, places, strict=True)
        ):
            x, y, heading, off_center, along, progress, steps, speed, steer, width, sim_time = number
            on_track, left, off_track, crashed, in_camera = claim
            behind, ahead, object_behind, object_ahead = index
            course = courses[place]
            told = {
                "all_wheels_on_track": on_track,
                "x": x,
                "y": y,
                "heading": heading,
                "distance_from_center": off_center,
                "projection_distance": along,
                "progress": progress,
                "steps": steps,
                "speed": speed,
                "steering_angle": steer,
                "track_width": width,
                "track_length": course.length_m,
                "waypoints": list(course.waypoints),
                "closest_waypoints": [behind, ahead],
                "is_left_of_center": left,
                "is_reversed": course.reversed,
                "closest_objects": [object_behind, object_ahead],
                "objects_location": [],
                "objects_left_of_center": [],
                "object_in_camera": in_camera,
                "objects_speed": [],
                "objects_heading": [],
                "objects_distance_from_center": [],
                "objects_distance": [],
                "is_crashed": crashed,
                "is_offtrack": off_track,
                "sim_time": sim_time,
            }
            if many:
                self._tell_objects(car, told)
            yield told

    def _tell_objects(self, car: int, told: dict[str, Any]) -> None:
        others = self.objects[car]
        others = others[others[:, OBJECT_PRESENT] != 0.0]
        told["objects_location"] = others[:, OBJECT_X : OBJECT_Y + 1].tolist()
        told["objects_left_of_center"] = (others[:, OBJECT_LEFT] != 0.0).tolist()
        for key, column in _OBJECT_NUMBERS.items():
            told[key] = others[:, column].tolist()

    def arrays(self, course: int) -> dict[str, Any]:
        """The same for all cars on one course at once: an array for each key, a row a car.

        `waypoints` has shape (waypoints, 2), `closest_waypoints` and `closest_objects` (cars, 2),
        `objects_location` (cars, objects, 2) and the other object keys (cars, objects); `track_length`
        and `is_reversed` are one number. The arrays are copies.
        """
        mine = self.rows[:, COURSE] == course
        rows, others = self.rows[mine], self.objects[mine]
        about = self.courses[course]
        told: dict[str, Any] = {key: rows[:, column].copy() for key, column in _NUMBERS.items()}
        told |= {key: rows[:, column] != 0.0 for key, column in _TRUTHS.items()}
        told |= {key: others[:, :, column].copy() for key, column in _OBJECT_NUMBERS.items()}
        indices = rows[:, _INDICES:_REST].astype(np.int64)
        told["closest_waypoints"], told["closest_objects"] = indices[:, :2].copy(), indices[:, 2:].copy()
        told["objects_location"] = others[:, :, OBJECT_X : OBJECT_Y + 1].copy()
        told["objects_left_of_center"] = others[:, :, OBJECT_LEFT] != 0.0
        told["waypoints"] = about.points.copy()
        told["track_length"], told["is_reversed"] = about.length_m, about.reversed
        return {key: told[key] for key in KEYS}
