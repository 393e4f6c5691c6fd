"""Building a heat so that nothing is left to compile when it runs."""

from __future__ import annotations

from league.hooks.catalogue import League
from league.racing.agent import Command
from league.racing.heat import Heat
from league.racing.plan import HeatPlan
from league.track.circuit import Circuit


def build_heat(league: League, plan: HeatPlan, circuit: Circuit) -> Heat:
    """A heat at its start, with all compiled that its ticks need; may take seconds: call it in a thread."""
    car = league.car(plan.car)

    def make() -> Heat:
        return Heat(plan, circuit, car, [league.sensor(name) for name in plan.rules.sensors])

    trial = make()
    trial.observe()
    trial.advance([Command(0.0, 1.0)] * trial.n)
    trial.observe()
    return make()
