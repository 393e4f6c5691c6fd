"""Hooks of schemathesis: half of what it asks is about things that are there."""

from __future__ import annotations

from typing import Any

import schemathesis

THERE = {"event": "cup", "heat": "heat-1", "entry": "ada", "ref": "clubhouse-loop"}


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Name what is there, in every case whose made-up names have an even length together."""
    if not path_parameters or sum(len(str(value)) for value in path_parameters.values()) % 2:
        return path_parameters
    return {name: THERE.get(name, value) for name, value in path_parameters.items()}
