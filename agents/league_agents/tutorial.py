"""Tutorial: the simplest driver that gets round, to read first and to copy.

It looks at one point of the centre line, turns towards it, and slows down for bends. It keeps behind other
cars and knows nothing of boxes; `pure_pursuit` shows how to pass those.
"""

from __future__ import annotations

from math import atan2, sqrt

from league import Agent, Command, Observation, hookimpl

LOOK = 1
"""Which of the points ahead to steer for: the second one, 0.8 m ahead along the road."""
EAGERNESS = 1.4
"""Steering per angle to that point; more cuts corners less, but the slow servo begins to weave."""
GRIP_MPS2 = 1.05
"""Sideways acceleration to stay under; the car could do more than twice as much."""


class Tutorial(Agent):
    """A cautious driver: steer for a point ahead, slow down for bends, always finish."""

    def act(self, seen: Observation) -> Command:
        """Answer one tick: where to point the wheels, and how fast to go."""
        x_m, y_m = seen.ahead[LOOK, :2]  # in the car's frame: x forward, y to the left
        steer_rad = EAGERNESS * atan2(y_m, x_m)  # positive turns left

        sharpest_per_m = max(abs(seen.ahead[:5, 2]))  # curvature over the next two metres
        speed_mps = min(2.0, sqrt(GRIP_MPS2 / max(sharpest_per_m, 0.1)))
        for other in seen.opponents:  # a collision is charged to the car behind
            if not other.box and 0 < other.x_m < 1.2 and abs(other.y_m) < 0.3:
                speed_mps = min(speed_mps, 0.8 * other.speed_mps)
        return Command(steer_rad=float(steer_rad), speed_mps=float(speed_mps))


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under the name that events use."""
    return {"tutorial": Tutorial}
