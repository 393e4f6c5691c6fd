"""A trained driver for circuits that it has never seen: the recipe `general`, as it came out.

It learned on 400 generated circuits and the league's own, with cars that differ a little and eyes that are
off. Its model, its recipe and what it cost lie in `models/generalist`.
"""

from __future__ import annotations

from pathlib import Path

from league import Agent, hookimpl
from league_agents.onnx_model import OnnxDriver

MODEL = Path(__file__).parent / "models" / "generalist"


class Generalist(OnnxDriver):
    """Drive any circuit by a network that was trained on many."""

    def __init__(self) -> None:
        super().__init__(MODEL)


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under its name."""
    return {"generalist": Generalist}
