"""A recording as pictures: the circuit from above, the cars with their trails, and the timing tower.

What does not move is drawn once, twice as large, and made smaller, so that its edges are smooth; cars are
small pictures that are turned. So a picture takes about ten milliseconds, not a plotting library's hundred.
"""

from __future__ import annotations

from math import cos, degrees, pi, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from league.racing.distance import distance
from league.racing.fact import Fact
from league.racing.heat import FRAME_FIELDS, OUT
from league.racing.recording import Recording
from league.racing.tower import Tower, TowerRow

Colour = tuple[int, int, int]

COLOURS: Final[tuple[Colour, ...]] = (
    (230, 57, 53), (30, 119, 222), (51, 168, 84), (245, 158, 11),
    (142, 68, 196), (0, 166, 173), (232, 90, 166), (140, 115, 85),
)  # fmt: skip
"""Of the cars by seat."""
_GROUND, _ROAD, _EDGE, _DASH, _START = (
    (24, 28, 32),
    (74, 80, 87),
    (235, 235, 235),
    (200, 170, 60),
    (220, 60, 60),
)
_INK, _SOFT, _PANEL, _BLOCK = (240, 240, 240), (150, 156, 163), (34, 39, 44), (166, 124, 82)
_TONES: Final = {"best": (200, 120, 255), "own": (90, 220, 120), "": _INK}
_PANEL_PX: Final = 330
_MARGIN_PX: Final = 24
_ROW_PX: Final = 62
_FINE: Final = 2
_TRAIL_S: Final = 1.2
_ALONG, _LAP, _FLAGS = (FRAME_FIELDS.index(name) for name in ("along_m", "lap", "flags"))


class Pictures:
    """Draws moments of one recording.

    Args:
        recording: The heat.
        width_px: Of a picture; even.
        height_px: Of a picture; even.
    """

    def __init__(self, recording: Recording, *, width_px: int = 1280, height_px: int = 720) -> None:
        self.size = (width_px, height_px)
        self._recording = recording
        self._hz = recording.plan.rules.control_hz
        self._names = [entry.name for entry in recording.plan.grid]
        self._font = ImageFont.load_default(20)
        self._small = ImageFont.load_default(15)
        self._fit()
        self._ground = self._draw_ground()
        self._cars = [self._draw_car(COLOURS[seat % len(COLOURS)]) for seat in range(len(self._names))]
        self._bot = self._draw_car(_BLOCK)
        self._facts: list[Fact] = sorted(recording.facts, key=lambda fact: fact.tick)
        self._tower, self._heard = Tower(self._names), 0

    @property
    def length_s(self) -> float:
        """How long the heat took."""
        return (len(self._recording.frames) - 1) / self._hz

    def at(self, time_s: float) -> Image.Image:
        """The moment `time_s` after the green light; moments must be asked for in order."""
        tick = min(time_s * self._hz, len(self._recording.frames) - 1)
        before = int(tick)
        self._hear(before)
        picture = self._ground.copy()
        draw = ImageDraw.Draw(picture)
        frame = _between(self._recording.frames, tick)
        self._draw_trails(draw, before)
        for number, bot in enumerate(_between(self._recording.bot_frames, tick)):
            size = self._recording.bots[number]
            self._paste(picture, self._bot, bot, (size.length_m, size.width_m), 0.0)
        car = self._recording.car
        ahead_m = car.length_m / 2 - car.body_rear_m
        for seat in range(len(self._names)):
            self._paste(picture, self._cars[seat], frame[seat], (car.length_m, car.width_m), ahead_m)
        self._draw_tower(draw, frame, tick / self._hz)
        return picture

    # -- the ground, once ------------------------------------------------------------------------------

    def _fit(self) -> None:
        """Find the scale at which the circuit fills the part beside the tower."""
        circuit = self._recording.circuit
        points = np.concatenate((circuit.left, circuit.right))
        low, high = points.min(axis=0), points.max(axis=0)
        room = np.array((self.size[0] - _PANEL_PX - 2 * _MARGIN_PX, self.size[1] - 2 * _MARGIN_PX), float)
        self._scale = float((room / np.maximum(high - low, 1e-6)).min())
        middle = np.array((_PANEL_PX + _MARGIN_PX, _MARGIN_PX)) + room / 2
        self._offset = middle - (low + high) / 2 * self._scale * (1, -1)

    def _px(self, points: NDArray[np.float64], times: float = 1.0) -> list[tuple[float, float]]:
        """Points in m as pixels, y downwards."""
        placed = (np.asarray(points) * self._scale * (1, -1) + self._offset) * times
        return [(float(x), float(y)) for x, y in placed]

    def _draw_ground(self) -> Image.Image:
        """The circuit, the boxes on it, and an empty tower."""
        circuit = self._recording.circuit
        large = Image.new("RGB", (self.size[0] * _FINE, self.size[1] * _FINE), _GROUND)
        draw = ImageDraw.Draw(large)
        left, right = self._px(circuit.left, _FINE), self._px(circuit.right, _FINE)
        for k in range(len(left)):  # piece by piece: a road may cross itself
            draw.polygon((left[k - 1], left[k], right[k], right[k - 1]), fill=_ROAD)
        centre = self._px(circuit.centre, _FINE)
        for k in range(0, len(centre) - 1, 4):
            draw.line(centre[k : k + 3], fill=_DASH, width=_FINE)
        for border in (left, right):
            draw.line([*border, border[0]], fill=_EDGE, width=2 * _FINE, joint="curve")
        draw.line((left[0], right[0]), fill=_START, width=4 * _FINE)
        for box in self._recording.boxes:
            corners = _corners(box.x_m, box.y_m, box.yaw_rad, box.length_m, box.width_m)
            draw.polygon(self._px(corners, _FINE), fill=_BLOCK)
        ground = large.resize(self.size, Image.Resampling.LANCZOS)
        draw = ImageDraw.Draw(ground)
        draw.rectangle((0, 0, _PANEL_PX, self.size[1]), fill=_PANEL)
        for left_px, tone, meaning in ((18, "best", "fastest of all"), (150, "own", "own fastest")):
            draw.text((left_px, self.size[1] - 30), meaning, font=self._small, fill=_TONES[tone])
        return ground

    def _draw_car(self, colour: Colour) -> Image.Image:
        """A car that looks to the right, large."""
        car = self._recording.car
        wide, tall = 160, max(2, round(160 * car.width_m / car.length_m))
        picture = Image.new("RGBA", (wide + 8, tall + 8))
        draw = ImageDraw.Draw(picture)
        draw.rounded_rectangle(
            (4, 4, wide + 3, tall + 3), radius=22, fill=(*colour, 255), outline=(15, 15, 15, 255), width=6
        )
        draw.rounded_rectangle(
            (wide * 0.55, tall * 0.18 + 4, wide * 0.78, tall * 0.82 + 4), radius=10, fill=(20, 24, 28, 255)
        )
        return picture

    # -- what moves ------------------------------------------------------------------------------------

    def _hear(self, tick: int) -> None:
        while self._heard < len(self._facts) and self._facts[self._heard].tick < tick:
            self._tower.hear(self._facts[self._heard])
            self._heard += 1

    def _draw_trails(self, draw: ImageDraw.ImageDraw, tick: int) -> None:
        first = max(0, tick - round(_TRAIL_S * self._hz))
        if tick - first < 1:
            return
        for seat in range(len(self._names)):
            trail = self._recording.frames[first : tick + 1, seat, :2]
            jumps = np.linalg.norm(np.diff(trail, axis=0), axis=1) > 1.0  # it was put back on the road
            start = int(np.flatnonzero(jumps)[-1]) + 1 if jumps.any() else 0
            if len(trail) - start > 1:
                soft = tuple(
                    (2 * part + base) // 3
                    for part, base in zip(COLOURS[seat % len(COLOURS)], _ROAD, strict=True)
                )
                draw.line(self._px(trail[start:]), fill=soft, width=3)

    def _paste(
        self,
        picture: Image.Image,
        car: Image.Image,
        frame: NDArray[np.float64],
        size_m: tuple[float, float],
        ahead_m: float,
    ) -> None:
        """Put a car's picture where it is; never so small that it cannot be seen."""
        x_m, y_m, yaw_rad = (float(value) for value in frame[:3])
        length_px = max(size_m[0] * self._scale, 14.0)
        small = car.resize(
            (round(length_px), max(6, round(length_px * car.height / car.width))), Image.Resampling.BILINEAR
        ).rotate(degrees(yaw_rad), Image.Resampling.BICUBIC, expand=True)
        ((x, y),) = self._px(np.array([(x_m + ahead_m * cos(yaw_rad), y_m + ahead_m * sin(yaw_rad))]))
        picture.paste(small, (round(x - small.width / 2), round(y - small.height / 2)), small)

    def _draw_tower(self, draw: ImageDraw.ImageDraw, frame: NDArray[np.float64], time_s: float) -> None:
        plan = self._recording.plan
        minutes, rest_s = divmod(time_s, 60)
        draw.text((18, 14), _shortened(self._recording.circuit.name, 30), font=self._font, fill=_INK)
        draw.text(
            (18, 40),
            f"{int(minutes)}:{rest_s:04.1f}   {distance(plan.rules.laps)}",
            font=self._small,
            fill=_SOFT,
        )
        distance_m = (frame[:, _LAP] * self._recording.circuit.length_m + frame[:, _ALONG]).tolist()
        for row in self._tower.rows(distance_m):
            self._draw_row(
                draw, row, 72 + (row.place - 1) * _ROW_PX, bool(int(frame[row.seat, _FLAGS]) & OUT)
            )

    def _draw_row(self, draw: ImageDraw.ImageDraw, row: TowerRow, top: int, out: bool) -> None:
        ink = _SOFT if out else _INK
        draw.rectangle((18, top + 2, 23, top + _ROW_PX - 12), fill=COLOURS[row.seat % len(COLOURS)])
        draw.text((34, top), f"{row.place}  {_shortened(row.name, 17)}", font=self._font, fill=ink)
        behind = "" if row.gap_s is None else f"+{row.gap_s:.2f}"
        if row.total_s is not None:
            behind = f"{row.total_s:.3f}"
        draw.text((_PANEL_PX - 14, top), behind, font=self._font, fill=ink, anchor="ra")
        state = f"lap {row.laps + 1}" if row.state == "racing" else _shortened(row.state, 14)
        draw.text((34, top + 26), state, font=self._small, fill=_SOFT)
        for right, label, value, tone in (
            (_PANEL_PX - 104, "last", row.last_s, row.last_tone),
            (_PANEL_PX - 14, "best", row.best_s, row.best_tone),
        ):
            if value is not None:
                draw.text(
                    (right, top + 26),
                    f"{label} {value:.2f}",
                    font=self._small,
                    fill=_TONES[tone],
                    anchor="ra",
                )


def _between(frames: NDArray[np.float64], tick: float) -> NDArray[np.float64]:
    """Frames at a moment between two ticks; who was put back on the road is not drawn on the way there."""
    before = min(int(tick), len(frames) - 1)
    after = min(before + 1, len(frames) - 1)
    part = tick - before
    mixed: NDArray[np.float64] = frames[before].copy()
    moved = frames[after, :, :2] - frames[before, :, :2]
    near = np.linalg.norm(moved, axis=1) < 1.0
    mixed[near, :2] += part * moved[near]
    turned = (frames[after, :, 2] - frames[before, :, 2] + pi) % (2 * pi) - pi
    mixed[near, 2] += part * turned[near]
    return mixed


def _corners(x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float) -> NDArray[np.float64]:
    along = np.array((cos(yaw_rad), sin(yaw_rad))) * length_m / 2
    aside = np.array((-sin(yaw_rad), cos(yaw_rad))) * width_m / 2
    return np.array((x_m, y_m)) + np.array((along + aside, along - aside, -along - aside, -along + aside))


def _shortened(text: str, most: int) -> str:
    """A name without what a font cannot draw, no longer than fits."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"
