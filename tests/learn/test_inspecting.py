"""What reading a reward function's file tells."""

from __future__ import annotations

from textwrap import dedent

import pytest

from league.learn.reward.inspecting import Reading, inspect, meant
from league.learn.reward.script import Script


def reading(code: str) -> Reading:
    return inspect(Script(dedent(code), "f.py"))


def test_keys_are_found_however_they_are_looked_up() -> None:
    found = reading(
        """
        class Judge:
            def judge(self, given):
                return given["speed"] + given.get("heading", 0)

        def reward_function(params):
            for key in ("x", "y"):
                params[key]
            return Judge().judge(params)
        """
    )
    assert found.keys == ("x", "y", "heading", "speed")
    assert not found.uses_objects
    assert found.unknown_keys == ()


def test_unknown_keys_are_told_with_their_line_and_what_was_meant() -> None:
    found = reading(
        """
        def reward_function(params):
            params["mine"] = 3
            a = params["sped"]
            return a + params.get("closest_waypoint", 0) + params["mine"]
        """
    )
    assert found.unknown_keys == (("sped", 4), ("closest_waypoint", 5))
    assert meant("sped") == ", did you mean 'speed'?"
    assert meant("quite another") == ""


def test_objects_chance_and_globals_are_seen() -> None:
    found = reading(
        """
        import numpy as np
        count = 0

        def reward_function(params):
            global count
            return np.random.rand() + len(params["objects_location"])
        """
    )
    assert found.uses_objects
    assert found.uses_random
    assert found.global_names == ("count",)


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("import os", "line 2 imports os, DeepRacer allows math, random, numpy, scipy, shapely"),
        ("from time import time", "line 2 imports time"),
        ("data = open('x')", "line 2 calls open, which DeepRacer forbids"),
        ("data = eval('1')", "line 2 calls eval"),
        ("import numpy; table = numpy.load('x')", "line 2 uses load"),
        ("x = '" + "y" * 140_000 + "'", "DeepRacer takes 140000"),
    ],
)
def test_what_deepracer_would_refuse_is_told(line: str, refused: str) -> None:
    found = reading(f"\n{line}\ndef reward_function(params):\n    return 1\n")
    assert any(refused in one for one in found.refused), found.refused


def test_what_deepracer_allows_is_not_told() -> None:
    allowed = "import math, random\nimport numpy as np\nfrom scipy import spatial\nimport shapely.geometry\n"
    assert reading(allowed + "def reward_function(params):\n    return 1\n").refused == ()
