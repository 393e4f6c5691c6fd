"""What tests of plugins may ask for: real car software."""

from __future__ import annotations

from pathlib import Path

import peers
import pytest


@pytest.fixture(scope="session")
def donkeycar() -> Path:
    """The folder of an installed Donkeycar."""
    return peers.installed("donkey")


@pytest.fixture(scope="session")
def ros_jazzy() -> Path:
    """The folder of an installed ROS 2 Jazzy with rosbridge."""
    return peers.installed("ros")
