"""One tick of a whole batch: every world is driven, judged, observed and started again.

Pure, compiled; `league.sim.batch` is the plain door to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.sim import bots, kernel, lanes, marshal, opening, sensing, tick
from league.sim.compiled import compiled, inlined, lean, released
from league.sim.draws import scramble
from league.sim.lanes import LANES
from league.sim.layout import OPPONENTS_START
from league.sim.marshal import Drive, Own

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Seen = NDArray[np.float32]

# Columns of a world's counters.
CIRCUIT, SEED, EPISODE, TICK, OVER = range(5)
# What is told of each car after a tick.
GAINED, LAP_US, LAPS = range(3)


class Worlds(NamedTuple):
    """All the arrays of a batch; where nothing else is said, the first axis is that of the worlds.

    Compiled functions take them as a plain tuple, which a call from Python is quicker with.
    """

    rows: FloatArray
    """The roads of all circuits."""
    slabs: IntArray
    lines: FloatArray
    """The lane lines of all circuits."""
    places: IntArray
    """Where each circuit's rows, slabs and lane lines begin and end."""
    rules: FloatArray
    """The settings of the referee, then by how much cars differ, see `opening.begin`."""
    params: FloatArray
    """Of each world's cars, or of one world for all."""
    counters: IntArray
    state: FloatArray
    measured: FloatArray
    cards: FloatArray
    happened: IntArray
    told: FloatArray
    seen: Seen
    last_seen: Seen
    bodies: FloatArray
    """Of each world's cars, boxes and bots, see `marshal.Own`; of one world where nothing can be touched."""
    starts: FloatArray
    """How bots begin, in every world."""
    bots: FloatArray
    """Of each world's bots; of one world where there are none."""
    stands: FloatArray
    """What they heed of each world's boxes, likewise."""


@compiled
def spread(seed: int, worlds: int) -> IntArray:
    """A seed for each world, which depends on nothing but the one given and the world's number."""
    seeds = np.empty(worlds, dtype=np.int64)
    for w in range(worlds):
        mixed = scramble(np.uint64(scramble(np.uint64(seed))) ^ np.uint64(w))
        seeds[w] = np.int64(np.uint64(mixed) >> np.uint64(1))
    return seeds


@lean
def unfit(orders: NDArray[Any], first: int, last: int) -> int:
    """Number of the first car whose command is not finite, counted through all worlds, or -1."""
    cars = orders.shape[1]
    for w in range(first, last):
        for i in range(cars):
            if not (np.isfinite(orders[w, i, 0]) and np.isfinite(orders[w, i, 1])):
                return int(w * cars + i)
    return -1


# -- one world of many -------------------------------------------------------------------------------


@inlined
def _own(worlds: Worlds, w: int) -> Own:
    place = worlds.places[worlds.counters[w, CIRCUIT]]
    return Own(
        worlds.rows[place[0] : place[1]],
        worlds.slabs[place[2] : place[3]],
        worlds.rules,
        worlds.params[w if len(worlds.params) > 1 else 0],
        worlds.state[w],
        worlds.measured[w],
        worlds.cards[w],
        worlds.bodies[w if len(worlds.bodies) > 1 else 0],
        worlds.lines[place[4] : place[5]],
        worlds.bots[w if len(worlds.bots) > 1 else 0],
        worlds.stands[w if len(worlds.stands) > 1 else 0],
    )


@inlined
def _waits(worlds: Worlds, w: int, again: int) -> bool:
    """Whether a world's episode is over and it does not drive; it may begin the next one."""
    if worlds.counters[w, OVER] == 0:
        return False
    worlds.happened[w, :] = 0
    worlds.told[w, :, GAINED : LAP_US + 1] = 0.0
    if again == 1:
        _begin_next(worlds, w)
        worlds.told[w, :, LAPS] = 0.0
    return True


@lean
def _set_off(own: Own, heeded: FloatArray, substeps: int) -> None:
    cars = bots.heed_cars(own.params, own.state, own.measured, heeded)
    bodies, tick_s = own.bodies[len(own.bodies) - len(own.bots) :], own.params[0, kernel.STEP] * substeps
    bots.set_off(own.lines, own.bots, bodies, own.stands, heeded, cars, tick_s, substeps)


@inlined
def _conclude(worlds: Worlds, own: Own, drive: Drive, w: int, again: int) -> None:
    """Judge and observe a world after its tick, and begin its next episode if this one is over."""
    done = marshal.judge(own, drive, worlds.counters[w, TICK])
    worlds.counters[w, TICK] += 1
    _tell(own.cards, worlds.happened[w], worlds.told[w])
    _observe(own, worlds.seen[w])
    if done:
        if again == 0:
            _keep(worlds.seen[w], worlds.last_seen[w])
            _begin_next(worlds, w)
        else:
            worlds.counters[w, OVER] = 1


@lean
def _begin_next(worlds: Worlds, w: int) -> None:
    worlds.counters[w, EPISODE] += 1
    _begin(worlds, w)


@lean
def _begin(worlds: Worlds, w: int) -> None:
    counters, own = worlds.counters, _own(worlds, w)
    counters[w, TICK] = counters[w, OVER] = 0
    opening.begin(own, worlds.starts, counters[w, SEED], counters[w, EPISODE])
    _observe(own, worlds.seen[w])


@lean
def _keep(seen: Seen, last_seen: Seen) -> None:
    for i in range(seen.shape[0]):
        for k in range(seen.shape[1]):
            last_seen[i, k] = seen[i, k]


@inlined
def _tell(cards: FloatArray, happened: IntArray, told: FloatArray) -> None:
    for i in range(len(cards)):
        what = int(cards[i, marshal.HAPPENED])
        happened[i] = what
        told[i, GAINED], told[i, LAPS] = cards[i, marshal.GAINED], cards[i, marshal.LAPS]
        told[i, LAP_US] = cards[i, marshal.LAST_LAP_US] if what & marshal.LAP else 0.0


@inlined
def _observe(own: Own, seen: Seen) -> None:
    """What each car sees; one whose episode ends now still does, one that is out sees zeros."""
    cars, bodies = len(own.state), len(own.bodies)
    for i in range(cars):
        ends = int(own.cards[i, marshal.HAPPENED]) & (marshal.TERMINATED | marshal.TRUNCATED)
        if own.state[i, kernel.STATUS] <= kernel.HELD or ends != 0:
            if bodies > 1:
                seen[i, OPPONENTS_START:] = 0.0
            sensing.see_state(own.rows, own.state, own.measured, i, seen[i])
            for box in range(cars, bodies):
                sensing.sort_in(own.measured[i], own.bodies[box], seen[i])
        else:
            seen[i, :] = 0.0


# -- doors -------------------------------------------------------------------------------------------


@released
def drive_alone(
    arrays: tuple[NDArray[Any], ...],
    orders: NDArray[Any],
    noted: FloatArray,
    room: FloatArray,
    again: int,
    first: int,
    last: int,
) -> int:
    """Advance the worlds from `first` to before `last`, each of one car and nothing to touch, by one tick.

    Args:
        arrays: As of `Worlds`.
        orders: Steering and speed, shape (worlds, 1, 2).
        noted: Scratch, shape (substeps + 1, 4, 16): what `tick.advance` notes after each physics step, and
            in the last place at the start.
        room: Scratch: the two rows of the lanes, and one for a trace.
        again: 0 begins a world's next episode in the same tick, 1 in the next, 2 never.
        first: Number of a world.
        last: Number of a world.

    Returns:
        Number of the first car whose command is not finite (then nothing has changed), or -1.
    """
    bad = unfit(orders, first, last)
    if bad >= 0:
        return bad
    worlds = Worlds(*arrays)
    poses, since, trace = noted[:-1], noted[-1], room[2, : len(noted)]
    for w in range(first, last):
        lane = (w - first) % LANES
        if lane == 0:
            count = min(LANES, last - w)
            lanes.drive(worlds.params, worlds.state, worlds.measured, orders, since, poses, room, w, count)
        if _waits(worlds, w, again):
            continue
        own = _own(worlds, w)
        p, s, seen = own.params[0], own.state[0], own.measured[0]
        if s[kernel.STATUS] == 0.0:
            tick.keep_up(own.rows, p, s, poses, lane)
            own.cards[0, marshal.WHEELS_OFF] = tick.measure(own.rows, own.slabs, p, s, seen)
        _conclude(worlds, own, Drive(since, poses, lane, trace, since, False), w, again)
    return -1


@released
def drive_together(
    arrays: tuple[NDArray[Any], ...],
    orders: NDArray[Any],
    noted: FloatArray,
    room: tuple[FloatArray, FloatArray, FloatArray, IntArray, FloatArray],
    again: int,
    first: int,
    last: int,
) -> int:
    """The same for worlds in which cars can touch each other, boxes or bots.

    `room` is a trace, what touched, commands, wheels and what bots heed.
    """
    bad = unfit(orders, first, last)
    if bad >= 0:
        return bad
    worlds = Worlds(*arrays)
    poses, since = noted[:-1], noted[-1]
    trace, touch, commands, wheels, heeded = room
    for w in range(first, last):
        if _waits(worlds, w, again):
            continue
        own = _own(worlds, w)
        cards = own.cards
        for i in range(len(cards)):
            commands[i, 0], commands[i, 1] = orders[w, i, 0], orders[w, i, 1]
            wheels[i] = int(cards[i, marshal.WHEELS_OFF])
        if len(own.bots) > 0:
            _set_off(own, heeded, len(poses))
        touched = tick.advance(
            own.rows,
            own.slabs,
            own.params,
            own.state,
            commands,
            len(own.bodies) - len(own.state),
            own.bodies,
            touch,
            since,
            poses,
            own.measured,
            wheels,
        )
        if len(own.bots) > 0:
            bots.arrive(own.bots, own.bodies[len(own.bodies) - len(own.bots) :], len(poses))
        for i in range(len(cards)):
            cards[i, marshal.WHEELS_OFF] = wheels[i]
        _conclude(worlds, own, Drive(since, poses, 0, trace, touch, touched), w, again)
    return -1


@lean
def restart(arrays: tuple[NDArray[Any], ...], which: NDArray[np.bool_]) -> None:
    """Begin the episodes of some worlds as their counters say."""
    worlds = Worlds(*arrays)
    for w in range(len(which)):
        if which[w]:
            _begin(worlds, w)
            worlds.happened[w, :] = 0
            worlds.told[w, :, :] = 0.0
            worlds.last_seen[w, :, :] = 0.0


@lean
def place(
    arrays: tuple[NDArray[Any], ...],
    w: int,
    car: int,
    along: float,
    offset: float,
    turned: float,
    speed: float,
) -> None:
    """Put one car somewhere and begin its card; numbers as of `tick.start`."""
    worlds = Worlds(*arrays)
    own = _own(worlds, w)
    own.state[car, kernel.STATUS] = 0.0
    opening.place_car(own, car, along, offset, turned, speed, along)
    _observe(own, worlds.seen[w])
