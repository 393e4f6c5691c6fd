"""The referee of a batch: laps, off-track and resets of thousands of cars, as compiled functions.

Pure. It follows `league.racing.referee` step by step, so that the same driving gives the same lap times,
and adds what training needs: episodes that end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.sim import bots, contact, kernel, road, tick
from league.sim.compiled import inlined, lean
from league.sim.measures import (
    BACK_LIMIT_M,
    BACK_STEP_M,
    BOX_AHEAD_M,
    RELEASE_LIMIT_S,
    RELEASE_S,
    STILL_M,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Columns of a card: what the referee knows of one car.
(
    PROGRESS,
    BEFORE,
    OFFSET_BEFORE,
    MARKS,
    LAP_STARTED_US,
    LAPS,
    LAST_LAP_US,
    BEST_LAP_US,
    LAP_RESETS,
    RESETS,
    OFF_TRACKS,
    COLLISIONS,
    STILL,
    BACKWARD,
    STANDS,
    WAITS,
    STANDING,
    HAPPENED,
    OUT,
    WHEELS_OFF,
    GAINED,
) = range(21)
CARD = 21
"""Length of a card. STANDS counts the ticks of penalty left, WAITS those since, HAPPENED sums up what
happened in the last tick, OUT is 1 if the car's episode ended, GAINED is the last tick's progress."""

# What may happen to a car in a tick; the names are those of the facts of a race.
LAP, OFF_TRACK, IMMOBILISED, REVERSED, COLLISION, RESET, TERMINATED, TRUNCATED = (1 << k for k in range(8))

# What follows from leaving the track and the like.
IGNORE, SEND_BACK, END = range(3)

# The settings of a batch.
(
    LAPS_TO_DRIVE,
    LAPS_TRUNCATE,
    LEAST_LAP_US,
    MOST_RESETS,
    MOST_LAP_RESETS,
    SECTORS,
    TICK_US,
    LIMIT_TICKS,
    STILL_TICKS,
    BACKWARD_TICKS,
    AFTER_OFF_TRACK,
    AFTER_STANDING,
    AFTER_REVERSING,
    AFTER_COLLISION,
    OFF_TRACK_PENALTY,
    STANDING_PENALTY,
    REVERSING_PENALTY,
    COLLISION_PENALTY,
    GRID_GAP_M,
    ON_LINE,
    STAND_STILL,
    SPREAD,
    HEADING,
    SPEED,
    RANDOM_BOXES,
    RANDOM_BOTS,
    SLOWEST_BOT,
    FASTEST_BOT,
) = range(28)
SETTINGS = 28

# Columns of a box's row beyond those of `contact`; nothing to bots.
BOX_ALONG, BOX_OFFSET = contact.BODY_ROW, contact.BODY_ROW + 1
BODY = contact.BODY_ROW + 2


class Own(NamedTuple):
    """One world, as compiled functions hand it around."""

    rows: FloatArray
    slabs: IntArray
    rules: FloatArray
    """The settings."""
    params: FloatArray
    """Parameter rows of the cars, followed by their figures as they were drawn, if they vary."""
    state: FloatArray
    measured: FloatArray
    cards: FloatArray
    bodies: FloatArray
    """Scratch rows for the cars, then the rows of boxes and bots, see `contact.separate`; with two columns
    more for a box's distance along the road and offset."""
    lines: FloatArray
    """The lane lines that bots follow."""
    bots: FloatArray
    """How the bots are under way, see `bots`."""
    stands: FloatArray
    """What bots heed of the boxes, one row each also where there are no bots."""


class Drive(NamedTuple):
    """What was noted of a world while it drove one tick."""

    since: FloatArray
    """See `tick.advance`; the world's first car has column `lane` of `since` and of `poses`."""
    poses: FloatArray
    lane: int
    trace: FloatArray
    """Scratch for one car."""
    touch: FloatArray
    """Greatest closing speeds, see `contact.separate`; of no meaning unless anything `touched`."""
    touched: bool


@inlined
def judge(own: Own, drive: Drive, number: int) -> bool:
    """Rule on one world after its tick `number` (from 0 in its episode); returns whether all are out."""
    cards, cars = own.cards, len(own.cards)
    for i in range(cars):
        cards[i, HAPPENED] = 0.0
        cards[i, GAINED] = cards[i, PROGRESS]
        if cards[i, OUT] == 0.0 and cards[i, STANDING] == 0.0:
            _drive_on(own, drive, i, number)
    if drive.touched:
        _charge_all(own, drive.touch)
    for i in range(cars):
        if cards[i, OUT] == 0.0:
            if cards[i, STANDING] != 0.0:
                # Whoever was sent back just now serves all of it from the next tick on.
                if int(cards[i, HAPPENED]) & RESET == 0:
                    _wait(own, i)
            else:
                _watch(own, i)
    over = number + 1 >= own.rules[LIMIT_TICKS]
    done = True
    for i in range(cars):
        if over and cards[i, OUT] == 0.0:
            _end(own, i, float(TRUNCATED))
        cards[i, GAINED] = cards[i, PROGRESS] - cards[i, GAINED]
        done = done and cards[i, OUT] != 0.0
    return done


@inlined
def _drive_on(own: Own, drive: Drive, i: int, number: int) -> None:
    """Add the tick's driving to a car's progress and time the marks that it crossed."""
    card, along = own.cards[i], own.measured[i, tick.ALONG]
    length = road.length_of(own.rows)
    card[BEFORE] = card[PROGRESS]
    driven = _short_way(along - drive.since[tick.SINCE_ALONG, drive.lane + i], length)
    if card[PROGRESS] + driven < (card[MARKS] + 1.0) * (length / own.rules[SECTORS]) - 1e-9:
        card[PROGRESS] += driven
    else:
        _cross(own, drive, i, number)


@lean
def _cross(own: Own, drive: Drive, i: int, number: int) -> None:
    """The same for a car that may have crossed a mark: step by step."""
    card, trace, rules = own.cards[i], drive.trace, own.rules
    length, steps = road.length_of(own.rows), len(trace) - 1
    mark = length / rules[SECTORS]
    along = own.measured[i, tick.ALONG]
    tick.trace_nose(own.rows, own.params[i], drive.since, drive.poses, drive.lane + i, along, trace)
    progress = card[PROGRESS]
    for step in range(steps):
        moved = _short_way(trace[step + 1] - trace[step], length)
        while card[OUT] == 0.0 and moved > 0.0 and progress + moved >= (card[MARKS] + 1.0) * mark:
            part = ((card[MARKS] + 1.0) * mark - progress) / moved
            when = (number + (step + min(max(part, 0.0), 1.0)) / steps) * rules[TICK_US]
            _mark(own, i, np.rint(when))
        progress += moved
    card[PROGRESS] = progress


@lean
def _mark(own: Own, i: int, when_us: float) -> None:
    card, rules = own.cards[i], own.rules
    card[MARKS] += 1.0
    if card[MARKS] % rules[SECTORS] != 0.0:
        return
    if card[MARKS] > 0.0:
        spent = when_us - card[LAP_STARTED_US]
        card[LAPS] += 1.0
        card[LAST_LAP_US] = spent
        if spent >= rules[LEAST_LAP_US] and card[LAP_RESETS] <= rules[MOST_LAP_RESETS]:
            card[BEST_LAP_US] = spent if card[BEST_LAP_US] == 0.0 else min(spent, card[BEST_LAP_US])
        card[HAPPENED] += LAP
        if card[LAPS] == rules[LAPS_TO_DRIVE]:
            _end(own, i, float(TRUNCATED) if rules[LAPS_TRUNCATE] != 0.0 else float(TERMINATED))
    card[LAP_STARTED_US] = when_us
    card[LAP_RESETS] = 0.0


@lean
def _end(own: Own, i: int, how: float) -> None:
    own.cards[i, OUT] = 1.0
    own.cards[i, HAPPENED] += how
    # Its row keeps what was last seen of it, for the last observation.
    own.state[i, kernel.STATUS] = kernel.HELD | kernel.ABSENT | kernel.REMOVED


@inlined
def _watch(own: Own, i: int) -> None:
    """Look for what sends a car back: off the road, standing, driving the wrong way."""
    card, seen, rules = own.cards[i], own.measured[i], own.rules
    moved = card[PROGRESS] - card[BEFORE]
    still = abs(moved) <= STILL_M and seen[tick.SPEED] * rules[TICK_US] <= STILL_M * 1e6
    card[STILL] = card[STILL] + 1.0 if still else 0.0
    card[BACKWARD] = card[BACKWARD] + 1.0 if moved < 0.0 and not still else 0.0
    if off_track(own.rows, own.params[i], seen, card):
        what, follows, penalty = OFF_TRACK, rules[AFTER_OFF_TRACK], rules[OFF_TRACK_PENALTY]
        card[OFF_TRACKS] += 1.0
    elif card[STILL] >= rules[STILL_TICKS]:
        what, follows, penalty = IMMOBILISED, rules[AFTER_STANDING], rules[STANDING_PENALTY]
    elif card[BACKWARD] >= rules[BACKWARD_TICKS]:
        what, follows, penalty = REVERSED, rules[AFTER_REVERSING], rules[REVERSING_PENALTY]
    else:
        card[OFFSET_BEFORE] = seen[tick.OFFSET]
        return
    card[HAPPENED] += what
    if follows == IGNORE:
        card[OFFSET_BEFORE] = seen[tick.OFFSET]
    else:
        _follow_up(own, i, follows, penalty)


@lean
def _follow_up(own: Own, i: int, follows: float, penalty: float) -> None:
    if follows == END:
        _end(own, i, float(TERMINATED))
    elif follows == SEND_BACK:
        _send_back(own, i, penalty)


@inlined
def off_track(rows: FloatArray, p: FloatArray, seen: FloatArray, card: FloatArray) -> bool:
    """Whether all four wheel centres are outside the borders of the car's own part of the road."""
    if card[WHEELS_OFF] == 4.0:
        return True
    outside = abs(seen[tick.ORIGIN_OFFSET]) - 2.0 * p[kernel.HALF_LENGTH]
    if outside <= 0.0:
        return False
    column = road.LEFT if seen[tick.ORIGIN_OFFSET] > 0.0 else road.RIGHT
    return bool(outside > road.between(rows, column, int(seen[tick.ORIGIN_SEGMENT]), seen[tick.ORIGIN_REACH]))


@lean
def _wait(own: Own, i: int) -> None:
    """Count a penalty down; let the car go when it is served and nobody stands in its place."""
    card, seen = own.cards[i], own.measured[i]
    card[BEFORE] = card[PROGRESS]
    if card[STANDS] > 0.0:
        card[STANDS] -= 1.0
    if card[STANDS] > 0.0:
        return
    card[WAITS] += 1.0
    late = card[WAITS] > RELEASE_LIMIT_S * np.rint(1e6 / own.rules[TICK_US])
    if not late and _somebody_comes(own, i):
        return
    if fits(own, i, seen[tick.ALONG], seen[tick.OFFSET]):
        card[WAITS] = card[STANDING] = card[STILL] = card[BACKWARD] = 0.0
        card[OFFSET_BEFORE] = seen[tick.OFFSET]
        tick.hold(own.state[i], seen, False)


@lean
def fits(own: Own, i: int, along: float, offset: float) -> bool:
    """Whether a car could be put there without touching another one or a box."""
    boxes = len(own.bodies) - len(own.state)
    return tick.fits(own.rows, own.params, own.state, boxes, own.bodies, i, along, offset)


@lean
def _somebody_comes(own: Own, i: int) -> bool:
    """Whether another car would run into this one if it were let go now."""
    length = road.length_of(own.rows)
    room = 2.0 * own.params[i, kernel.HALF_LENGTH]
    for j in range(len(own.state)):
        if j != i and own.cards[j, OUT] == 0.0 and own.cards[j, STANDING] == 0.0:
            gap = _short_way(own.measured[i, tick.ALONG] - own.measured[j, tick.ALONG], length)
            if 0.0 <= gap < room + RELEASE_S * own.measured[j, tick.SPEED]:
                return True
    first = len(own.bodies) - len(own.bots)
    for k in range(len(own.bots)):
        gap = _short_way(own.measured[i, tick.ALONG] - bots.nose(own.bots[k]), length)
        if 0.0 <= gap < room + RELEASE_S * own.bodies[first + k, contact.PACE]:
            return True
    return False


@lean
def _charge_all(own: Own, touch: FloatArray) -> None:
    """Charge those who are to blame for what touched: whoever is behind; of a car and a box the car."""
    cars = len(own.state)
    boxes_end, length = cars + len(own.stands), road.length_of(own.rows)
    for i in range(cars):
        for j in range(i + 1, touch.shape[1]):
            if touch[i, j] < 0.0:
                continue
            behind = i
            if j < cars:
                ahead = own.measured[j, tick.ALONG] - own.measured[i, tick.ALONG]
                if _short_way(ahead, length) < 0.0:
                    behind = j
                if own.cards[i + j - behind, OUT] != 0.0:
                    continue
            elif j >= boxes_end:
                ahead = bots.nose(own.bots[j - boxes_end]) - own.measured[i, tick.ALONG]
                if _short_way(ahead, length) < 0.0:
                    continue
            card = own.cards[behind]
            if card[OUT] != 0.0 or card[STANDING] != 0.0:
                continue
            card[COLLISIONS] += 1.0
            card[HAPPENED] += COLLISION if int(card[HAPPENED]) & COLLISION == 0 else 0
            _follow_up(own, behind, own.rules[AFTER_COLLISION], own.rules[COLLISION_PENALTY])


@lean
def _send_back(own: Own, i: int, penalty: float) -> None:
    """Replace a car on the nearer lane line at the previous tick's progress, and let it stand."""
    card, rows = own.cards[i], own.rows
    card[RESETS] += 1.0
    card[LAP_RESETS] += 1.0
    if card[RESETS] > own.rules[MOST_RESETS]:
        _end(own, i, float(TERMINATED))
        return
    tick.hold(own.state[i], own.measured[i], True)
    back, offset = _free_place(own, i)
    card[BEFORE] -= back
    card[PROGRESS] = card[BEFORE]
    along = card[PROGRESS] % road.length_of(rows)
    card[WHEELS_OFF] = tick.start(
        rows, own.slabs, own.params[i], own.state[i], own.measured[i], along, offset, 0.0, 0.0
    )
    card[OFFSET_BEFORE] = offset
    card[STILL] = card[BACKWARD] = 0.0
    card[HAPPENED] += RESET if int(card[HAPPENED]) & RESET == 0 else 0
    card[STANDING], card[STANDS] = 1.0, penalty


@lean
def _free_place(own: Own, i: int) -> tuple[float, float]:
    """How far back, and at which offset, a car can be put without touching anything."""
    card, rows = own.cards[i], own.rows
    length = road.length_of(rows)
    along = card[BEFORE] % length
    before = card[OFFSET_BEFORE]
    left_first = abs(before - lane(rows, along, 1.0)) < abs(before - lane(rows, along, 0.0))
    start = 0.0
    for box in range(len(own.state), len(own.state) + len(own.stands)):
        ahead = _short_way(own.bodies[box, BOX_ALONG] - along, length)
        if abs(ahead) <= BOX_AHEAD_M:
            start = BOX_AHEAD_M - ahead
            left_first = own.bodies[box, BOX_OFFSET] <= 0.0
    back = start
    while back <= start + BACK_LIMIT_M:
        place = (along - back) % length
        for which in range(2):
            offset = lane(rows, place, 1.0 if left_first == (which == 0) else 0.0)
            if fits(own, i, place, offset):
                return back, offset
        back += BACK_STEP_M
    return start, lane(rows, (along - start) % length, 1.0 if left_first else 0.0)


@lean
def lane(rows: FloatArray, along: float, left: float) -> float:
    """Offset of a lane line: half-way between the centre line and a border."""
    segment = road.find(rows, along)
    reach = min(max(along - rows[segment, road.ALONG], 0.0), rows[segment, road.LENGTH])
    if left != 0.0:
        return road.between(rows, road.LEFT, segment, reach) / 2.0
    return -road.between(rows, road.RIGHT, segment, reach) / 2.0


@lean
def _short_way(distance: float, length: float) -> float:
    """A difference of two distances along a closed road, in [-length/2, length/2)."""
    if -length / 2.0 <= distance < length / 2.0:
        return distance + length / 2.0 - length / 2.0
    return (distance + length / 2.0) % length - length / 2.0
