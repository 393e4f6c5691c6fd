"""Pictures of a track from above, drawn with a camera that is known exactly."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, sin

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SIZE = (1280, 720)
TAG_M = 0.10
_FINE = 3
"""Pictures are drawn so many times finer, then brought down."""
_MODULES = 10
"""A tag36h11 has 8 by 8 modules with its black border; a white one goes round it."""


class Overhead:
    """A camera above the track: 1280 × 720, a lens with distortion, noise.

    Args:
        at: Where it hangs, in m.
        looks_at: The point on the ground in the middle of its picture.
        focal_px: Of its lens.
        distortion: OpenCV's coefficients.
        noise: Standard deviation of every pixel, of 255.
    """

    def __init__(
        self,
        at: tuple[float, float, float],
        looks_at: tuple[float, float],
        *,
        focal_px: float = 900.0,
        distortion: tuple[float, ...] = (-0.12, 0.04, 0.0005, -0.0004, 0.0),
        noise: float = 2.0,
        seed: int = 1,
    ) -> None:
        width, height = SIZE
        self.matrix = np.array([[focal_px, 0, 650.0], [0, focal_px, 352.0], [0, 0, 1]])
        self.distortion = np.array(distortion)
        place = np.array(at)
        ahead = np.array((*looks_at, 0.0)) - place
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        self.rotation = np.stack((right, np.cross(ahead, right), ahead))
        self.translation = -self.rotation @ place
        self._random = np.random.default_rng(seed)
        pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float64)
        straight = cv2.undistortPoints(
            pixels.reshape(-1, 1, 2), self.matrix, self.distortion, P=self.matrix
        ).reshape(height, width, 2)
        self._map = straight.astype(np.float32)
        self._grain = self._random.normal(0, noise, (height, width)).astype(np.float32)
        family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
        self._textures = {
            tag: cv2.copyMakeBorder(
                cv2.aruco.generateImageMarker(family, tag, 160),
                20,
                20,
                20,
                20,
                cv2.BORDER_CONSTANT,
                value=235,
            )
            for tag in range(24)
        }

    def pixel(self, points: FloatArray) -> FloatArray:
        """Where points in space are in the straight picture."""
        seen = (self.rotation @ points.T).T + self.translation
        return (self.matrix @ (seen / seen[:, 2:]).T).T[:, :2]

    def draw(self, *moments: Iterable[tuple[int, float, float, float, float]]) -> NDArray[np.uint8]:
        """A picture of tags: number, x, y, height and direction of the upper edge of each.

        Several moments are one exposure. Tags must not overlap.
        """
        width, height = SIZE
        picture = np.full((height, width), 118, np.float32)
        for tags in moments:
            for tag in tags:
                self._add(picture, *tag, share=1 / len(moments))
        shift = self._random.integers(0, (height, width))
        picture += np.roll(self._grain, shift, axis=(0, 1))
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)

    def _add(
        self, picture: NDArray[np.float32], tag: int, x_m: float, y_m: float, z_m: float, yaw_rad: float,
        *, share: float,
    ) -> None:  # fmt: skip
        texture = self._textures[tag]
        half = TAG_M / 2 * _MODULES / 8
        up, right = np.array((cos(yaw_rad), sin(yaw_rad), 0)), np.array((sin(yaw_rad), -cos(yaw_rad), 0))
        middle = np.array((x_m, y_m, z_m))
        corners = np.array(
            [middle + half * (up - right), middle + half * (up + right),
             middle - half * (up - right), middle - half * (up + right)]
        )  # fmt: skip
        straight = self.pixel(corners)
        turn, _ = cv2.Rodrigues(self.rotation)
        bent, _ = cv2.projectPoints(corners, turn, self.translation, self.matrix, self.distortion)
        low = np.floor(bent.reshape(4, 2).min(axis=0)).astype(int) - 4
        high = np.ceil(bent.reshape(4, 2).max(axis=0)).astype(int) + 5
        if (low < 0).any() or (high > SIZE).any():
            return
        # A fine straight patch, with room all round, then brought into the lens's picture.
        corner = np.floor(straight.min(axis=0)) - 8
        size = np.ceil(straight.max(axis=0) - corner).astype(int) + 9
        side = len(texture) - 0.5
        source = np.array([(-0.5, -0.5), (side, -0.5), (side, side), (-0.5, side)], np.float32)
        home = cv2.getPerspectiveTransform(
            source, ((straight - corner + 0.5) * _FINE - 0.5).astype(np.float32)
        )
        cut = (int(size[0]) * _FINE, int(size[1]) * _FINE)
        cover = cv2.warpPerspective(np.full(texture.shape, 1, np.float32), home, cut)
        drawn = cv2.warpPerspective(texture.astype(np.float32) - 118, home, cut, flags=cv2.INTER_AREA) * cover
        soft = cv2.GaussianBlur(drawn, (0, 0), 0.5 * _FINE)
        rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
        where = ((self._map[rows, columns] - corner.astype(np.float32) + 0.5) * _FINE - 0.5).astype(
            np.float32
        )
        picture[rows, columns] += share * cv2.remap(soft, where, None, cv2.INTER_LINEAR)
