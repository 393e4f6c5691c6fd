"""What stands and drives in the way in a heat: boxes and bots, from the rules and a seed.

Pure. DeepRacer's rules: boxes stand on the lane lines, along the road, between 7 and 90 % of the lap and at
least 13 % of it apart; bots start evenly spread from 2 m after the start line on, on alternating lanes.
"""

from __future__ import annotations

import numpy as np

from league.errors import ConfigError
from league.racing.places import read_place
from league.racing.rules import Rules
from league.sim.car import CarSpec
from league.sim.measures import (
    APART_SHARE,
    APART_WITH_BOTS_M,
    BEFORE_BOX_M,
    CLEAR_M,
    FIRST_BOT_M,
    FIRST_SHARE,
    LAST_SHARE,
    PASS_M,
    PAST_BOX_M,
)
from league.sim.objects import Bot, Box
from league.track.circuit import Circuit

_BOX = Box(0.0, 0.0, 0.0)
# A bot starts up to this much later to be where nothing is in its way.
_BOT_SHIFT_M = 3.0
# Places are rounded, so that a last bit cannot differ from machine to machine.
_DIGITS = 6

Stand = tuple[float, bool]
"""A distance from the start line, and whether it is on the left lane."""


def objects_of(
    rules: Rules, seed: int, circuit: Circuit, car: CarSpec, cars: int
) -> tuple[tuple[Box, ...], tuple[Bot, ...]]:
    """The boxes and bots of a heat.

    Args:
        rules: What is asked for.
        seed: What random places are drawn from, unless the rules say it.
        circuit: Where.
        car: What everybody drives, bots too.
        cars: How many start.

    Raises:
        ConfigError: There is no room for them.
    """
    if not rules.has_objects:
        return (), ()
    seed = seed if rules.objects_seed is None else rules.objects_seed
    grid_m = (cars - 1) * rules.grid_gap_m + car.length_m
    stands = _box_stands(rules, seed, circuit, car, grid_m)
    boxes = tuple(_box(circuit, along_m, left) for along_m, left in stands)
    return boxes, _bots(rules, seed, circuit, car, grid_m, stands)


# -- boxes -------------------------------------------------------------------------------------------


def _box_stands(rules: Rules, seed: int, circuit: Circuit, car: CarSpec, grid_m: float) -> list[Stand]:
    """Where the boxes stand: those at given places, and as many at random places beside them."""
    length_m = circuit.length_m
    apart_m = APART_SHARE * length_m
    if rules.bots:
        apart_m = max(apart_m, APART_WITH_BOTS_M)
    stands: list[Stand] = []
    for text in rules.box_places:
        place = read_place(text)
        along_m = place.along_m(length_m)
        if along_m >= length_m:
            raise ConfigError(f"box {text!r}: the lap is {length_m:.2f} m long, expected less")
        stand = along_m, place.is_left(clockwise=circuit.clockwise)
        if along_m < CLEAR_M or along_m > length_m - grid_m - CLEAR_M:
            raise ConfigError(
                f"box {text!r}: stands on the grid, expected a place from {CLEAR_M:g} m to "
                f"{length_m - grid_m - CLEAR_M:.2f} m on a lap of {length_m:.2f} m"
            )
        if not _passable(circuit, car, stand):
            raise ConfigError(f"box {text!r}: leaves no room to pass it on the other lane")
        if any(_gap_m(along_m, other, length_m) < apart_m - 1e-6 for other, _ in stands):
            raise ConfigError(
                f"box {text!r}: nearer than {apart_m:.2f} m to another one, expected at least "
                f"{100 * apart_m / length_m:.0f} % of the lap between any two"
            )
        stands.append(stand)
    if rules.boxes:
        stands += _random_stands(rules.boxes, seed, circuit, car, grid_m, apart_m, stands)
    return sorted(stands)


def _random_stands(
    count: int,
    seed: int,
    circuit: Circuit,
    car: CarSpec,
    grid_m: float,
    apart_m: float,
    taken: list[Stand],
) -> list[Stand]:
    """So many random places, evenly likely among all that keep the distances."""
    length_m = circuit.length_m
    first_m = max(FIRST_SHARE * length_m, CLEAR_M)
    last_m = min(LAST_SHARE * length_m, length_m - grid_m - CLEAR_M)
    # Drawn without the distances, which are put in afterwards: so none has to be refused for them.
    room_m = last_m - first_m - (count - 1) * apart_m
    draw = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    for _ in range(2000 if room_m >= 0.0 else 0):
        along = np.sort(draw.uniform(0.0, room_m, count)) + first_m + apart_m * np.arange(count)
        lefts = draw.integers(0, 2, count)
        stands = [
            (round(at_m, _DIGITS), bool(left))
            for at_m, left in zip(along.tolist(), lefts.tolist(), strict=True)
        ]
        clear = all(_gap_m(at_m, other, length_m) >= apart_m for at_m, _ in stands for other, _ in taken)
        if clear and all(_passable(circuit, car, stand) for stand in stands):
            return stands
    beside = f" beside {len(taken)} that are placed" if taken else ""
    raise ConfigError(
        f"{count} boxes{beside} find no place on {circuit.id!r}, {length_m:.2f} m long: expected room for "
        f"{apart_m:.2f} m between any two from {first_m:.2f} m to {max(last_m, 0.0):.2f} m, wide enough to "
        "pass them"
    )


def _box(circuit: Circuit, along_m: float, left: bool) -> Box:
    x, y = circuit.at(along_m, _lane_m(circuit, along_m, left)).tolist()
    heading = float(circuit.heading_at(along_m))
    return Box(round(x, _DIGITS), round(y, _DIGITS), round(heading, _DIGITS))


def _lane_m(circuit: Circuit, along_m: float, left: bool) -> float:
    """Offset of a lane line: half-way between the centre line and a border."""
    if left:
        return float(circuit.width_left_at(along_m)) / 2
    return -float(circuit.width_right_at(along_m)) / 2


def _passable(circuit: Circuit, car: CarSpec, stand: Stand) -> bool:
    """Whether a car fits between a box and the border on the other side."""
    along_m, left = stand
    offset_m = _lane_m(circuit, along_m, left)
    border_m = circuit.width_right_at(along_m) if left else circuit.width_left_at(along_m)
    free_m = float(border_m) + abs(offset_m) - _BOX.width_m / 2
    return free_m >= car.width_m + 2 * PASS_M


def _gap_m(one_m: float, other_m: float, length_m: float) -> float:
    """The shorter way between two places."""
    away_m = abs(one_m - other_m) % length_m
    return min(away_m, length_m - away_m)


# -- bots --------------------------------------------------------------------------------------------


def _bots(
    rules: Rules, seed: int, circuit: Circuit, car: CarSpec, grid_m: float, boxes: list[Stand]
) -> tuple[Bot, ...]:
    if not rules.bots:
        return ()
    length_m = circuit.length_m
    last_m = length_m - grid_m - CLEAR_M
    spread_m = (last_m - FIRST_BOT_M) / max(rules.bots - 1, 1)
    if last_m < FIRST_BOT_M or (rules.bots > 1 and spread_m < 2 * car.length_m):
        raise ConfigError(
            f"{rules.bots} bots find no place on {circuit.id!r}: {length_m:.2f} m less a grid of "
            f"{grid_m:.2f} m, expected {2 * car.length_m:.2f} m for each"
        )
    # The first one on the outer lane, as on the grid.
    stands: list[Stand] = []
    for number in range(rules.bots):
        wanted = FIRST_BOT_M + number * spread_m, (number % 2 == 0) == circuit.clockwise
        stands.append(_bot_stand(wanted, stands, boxes, car, length_m))
    return tuple(
        Bot(
            round(along_m, _DIGITS),
            left,
            rules.bot_speed_mps,
            rules.bot_lane_changes,
            seed,
            car.length_m,
            car.width_m,
        )
        for along_m, left in stands
    )


def _bot_stand(wanted: Stand, bots: list[Stand], boxes: list[Stand], car: CarSpec, length_m: float) -> Stand:
    """The place from the wanted one on, on either lane, where a bot stands in front of nothing."""
    for step in range(round(_BOT_SHIFT_M / 0.1)):
        along_m = wanted[0] + 0.1 * step
        for left in (wanted[1], not wanted[1]):
            ahead = [_ahead_m(at_m, along_m, length_m) for at_m, on_left in boxes if on_left == left]
            behind = [_ahead_m(at_m, along_m, length_m) for at_m, on_left in bots if on_left == left]
            if all(not -PAST_BOX_M < gap_m < BEFORE_BOX_M for gap_m in ahead) and all(
                abs(gap_m) > 2 * car.length_m for gap_m in behind
            ):
                return along_m, left
    raise ConfigError(f"no place for a bot between boxes near {wanted[0]:.1f} m, expected fewer of either")


def _ahead_m(at_m: float, from_m: float, length_m: float) -> float:
    """How far ahead a place is, in [-length / 2, length / 2)."""
    return (at_m - from_m + length_m / 2) % length_m - length_m / 2
