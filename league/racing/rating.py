"""Ratings: how strong drivers are, how sure that is, and the chance that one beats another.

`fit_ratings` looks at all heats at once, so that their order does not matter: it is the model of Bradley and
Terry (1952) for duels, and Plackett's (1975) extension of it to the order of more cars.
`openskill_ratings` goes through heats one by one, as racers know it from other games.

Ratings compare within one behaviour version, circuit and car: `kept_apart` splits heats so.

Pure: functions of results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, pi, sqrt
from statistics import median

import numpy as np
from numpy.typing import NDArray
from openskill.models import PlackettLuce, PlackettLuceRating

from league.racing.result import HeatResult
from league.racing.tiebreak import competes, three_laps_s

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


def kept_apart(heats: Iterable[HeatResult]) -> dict[tuple[int, str, str], list[HeatResult]]:
    """Heats by behaviour version, circuit and car: only within these do they compare."""
    split: dict[tuple[int, str, str], list[HeatResult]] = {}
    for heat in heats:
        split.setdefault((heat.behavior, heat.circuit.sha256, heat.car), []).append(heat)
    return split


@dataclass(frozen=True, slots=True)
class Form:
    """One driver, as a table of ratings shows it."""

    driver: str
    name: str
    rating: Rating
    skill: float
    """openskill's mean."""
    skill_sigma: float
    median_three_s: float | None
    """Median time for three laps; None without three in any heat."""
    best_three_s: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Drivers whose heats compare: one behaviour version, circuit and car."""

    behavior: int
    circuit: str
    sha256: str
    car: str
    drivers: tuple[Form, ...]
    """Strongest first."""
    fit: Fit
    heats: int
    """With two or more who competed."""

    def beats(self) -> tuple[tuple[float, ...], ...]:
        """The chance that the driver of a row beats that of a column, in the order of `drivers`."""
        names = [form.driver for form in self.drivers]
        return tuple(
            tuple(0.5 if one == other else self.fit.chance(one, other) for other in names) for one in names
        )


def forms(heats: Iterable[HeatResult]) -> tuple[Group, ...]:
    """How strong drivers are, by behaviour version, circuit and car; the newest version first."""
    ordered = sorted(kept_apart(heats).items(), key=lambda item: (-item[0][0], -len(item[1]), item[0]))
    made = (_group(key[2], mine) for key, mine in ordered)
    return tuple(group for group in made if group.drivers)


def _group(car: str, heats: Sequence[HeatResult]) -> Group:
    orders = orders_of(heats)
    fitted, skills = fit_ratings(orders), openskill_ratings(orders)
    times: dict[str, list[float]] = {}
    names: dict[str, str] = {}
    for heat in heats:
        for row in heat.entries:
            names[row.entry_id] = row.name
            time_s = three_laps_s(heat, row) if competes(row) else None
            if time_s is not None:
                times.setdefault(row.entry_id, []).append(time_s)
    rows = [
        Form(
            driver=rating.driver,
            name=names[rating.driver],
            rating=rating,
            skill=skills[rating.driver][0],
            skill_sigma=skills[rating.driver][1],
            median_three_s=median(times[rating.driver]) if times.get(rating.driver) else None,
            best_three_s=min(times.get(rating.driver, ()), default=None),
        )
        for rating in fitted.ratings
    ]
    first = heats[0]
    return Group(
        first.behavior, first.circuit.id, first.circuit.sha256, car, tuple(rows), fitted, len(orders)
    )


def tells_most(fitted: Fit, drivers: Sequence[str], size: int) -> tuple[str, ...]:
    """The grid whose heat tells most: those who are least sure among themselves and most likely level.

    Every driver starts from the prior until it has raced. The first is the one whose strength is least sure;
    the others are added one by one, each where the variance of its differences to those on the grid, times
    the variance p (1 - p) of who wins, is largest: what a duel adds to the information is p (1 - p).
    """
    known = {rating.driver: rating for rating in fitted.ratings}
    index = {driver: number for number, driver in enumerate(fitted.drivers)}

    def variance(one: str, other: str) -> float:
        if one not in index or other not in index:
            return SPREAD**2
        row, column, cov = index[one], index[other], fitted.covariance
        return float(cov[row, row] + cov[column, column] - 2 * cov[row, column])

    def worth(one: str, other: str) -> float:
        chance = fitted.chance(one, other) if one in index and other in index else 0.5
        return variance(one, other) * chance * (1 - chance)

    def doubt(driver: str) -> tuple[float, str]:
        return (-known[driver].plus_minus if driver in known else -NINETY_FIVE * SPREAD), driver

    grid = [min(drivers, key=doubt)]
    while len(grid) < min(size, len(drivers)):
        left = [driver for driver in drivers if driver not in grid]
        grid.append(max(left, key=lambda driver: (sum(worth(driver, other) for other in grid), driver)))
    return tuple(grid)


def fit_ratings(orders: Sequence[Sequence[str]]) -> Fit:
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
