"""Race facts and figures in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.racing.fact import KINDS, Fact
from league.server.pages import words


@pytest.mark.parametrize(
    ("given_s", "written"),
    [
        (None, "–"),
        (0.0, "0.000"),
        (8.4334, "8.433"),
        (59.9996, "1:00.000"),
        (68.433, "1:08.433"),
        (600.0, "10:00.000"),
    ],
)
def test_times_are_written_to_the_millisecond(given_s: float | None, written: str) -> None:
    assert words.seconds(given_s) == written


@given(st.floats(0, 86_400))
def test_a_written_time_reads_back_to_the_millisecond(given_s: float) -> None:
    minutes, _, rest = ("0:" + words.seconds(given_s)).rpartition(":")
    read_s = int(minutes.rpartition(":")[2]) * 60 + float(rest)
    assert abs(read_s - given_s) <= 0.000501


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fact_can_be_told_whatever_it_carries(kind: str) -> None:
    assert isinstance(words.tell(Fact(0, 0, kind, 0), ["A"], 15), str)
    assert words.tone(Fact(0, 0, kind, 0)) in ("", "warn", "out", "flag")


def test_facts_are_told_in_plain_words() -> None:
    penalty = Fact(10, 1_000_000, "penalty", 0, {"why": "off_track", "ticks": 45})
    assert words.tell(penalty, ["A"], 15) == "stands 3.0 s, off the road"
    lap = Fact(10, 1, "lap", 0, {"lap": 2, "time_us": 8_433_210, "off_tracks": 1, "valid": False})
    assert words.tell(lap, ["A"], 15) == "lap 2 in 8.433 (1 off, not valid)"
    contact = Fact(10, 1, "contact", 0, {"with": 1, "closing_mps": 1.0, "charged": True})
    assert words.tell(contact, ["A", "B\u202e"], 15) == "runs into \u2068B\u202e\u2069"
    assert words.tell(Fact(1, 1, "contact", 0, {"with": -1, "charged": True}), ["A"], 15) == "runs into a box"
    dnf = Fact(1, 1, "dnf", 0, {"status": "DNF-disconnect", "reason": ""})
    assert words.tell(dnf, ["A"], 15) == "is out: Lost contact"
