"""Ratings: how strong drivers are, how sure that is, and the chance that one beats another.

`fit` looks at all heats at once, so that their order does not matter: it is the model of Bradley and Terry
(1952) for duels, and Plackett's (1975) extension of it to the order of more cars. `openskill_ratings` goes
through heats one by one, as racers know it from other games.

Ratings compare within one behaviour version, circuit and class: `kept_apart` splits heats by the first two.

Pure: functions of results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from openskill.models import PlackettLuce, PlackettLuceRating

from league.racing.result import HeatResult
from league.racing.tiebreak import competes

NINETY_FIVE = 1.959964
"""Standard deviations on each side that hold 95 % of a normal distribution."""
SPREAD = 3.0
"""Standard deviation of strengths before anything is raced; weak: a difference of 3 wins 95 of 100 duels."""
STEPS, ENOUGH = 100, 1e-10


@dataclass(frozen=True, slots=True)
class Rating:
    """One driver's strength."""

    driver: str
    strength: float
    """On the logistic scale, 0 for the mean of the field."""
    plus_minus: float
    """Half of the interval that holds the truth 95 times of 100."""
    starts: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Strengths of a field."""

    ratings: tuple[Rating, ...]
    """Strongest first."""
    drivers: tuple[str, ...]
    """Rows and columns of `covariance`."""
    covariance: NDArray[np.float64]

    def of(self, driver: str) -> Rating:
        """One driver's rating."""
        return next(rating for rating in self.ratings if rating.driver == driver)

    def chance(self, one: str, other: str) -> float:
        """The chance that one driver beats another in their next duel.

        The uncertainty of both is averaged over, which draws the chance towards one half (MacKay 1992).
        """
        row, column = self.drivers.index(one), self.drivers.index(other)
        ahead = self.of(one).strength - self.of(other).strength
        cov = self.covariance
        variance = float(cov[row, row] + cov[column, column] - 2 * cov[row, column])
        return 1 / (1 + exp(-ahead / sqrt(1 + pi * variance / 8)))


def orders_of(heats: Iterable[HeatResult]) -> list[tuple[str, ...]]:
    """Who finished before whom, of every heat with at least two who competed."""
    orders = (tuple(entry.entry_id for entry in heat.entries if competes(entry)) for heat in heats)
    return [order for order in orders if len(order) > 1]


def kept_apart(heats: Iterable[HeatResult]) -> dict[tuple[int, str], list[HeatResult]]:
    """Heats by behaviour version and circuit."""
    split: dict[tuple[int, str], list[HeatResult]] = {}
    for heat in heats:
        split.setdefault((heat.behavior, heat.circuit.sha256), []).append(heat)
    return split


def fit(orders: Sequence[Sequence[str]]) -> Fit:
    """Strengths from the orders in which heats ended, whatever the heats' order.

    The most likely strengths by Newton's method; the uncertainty is the curvature there (Laplace).
    """
    drivers = tuple(sorted({driver for order in orders for driver in order}))
    index = {driver: number for number, driver in enumerate(drivers)}
    # Sorted, so that sums of floats do not depend on the order either.
    heats = sorted([index[driver] for driver in order] for order in orders)
    strength = np.zeros(len(drivers))
    curvature = np.eye(len(drivers)) / SPREAD**2
    for _ in range(STEPS):
        slope, curvature = _slope(strength, heats)
        step = np.linalg.solve(curvature, slope)
        # A long step from far away may overshoot; the likelihood is concave, so a short one never does.
        strength += step * min(1.0, 1.0 / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        if np.abs(step).max(initial=0.0) < ENOUGH:
            break
    centring = np.eye(len(drivers)) - (1 / len(drivers) if drivers else 0)
    covariance = centring @ np.linalg.inv(curvature) @ centring
    strength = centring @ strength
    ratings = [
        Rating(
            driver=driver,
            strength=round(float(strength[number]), 9),
            plus_minus=NINETY_FIVE * sqrt(max(float(covariance[number, number]), 0.0)),
            starts=sum(number in heat for heat in heats),
        )
        for number, driver in enumerate(drivers)
    ]
    ratings.sort(key=lambda rating: (-rating.strength, rating.driver))
    return Fit(tuple(ratings), drivers, covariance)


def _slope(
    strength: NDArray[np.float64], heats: Sequence[Sequence[int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradient of the log-likelihood with the prior, and minus its second derivative."""
    slope = -strength / SPREAD**2
    curvature = np.eye(len(strength)) / SPREAD**2
    for heat in heats:
        for place in range(len(heat) - 1):
            left = np.array(heat[place:])
            weight = np.exp(strength[left] - strength[left].max())
            share = weight / weight.sum()
            slope[left[0]] += 1
            slope[left] -= share
            curvature[np.ix_(left, left)] += np.diag(share) - np.outer(share, share)
    return slope, curvature


def openskill_ratings(orders: Iterable[Sequence[str]]) -> Mapping[str, tuple[float, float]]:
    """Mean and standard deviation of every driver's openskill rating after heats in this order.

    A new driver has 25 ± 8.33.
    """
    model = PlackettLuce()
    known: dict[str, PlackettLuceRating] = {}
    for order in orders:
        teams = [[known.get(driver) or model.rating()] for driver in order]
        rated = model.rate(teams, ranks=[float(place) for place in range(len(order))])
        known.update({driver: team[0] for driver, team in zip(order, rated, strict=True)})
    return {driver: (rating.mu, rating.sigma) for driver, rating in known.items()}
