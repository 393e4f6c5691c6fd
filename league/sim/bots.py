"""Bots: cars without a driver that go round on the lane lines at a constant speed.

Pure, compiled: where they go follows from their seed and from what stands in their way. DeepRacer's rules:
a lane line lies half-way between the centre line and a border; a bot may change to the other one every 3 to
5 s, over 1 m of road; it waits for what is ahead of it. Nothing pushes it aside.

A bot is looked after once a tick, here, and moved in every physics step by `league.sim.contact`. It is two
rows of numbers: its own, of how it is under way, and a body's, of where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim import contact, kernel, tick
from league.sim.angles import sine_cosine
from league.sim.compiled import lean
from league.sim.draws import chance
from league.sim.lanelines import ahead, offset, point
from league.sim.objects import Bot

FloatArray = NDArray[np.float64]

CHANGE_M = 1.0
"""Length of road that a change of lane takes (DeepRacer)."""
LEAST_CHANGE_S, MOST_CHANGE_S = 3.0, 5.0
"""Least and greatest time between two changes (DeepRacer)."""
PAUSE_S = 1.0
"""How long a bot stands that drove into a car."""
GAP_M = 0.15
"""A bot stands when something is so near ahead."""
BESIDE_M = 0.03
"""Room that it wants beside what it passes."""
BOX_SEEN_M, BOX_LIMIT_M = 2.2, 1.6
"""It changes lanes for a box this far ahead, and waits, if it cannot, before the second is reached."""
FREE_BEHIND_M, FREE_AHEAD_M = 0.55, CHANGE_M + BOX_LIMIT_M + 0.1
"""Stretch of the other lane that must be free of boxes for a change …"""
CLEAR_BEHIND_M, CLEAR_AHEAD_M = 1.0, 1.6
"""… and of cars and bots."""
_LOOK_M = 0.1

# Columns of a bot's own row: distance of its middle along the centre line; lane, as of `lanelines`; the lanes
# that it changes to and from, and how far that has come, CHANGE_M when there is no change; how far this tick
# is to take it on its way and along the centre line; time for which it still stands; time until it wants to
# change; its random stream and how much of it is used; what it is.
(
    ALONG,
    LANE,
    TARGET,
    ORIGIN,
    CHANGED,
    STEP,
    GONE,
    WAITS,
    WANTS,
    KEY,
    DRAWN,
    SPEED,
    CHANGES,
    HALF_LENGTH,
    HALF_WIDTH,
) = range(15)
BOT_ROW = 15

# What bots heed: the place of a body's middle, and how far it reaches along and across.
PLACE, ASIDE, REACH, HALF = range(4)
HEEDED = 4
"""Columns of what they heed."""


def bot_rows(bots: Sequence[Bot]) -> FloatArray:
    """How bots begin, a row each."""
    rows = np.zeros((len(bots), BOT_ROW))
    for number, bot in enumerate(bots):
        row = rows[number]
        row[ALONG], row[SPEED], row[CHANGES] = bot.along_m, bot.speed_mps, bot.changes
        row[LANE] = row[TARGET] = row[ORIGIN] = 1.0 if bot.left else -1.0
        row[HALF_LENGTH], row[HALF_WIDTH] = bot.length_m / 2, bot.width_m / 2
        row[KEY] = np.floor(chance(bot.seed & (2**63 - 1), 0, number) * 2.0**53)
    return rows


@lean
def stand(lines: FloatArray, bots: FloatArray, bodies: FloatArray) -> None:
    """Let bots stand where their rows have them, and fill the rows of their bodies."""
    for k in range(len(bots)):
        b, row = bots[k], bodies[k]
        b[CHANGED] = CHANGE_M
        b[STEP] = b[GONE] = b[WAITS] = b[WANTS] = b[DRAWN] = 0.0
        if b[CHANGES] != 0.0:
            b[WANTS] = _draw(b)
        row[:] = 0.0
        x, y = point(lines, b[ALONG], b[LANE])
        contact.shape(row, x, y, 0.0, b[HALF_LENGTH], b[HALF_WIDTH])
        row[contact.COS], row[contact.SIN] = _direction(lines, b, 0.0, 0.0)
        row[contact.KIND] = contact.BOT


@lean
def heed_cars(params: FloatArray, state: FloatArray, measured: FloatArray, heeded: FloatArray) -> int:
    """Write down the cars that can be touched; returns how many they are."""
    count = 0
    for i in range(len(state)):
        if state[i, kernel.STATUS] != 0.0:
            continue
        p, seen = params[i], measured[i]
        q, c = sine_cosine(seen[tick.HEADING_ERROR])
        # The origin lies close to the middle; what is between them counts as a part of the body.
        long = p[kernel.HALF_LENGTH] + abs(p[kernel.BODY] - p[kernel.ORIGIN])
        place, aside = seen[tick.ORIGIN_ALONG], seen[tick.ORIGIN_OFFSET]
        heed(heeded[count], place, aside, q, c, long, p[kernel.HALF_WIDTH])
        count += 1
    return count


@lean
def heed(
    row: FloatArray, along: float, aside: float, q: float, c: float, half_length: float, half_width: float
) -> None:
    """Write down a rectangle that is turned against the road by an angle with this sine and cosine."""
    c, q = abs(c), abs(q)
    row[PLACE], row[ASIDE] = along, aside
    row[REACH], row[HALF] = half_length * c + half_width * q, half_width * c + half_length * q


@lean
def nose(b: FloatArray) -> float:
    """How far along the centre line a bot's front is; not wrapped."""
    return float(b[ALONG] + b[HALF_LENGTH])


# -- a tick --------------------------------------------------------------------------------------------


@lean
def set_off(
    lines: FloatArray,
    bots: FloatArray,
    bodies: FloatArray,
    boxes: FloatArray,
    heeded: FloatArray,
    cars: int,
    tick_s: float,
    substeps: int,
) -> None:
    """Say how far each bot goes in the tick to come.

    Args:
        lines: See `lanelines.line_rows`.
        bots: Their rows.
        bodies: Their bodies' rows.
        boxes: What they heed of boxes, which they go round.
        heeded: What they heed of cars; behind these there is room for the bots themselves.
        cars: How many cars these are.
        tick_s: Length of a tick.
        substeps: Physics steps in it.
    """
    others = heeded[: cars + len(bots)]
    for k in range(len(bots)):
        b = bots[k]
        row = others[cars + k]
        row[PLACE], row[ASIDE] = b[ALONG], offset(lines, b[ALONG], b[LANE])
        row[REACH], row[HALF] = b[HALF_LENGTH], b[HALF_WIDTH]
    for k in range(len(bots)):
        _find_way(lines, bots[k], boxes, others, cars + k, tick_s)
        _aim(lines, bots[k], bodies[k], substeps)


@lean
def arrive(bots: FloatArray, bodies: FloatArray, substeps: int) -> None:
    """Take note of how far each bot has come in the tick that is over."""
    for k in range(len(bots)):
        b, row = bots[k], bodies[k]
        part = row[contact.MOVED] / substeps
        # What stopped it has cleared its way; counting steps would miss the last one.
        halted = b[GONE] > 0.0 and row[contact.STEP_X] == 0.0 and row[contact.STEP_Y] == 0.0
        row[contact.PACE] = 0.0 if halted or b[GONE] == 0.0 else b[SPEED]
        way = b[STEP] * part
        b[ALONG] += b[GONE] * part
        b[LANE] = _lane_after(b, way)
        if b[CHANGED] < CHANGE_M:
            b[CHANGED] = min(b[CHANGED] + way, CHANGE_M)
        if halted:
            b[WAITS] = PAUSE_S
        row[contact.STEP_X : contact.MOVED + 1] = 0.0


def evolved(bots: FloatArray, bodies: FloatArray) -> bytes:
    """Exact bytes of everything about bots that evolves."""
    state = np.concatenate((bots[:, :SPEED], bodies[:, : contact.SIN + 1]), axis=1)
    return state.astype("<f8").tobytes()


# -- inside --------------------------------------------------------------------------------------------


@lean
def _draw(b: FloatArray) -> float:
    b[DRAWN] += 1.0
    return LEAST_CHANGE_S + (MOST_CHANGE_S - LEAST_CHANGE_S) * chance(int(b[KEY]), 0, int(b[DRAWN]))


@lean
def _lane_after(b: FloatArray, way: float) -> float:
    """Where across the road a bot is, a distance further on: a smooth step from lane to lane."""
    part = (b[CHANGED] + way) / CHANGE_M
    if part >= 1.0:
        return float(b[TARGET])
    part = max(part, 0.0)
    return float(b[ORIGIN] + (b[TARGET] - b[ORIGIN]) * part * part * (3.0 - 2.0 * part))


@lean
def _find_way(
    lines: FloatArray, b: FloatArray, boxes: FloatArray, others: FloatArray, own: int, tick_s: float
) -> None:
    """Say how far a bot may go in a tick, on its way and along the centre line.

    It changes lanes where it wants to and can. `own` is its number among the others.
    """
    b[WAITS] = max(b[WAITS] - tick_s, 0.0)
    if b[CHANGES] != 0.0 and b[CHANGED] >= CHANGE_M:
        b[WANTS] -= tick_s
    step = b[SPEED] * tick_s
    box = _box_ahead(lines, b, boxes)
    wants = (b[CHANGES] != 0.0 and b[WANTS] <= 0.0) or box <= BOX_SEEN_M + step
    if wants and b[CHANGED] >= CHANGE_M and _may_change(lines, b, boxes, others, own):
        b[ORIGIN], b[TARGET], b[CHANGED] = b[LANE], -b[LANE], 0.0
        if b[CHANGES] != 0.0:
            b[WANTS] = _draw(b)
    b[STEP] = b[GONE] = 0.0
    held_up = b[CHANGED] >= CHANGE_M and box <= BOX_LIMIT_M + step
    if b[WAITS] > 0.0 or held_up:
        return
    gone = _reach(lines, b, step)
    if not _blocked(lines, b, gone, step, boxes, others, own):
        b[STEP], b[GONE] = step, gone


@lean
def _reach(lines: FloatArray, b: FloatArray, step: float) -> float:
    """How far along the centre line a way of `step` on the bot's own line leads."""
    x, y = point(lines, b[ALONG], b[LANE])
    gone, lane = step, _lane_after(b, step)
    for _ in range(3):
        tx, ty = point(lines, b[ALONG] + gone, lane)
        away = sqrt((tx - x) * (tx - x) + (ty - y) * (ty - y))
        if away <= 0.0:
            break
        gone *= min(max(step / away, 0.2), 5.0)
    return gone


@lean
def _direction(lines: FloatArray, b: FloatArray, way: float, gone: float) -> tuple[float, float]:
    """Cosine and sine of the direction in which a bot looks, a distance on."""
    ax, ay = point(lines, b[ALONG] + gone - _LOOK_M, _lane_after(b, way - _LOOK_M))
    bx, by = point(lines, b[ALONG] + gone + _LOOK_M, _lane_after(b, way + _LOOK_M))
    dx, dy = bx - ax, by - ay
    size = sqrt(dx * dx + dy * dy)
    return dx / size, dy / size


@lean
def _aim(lines: FloatArray, b: FloatArray, row: FloatArray, substeps: int) -> None:
    """Write into a body's row how it moves in each physics step."""
    row[contact.STEP_X : contact.MOVED + 1] = 0.0
    if b[GONE] == 0.0:
        return
    x, y = point(lines, b[ALONG] + b[GONE], _lane_after(b, b[STEP]))
    c, q = _direction(lines, b, b[STEP], b[GONE])
    row[contact.STEP_X] = (x - row[contact.AT_X]) / substeps
    row[contact.STEP_Y] = (y - row[contact.AT_Y]) / substeps
    row[contact.STEP_COS] = (c - row[contact.COS]) / substeps
    row[contact.STEP_SIN] = (q - row[contact.SIN]) / substeps


@lean
def _blocked(
    lines: FloatArray,
    b: FloatArray,
    gone: float,
    step: float,
    boxes: FloatArray,
    others: FloatArray,
    own: int,
) -> bool:
    """Whether something stands in the way of going `step`, that is `gone` along the centre line."""
    here = offset(lines, b[ALONG], b[LANE])
    there = offset(lines, b[ALONG] + gone + GAP_M, _lane_after(b, step + GAP_M))
    low, high = min(here, there) - b[HALF_WIDTH], max(here, there) + b[HALF_WIDTH]
    for k in range(len(others)):
        if k != own and _meets(lines, b, others[k], step, GAP_M, low - BESIDE_M, high + BESIDE_M):
            return True
    for k in range(len(boxes)):  # noqa: SIM110 - the compiler knows no generators
        # A box stays where it is: it may be passed as near as need be.
        if _meets(lines, b, boxes[k], step, 0.0, low, high):
            return True
    return False


@lean
def _meets(
    lines: FloatArray, b: FloatArray, other: FloatArray, step: float, more: float, low: float, high: float
) -> bool:
    """Whether a bot that goes `step` comes within `more` of a body that is between these offsets."""
    away = ahead(lines, b[ALONG], other[PLACE], b[LANE])
    near = b[HALF_LENGTH] + other[REACH] + step + more
    return bool(0.0 < away < near and low - other[HALF] < other[ASIDE] < high + other[HALF])


@lean
def _box_ahead(lines: FloatArray, b: FloatArray, boxes: FloatArray) -> float:
    """How far ahead the next box on a bot's own lane is."""
    least = np.inf
    for k in range(len(boxes)):
        if (boxes[k, ASIDE] > 0.0) == (b[TARGET] > 0.0):
            away = ahead(lines, b[ALONG], boxes[k, PLACE], b[TARGET])
            if 0.0 < away < least:
                least = away
    return float(least)


@lean
def _may_change(lines: FloatArray, b: FloatArray, boxes: FloatArray, others: FloatArray, own: int) -> bool:
    """Whether the other lane is free beside a bot and for a while ahead."""
    lane = -b[LANE]
    for k in range(len(boxes)):
        if (boxes[k, ASIDE] > 0.0) == (lane > 0.0):
            away = ahead(lines, b[ALONG], boxes[k, PLACE], lane)
            if -FREE_BEHIND_M < away < FREE_AHEAD_M:
                return False
    aside = offset(lines, b[ALONG], lane)
    for k in range(len(others)):
        if k == own:
            continue
        away = ahead(lines, b[ALONG], others[k, PLACE], lane)
        room = b[HALF_WIDTH] + others[k, HALF] + BESIDE_M
        if -CLEAR_BEHIND_M < away < CLEAR_AHEAD_M and abs(others[k, ASIDE] - aside) < room:
            return False
    return True
