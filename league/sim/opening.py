"""How an episode opens: where cars start, where boxes and bots stand and how much each car differs.

Pure, compiled. All of it is drawn from a random stream of each world's own, which depends on nothing but
the world's seed, the number of the episode and what is drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from league.sim import bots, contact, kernel, road, tick
from league.sim.compiled import lean
from league.sim.draws import chance
from league.sim.lanelines import ahead
from league.sim.marshal import (
    BEFORE,
    BOX_ALONG,
    BOX_OFFSET,
    FASTEST_BOT,
    GRID_GAP_M,
    HEADING,
    MARKS,
    OFFSET_BEFORE,
    ON_LINE,
    PROGRESS,
    RANDOM_BOTS,
    RANDOM_BOXES,
    SECTORS,
    SETTINGS,
    SLOWEST_BOT,
    SPEED,
    SPREAD,
    STAND_STILL,
    WHEELS_OFF,
    Own,
    lane,
)
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
from league.sim.objects import BOX_LENGTH_M, BOX_WIDTH_M

FloatArray = NDArray[np.float64]

BOX_HALF_LENGTH_M, BOX_HALF_WIDTH_M = BOX_LENGTH_M / 2, BOX_WIDTH_M / 2
TRIES = 64
"""How often places are drawn anew before the last ones are taken as they are."""

# Numbers of draws: the start's, the boxes' and the cars' figures' are far apart.
_START, _BOXES, _BOTS, _FIGURES = 0, 1_000, 5_000, 10_000
_DRAWS = 16


@lean
def begin(own: Own, starts: FloatArray, seed: int, episode: int) -> None:
    """Start an episode of one world: draw what is left to chance, place its cars and clear their cards.

    Args:
        own: The world. After the settings in `own.rules` come the figures of its kind of car, then by how
            large a share each may differ; nothing, if all cars are the same.
        starts: How its bots begin, but for what is drawn.
        seed: Of the world.
        episode: Number of the episode.
    """
    state, rules, rows = own.state, own.rules, own.rows
    state[:, :] = 0.0
    own.cards[:, :] = 0.0
    if len(rules) > SETTINGS:
        _vary(own, seed, episode)
    for i in range(len(own.params)):
        if own.params[i, kernel.SPINS] > 0.0:
            kernel.begin_stream(own.params[i], seed, episode, i)
    if rules[RANDOM_BOXES] > 0.0:
        _put_boxes(own, seed, episode)
    if len(starts) > 0:
        for k in range(len(starts)):
            for column in range(bots.BOT_ROW):
                own.bots[k, column] = starts[k, column]
        if rules[RANDOM_BOTS] > 0.0:
            _put_bots(own, seed, episode)
        bots.stand(own.lines, own.bots, own.bodies[len(state) + len(own.stands) :])
    length = road.length_of(rows)
    on_line = chance(seed, episode, _START) < rules[ON_LINE]
    along = 0.0
    for again in range(TRIES):
        if not on_line:
            along = chance(seed, episode, _START + again * _DRAWS + 1) * length
        _place_all(own, along, on_line, seed, episode, again)
        if on_line or len(own.bodies) == len(state) or _all_fit(own):
            break


@lean
def _place_all(own: Own, along: float, on_line: bool, seed: int, episode: int, again: int) -> None:
    """Place the cars of a world, the first one at a distance along the road, and begin their cards."""
    rows, rules, cars = own.rows, own.rules, len(own.state)
    length = road.length_of(rows)
    draw = _START + again * _DRAWS
    speed = 0.0
    if not on_line and chance(seed, episode, draw + 2) >= rules[STAND_STILL]:
        speed = chance(seed, episode, draw + 3) * rules[SPEED]
    for i in range(cars):
        start = along - i * rules[GRID_GAP_M]
        offset, turned = 0.0, 0.0
        place = start % length
        if cars > 1:
            # The outer lane first; it is on the right of an anticlockwise circuit.
            left = 1.0 if (rows[0, road.AROUND] < 0.0) == (i % 2 == 0) else 0.0
            offset = lane(rows, place, left)
        elif not on_line:
            segment = road.find(rows, place)
            reach = min(max(place - rows[segment, road.ALONG], 0.0), rows[segment, road.LENGTH])
            half = own.params[i, kernel.HALF_WIDTH]
            room_left = max(road.between(rows, road.LEFT, segment, reach) - half, 0.0)
            room_right = max(road.between(rows, road.RIGHT, segment, reach) - half, 0.0)
            part = chance(seed, episode, draw + 4)
            offset = rules[SPREAD] * (part * (room_left + room_right) - room_right)
            turned = rules[HEADING] * (2.0 * chance(seed, episode, draw + 5) - 1.0)
        place_car(own, i, start, offset, turned, speed, start if on_line else place)


@lean
def place_car(
    own: Own, i: int, along: float, offset: float, turned: float, speed: float, counted: float
) -> None:
    """Place one car and begin its card, as if it had started at the distance `counted`.

    Up to 0 that is the grid, beyond it out on the road: the first lap of a car on the grid begins with
    the episode, that of any other once it crosses the start line.
    """
    seen, card = own.measured[i], own.cards[i]
    length = road.length_of(own.rows)
    wheels = tick.start(own.rows, own.slabs, own.params[i], own.state[i], seen, along, offset, turned, speed)
    progress = counted if counted <= 0.0 else counted - length
    card[:] = 0.0
    card[WHEELS_OFF] = wheels
    card[PROGRESS] = card[BEFORE] = progress
    if counted > 0.0:
        card[MARKS] = np.floor(progress / (length / own.rules[SECTORS]))
        card[OFFSET_BEFORE] = seen[tick.OFFSET]


@lean
def _all_fit(own: Own) -> bool:
    """Whether no car touches a box, with the direction that it has."""
    cars = len(own.state)
    for i in range(cars):
        contact.shape_car(own.bodies[i], own.params[i], own.state[i])
        for j in range(cars, len(own.bodies)):
            if contact.overlap(own.bodies[i], own.bodies[j])[0] > 0.0:
                return False
    return True


@lean
def _vary(own: Own, seed: int, episode: int) -> None:
    """Draw every car's figures anew, each evenly and by itself."""
    figures = own.rules[SETTINGS:]
    count = len(figures) // 2
    for i in range(len(own.params)):
        drawn = own.params[i, kernel.PARAMETERS :]
        for k in range(count):
            draw = chance(seed, episode, _FIGURES + i * count + k)
            drawn[k] = figures[k] * (1.0 + figures[count + k] * (2.0 * draw - 1.0))
        kernel.write(own.params[i], drawn)


@lean
def _put_boxes(own: Own, seed: int, episode: int) -> None:
    """Stand the boxes on lane lines, so far apart and where they can be passed, if such places are found."""
    length, cars = road.length_of(own.rows), len(own.state)
    count = len(own.stands)
    boxes = own.bodies[cars : cars + count]
    first = max(FIRST_SHARE * length, CLEAR_M)
    last = min(LAST_SHARE * length, length - cars * own.rules[GRID_GAP_M] - CLEAR_M)
    apart = apart_m(length, len(own.bots))
    # Drawn without the distances, which are put in afterwards: so none has to be refused for them.
    room = max(last - first - (count - 1) * apart, 0.0)
    for again in range(TRIES):
        passable = True
        for box in range(count):
            draw = _BOXES + (again * count + box) * 2
            _sort_in(boxes, box, chance(seed, episode, draw) * room)
        for box in range(count):
            along = min(boxes[box, BOX_ALONG] + first + box * apart, length - 1e-6)
            left = np.floor(2.0 * chance(seed, episode, _BOXES + (again * count + box) * 2 + 1))
            boxes[box, BOX_ALONG], boxes[box, BOX_OFFSET] = along, lane(own.rows, along, left)
            passable = passable and _passable(own, boxes[box], left)
        if passable:
            break
    for box in range(count):
        x, y, yaw, _ = tick.nose_at(own.rows, boxes[box, BOX_ALONG], boxes[box, BOX_OFFSET])
        contact.shape(boxes[box], x, y, yaw, BOX_HALF_LENGTH_M, BOX_HALF_WIDTH_M)
        if len(own.bots) > 0:
            place, aside = boxes[box, BOX_ALONG], boxes[box, BOX_OFFSET]
            bots.heed(own.stands[box], place, aside, 0.0, 1.0, BOX_HALF_LENGTH_M, BOX_HALF_WIDTH_M)


@lean
def apart_m(length: float, bots: int) -> float:
    """How far apart two boxes are at least on a road of this length."""
    apart = APART_SHARE * length
    return max(apart, APART_WITH_BOTS_M) if bots > 0 else apart


@lean
def _put_bots(own: Own, seed: int, episode: int) -> None:
    """Draw places, lanes, speeds and random streams for bots.

    Each is somewhere in the first half of a stretch of its own, not too near behind a box if it can be.
    """
    rules, count = own.rules, len(own.bots)
    stretch = bot_stretch(road.length_of(own.rows), len(own.state), count, rules[GRID_GAP_M])
    for k in range(count):
        b = own.bots[k]
        for again in range(TRIES):
            draw = _BOTS + (again * count + k) * 4
            b[bots.ALONG] = FIRST_BOT_M + (k + 0.5 * chance(seed, episode, draw)) * stretch
            b[bots.LANE] = 1.0 if chance(seed, episode, draw + 1) < 0.5 else -1.0
            if not _box_near(own, b):
                break
        draw = _BOTS + k * 4
        share = chance(seed, episode, draw + 2)
        b[bots.TARGET] = b[bots.ORIGIN] = b[bots.LANE]
        b[bots.SPEED] = rules[SLOWEST_BOT] + share * (rules[FASTEST_BOT] - rules[SLOWEST_BOT])
        b[bots.KEY] = np.floor(chance(seed, episode, draw + 3) * 2.0**53)


@lean
def bot_stretch(length: float, cars: int, count: int, grid_gap: float) -> float:
    """Length of road that each of the bots has to itself, the grid and what is kept clear of it left out."""
    return (length - FIRST_BOT_M - cars * grid_gap - CLEAR_M) / count


@lean
def _box_near(own: Own, b: FloatArray) -> bool:
    """Whether a bot would start too near to a box on its own lane."""
    for k in range(len(own.stands)):
        away = ahead(own.lines, b[bots.ALONG], own.stands[k, bots.PLACE], b[bots.LANE])
        if (own.stands[k, bots.ASIDE] > 0.0) == (b[bots.LANE] > 0.0) and -PAST_BOX_M < away < BEFORE_BOX_M:
            return True
    return False


@lean
def _sort_in(boxes: FloatArray, count: int, along: float) -> None:
    """Put a distance among those of the first `count` boxes, which are in order."""
    at = count
    while at > 0 and boxes[at - 1, BOX_ALONG] > along:
        boxes[at, BOX_ALONG] = boxes[at - 1, BOX_ALONG]
        at -= 1
    boxes[at, BOX_ALONG] = along


@lean
def _passable(own: Own, box: FloatArray, left: float) -> bool:
    """Whether every car fits between a box and the border on the other side."""
    other = 2.0 * abs(lane(own.rows, box[BOX_ALONG], 1.0 - left))
    free = other + abs(box[BOX_OFFSET]) - BOX_HALF_WIDTH_M
    for i in range(len(own.params)):  # noqa: SIM110 - the compiler knows no generators
        if free < 2.0 * own.params[i, kernel.HALF_WIDTH] + 2.0 * PASS_M:
            return False
    return True
