"""The referee of a batch: laps, off-track and resets of thousands of cars, as compiled functions.

Pure. It follows `league.racing.referee` step by step, so that the same driving gives the same lap times,
and adds what training needs: episodes that end, and starts anywhere on the road, drawn from a random
stream of each world's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.sim import kernel, road, tick
from league.sim.compiled import inlined, lean

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
) = range(21)
SETTINGS = 21

STILL_M = 0.0003
"""Moving no more than this in a tick is standing (DeepRacer)."""
RELEASE_S, RELEASE_LIMIT_S = 1.0, 2.0
"""A car is not let go while another one would reach it within the first, but waits no longer than the
second for a gap."""
BACK_STEP_M = 0.1
BACK_LIMIT_M = 3.0

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


@lean
def scramble(number: Any) -> Any:
    """A 64-bit number in which every bit of the given one has a part (SplitMix64, Steele et al. 2014)."""
    z = np.uint64(number) * _ODD + _ODD
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return z ^ (z >> np.uint64(31))


@lean
def chance(seed: int, episode: int, draw: int) -> float:
    """A number in [0, 1) that depends on nothing but the three whole numbers given."""
    z = scramble(np.uint64(scramble(np.uint64(seed))) ^ np.uint64(episode))
    z = scramble(np.uint64(z) ^ np.uint64(draw))
    return float(np.uint64(z) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@lean
def begin(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    rules: FloatArray,
    seed: int,
    episode: int,
) -> None:
    """Start an episode of one world: place its cars, drawn from its seed, and clear their cards."""
    cars = len(state)
    state[:, :] = 0.0
    cards[:, :] = 0.0
    along, speed = 0.0, 0.0
    length = road.length_of(rows)
    on_line = chance(seed, episode, 0) < rules[ON_LINE]
    if not on_line:
        along = chance(seed, episode, 1) * length
        if chance(seed, episode, 2) >= rules[STAND_STILL]:
            speed = chance(seed, episode, 3) * rules[SPEED]
    for i in range(cars):
        start = along - i * rules[GRID_GAP_M]
        offset, turned = 0.0, 0.0
        place = start % length
        if cars > 1:
            # The outer lane first; it is on the right of an anticlockwise circuit.
            offset = lane(rows, place, (rows[0, road.AROUND] < 0.0) == (i % 2 == 0))
        elif not on_line:
            segment = road.find(rows, place)
            reach = min(max(place - rows[segment, road.ALONG], 0.0), rows[segment, road.LENGTH])
            half = params[i, kernel.HALF_WIDTH]
            left = max(road.between(rows, road.LEFT, segment, reach) - half, 0.0)
            right = max(road.between(rows, road.RIGHT, segment, reach) - half, 0.0)
            offset = rules[SPREAD] * (chance(seed, episode, 4) * (left + right) - right)
            turned = rules[HEADING] * (2.0 * chance(seed, episode, 5) - 1.0)
        wheels = tick.start(rows, slabs, params[i], state[i], measured[i], start, offset, turned, speed)
        start_card(rows, rules, measured[i], cards[i], start if on_line else place, wheels)


@lean
def start_card(
    rows: FloatArray, rules: FloatArray, seen: FloatArray, card: FloatArray, along: float, wheels: int
) -> None:
    """Begin a card for a car that starts at `along`; up to 0 that is the grid, beyond it out on the road.

    The first lap of a car on the grid begins with the episode, that of any other once it crosses the
    start line.
    """
    length = road.length_of(rows)
    progress = along if along <= 0.0 else along - length
    card[:] = 0.0
    card[WHEELS_OFF] = wheels
    card[PROGRESS] = card[BEFORE] = progress
    if along > 0.0:
        card[MARKS] = np.floor(progress / (length / rules[SECTORS]))
        card[OFFSET_BEFORE] = seen[tick.OFFSET]


@inlined
def judge(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    rules: FloatArray,
    since: FloatArray,
    poses: FloatArray,
    lane: int,
    touched: bool,
    touch: FloatArray,
    bodies: FloatArray,
    trace: FloatArray,
    number: int,
) -> bool:
    """Rule on one world after its tick `number` (from 0 in its episode); returns whether all are out.

    What was noted of its first car while driving is in column `lane` of `since` and `poses`.
    """
    cars = len(state)
    for i in range(cars):
        card = cards[i]
        card[HAPPENED] = 0.0
        card[GAINED] = card[PROGRESS]
        if card[OUT] == 0.0 and card[STANDING] == 0.0:
            _drive_on(
                rows, params[i], state[i], measured[i], card, rules, since, poses, lane + i, trace, number
            )
    if touched:
        for i in range(cars):
            for j in range(i + 1, cars):
                if touch[i, j] >= 0.0:
                    _collide(rows, slabs, params, state, measured, cards, rules, bodies, i, j)
    for i in range(cars):
        if cards[i, OUT] == 0.0:
            if cards[i, STANDING] != 0.0:
                _wait(rows, params, state, measured, cards, rules, bodies, i)
            else:
                _watch(rows, slabs, params, state, measured, cards, rules, bodies, i)
    over = number + 1 >= rules[LIMIT_TICKS]
    done = True
    for i in range(cars):
        card = cards[i]
        if over and card[OUT] == 0.0:
            _end(state[i], measured[i], card, TRUNCATED)
        card[GAINED] = card[PROGRESS] - card[GAINED]
        done = done and card[OUT] != 0.0
    return done


@inlined
def _drive_on(
    rows: FloatArray,
    p: FloatArray,
    s: FloatArray,
    seen: FloatArray,
    card: FloatArray,
    rules: FloatArray,
    since: FloatArray,
    poses: FloatArray,
    lane: int,
    trace: FloatArray,
    number: int,
) -> None:
    """Add the tick's driving to a car's progress and time the marks that it crossed."""
    length, steps = road.length_of(rows), len(trace) - 1
    mark = length / rules[SECTORS]
    card[BEFORE] = card[PROGRESS]
    driven = _short_way(seen[tick.ALONG] - since[tick.SINCE_ALONG, lane], length)
    if card[PROGRESS] + driven < (card[MARKS] + 1.0) * mark - 1e-9:
        card[PROGRESS] += driven
        return
    tick.trace_nose(rows, p, since, poses, lane, seen[tick.ALONG], trace)
    progress = card[PROGRESS]
    for step in range(steps):
        moved = _short_way(trace[step + 1] - trace[step], length)
        while card[OUT] == 0.0 and moved > 0.0 and progress + moved >= (card[MARKS] + 1.0) * mark:
            part = ((card[MARKS] + 1.0) * mark - progress) / moved
            when = (number + (step + min(max(part, 0.0), 1.0)) / steps) * rules[TICK_US]
            _mark(s, seen, card, rules, np.rint(when))
        progress += moved
    card[PROGRESS] = progress


@lean
def _mark(s: FloatArray, seen: FloatArray, card: FloatArray, rules: FloatArray, when_us: float) -> None:
    card[MARKS] += 1.0
    if card[MARKS] % rules[SECTORS] != 0.0:
        return
    if card[MARKS] > 0.0:
        spent = when_us - card[LAP_STARTED_US]
        card[LAPS] += 1.0
        card[LAST_LAP_US] = spent
        card[BEST_LAP_US] = spent if card[BEST_LAP_US] == 0.0 else min(spent, card[BEST_LAP_US])
        card[HAPPENED] += LAP
        if card[LAPS] == rules[LAPS_TO_DRIVE]:
            _end(s, seen, card, TRUNCATED if rules[LAPS_TRUNCATE] != 0.0 else TERMINATED)
    card[LAP_STARTED_US] = when_us
    card[LAP_RESETS] = 0.0


@lean
def _end(s: FloatArray, seen: FloatArray, card: FloatArray, how: int) -> None:
    card[OUT] = 1.0
    card[HAPPENED] += how
    # Its row keeps what was last seen of it, for the last observation.
    s[kernel.STATUS] = kernel.HELD | kernel.ABSENT | kernel.REMOVED


@inlined
def _watch(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    rules: FloatArray,
    bodies: FloatArray,
    i: int,
) -> None:
    """Look for what sends a car back: off the road, standing, driving the wrong way."""
    card, seen = cards[i], measured[i]
    moved = card[PROGRESS] - card[BEFORE]
    still = abs(moved) <= STILL_M and seen[tick.SPEED] * rules[TICK_US] <= STILL_M * 1e6
    card[STILL] = card[STILL] + 1.0 if still else 0.0
    card[BACKWARD] = card[BACKWARD] + 1.0 if moved < 0.0 and not still else 0.0
    if off_track(rows, params[i], seen, card):
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
    elif follows == END:
        _end(state[i], seen, card, TERMINATED)
    else:
        _send_back(rows, slabs, params, state, measured, cards, bodies, i, penalty)


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
def _wait(
    rows: FloatArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    rules: FloatArray,
    bodies: FloatArray,
    i: int,
) -> None:
    """Count a penalty down; let the car go when it is served and nobody stands in its place."""
    card, seen = cards[i], measured[i]
    card[BEFORE] = card[PROGRESS]
    if card[STANDS] > 0.0:
        card[STANDS] -= 1.0
    if card[STANDS] > 0.0:
        return
    card[WAITS] += 1.0
    late = card[WAITS] > RELEASE_LIMIT_S * np.rint(1e6 / rules[TICK_US])
    if not late and _somebody_comes(rows, params, state, measured, cards, i):
        return
    if tick.fits(rows, params, state, 0, bodies, i, seen[tick.ALONG], seen[tick.OFFSET]):
        card[WAITS] = card[STANDING] = card[STILL] = card[BACKWARD] = 0.0
        card[OFFSET_BEFORE] = seen[tick.OFFSET]
        tick.hold(state[i], seen, False)


@lean
def _somebody_comes(
    rows: FloatArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    i: int,
) -> bool:
    """Whether another car would run into this one if it were let go now."""
    length = road.length_of(rows)
    room = 2.0 * params[i, kernel.HALF_LENGTH]
    for j in range(len(state)):
        if j != i and cards[j, OUT] == 0.0 and cards[j, STANDING] == 0.0:
            gap = _short_way(measured[i, tick.ALONG] - measured[j, tick.ALONG], length)
            if 0.0 <= gap < room + RELEASE_S * measured[j, tick.SPEED]:
                return True
    return False


@lean
def _collide(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    rules: FloatArray,
    bodies: FloatArray,
    i: int,
    j: int,
) -> None:
    """Charge whichever of two cars that touched is behind."""
    ahead = _short_way(measured[j, tick.ALONG] - measured[i, tick.ALONG], road.length_of(rows))
    behind, front = (i, j) if ahead >= 0.0 else (j, i)
    card = cards[behind]
    if card[OUT] != 0.0 or card[STANDING] != 0.0 or cards[front, OUT] != 0.0:
        return
    card[COLLISIONS] += 1.0
    card[HAPPENED] += COLLISION if int(card[HAPPENED]) & COLLISION == 0 else 0
    if rules[AFTER_COLLISION] == END:
        _end(state[behind], measured[behind], card, TERMINATED)
    elif rules[AFTER_COLLISION] == SEND_BACK:
        penalty = rules[COLLISION_PENALTY]
        _send_back(rows, slabs, params, state, measured, cards, bodies, behind, penalty)


@lean
def _send_back(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    bodies: FloatArray,
    i: int,
    penalty: float,
) -> None:
    """Replace a car on the nearer lane line at the previous tick's progress, and let it stand."""
    card = cards[i]
    card[RESETS] += 1.0
    card[LAP_RESETS] += 1.0
    tick.hold(state[i], measured[i], True)
    length = road.length_of(rows)
    along = card[BEFORE] % length
    left, right = lane(rows, along, True), lane(rows, along, False)
    left_first = abs(card[OFFSET_BEFORE] - left) < abs(card[OFFSET_BEFORE] - right)
    back, offset, found = 0.0, left if left_first else right, False
    while back <= BACK_LIMIT_M and not found:
        place = (along - back) % length
        for which in range(2):
            beside = lane(rows, place, left_first == (which == 0))
            if not found and tick.fits(rows, params, state, 0, bodies, i, place, beside):
                offset, found = beside, True
        if not found:
            back += BACK_STEP_M
    if not found:
        back = 0.0
    card[BEFORE] -= back
    card[PROGRESS] = card[BEFORE]
    card[WHEELS_OFF] = tick.start(
        rows, slabs, params[i], state[i], measured[i], card[PROGRESS] % length, offset, 0.0, 0.0
    )
    card[OFFSET_BEFORE] = offset
    card[STILL] = card[BACKWARD] = 0.0
    card[HAPPENED] += RESET if int(card[HAPPENED]) & RESET == 0 else 0
    card[STANDING], card[STANDS] = 1.0, penalty


@lean
def lane(rows: FloatArray, along: float, left: bool) -> float:
    """Offset of a lane line: half-way between the centre line and a border."""
    segment = road.find(rows, along)
    reach = min(max(along - rows[segment, road.ALONG], 0.0), rows[segment, road.LENGTH])
    if left:
        return road.between(rows, road.LEFT, segment, reach) / 2.0
    return -road.between(rows, road.RIGHT, segment, reach) / 2.0


@lean
def _short_way(distance: float, length: float) -> float:
    """A difference of two distances along a closed road, in [-length/2, length/2)."""
    if -length / 2.0 <= distance < length / 2.0:
        return distance + length / 2.0 - length / 2.0
    return (distance + length / 2.0) % length - length / 2.0
