"""How to follow a planned drive: what to change about its commands where the car is not quite on it.

The best linear answer for the car's equations along that very drive: a linear-quadratic regulator that varies
from node to node (Anderson & Moore, "Optimal Control: Linear Quadratic Methods", 1990, chapter 2). It knows
how slow the servo is, and that turning the wheels further does little at the limit of grip, so it slows down
there instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league_agents._equations import STATE
from league_agents._fastest import Fastest

FloatArray = NDArray[Any]

STATE_COST = np.array([20.0, 4.0, 0.2, 0.0, 0.0, 0.0])
"""Cost per second of being off, by m², rad² and (m/s)²: a decimetre aside is as bad as 0.2 rad or 1 m/s."""
COMMAND_COST = np.array([5.0, 0.3])
"""Cost per second of commanding anything else, by rad² and (m/s²)²."""


def follow_gains(problem: Fastest) -> FloatArray:
    """Gains of steering and acceleration for being off the solution of a problem, shape (nodes, 2, 6)."""
    gains = np.zeros((problem.nodes, len(COMMAND_COST), STATE))
    away, command = problem.jacobians[:, :, :STATE], problem.jacobians[:, :, STATE:]
    time_s = np.maximum(problem.time_s, 1e-3)
    price = np.diag(STATE_COST)
    order = list(range(problem.nodes))[::-1]
    # Round a closed road twice, the second time from what the first one ended with; the last node of an open
    # one leads nowhere.
    for node in order * 2 if problem.start is None else order[1:]:
        a, b = away[node], command[node]
        gain = np.linalg.solve(np.diag(COMMAND_COST) * time_s[node] + b.T @ price @ b, b.T @ price @ a)
        price = np.diag(STATE_COST) * time_s[node] + a.T @ price @ (a - b @ gain)
        price = (price + price.T) / 2
        gains[node] = gain
    return gains
