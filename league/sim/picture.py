"""Drawing what a camera on a car sees: the paint on the ground, the sky, and bodies in front of them.

Pure. The camera is a pinhole that looks ahead and down, never askew, so that a row of the picture is a
line across the ground at one distance. Shapes are projected and filled with exact coverage by
`league.sim.raster`. The ground is drawn as what changes across each edge, all at once; bodies are blocks
drawn over it, the farthest first.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim import scene
from league.sim.angles import cos, sin
from league.sim.compiled import compiled
from league.sim.paint import Paint
from league.sim.raster import EDGE_COLUMNS, WEIGHT, blank, draw

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Pixels = NDArray[np.float32]

WIDTH, HEIGHT = 160, 120

# Columns of a lens: where the camera is on the car (m, rad), its focal length in pixels, and the grey
# shades, 0 to 255, of all that there is; the direction that light comes from, and how rough the ground is.
(
    AHEAD,
    ASIDE,
    ABOVE,
    PITCH,
    FOCAL,
    FIELD,
    LINE,
    ROAD,
    DASH,
    SKY_TOP,
    SKY_LOW,
    BOX,
    CAR,
    TYRES,
    LIGHT,
    GRAIN,
) = range(16)
LENS_COLUMNS = 16

NEAR_M = 0.02
"""Nothing nearer than this is drawn, as in DeepRacer."""
_GRAIN_M = 0.005
_FAR_GRAINS = float(2**30)
_TYRES_M = 0.06
_TYRE = 0.24
# Height of the tyres, and the share of a face that each takes; height of a lid.
_LID_M = 0.035
_BODY_EDGES = 96
_CORNERS = 6


def grain(size: int = 512) -> Pixels:
    """A patch of rough ground around 0, always the same."""
    rough = np.random.default_rng(20).normal(size=(size, size)).astype(np.float32)
    rough.setflags(write=False)
    return rough


def take_pictures(paint: Paint, around: scene.Scene, lenses: FloatArray, rough: Pixels) -> Pixels:
    """What every eye sees, shape (eyes, 120 * 160), whole numbers from 0 to 255, row by row from the top.

    Zeros for an eye that is nowhere.

    Args:
        paint: The circuit; all eyes are on the same one.
        around: Eyes and bodies.
        lenses: A lens for every eye, shape (eyes, 16).
        rough: `grain()`.
    """
    seen = np.zeros((len(around.eyes), HEIGHT, WIDTH), dtype=np.float32)
    edges = np.empty((max(len(paint.points), _BODY_EDGES), EDGE_COLUMNS))
    pictures(paint, *around, lenses, rough, edges, blank(HEIGHT, WIDTH), blank(HEIGHT, WIDTH), seen)
    return seen.reshape(len(seen), HEIGHT * WIDTH)


@compiled
def pictures(
    paint: Paint,
    eyes: FloatArray,
    bodies: FloatArray,
    views: IntArray,
    lenses: FloatArray,
    rough: Pixels,
    edges: FloatArray,
    sheet: Pixels,
    cover: Pixels,
    seen: Pixels,
) -> None:
    """Fill `seen`, of shape (eyes, 120, 160), which starts as zeros.

    `edges`, `sheet` and `cover` are scratch space; the sheets are blank before and after.
    """
    position = np.empty(4)
    order = np.empty(len(bodies), dtype=np.int64)
    away = np.empty(len(bodies))
    corners = np.empty((2, _CORNERS, 3))
    for i in range(len(eyes)):
        if views[i, scene.FIRST] == scene.NOWHERE:
            continue
        lens, frame = lenses[i], seen[i]
        _stand(eyes[i], lens, position)
        count = _look_down(paint, position, lens, edges)
        draw(sheet, edges, count)
        _lay_out(sheet, lens, frame)
        if lens[GRAIN] > 0.0:
            _roughen(frame, position, lens, rough)
        for k in range(_far_first(bodies, views[i], position, lens, order, away)):
            count = _block(bodies[order[k]], position, lens, edges, corners)
            if count > 0:
                _lay_over(frame, edges, count, sheet, cover)


@compiled
def _stand(eye: FloatArray, lens: FloatArray, position: FloatArray) -> None:
    """Where the camera is, and cosine and sine of where it looks."""
    c, q = cos(eye[2]), sin(eye[2])
    position[0] = eye[0] + lens[AHEAD] * c - lens[ASIDE] * q
    position[1] = eye[1] + lens[AHEAD] * q + lens[ASIDE] * c
    position[2], position[3] = c, q


@compiled
def _look_down(paint: Paint, position: FloatArray, lens: FloatArray, edges: FloatArray) -> int:
    """Project the paint that is in view; gives the number of edges."""
    points, runs, around = paint.points, paint.runs, paint.around
    x, y, c, q = position[0], position[1], position[2], position[3]
    focal, above = lens[FOCAL], lens[ABOVE]
    down, level = sin(lens[PITCH]), cos(lens[PITCH])
    half_width, half_height = WIDTH / 2.0, HEIGHT / 2.0
    # The distance on the ground at which the picture's bottom edge lies: all nearer is out of view.
    nearest = above * (focal * level - half_height * down) / (focal * down + half_height * level)
    spread = half_width / focal
    slant = sqrt(1.0 + spread * spread * level * level)
    count = 0
    for r in range(len(runs)):
        dx, dy = around[r, 0] - x, around[r, 1] - y
        ahead, aside, radius = dx * c + dy * q, dy * c - dx * q, around[r, 2]
        if ahead + radius < nearest:
            continue
        if abs(aside) - spread * (ahead * level + above * down) > radius * slant:
            continue
        shades = runs[r, 2]
        weight = lens[FIELD + shades + 1] - lens[FIELD + shades]
        last_ahead, last_aside, last_column, last_row = 0.0, 0.0, 0.0, 0.0
        for p in range(runs[r, 0], runs[r, 1]):
            dx, dy = points[p, 0] - x, points[p, 1] - y
            ahead, aside = dx * c + dy * q, dy * c - dx * q
            over = 1.0 / (max(ahead, nearest) * level + above * down)
            column = half_width - focal * aside * over
            row = half_height + focal * (above * level - ahead * down) * over
            if p > runs[r, 0] and (ahead >= nearest or last_ahead >= nearest):
                x0, y0, x1, y1 = last_column, last_row, column, row
                if ahead < nearest or last_ahead < nearest:
                    part = (nearest - last_ahead) / (ahead - last_ahead)
                    over = 1.0 / (nearest * level + above * down)
                    cut = half_width - focal * (last_aside + part * (aside - last_aside)) * over
                    if ahead < nearest:
                        x1, y1 = cut, half_height * 2.0
                    else:
                        x0, y0 = cut, half_height * 2.0
                if (x0 > 0.0 or x1 > 0.0) and (x0 < WIDTH or x1 < WIDTH):
                    edges[count, 0], edges[count, 1], edges[count, 2], edges[count, 3] = x0, y0, x1, y1
                    edges[count, WEIGHT] = weight
                    count += 1
            last_ahead, last_aside, last_column, last_row = ahead, aside, column, row
    return count


@compiled
def horizon(pitch: float, focal: float) -> float:
    """How far below the top of the picture the horizon lies, in pixels."""
    return float(HEIGHT / 2.0 - focal * sin(pitch) / cos(pitch))


@compiled
def _lay_out(sheet: Pixels, lens: FloatArray, frame: Pixels) -> None:
    """Sum up the sheet over field and sky, and leave it blank."""
    level = horizon(lens[PITCH], lens[FOCAL])
    carry = np.zeros(WIDTH, dtype=np.float32)
    for row in range(HEIGHT):
        sky = min(max(level - row, 0.0), 1.0)
        fade = min(max((row + 0.5) / max(level, 1.0), 0.0), 1.0)
        shade = np.float32(
            sky * (lens[SKY_TOP] + fade * (lens[SKY_LOW] - lens[SKY_TOP])) + (1.0 - sky) * lens[FIELD] + 0.5
        )
        if sky >= 1.0:
            frame[row, :] = np.floor(shade)
            continue
        for column in range(WIDTH):
            carry[column] += sheet[row, column]
            sheet[row, column] = np.float32(0.0)
            lit = min(max(carry[column] + shade, np.float32(0.0)), np.float32(255.0))
            frame[row, column] = np.floor(lit)
    sheet[HEIGHT:, :] = np.float32(0.0)


@compiled
def _roughen(frame: Pixels, position: FloatArray, lens: FloatArray, rough: Pixels) -> None:
    """Give the ground a texture, fainter where a pixel spans many grains."""
    down, level, focal, above = sin(lens[PITCH]), cos(lens[PITCH]), lens[FOCAL], lens[ABOVE]
    most = len(rough) - 1
    start = max(int(horizon(lens[PITCH], focal)) + 2, 0)
    for row in range(start, HEIGHT):
        drop = row + 0.5 - HEIGHT / 2.0
        ahead = above * (focal * level - drop * down) / (focal * down + drop * level)
        depth = ahead * level + above * down
        strength = np.float32(lens[GRAIN] / (1.0 + depth * depth / (above * focal) / _GRAIN_M))
        if strength < 0.01:
            continue
        # In grains, from a corner so far away that all are positive; a pixel further is a step further.
        aside, step = (WIDTH / 2.0 - 0.5) * depth / focal, depth / focal / _GRAIN_M
        x = (position[0] + ahead * position[2] - aside * position[3]) / _GRAIN_M + _FAR_GRAINS
        y = (position[1] + ahead * position[3] + aside * position[2]) / _GRAIN_M + _FAR_GRAINS
        for column in range(WIDTH):
            east = int(x + column * step * position[3]) & most
            north = int(y - column * step * position[2]) & most
            lump = rough[east, north]
            lit = frame[row, column] * (np.float32(1.0) + strength * lump) + np.float32(0.5)
            frame[row, column] = np.floor(min(max(lit, np.float32(0.0)), np.float32(255.0)))


# -- bodies ----------------------------------------------------------------------------------------


@compiled
def _far_first(
    bodies: FloatArray,
    view: IntArray,
    position: FloatArray,
    lens: FloatArray,
    order: IntArray,
    away: FloatArray,
) -> int:
    """Sort the bodies in front of the camera; gives how many there are."""
    spread = WIDTH / 2.0 / lens[FOCAL]
    down, level = sin(lens[PITCH]), cos(lens[PITCH])
    slant = sqrt(1.0 + spread * spread)
    count = 0
    for k in range(view[scene.FIRST], view[scene.PAST]):
        radius = bodies[k, scene.RADIUS]
        if k == view[scene.OWN] or radius <= 0.0:
            continue
        dx, dy = bodies[k, scene.MIDDLE_X] - position[0], bodies[k, scene.MIDDLE_Y] - position[1]
        ahead = dx * position[2] + dy * position[3]
        aside = dy * position[2] - dx * position[3]
        depth = ahead * level + lens[ABOVE] * down
        if depth + radius < NEAR_M or abs(aside) - spread * depth > radius * slant:
            continue
        distance = dx * dx + dy * dy
        at = count
        while at > 0 and away[at - 1] < distance:
            order[at], away[at] = order[at - 1], away[at - 1]
            at -= 1
        order[at], away[at] = k, distance
        count += 1
    return count


@compiled
def _block(
    body: FloatArray, position: FloatArray, lens: FloatArray, edges: FloatArray, corners: FloatArray
) -> int:
    """Project the visible faces of a body; gives the number of edges.

    A car stands on its tyres; a box has a lid.
    """
    x, y, c, q = body[scene.MIDDLE_X], body[scene.MIDDLE_Y], body[scene.COS], body[scene.SIN]
    high = body[scene.HEIGHT]
    car = body[scene.KIND] == scene.CAR
    split = _TYRES_M if car else high - _LID_M
    main = lens[CAR] if car else lens[BOX]
    count = 0
    for face in range(5):
        if face == 4:
            if lens[ABOVE] <= high:
                continue
            shade = main * 1.12
            count = _top(body, high, position, lens, shade, edges, count, corners)
            continue
        # The outward normal, how far out the face is, and half its width.
        nx, ny = (c, q) if face % 2 == 0 else (-q, c)
        out, half = body[scene.HALF_LENGTH], body[scene.HALF_WIDTH]
        if face % 2 == 1:
            out, half = half, out
        if face >= 2:
            nx, ny = -nx, -ny
        mx, my = x + nx * out, y + ny * out
        if (position[0] - mx) * nx + (position[1] - my) * ny <= 0.0:
            continue
        light = 0.86 + 0.14 * (nx * cos(lens[LIGHT]) + ny * sin(lens[LIGHT]))
        ax, ay, bx, by = mx - ny * half, my + nx * half, mx + ny * half, my - nx * half
        for band in range(2 if not car else 4):
            # A box is cardboard with a lid; a car is a body on two tyres with the chassis between them.
            low, top, start, end, shade = 0.0, split, 0.0, 1.0, main
            if band == (3 if car else 1):
                low, top, shade = split, high, main if car else main * 0.8
            elif car:
                start, end = (0.0, _TYRE) if band == 0 else (_TYRE, 1.0 - _TYRE)
                if band == 2:
                    start, end = 1.0 - _TYRE, 1.0
                shade = 0.5 * (lens[TYRES] + main) if band == 1 else lens[TYRES]
            sx, sy = ax + start * (bx - ax), ay + start * (by - ay)
            ex, ey = ax + end * (bx - ax), ay + end * (by - ay)
            _corner(corners, 0, sx, sy, low, position, lens)
            _corner(corners, 1, ex, ey, low, position, lens)
            _corner(corners, 2, ex, ey, top, position, lens)
            _corner(corners, 3, sx, sy, top, position, lens)
            count = _face(corners, shade * light, lens, edges, count)
    return count


@compiled
def _top(
    body: FloatArray,
    high: float,
    position: FloatArray,
    lens: FloatArray,
    shade: float,
    edges: FloatArray,
    count: int,
    corners: FloatArray,
) -> int:
    lx, ly = body[scene.COS] * body[scene.HALF_LENGTH], body[scene.SIN] * body[scene.HALF_LENGTH]
    wx, wy = -body[scene.SIN] * body[scene.HALF_WIDTH], body[scene.COS] * body[scene.HALF_WIDTH]
    for k in range(4):
        along = 1.0 if k in (0, 3) else -1.0
        aside = 1.0 if k < 2 else -1.0
        x = body[scene.MIDDLE_X] + along * lx + aside * wx
        y = body[scene.MIDDLE_Y] + along * ly + aside * wy
        _corner(corners, k, x, y, high, position, lens)
    return _face(corners, shade, lens, edges, count)


@compiled
def _corner(
    corners: FloatArray, k: int, x: float, y: float, z: float, position: FloatArray, lens: FloatArray
) -> None:
    """Write a point as the camera has it: depth, to the right, down."""
    dx, dy = x - position[0], y - position[1]
    ahead, aside = dx * position[2] + dy * position[3], dy * position[2] - dx * position[3]
    below = lens[ABOVE] - z
    corners[0, k, 0] = ahead * cos(lens[PITCH]) + below * sin(lens[PITCH])
    corners[0, k, 1] = -aside
    corners[0, k, 2] = below * cos(lens[PITCH]) - ahead * sin(lens[PITCH])


@compiled
def _face(corners: FloatArray, shade: float, lens: FloatArray, edges: FloatArray, count: int) -> int:
    """Add the edges of a face of four corners, as far as it lies in front of the camera."""
    kept = 0
    for k in range(4):
        m = (k + 1) % 4
        this, following = corners[0, k, 0] - NEAR_M, corners[0, m, 0] - NEAR_M
        if this >= 0.0:
            _project(corners, kept, corners[0, k, 0], corners[0, k, 1], corners[0, k, 2], lens[FOCAL])
            kept += 1
        if (this >= 0.0) != (following >= 0.0):
            part = this / (this - following)
            aside = corners[0, k, 1] + part * (corners[0, m, 1] - corners[0, k, 1])
            below = corners[0, k, 2] + part * (corners[0, m, 2] - corners[0, k, 2])
            _project(corners, kept, NEAR_M, aside, below, lens[FOCAL])
            kept += 1
    area = 0.0
    for k in range(kept):
        m = (k + 1) % kept
        area += corners[1, k, 0] * corners[1, m, 1] - corners[1, m, 0] * corners[1, k, 1]
    for k in range(kept):
        m = (k + 1) % kept
        edges[count, 0], edges[count, 1] = corners[1, k, 0], corners[1, k, 1]
        edges[count, 2], edges[count, 3] = corners[1, m, 0], corners[1, m, 1]
        edges[count, WEIGHT] = -shade if area > 0.0 else shade
        count += 1
    return count


@compiled
def _project(corners: FloatArray, k: int, depth: float, aside: float, below: float, focal: float) -> None:
    corners[1, k, 0] = WIDTH / 2.0 + focal * aside / depth
    corners[1, k, 1] = HEIGHT / 2.0 + focal * below / depth


@compiled
def _lay_over(frame: Pixels, edges: FloatArray, count: int, sheet: Pixels, cover: Pixels) -> None:
    """Draw the faces of one body over the picture; they do not overlap, so their shares add up."""
    west, east, north, south = float(WIDTH), 0.0, float(HEIGHT), 0.0
    for e in range(count):
        west, east = min(west, edges[e, 0]), max(east, edges[e, 0])
        north, south = min(north, edges[e, 1]), max(south, edges[e, 1])
    first, past = max(int(west), 0), min(int(east) + 1, WIDTH)
    top, bottom = max(int(north), 0), min(int(south) + 1, HEIGHT)
    draw(sheet, edges, count)
    for e in range(count):
        edges[e, WEIGHT] = 1.0 if edges[e, WEIGHT] > 0.0 else -1.0
    draw(cover, edges, count)
    for column in range(first, past):
        lit, covered = np.float32(0.0), np.float32(0.0)
        for row in range(top, bottom):
            lit += sheet[row, column]
            covered += cover[row, column]
            mixed = frame[row, column] * (np.float32(1.0) - covered) + lit
            frame[row, column] = np.floor(
                min(max(mixed + np.float32(0.5), np.float32(0.0)), np.float32(255.0))
            )
    sheet[top : bottom + 2, first:past] = np.float32(0.0)
    cover[top : bottom + 2, first:past] = np.float32(0.0)
