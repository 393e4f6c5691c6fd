"""A ROS 2 node between the league's bridge and the car, which stops the car when nobody commands it.

Copy this one file onto the car; it needs rclpy and the message's package. Tell the bridge to publish where it
listens, and the node passes that on to the car:

    python3 ros_deadman.py --type ackermann_msgs/msg/AckermannDriveStamped --from /league/drive --to /drive
    league bridge "ros2:localhost?topic=/league/drive&deadman_s=0.2" …

After `--hold` seconds without a command it publishes zeros for a second. From then on commands are passed on
as zeros, until one comes that is 0 itself: whoever was lost and comes back does not move the car.
"""

from __future__ import annotations

import argparse
import math
import time
from importlib import import_module
from typing import Any

STEP_S = 0.02
ZEROS_S = 1.0


class Deadman:
    """What to pass on, and when to say 0; it publishes nothing itself.

    Args:
        hold_s: How long a command is good for.
    """

    def __init__(self, hold_s: float) -> None:
        self.hold_s = hold_s
        self.open = False
        """Whether commands are passed on as they are."""
        self.heard_s = -math.inf

    def pass_on(self, speed: float, now_s: float) -> bool:
        """Whether a command with this speed may pass; if not, zeros go in its place."""
        self.look(now_s)
        self.heard_s = now_s
        if not math.isfinite(speed):
            self.open = False
        elif speed == 0.0:
            self.open = True
        return self.open

    def look(self, now_s: float) -> bool:
        """Whether zeros are due because nothing came."""
        silent_s = now_s - self.heard_s
        if silent_s > self.hold_s:
            self.open = False
        return self.hold_s < silent_s < self.hold_s + ZEROS_S


def speed_of(message: Any) -> float:
    """The speed that a command asks for, whichever of the two kinds it is."""
    drive = getattr(message, "drive", None)
    if drive is not None:
        return float(drive.speed) if math.isfinite(drive.steering_angle) else math.nan
    return float(message.twist.linear.x) if math.isfinite(message.twist.angular.z) else math.nan


def main() -> None:
    """Run the node until it is stopped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--type", default="ackermann_msgs/msg/AckermannDriveStamped")
    parser.add_argument("--from", dest="source", default="/league/drive")
    parser.add_argument("--to", dest="target", default="/drive")
    parser.add_argument("--hold", type=float, default=0.2, help="seconds, 0.1 to 0.5")
    args, _ = parser.parse_known_args()
    if not 0.1 <= args.hold <= 0.5:
        parser.error(f"--hold: found {args.hold}, expected 0.1 to 0.5")
    package, _, name = args.type.replace("/", ".").rpartition(".")
    kind = getattr(import_module(package), name)

    rclpy = import_module("rclpy")
    rclpy.init()
    node = rclpy.create_node("league_deadman")
    publisher = node.create_publisher(kind, args.target, 1)
    deadman = Deadman(args.hold)

    def zero() -> None:
        message = kind()
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)

    def hear(message: Any) -> None:
        if deadman.pass_on(speed_of(message), time.monotonic()):
            publisher.publish(message)
        else:
            zero()

    met = False

    def look() -> None:
        nonlocal met
        if not met and node.count_subscribers(args.target):
            met = True
            print(f"{args.target} is heard", flush=True)
        if deadman.look(time.monotonic()):
            zero()

    node.create_subscription(kind, args.source, hear, 1)
    node.create_timer(STEP_S, look)
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        # Whoever stops this node stops the car.
        if rclpy.ok():
            zero()


if __name__ == "__main__":
    main()
