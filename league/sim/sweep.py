"""One tick of a whole batch: every world is driven, judged, observed and started again.

Pure, compiled; `league.sim.batch` is the plain door to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.sim import kernel, lanes, marshal, sensing, tick
from league.sim.compiled import compiled, inlined, lean, released
from league.sim.lanes import LANES, Lanes
from league.sim.layout import OPPONENTS_START

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Seen = NDArray[np.float32]

# Columns of a world's counters.
CIRCUIT, SEED, EPISODE, TICK, OVER = range(5)
# What is told of each car after a tick.
GAINED, LAP_US, LAPS = range(3)

Scratch = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, IntArray, Lanes]
"""What a part of the work needs room for: bodies, touch, since, poses, trace, commands, wheels, lanes."""


@compiled
def spread(seed: int, worlds: int) -> IntArray:
    """A seed for each world, which depends on nothing but the one given and the world's number."""
    seeds = np.empty(worlds, dtype=np.int64)
    for w in range(worlds):
        mixed = marshal.scramble(np.uint64(marshal.scramble(np.uint64(seed))) ^ np.uint64(w))
        seeds[w] = np.int64(np.uint64(mixed) >> np.uint64(1))
    return seeds


@lean
def unfit(orders: NDArray[Any]) -> int:
    """Number of the first car whose command is not finite, counted through all worlds, or -1."""
    worlds, cars, _ = orders.shape
    for w in range(worlds):
        for i in range(cars):
            if not (np.isfinite(orders[w, i, 0]) and np.isfinite(orders[w, i, 1])):
                return int(w * cars + i)
    return -1


@released
def drive(
    rows: FloatArray,
    slabs: IntArray,
    places: IntArray,
    params: FloatArray,
    rules: FloatArray,
    ahead: FloatArray,
    counters: IntArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    happened: IntArray,
    told: FloatArray,
    seen: Seen,
    last_seen: Seen,
    orders: NDArray[Any],
    scratch: Scratch,
    again: int,
    first: int,
    last: int,
) -> int:
    """Advance the worlds from `first` to before `last` by one tick.

    Returns:
        Number of the first car whose command is not finite (then nothing has changed), or -1.
    """
    cars = state.shape[1]
    bad = unfit(orders[first:last])
    if bad >= 0:
        return int(bad + first * cars)
    bodies, touch, since, poses, trace, _, _, side_by_side = scratch
    alone = cars == 1
    for w in range(first, last):
        place = places[counters[w, CIRCUIT]]
        own, own_slabs = rows[place[0] : place[1]], slabs[place[2] : place[3]]
        p = params[w if len(params) > 1 else 0]
        lane = (w - first) % LANES if alone else 0
        if alone and lane == 0:
            lanes.drive(params, state, measured, orders, since, side_by_side, w, min(LANES, last - w))
        if counters[w, OVER] != 0:
            happened[w, :] = 0
            told[w, :, GAINED : LAP_US + 1] = 0.0
            if again == 1:
                counters[w, EPISODE] += 1
                _begin(own, own_slabs, p, rules, ahead, counters, state, measured, cards, seen, w)
                told[w, :, LAPS] = 0.0
            continue
        touched = False
        if not alone:
            touched = _drive_world(own, own_slabs, p, state[w], measured[w], cards[w], orders[w], scratch)
        elif state[w, 0, kernel.STATUS] == 0.0:
            tick.keep_up(own, p[0], state[w, 0], poses, lane)
            cards[w, 0, marshal.WHEELS_OFF] = tick.measure(own, own_slabs, p[0], state[w, 0], measured[w, 0])
        done = marshal.judge(
            own,
            own_slabs,
            p,
            state[w],
            measured[w],
            cards[w],
            rules,
            since,
            poses,
            lane,
            touched,
            touch,
            bodies,
            trace,
            counters[w, TICK],
        )
        counters[w, TICK] += 1
        _tell(cards[w], happened[w], told[w])
        _observe(own, state[w], measured[w], cards[w], ahead, seen[w])
        if done:
            if again == 0:
                _keep(seen[w], last_seen[w])
                counters[w, EPISODE] += 1
                _begin(own, own_slabs, p, rules, ahead, counters, state, measured, cards, seen, w)
            else:
                counters[w, OVER] = 1
    return -1


@lean
def _keep(seen: Seen, last_seen: Seen) -> None:
    for i in range(seen.shape[0]):
        for k in range(seen.shape[1]):
            last_seen[i, k] = seen[i, k]


@inlined
def _drive_world(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    orders: NDArray[Any],
    scratch: Scratch,
) -> bool:
    """Drive a world of several cars by one tick; returns whether any touched."""
    bodies, touch, since, poses, _, commands, wheels, _ = scratch
    for i in range(len(state)):
        commands[i, 0], commands[i, 1] = orders[i, 0], orders[i, 1]
        wheels[i] = int(cards[i, marshal.WHEELS_OFF])
    touched = tick.advance(
        rows, slabs, params, state, commands, 0, bodies, touch, since, poses, measured, wheels
    )
    for i in range(len(state)):
        cards[i, marshal.WHEELS_OFF] = wheels[i]
    return touched


@inlined
def _tell(cards: FloatArray, happened: IntArray, told: FloatArray) -> None:
    for i in range(len(cards)):
        what = int(cards[i, marshal.HAPPENED])
        happened[i] = what
        told[i, GAINED], told[i, LAPS] = cards[i, marshal.GAINED], cards[i, marshal.LAPS]
        told[i, LAP_US] = cards[i, marshal.LAST_LAP_US] if what & marshal.LAP else 0.0


@inlined
def _observe(
    rows: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    ahead: FloatArray,
    seen: Seen,
) -> None:
    """What each car sees; one whose episode ends now still does, one that is out sees zeros."""
    cars = len(state)
    for i in range(cars):
        ends = int(cards[i, marshal.HAPPENED]) & (marshal.TERMINATED | marshal.TRUNCATED)
        if state[i, kernel.STATUS] <= kernel.HELD or ends != 0:
            if cars > 1:
                seen[i, OPPONENTS_START:] = 0.0
            sensing.see_state(rows, state, measured, i, ahead, seen[i])
        else:
            seen[i, :] = 0.0


@lean
def _begin(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    rules: FloatArray,
    ahead: FloatArray,
    counters: IntArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    seen: Seen,
    w: int,
) -> None:
    counters[w, TICK] = counters[w, OVER] = 0
    seed, episode = counters[w, SEED], counters[w, EPISODE]
    marshal.begin(rows, slabs, params, state[w], measured[w], cards[w], rules, seed, episode)
    _observe(rows, state[w], measured[w], cards[w], ahead, seen[w])


@lean
def restart(
    rows: FloatArray,
    slabs: IntArray,
    places: IntArray,
    params: FloatArray,
    rules: FloatArray,
    ahead: FloatArray,
    counters: IntArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    happened: IntArray,
    told: FloatArray,
    seen: Seen,
    last_seen: Seen,
    which: NDArray[np.bool_],
) -> None:
    """Begin the episodes of some worlds as their counters say."""
    for w in range(len(which)):
        if which[w]:
            place = places[counters[w, CIRCUIT]]
            own, own_slabs = rows[place[0] : place[1]], slabs[place[2] : place[3]]
            p = params[w if len(params) > 1 else 0]
            _begin(own, own_slabs, p, rules, ahead, counters, state, measured, cards, seen, w)
            happened[w, :] = 0
            told[w, :, :] = 0.0
            last_seen[w, :, :] = 0.0


@lean
def place(
    rows: FloatArray,
    slabs: IntArray,
    places: IntArray,
    params: FloatArray,
    rules: FloatArray,
    ahead: FloatArray,
    counters: IntArray,
    state: FloatArray,
    measured: FloatArray,
    cards: FloatArray,
    happened: IntArray,
    told: FloatArray,
    seen: Seen,
    last_seen: Seen,
    w: int,
    car: int,
    along: float,
    offset: float,
    heading_error: float,
    speed: float,
) -> None:
    """Put one car somewhere and begin its card; arguments as of `tick.start`."""
    place = places[counters[w, CIRCUIT]]
    own, own_slabs = rows[place[0] : place[1]], slabs[place[2] : place[3]]
    state[w, car, kernel.STATUS] = 0.0
    card = cards[w, car]
    wheels = tick.start(
        own,
        own_slabs,
        params[w if len(params) > 1 else 0, car],
        state[w, car],
        measured[w, car],
        along,
        offset,
        heading_error,
        speed,
    )
    marshal.start_card(own, rules, measured[w, car], card, along, wheels)
    _observe(own, state[w], measured[w], cards[w], ahead, seen[w])
