"""The league's own circuits: one TOML file each, named by its id."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from league import hookimpl, read_toml_circuit


@hookimpl
def register_track_readers() -> Mapping[str, Any]:
    """Offer the reader for our own format, `.toml`."""
    return {".toml": read_toml_circuit}


@hookimpl
def register_circuits() -> Mapping[str, Path | Traversable]:
    """Offer every circuit in this folder."""
    found = (file for file in files(__name__).iterdir() if file.name.endswith(".toml"))
    return {file.name.removesuffix(".toml"): file for file in sorted(found, key=lambda file: file.name)}
