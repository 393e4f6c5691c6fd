from __future__ import annotations

from league.wire.pace import Pace


def admitted(pace, now_s, tries=200):
    return sum(pace.admit(now_s) for _ in range(tries))


def test_so_many_a_tick_and_no_more():
    pace = Pace(3)
    assert admitted(pace, 0.0) == 3
    pace.renew()
    assert admitted(pace, 0.0) == 3


def test_a_tick_that_lasts_counts_as_several():
    pace = Pace(3)
    pace.tick_s = 0.5
    assert admitted(pace, 10.0) == 3
    assert admitted(pace, 10.4) == 0
    assert admitted(pace, 10.5) == 3
    assert admitted(pace, 10.9) == 0
    assert admitted(pace, 60.0) == 3


def test_what_was_not_used_is_not_saved_up():
    pace = Pace(3)
    for _ in range(5):
        pace.renew()
    assert admitted(pace, 0.0) == 3


def test_answers_that_are_owed_come_on_top_until_they_are_settled():
    pace = Pace(3)
    for _ in range(4):
        pace.owe()
    pace.renew()
    assert admitted(pace, 0.0) == 7
    for _ in range(3):
        pace.settle()
    pace.renew()
    assert admitted(pace, 0.0) == 4


def test_one_can_owe_sixty_answers_at_most():
    pace = Pace(3)
    for _ in range(1000):
        pace.owe()
    pace.renew()
    assert admitted(pace, 0.0) == 63


def test_settling_more_than_is_owed_takes_nothing_away():
    pace = Pace(3)
    pace.settle()
    pace.renew()
    assert admitted(pace, 0.0) == 3


def test_what_is_forgotten_is_owed_no_more():
    pace = Pace(3)
    pace.owe()
    pace.forget()
    pace.renew()
    assert admitted(pace, 0.0) == 3
