"""Crossings of closed lines, held against shapely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import LinearRing

from league.track.crossing import crossings, self_crossings

# Whole numbers make lines touch, overlap and turn straight back; they are exact in float64.
grid = st.integers(3, 9).flatmap(lambda n: arrays(np.int64, (n, 2), elements=st.integers(0, 4)))
free = st.integers(3, 60).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(0, 9, width=32)))


@given(st.one_of(grid, free))
def test_a_line_crosses_itself_exactly_when_shapely_says_it_is_not_simple(rows):
    rows = rows.astype(np.float64)
    kept = rows[(rows != np.roll(rows, 1, axis=0)).any(axis=1)]
    assume(len(kept) >= 3)
    assert bool(self_crossings(rows)) == (not LinearRing(kept).is_simple)


@given(st.one_of(grid, free), st.one_of(grid, free))
def test_two_lines_cross_exactly_when_shapely_says_they_intersect(first, second):
    first, second = first.astype(np.float64), second.astype(np.float64)
    assume(min(len(np.unique(first, axis=0)), len(np.unique(second, axis=0))) >= 3)
    pair = crossings(first, second)
    assert (pair is not None) == LinearRing(first).intersects(LinearRing(second))


def test_the_pair_names_the_segments_that_cross():
    bow_tie = np.array([[0, 0], [1, 0], [3, 2], [3, 0], [1, 2], [0, 2]], dtype=float)
    assert self_crossings(bow_tie) == [(1, 3)]


def test_repeated_rows_are_one_row():
    square = np.array([[0, 0], [1, 0], [1, 0], [1, 0], [1, 1], [0, 1], [0, 1]], dtype=float)
    assert self_crossings(square) == []
    assert self_crossings(np.zeros((5, 2))) == [(0, 0)]


@pytest.mark.parametrize("rows", [400, 4000])
def test_long_lines_are_compared_in_groups_without_loss(rows):
    angle = np.arange(rows) * 2 * np.pi / rows
    ring = np.stack((np.cos(angle), np.sin(angle)), axis=-1)
    assert self_crossings(ring) == []
    assert crossings(ring, ring * 0.99) is None
    assert crossings(ring, ring + np.array([1.0, 0.0])) is not None
    ring[rows // 2] = (1.2, 0.01)  # pull one row across to the far side
    found = self_crossings(ring)
    assert found
    assert all(rows // 2 in (j, j + 1) for _, j in found)


def test_only_so_many_pairs_are_collected():
    star = np.random.default_rng(3).uniform(0, 1, (300, 2))
    assert len(self_crossings(star, most=50)) == 50
