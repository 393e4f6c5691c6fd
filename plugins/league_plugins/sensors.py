"""The sensors that come with the league: the state vector, the pose and the LIDAR."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import league
from league import Sensor, hookimpl


# Named through the package when one is made: the compiler behind the sensors takes half a second to load,
# which `league plugins` need not pay.
@hookimpl
def register_sensors() -> Mapping[str, Callable[[], Sensor]]:
    """Something that makes each sensor, by name."""
    return {
        "state": lambda: league.StateSensor(),
        "pose": lambda: league.PoseSensor(),
        "lidar": lambda: league.LidarSensor(),
    }
