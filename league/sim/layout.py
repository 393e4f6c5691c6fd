"""Layout of the state observation, shared by the sensor that fills it and the agents that read it.

Pure: constants only; what each entry means is in `league.racing.agent.Observation`.
"""

from __future__ import annotations

STATE_ID = "state.v1"
AHEAD_M: tuple[float, ...] = tuple(round(0.4 * step, 1) for step in range(1, 13))
"""Distances ahead of the car at which the state observation describes the road."""
RACING, STANDING, BOX = 1.0, 0.5, 2.0
"""What an opponent's first number says: it drives, bots too; it stands for a penalty and cannot be touched;
it is a box."""
OPPONENTS = 7
"""How many opponents, bots and boxes the state observation has room for, nearest first."""
AHEAD_START = 10
OPPONENTS_START = AHEAD_START + 5 * len(AHEAD_M)
STATE_SIZE = OPPONENTS_START + 5 * OPPONENTS
"""Length of the state vector: 105."""
