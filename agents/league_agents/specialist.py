"""A trained driver that knows one circuit: A to Z Speedway, either way.

It learned by the recipe `robust` with `--both-directions`, with cars whose figures are off by up to an
eighth, with noise and with late observations. Its model, its recipe and what it cost lie in
`models/specialist`.
"""

from __future__ import annotations

from pathlib import Path

from league import Agent, hookimpl
from league_agents.onnx_model import OnnxDriver

MODEL = Path(__file__).parent / "models" / "specialist"


class Specialist(OnnxDriver):
    """Drive A to Z Speedway by a network that was trained there."""

    def __init__(self) -> None:
        super().__init__(MODEL)


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under its name."""
    return {"specialist": Specialist}
