"""F1TENTH and other ROS 2 cars, through a rosbridge server on the car: `ros2:HOST`, port 9090.

The car is told by AckermannDriveStamped on /drive or by TwistStamped on /cmd_vel (`message=twist`). Neither
rosbridge nor the car's topics know when a driver is gone: what was published last stands. So the bridge
belongs on the car, and so does `league_plugins/on_car/ros_deadman.py`, a node that the commands pass and that
publishes zeros when they stay away.

Nothing confirms a message in ROS, but whoever subscribes to a topic hears it: the driver listens to its own
commands, which tells it that they arrive, and that nobody else commands the car.

Angles are in rad, positive to the left, and speeds in m/s, as in the league.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from league import CarAddress, CarDriver, ConfigError, hookimpl


@hookimpl
def register_car_drivers() -> Mapping[str, Callable[[CarAddress], CarDriver]]:
    """ROS 2 cars."""
    return {"ros2": make}


def make(address: CarAddress) -> CarDriver:
    """The driver that an address asks for.

    Raises:
        ConfigError: It asks for something odd, or what the driver needs is not installed.
    """
    # Here, because every start of the league imports this module, and few have a ROS 2 car.
    try:
        from league_plugins._ros_car import RosCar
    except ImportError as error:
        raise ConfigError(f"car {address.ref!r}: {error}; install racing-league[cars]") from None

    return RosCar(address)
