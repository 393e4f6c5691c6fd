"""A ROS 2 car that keeps its last command for ever, as a car without a timer does; run by the peers' Python.

Usage: ros_car.py LOG [FRAME_HZ]. Listens to TwistStamped on /cmd_vel and AckermannDriveStamped on /drive,
moves accordingly, publishes /odom and /scan, and writes one line of JSON for every step of its motor: the
monotonic clock, the steering and the speed that the motor gets.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import rclpy
from ackermann_msgs.msg import AckermannDriveStamped
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

WHEELBASE_M = 0.33
STEP_S = 0.01
BEAMS = 1080


class Car(Node):
    """Obeys the newest command of either kind."""

    def __init__(self, log: str) -> None:
        super().__init__("car")
        self.log = Path(log).open("a", buffering=1)  # noqa: SIM115
        self.speed_mps = self.steer_rad = 0.0
        self.x_m = self.y_m = self.yaw_rad = 0.0
        self.steps = 0
        self.met = False
        self.create_subscription(TwistStamped, "/cmd_vel", self.twist, 1)
        self.create_subscription(AckermannDriveStamped, "/drive", self.drive, 1)
        self.odometry = self.create_publisher(Odometry, "/odom", 1)
        self.scan = self.create_publisher(LaserScan, "/scan", 1)
        self.create_timer(STEP_S, self.step)

    def twist(self, message: TwistStamped) -> None:
        self.speed_mps = message.twist.linear.x
        turn = message.twist.angular.z
        self.steer_rad = math.atan(WHEELBASE_M * turn / self.speed_mps) if self.speed_mps else 0.0

    def drive(self, message: AckermannDriveStamped) -> None:
        self.speed_mps, self.steer_rad = message.drive.speed, message.drive.steering_angle

    def step(self) -> None:
        self.yaw_rad += self.speed_mps * math.tan(self.steer_rad) / WHEELBASE_M * STEP_S
        self.x_m += self.speed_mps * math.cos(self.yaw_rad) * STEP_S
        self.y_m += self.speed_mps * math.sin(self.yaw_rad) * STEP_S
        self.steps += 1
        if not self.met and "rosbridge_websocket" in self.get_node_names():
            self.met = True
            print("rosbridge is here", flush=True)
        self.log.write(json.dumps([time.monotonic(), self.steer_rad, self.speed_mps, "ros"]) + "\n")
        if self.steps % 2 == 0:
            self.odometry.publish(self.where())
        if self.steps % 10 == 0:
            self.scan.publish(self.look())

    def where(self) -> Odometry:
        message = Odometry()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id, message.child_frame_id = "odom", "base_link"
        message.pose.pose.position.x, message.pose.pose.position.y = self.x_m, self.y_m
        message.pose.pose.orientation.z = math.sin(self.yaw_rad / 2)
        message.pose.pose.orientation.w = math.cos(self.yaw_rad / 2)
        message.twist.twist.linear.x = float(self.speed_mps)
        return message

    def look(self) -> LaserScan:
        message = LaserScan()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = "laser"
        message.angle_min, message.angle_max = -2.35, 2.35
        message.angle_increment = 4.7 / (BEAMS - 1)
        message.range_min, message.range_max = 0.0, 30.0
        message.ranges = [2.0] * (BEAMS - 1) + [math.inf]
        return message


if __name__ == "__main__":
    rclpy.init()
    rclpy.spin(Car(sys.argv[1]))
