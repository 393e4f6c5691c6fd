"""ROS 2 cars behind rosbridge, against a real one, with and without the node that stops it."""

from __future__ import annotations

from pathlib import Path

import peers

from league.testing.cars import CarConformance, RealCar


class RosCar(RealCar):
    """A car that listens to AckermannDriveStamped, behind the league's dead-man node."""

    ref = "ros2:127.0.0.1?topic=/league/drive&deadman_s=0.2"
    cap = 1.0
    deadman = True

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._place = peers.installed("ros")

    def start(self, space: str) -> None:
        prefix = ("ip", "netns", "exec", space)
        self.peer = peers.ros(self._place, self._folder, prefix=prefix, deadman=self.deadman)
        self.peer.__enter__()
        self._tail = peers.Tail(self.peer, lambda step: self.take(float(step.throttle), step.at_s))

    def restart(self) -> None:
        self.peer.restart_first()

    def stop(self) -> None:
        self._tail.close()
        self.peer.__exit__()


class RosTwistCar(RosCar):
    """A car that listens to TwistStamped, with nothing between rosbridge and it."""

    ref = "ros2:127.0.0.1?message=twist&scan=/scan&wire=json"
    deadman = False


class TestRosAckermann(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return RosCar(folder)


class TestRosTwist(CarConformance):
    # Without the node the car keeps its last speed until rosbridge is back.
    restart_ms = 10_000.0

    def make_car(self, folder: Path) -> RealCar:
        return RosTwistCar(folder)
