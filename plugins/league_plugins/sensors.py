"""The sensors that come with the league: the state vector, the pose, LIDAR in four forms, cameras.

An event names them, with options where it wants: `lidar`, `lidar?noise=0.01&latency=1`. Every sensor takes
`latency` (ticks by which it is late), those that measure one thing also `noise` (standard deviation in
their unit); the arguments of the functions here are the others, as numbers, 1 for yes and 0 for no. Noise
and latency are off unless an event says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import league
from league import Sensor, hookimpl

# Named through the package when one is made: the compiler behind the sensors takes half a second to load,
# which `league plugins` need not pay.


def state() -> Sensor:
    """The state vector."""
    return league.StateSensor()


def pose() -> Sensor:
    """Where the car is."""
    return league.PoseSensor()


def lidar(*, rear: bool = False, borders: bool = True, reach_m: float = 12.0) -> Sensor:
    """DeepRacer's 64 beams; looking ahead and seeing borders, unless told otherwise."""
    return league.LidarSensor(rear=rear, borders=borders, reach_m=reach_m)


def lidar_f1tenth(*, rear: bool = False, borders: bool = True, reach_m: float = 30.0) -> Sensor:
    """F1TENTH's 1080 beams."""
    return league.F1tenthLidarSensor(rear=rear, borders=borders, reach_m=reach_m)


def lidar_sectors(
    *, sectors: int = 8, near_m: float = 0.5, rear: bool = True, borders: bool = True
) -> Sensor:
    """DeepRacer's SECTOR_LIDAR."""
    return league.SectorLidarSensor(sectors=sectors, near_m=near_m, rear=rear, borders=borders)


def lidar_discretized(
    *, sectors: int = 8, values: int = 8, clip_m: float = 2.0, rear: bool = True, borders: bool = True
) -> Sensor:
    """DeepRacer's DISCRETIZED_SECTOR_LIDAR."""
    return league.DiscretizedLidarSensor(
        sectors=sectors, values=values, clip_m=clip_m, rear=rear, borders=borders
    )


def camera(*, vary: float = 0.0) -> Sensor:
    """DeepRacer's front camera."""
    return league.CameraSensor(vary=vary)


def camera_stereo(*, vary: float = 0.0) -> Sensor:
    """DeepRacer's pair of cameras."""
    return league.StereoCameraSensor(vary=vary)


@hookimpl
def register_sensors() -> Mapping[str, Callable[[], Sensor]]:
    """Something that makes each sensor, by name."""
    return {
        "state": state,
        "pose": pose,
        "lidar": lidar,
        "lidar-f1tenth": lidar_f1tenth,
        "lidar-sectors": lidar_sectors,
        "lidar-discretized": lidar_discretized,
        "camera": camera,
        "camera-stereo": camera_stereo,
    }
