"""What a batch may be asked for: boxes in the way and cars that differ.

Pure: it refuses what cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from league.errors import ConfigError, InputError
from league.sim import kernel, measures, objects, opening
from league.sim.car import CarSpec
from league.sim.objects import Box
from league.track.circuit import Circuit

MOST_BOXES = 7


def check_vary(car: CarSpec, vary: Mapping[str, float]) -> dict[str, float]:
    """Shares by which figures of a car may differ, checked.

    Raises:
        InputError: There is no such figure, a share is not within 0 to 1, or no car could have the figures
            that could be drawn.
    """
    for name, share in vary.items():
        if name not in kernel.FIGURES:
            raise InputError(f"cars cannot vary in {name!r}, expected some of {', '.join(kernel.FIGURES)}")
        if not (isfinite(share) and 0.0 <= share < 1.0):
            raise InputError(f"cars vary in {name} by a share of {share}, expected 0 to less than 1")
    try:
        for way in (-1.0, 1.0):
            # Grip alone the other way: the worst for what throttle adds to it.
            ways = dict.fromkeys(vary, way) | {"lateral_mps2": -1.0}
            car.changed(**{name: getattr(car, name) * (1.0 + ways[name] * vary[name]) for name in vary})
    except ConfigError as error:
        raise InputError(f"cars cannot vary so much: {error}") from error
    return {name: float(share) for name, share in vary.items() if share > 0.0}


def check_boxes(
    circuits: tuple[Circuit, ...], car: CarSpec, boxes: tuple[Box, ...], drawn: int, grid_m: float
) -> None:
    """Refuse boxes that a batch cannot have.

    Args:
        circuits: Where.
        car: What must pass them.
        boxes: At given places.
        drawn: How many at random places.
        grid_m: Length of the grid.

    Raises:
        InputError: Both kinds at once, too many, boxes at given places on several circuits, one that is not
            finite or has no size, or no room for those at random places.
    """
    if drawn != int(drawn) or not 0 <= drawn <= MOST_BOXES or len(boxes) > MOST_BOXES:
        raise InputError(f"{drawn or len(boxes)} boxes, expected 0 to {MOST_BOXES}")
    if boxes and (drawn or len(circuits) > 1):
        raise InputError("boxes at given places, expected one circuit and none at random places")
    objects.check_boxes(boxes)
    for circuit in circuits if drawn else ():
        length = circuit.length_m
        first = max(measures.FIRST_SHARE * length, measures.CLEAR_M)
        last = min(measures.LAST_SHARE * length, length - grid_m - measures.CLEAR_M)
        if last - first < (drawn - 1) * measures.APART_SHARE * length:
            raise InputError(f"{drawn} boxes find no room on {circuit.id!r}, {length:.2f} m long")
        # Half of the road less half a box is free beside it; the width is that of both lanes.
        widest = float((circuit.width_left_m + circuit.width_right_m).max())
        needed = car.width_m + 2 * measures.PASS_M + opening.BOX_HALF_WIDTH_M
        if 0.75 * widest < needed:
            raise InputError(
                f"circuit {circuit.id!r} is at most {widest:.2f} m wide, expected {needed / 0.75:.2f} m "
                "where cars have to pass boxes"
            )
