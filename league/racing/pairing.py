"""Who meets whom: the circle method, heats in which everybody meets everybody, pairs without repeats.

Pure: functions of numbers and names. Python's and scipy's libraries have matchings of two sides only; among
equals the search below finds one quickly, because in a tournament few pairs are forbidden.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

Pair = frozenset[str]
BYE = ""
"""Stands where an opponent would."""
PATIENCE = 20_000
"""Steps of the search for pairs, after which there is none."""

Round = tuple[tuple[int, ...], ...]


@lru_cache(maxsize=64)
def rounds_of(field: int, size: int) -> tuple[Round, ...]:
    """A round robin for `field` entries in heats of at most `size`, by index.

    In heats of two it is the circle method: every pair meets once, and with an odd number everybody has one
    bye. In larger heats everybody starts once a round, heats differ in size by one at most, and the rounds
    end as soon as every pair has met; some pairs then have met twice.
    """
    if field < 2:
        return ()
    if field <= size:
        return ((tuple(range(field)),),)
    return _circle(field) if size == 2 else _groups(field, size)


def _circle(field: int) -> tuple[Round, ...]:
    """One entry stands still and the others turn around it (Kirkman 1847)."""
    ring = list(range(1, field + field % 2))
    rounds = []
    for turn in range(len(ring)):
        row = [0, *ring[turn:], *ring[:turn]]
        pairs = [(row[index], row[-1 - index]) for index in range(len(row) // 2)]
        # By parity everybody sits in front in half of the duels, give or take one.
        pairs = [(min(pair), max(pair)) if sum(pair) % 2 == 0 else (max(pair), min(pair)) for pair in pairs]
        rounds.append(tuple(pair for pair in pairs if max(pair) < field))
    return tuple(rounds)


def _groups(field: int, size: int) -> tuple[Round, ...]:
    """Rounds in which each heat is filled with those who have met the fewest of it so far."""
    heats = -(-field // size)
    sizes = [field // heats + (number < field % heats) for number in range(heats)]
    met = [[0] * field for _ in range(field)]
    rounds: list[Round] = []
    while any(met[one][two] == 0 for one in range(field) for two in range(one)):
        free = list(range(field))
        grids = []
        for seats in sizes:
            grid = [max(free, key=lambda one: (sum(not met[one][two] for two in range(field)), -one))]
            free.remove(grid[0])
            while len(grid) < seats:
                grid.append(min(free, key=lambda one: _weight(one, grid, met)))
                free.remove(grid[-1])
            for one in grid:
                for two in grid:
                    met[one][two] += one != two
            turn = len(rounds) % seats
            grids.append((*grid[turn:], *grid[:turn]))
        for one in range(field):
            met[one][one] = 1
        rounds.append(tuple(grids))
    return tuple(rounds)


def _weight(one: int, grid: Sequence[int], met: Sequence[Sequence[int]]) -> tuple[int, int, int]:
    """How little somebody adds to a heat: old acquaintances first, then meetings in all."""
    times = [met[one][two] for two in grid]
    return sum(time > 0 for time in times), sum(times), one


def pair_up(
    players: Sequence[str], met: Collection[Pair], *, far: bool = False
) -> list[tuple[str, str]] | None:
    """Pairs that have not met, or None if there are none.

    Args:
        players: An even number of them, best first; the first keeps the first choice.
        met: Pairs that may not meet.
        far: Whether the best meet the worst, not their neighbours.
    """
    left = list(players)
    pairs: list[tuple[str, str]] = []
    tried = [0]
    for _ in range(PATIENCE):
        if not left:
            return pairs
        one, *others = left
        if far:
            others.reverse()
        choice = next(
            (at for at in range(tried[-1], len(others)) if frozenset((one, others[at])) not in met), None
        )
        if choice is None:
            tried.pop()
            if not tried:
                return None
            one, two = pairs.pop()
            left = [player for player in players if player in {*left, one, two}]
            continue
        tried[-1] = choice + 1
        tried.append(0)
        pairs.append((one, others[choice]))
        left = [player for player in left[1:] if player != others[choice]]
    return None


def bracket(size: int) -> tuple[int, ...]:
    """Seeds (from 0) in the order of a knockout's lines, so that the best two can meet only in the final.

    Args:
        size: A power of two.
    """
    lines = [0]
    while len(lines) < size:
        lines = [seed for line in lines for seed in (line, 2 * len(lines) - 1 - line)]
    return tuple(lines)
