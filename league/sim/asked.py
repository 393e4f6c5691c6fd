"""What a batch may be asked for: how many worlds, boxes and bots in the way, cars that differ.

Pure: it refuses what cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from league.errors import ConfigError, InputError
from league.sim import kernel, measures, objects, opening
from league.sim.car import CarSpec
from league.sim.objects import Bot, Box, Traffic
from league.sim.world import MAX_CARS, check_world
from league.track.circuit import Circuit

MAX_WORLDS = 1_000_000
MOST_BOXES = MOST_BOTS = 7


def check_batch(circuits: tuple[Circuit, ...], car: CarSpec, worlds: int, cars: int, control_hz: int) -> None:
    """Refuse a batch that cannot be.

    Raises:
        InputError: No circuits, no worlds or cars or too many, a control rate out of range, or a circuit
            narrower than the car.
    """
    if not circuits:
        raise InputError("a batch with 0 circuits, expected at least 1")
    if not 1 <= worlds <= MAX_WORLDS or worlds != int(worlds):
        raise InputError(f"a batch of {worlds} worlds, expected 1 to {MAX_WORLDS}")
    if not 1 <= cars <= MAX_CARS or cars != int(cars):
        raise InputError(f"a batch with {cars} cars in each world, expected 1 to {MAX_CARS}")
    for circuit in circuits:
        check_world(circuit, (car,), control_hz, ())


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
    circuits: tuple[Circuit, ...], car: CarSpec, boxes: tuple[Box, ...], drawn: int, bots: int, grid_m: float
) -> None:
    """Refuse boxes that a batch cannot have.

    Args:
        circuits: Where.
        car: What must pass them.
        boxes: At given places.
        drawn: How many at random places.
        bots: How many bots have to go round them.
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
        if last - first < (drawn - 1) * opening.apart_m(length, bots):
            raise InputError(f"{drawn} boxes find no room on {circuit.id!r}, {length:.2f} m long")
        # Half of the road less half a box is free beside it; the width is that of both lanes.
        widest = float((circuit.width_left_m + circuit.width_right_m).max())
        needed = car.width_m + 2 * measures.PASS_M + opening.BOX_HALF_WIDTH_M
        if 0.75 * widest < needed:
            raise InputError(
                f"circuit {circuit.id!r} is at most {widest:.2f} m wide, expected {needed / 0.75:.2f} m "
                "where cars have to pass boxes"
            )


def check_traffic(
    circuits: tuple[Circuit, ...], bots: tuple[Bot, ...] | Traffic, cars: int, gap_m: float
) -> None:
    """Refuse bots that a batch cannot have.

    Args:
        circuits: Where.
        bots: At given places, or at drawn ones.
        cars: How many cars stand on the grid.
        gap_m: From one to the next there.

    Raises:
        InputError: Too many, bots at given places on several circuits, one that cannot drive, a range of
            speeds that is none, or no room for those at drawn places.
    """
    count = bots.bots if isinstance(bots, Traffic) else len(bots)
    if count != int(count) or not 0 <= count <= MOST_BOTS:
        raise InputError(f"{count} bots, expected 0 to {MOST_BOTS}")
    if not isinstance(bots, Traffic):
        if bots and len(circuits) > 1:
            raise InputError("bots at given places, expected one circuit, or Traffic on several")
        objects.check_bots(bots)
        return
    slowest, fastest = bots.speed_mps
    if not slowest <= fastest:
        raise InputError(f"bots from {slowest} to {fastest} m/s, expected the slower one first")
    objects.check_bots([bots.one(speed_mps) for speed_mps in bots.speed_mps])
    for circuit in circuits if count else ():
        # They start in the first half of a stretch each, so that half of one lies between two at least.
        stretch_m = opening.bot_stretch(circuit.length_m, cars, count, gap_m)
        if stretch_m < 4 * bots.length_m:
            raise InputError(f"{count} bots find no room on {circuit.id!r}, {circuit.length_m:.2f} m long")
