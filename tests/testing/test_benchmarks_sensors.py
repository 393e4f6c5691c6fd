from __future__ import annotations

import json

from league.testing.benchmarks_sensors import measure


def test_every_sensor_is_measured_and_three_beside_plain_code():
    told = []
    rows = measure(0.2, told.append)
    json.dumps(rows)
    assert len(told) == len(rows)
    assert {row["name"] for row in rows} >= {
        "state",
        "pose",
        "lidar",
        "lidar with noise",
        "lidar-sectors",
        "lidar-discretized",
        "lidar-f1tenth",
        "camera",
        "camera varied",
        "camera-stereo",
    }
    assert all(row["per_s"] > 0 and row["spread"] >= 0 for row in rows)
    beside = [row for row in rows if row["ratio"] is not None]
    assert [(row["name"], row["batch"]) for row in beside] == [
        ("lidar", 64),
        ("lidar-f1tenth", 64),
        ("camera", 64),
    ]
    assert all(row["ratio"] == row["per_s"] / row["reference_per_s"] for row in beside)
