"""ROS 2 cars behind rosbridge, against a real one, with and without the node that stops it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import ClassVar

import peers
import pytest
import rivals

from league import CarCommand, CarDriver, CarError, League
from league.testing.cars import CarConformance
from league.testing.programs import Program
from league.testing.rig import RealCar


class RosCar(RealCar):
    """A car that listens to AckermannDriveStamped, behind the league's dead-man node."""

    ref = "ros2:127.0.0.1?topic=/league/drive&deadman_s=0.2"
    cap = 1.0
    deadman: ClassVar[tuple[str, ...]] = ()
    kind = "ackermann"

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

    def rival(self, space: str) -> Program:
        return Program(space, sys.executable, rivals.__file__, self.kind)


class RosTwistCar(RosCar):
    """A car that listens to TwistStamped, behind the same node."""

    ref = "ros2:127.0.0.1?message=twist&topic=/league/cmd_vel&deadman_s=0.2"
    deadman: ClassVar[tuple[str, ...]] = (
        "--type", "geometry_msgs/msg/TwistStamped", "--from", "/league/cmd_vel", "--to", "/cmd_vel",
    )  # fmt: skip
    kind = "twist"


class TestRosAckermann(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return RosCar(folder)


class TestRosTwist(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return RosTwistCar(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "steering"),
    [
        ("message=twist&wire=json&scan=/scan&wheelbase_m=0.33", 0.1),
        ("message=ackermann&wire=cbor&scan=/scan", 0.1),
    ],
)
async def test_either_message_over_either_wire_moves_the_car_and_tells_where_it_is(
    ros_jazzy: Path, tmp_path: Path, options: str, steering: float
) -> None:
    with peers.ros(ros_jazzy, tmp_path, port=19090, domain=72) as car:
        driver = League().car_driver(f"ros2:127.0.0.1:19090?{options}")
        known = await driver.connect()
        assert known.drive_unit == "mps"
        assert known.senses == {"speed", "pose", "scan"}
        try:
            scan, moved, seq = None, None, 0
            async for sample in driver.telemetry():
                seq += 1
                await driver.apply(CarCommand(seq, steering, 0.5))
                scan = sample.scan if sample.scan is not None else scan
                if sample.pose is not None and sample.pose[0] > 0.05 and scan is not None:
                    moved = sample
                    break
            assert moved is not None
            assert moved.pose is not None
            assert moved.speed_mps == pytest.approx(0.5)
            assert moved.pose[1] > 0, "it turns to the left"
            assert scan is not None
            assert scan[0] == 2.0
            assert scan[-1] == 30.0, "what was too far to measure"
            assert await driver.stop("enough") == "acked"
        finally:
            await driver.close()
        turning = {float(str(step.steering)) for step in car.steps() if step.throttle}
    assert sorted(turning) == [pytest.approx(steering, abs=1e-6)]


async def go_on(driver: CarDriver) -> None:
    for seq in range(2, 100):
        await driver.apply(CarCommand(seq, 0.0, 0.5))
        await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_second_publisher_ends_the_drive(ros_jazzy: Path, tmp_path: Path) -> None:
    with peers.ros(ros_jazzy, tmp_path, port=19090, domain=73):
        league = League()
        first, second = (league.car_driver("ros2:127.0.0.1:19090") for _ in range(2))
        await first.connect()
        try:
            await first.apply(CarCommand(1, 0.0, 0.5))
            await second.connect()
            with pytest.raises(CarError, match="somebody else commands the car on /drive"):
                await go_on(first)
        finally:
            await second.close()
            await first.close()


@pytest.mark.slow
async def test_a_car_that_does_not_answer_is_not_connected(ros_jazzy: Path, tmp_path: Path) -> None:
    with peers.ros(ros_jazzy, tmp_path, port=19090, domain=74):
        deaf = League().car_driver("ros2:127.0.0.1:19090?odom=/nowhere")
        with pytest.raises(CarError, match="nothing comes on /nowhere"):
            await deaf.connect()
        await deaf.close()
    gone = League().car_driver("ros2:127.0.0.1:19090")
    with pytest.raises(CarError, match="no answer of rosbridge"):
        await gone.connect()
    await gone.close()
