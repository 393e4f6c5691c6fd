"""Circuits that nobody drew."""
from __future__ import annotations
from league.track.circuit import Circuit
def generate(ref: str) -> list[Circuit]:
    """Not yet."""
    raise NotImplementedError(ref)
