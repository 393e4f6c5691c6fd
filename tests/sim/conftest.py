"""Circuits for the simulation's tests, made from formulas."""

from __future__ import annotations

import numpy as np
import pytest

from league import DEEPRACER, F1TENTH, Box, Circuit, World


def ring(rows: np.ndarray, half_width: float = 0.5, name: str = "ring") -> Circuit:
    """A circuit around a closed line, equally wide everywhere."""
    ahead = np.roll(rows, -1, axis=0) - np.roll(rows, 1, axis=0)
    normal = np.stack((-ahead[:, 1], ahead[:, 0]), axis=1) / np.hypot(*ahead.T)[:, None]
    return Circuit(name, rows, rows + half_width * normal, rows - half_width * normal)


def oval(straight: float, radius: float, step: float = 0.1) -> np.ndarray:
    """An anticlockwise oval that starts in the middle of its lower straight."""
    half = straight / 2
    bend = np.arange(1, int(np.pi * radius / step)) / int(np.pi * radius / step) * np.pi
    line = np.arange(0.0, half, step)
    parts = [
        np.stack((line, np.full_like(line, -radius)), axis=1),
        np.stack((half + radius * np.sin(bend), -radius * np.cos(bend)), axis=1),
        np.stack(
            (half - np.arange(0, straight, step), np.full(len(np.arange(0, straight, step)), radius)), axis=1
        ),
        np.stack((-half - radius * np.sin(bend), radius * np.cos(bend)), axis=1),
        np.stack((-half + line, np.full_like(line, -radius)), axis=1),
    ]
    return np.concatenate(parts)


@pytest.fixture(scope="session")
def make_ring():
    return ring


@pytest.fixture(scope="session")
def club() -> Circuit:
    """An oval of 12 m with straights of 3 m, 1 m wide, anticlockwise."""
    return ring(oval(3.0, 0.95), name="club")


@pytest.fixture(scope="session")
def airfield() -> Circuit:
    """An oval with straights of 40 m, 8 m wide: room for anything."""
    return ring(oval(40.0, 8.0, step=0.5), half_width=4.0, name="airfield")


@pytest.fixture(scope="session")
def twin() -> Circuit:
    """A long thin oval whose two straights lie 10 cm apart, border to border."""
    return ring(oval(12.0, 0.55), half_width=0.5, name="twin")


@pytest.fixture
def crowd(club) -> World:
    """Ten cars spread over the club circuit, driving."""
    world = World(club, [DEEPRACER, F1TENTH] * 5, boxes=[Box(*map(float, club.at(5.1, 0.2)), 0.7)])
    for car in range(10):
        world.place(car, 1.1 * car, 0.2 * (-1) ** car, 0.1 * car - 0.4, 1.0)
    for _ in range(3):
        world.step([[0.05 * car - 0.2, 1.0 + 0.1 * car] for car in range(10)])
    return world
