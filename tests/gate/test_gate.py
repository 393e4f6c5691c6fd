"""The gate: every state, every limit at its boundary, and whatever order things happen in."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from league.gate.gate import STANDING_MPS, Gate, Passed, Refusal, State, Wanted
from league.gate.limits import GateLimits

TURN_S = 0.02
TINY = 1e-9
LIMITS = GateLimits(drive_cap=0.5, rise_per_s=1000.0, steer_per_s=1000.0)
GOOD = {"token": True, "signs": True, "guarded": True}


class Stand:
    """A gate and its clock, turned as the bridge turns it."""

    def __init__(self, limits: GateLimits = LIMITS, *, now_s: float = 100.0, estopped: bool = False) -> None:
        self.now_s = now_s
        self.gate = Gate(limits, now_s=now_s, estopped=estopped)
        self.seq = 0

    def turn(self, for_s: float = TURN_S) -> Passed:
        """Let time pass, asking every 20 ms and at the end."""
        end_s = self.now_s + for_s
        while end_s - self.now_s > TURN_S:
            self.now_s += TURN_S
            self.gate.ask(self.now_s)
        self.now_s = end_s
        return self.gate.ask(self.now_s)

    def neutral(self) -> Stand:
        self.gate.connect(self.now_s)
        self.turn()
        self.turn(1.0 + TURN_S)
        return self

    def ready(self) -> Stand:
        self.neutral()
        assert self.gate.make_ready(self.now_s, **GOOD) == ""
        return self

    def armed(self) -> Stand:
        self.ready()
        assert self.offer(0.0, 0.0) is None
        assert self.gate.state is State.ARMED
        return self

    def moving(self, drive: float = 0.3, steer_rad: float = 0.1) -> Stand:
        self.armed()
        assert self.offer(steer_rad, drive) is None
        assert self.turn().drive == pytest.approx(drive)
        return self

    def offer(
        self, steer_rad: float, drive: float, *, age_s: float = 0.0, seq: int | None = None
    ) -> Refusal | None:
        self.seq += 1
        wanted = Wanted(self.seq if seq is None else seq, steer_rad, drive, self.now_s - age_s)
        return self.gate.offer(wanted, self.now_s)


def closed(stand: Stand, state: State, why: str) -> None:
    """It stands, says why, and the best of commands moves nothing."""
    passed = stand.gate.ask(stand.now_s)
    assert (passed.drive, passed.state) == (0.0, state)
    assert why in stand.gate.why
    assert stand.offer(0.0, 0.3) is Refusal.CLOSED
    assert stand.offer(0.0, 0.0) is Refusal.CLOSED
    assert stand.turn(0.1).drive == 0.0


# -- how it opens --------------------------------------------------------------------------------------


def test_it_begins_offline_and_lets_nothing_through() -> None:
    stand = Stand()
    assert Gate(LIMITS, now_s=0.0).state is State.OFFLINE
    assert stand.gate.ask(stand.now_s) == Passed(0.0, 0.0, State.OFFLINE)
    closed(stand, State.OFFLINE, "not connected")


def test_a_connected_car_is_neutral_and_stands() -> None:
    stand = Stand().neutral()
    closed(stand, State.NEUTRAL, "connected")


def test_only_ready_and_then_a_command_with_drive_0_arms_it() -> None:
    stand = Stand().ready()
    assert stand.offer(0.2, 0.1) is Refusal.FIRST_MOVES
    assert stand.turn().drive == 0.0
    assert stand.gate.state is State.READY
    assert stand.offer(0.2, 0.0) is None
    assert stand.gate.state is State.ARMED
    assert stand.gate.why == "driving"
    assert stand.offer(0.2, 0.1) is None
    assert stand.turn() == Passed(0.2, 0.1, State.ARMED)
    assert stand.gate.taken == 2


@pytest.mark.parametrize(
    ("missing", "objection"),
    [("token", "needs the token"), ("signs", "signs of this"), ("guarded", "no guardian")],
)
def test_each_condition_alone_keeps_it_shut(missing: str, objection: str) -> None:
    stand = Stand().neutral()
    assert objection in stand.gate.make_ready(stand.now_s, **{**GOOD, missing: False})
    assert objection in stand.gate.objection(stand.now_s, **{**GOOD, missing: False})
    assert stand.gate.state is State.NEUTRAL


def test_neutral_must_have_lasted_for_a_second() -> None:
    stand = Stand()
    stand.gate.connect(stand.now_s)
    assert "in neutral for 1 s" in stand.gate.make_ready(stand.now_s, **GOOD)
    stand.turn()
    since_s = stand.now_s
    stand.turn(1.0 - TURN_S)
    assert "in neutral for 1 s" in stand.gate.make_ready(since_s + 1.0 - 1e-6, **GOOD)
    assert stand.gate.make_ready(since_s + 1.0, **GOOD) == ""


def test_a_gap_in_the_neutral_stream_starts_its_second_anew() -> None:
    stand = Stand().neutral()
    stand.now_s += LIMITS.pulse_s + 0.01
    stand.gate.ask(stand.now_s)
    assert "in neutral" in stand.gate.make_ready(stand.now_s, **GOOD)
    stand.turn(1.0)
    assert stand.gate.make_ready(stand.now_s, **GOOD) == ""


def test_a_gap_of_just_the_pulse_does_not() -> None:
    stand = Stand(now_s=0.0).neutral()
    stand.gate._asked_s = 0.0
    stand.now_s = stand.gate._neutral_since_s = LIMITS.pulse_s
    stand.gate.ask(stand.now_s)
    assert stand.gate._neutral_since_s == LIMITS.pulse_s


def test_a_clock_that_goes_back_starts_the_second_of_neutral_anew_and_one_that_stands_does_not() -> None:
    stand = Stand().neutral()
    stand.gate.ask(stand.now_s)
    assert stand.gate.objection(stand.now_s, **GOOD) == ""
    stand.now_s -= 0.001
    stand.gate.ask(stand.now_s)
    stand.now_s += 0.1
    stand.gate.ask(stand.now_s)
    assert "in neutral" in stand.gate.objection(stand.now_s + 0.89, **GOOD)


@pytest.mark.parametrize("state", [State.OFFLINE, State.ARMED, State.ESTOP])
def test_it_is_made_ready_from_rest_only(state: State) -> None:
    stand = {State.OFFLINE: Stand(), State.ARMED: Stand().moving(), State.ESTOP: Stand(estopped=True)}[state]
    assert f"the car is {state}" in stand.gate.make_ready(stand.now_s, **GOOD)
    assert stand.gate.state is state


def test_ready_lasts_for_its_time_and_no_longer() -> None:
    for over_s, state in ((0.0, State.READY), (0.001, State.NEUTRAL)):
        stand = Stand(replace(LIMITS, ready_s=2.0), now_s=0.0).ready()
        since_s = stand.now_s
        stand.now_s = since_s + 2.0 + over_s
        stand.gate.ask(stand.now_s)
        assert stand.gate.state is state
    assert "nobody drove for 2 s" in stand.gate.why
    assert stand.offer(0.0, 0.0) is Refusal.CLOSED


def test_asking_again_renews_ready() -> None:
    stand = Stand(replace(LIMITS, ready_s=2.0)).ready()
    stand.turn(1.5)
    assert stand.gate.make_ready(stand.now_s, **GOOD) == ""
    stand.turn(1.5)
    assert stand.gate.state is State.READY


# -- how it closes -------------------------------------------------------------------------------------


def test_a_command_is_good_for_the_hold_time_and_not_a_moment_longer() -> None:
    stand = Stand(now_s=0.0).moving()
    born_s = stand.now_s - TURN_S
    stand.turn(LIMITS.hold_s - TURN_S)
    assert stand.now_s - born_s == pytest.approx(LIMITS.hold_s)
    stand.gate._wanted = replace(stand.gate._wanted, born_s=stand.now_s - LIMITS.hold_s)
    assert stand.gate.ask(stand.now_s).drive == pytest.approx(0.3)
    stand.now_s += TINY
    closed(stand, State.DISARMED, "no fresh command for 0.25 s")


def test_it_is_known_beforehand_when_the_gate_closes() -> None:
    stand = Stand(now_s=0.0)
    assert stand.gate.shuts_s == math.inf
    stand.moving()
    shuts_s = stand.gate.shuts_s
    assert shuts_s == pytest.approx(stand.now_s - TURN_S + LIMITS.hold_s)
    while stand.now_s + TURN_S < shuts_s:
        stand.turn(TURN_S)
    assert stand.gate.state is State.ARMED
    stand.now_s = shuts_s + TINY
    closed(stand, State.DISARMED, "no fresh command for 0.25 s")
    assert stand.gate.shuts_s == math.inf


def test_the_age_of_a_command_counts_into_its_hold_time() -> None:
    stand = Stand().armed()
    assert stand.offer(0.0, 0.3, age_s=0.2) is None
    assert stand.turn(0.04).drive == pytest.approx(0.3)
    assert stand.turn(0.02).drive == 0.0
    assert stand.gate.state is State.DISARMED


def test_expiry_is_noticed_by_the_command_that_comes_too_late() -> None:
    stand = Stand().moving()
    stand.turn(0.1)
    stand.gate._wanted = replace(stand.gate._wanted, born_s=stand.now_s - 0.3)
    assert stand.offer(0.0, 0.3) is Refusal.CLOSED
    assert stand.gate.state is State.DISARMED


def test_resumed_commands_never_move_the_car() -> None:
    stand = Stand().moving()
    stand.turn(0.3)
    for _ in range(100):
        assert stand.offer(0.1, 0.3) is Refusal.CLOSED
        assert stand.turn(0.05).drive == 0.0
    assert stand.gate.state is State.DISARMED


@pytest.mark.parametrize(("gap_s", "state"), [(0.125, State.ARMED), (0.125 + TINY, State.DISARMED)])
def test_a_bridge_that_was_not_turned_for_too_long_finds_its_gate_closed(gap_s: float, state: State) -> None:
    # Binary fractions, so that the boundary is exact.
    stand = Stand(replace(LIMITS, pulse_s=0.125), now_s=126.0).armed()
    stand.gate._asked_s = stand.now_s = 128.0
    stand.gate._wanted = Wanted(1, 0.0, 0.0, 128.0)
    stand.now_s += gap_s
    assert stand.offer(0.0, 0.3) is (None if state is State.ARMED else Refusal.CLOSED)
    assert stand.gate.state is state
    if state is State.DISARMED:
        assert stand.gate.why == "the bridge stalled for 0.13 s"


def test_arming_itself_is_a_sign_of_life() -> None:
    stand = Stand().ready()
    stand.now_s += 0.5
    assert stand.offer(0.0, 0.0) is None
    stand.now_s += LIMITS.pulse_s - 0.01
    assert stand.gate.ask(stand.now_s).state is State.ARMED


def test_a_clock_that_goes_back_closes_it() -> None:
    stand = Stand().moving()
    stand.now_s -= 0.001
    assert stand.gate.ask(stand.now_s).drive == 0.0
    assert (stand.gate.state, stand.gate.why) == (State.DISARMED, "the clock went back")


def test_a_clock_that_jumps_ahead_closes_it() -> None:
    stand = Stand().moving()
    stand.now_s += 3600.0
    closed(stand, State.DISARMED, "stalled")


def test_disarming_takes_the_drive_away_at_once() -> None:
    stand = Stand().moving()
    stand.gate.disarm("the heat is over", stand.now_s)
    closed(stand, State.DISARMED, "the heat is over")


def test_disarming_a_car_that_is_ready_makes_it_neutral_and_others_are_left_alone() -> None:
    stand = Stand().ready()
    stand.gate.disarm("changed my mind", stand.now_s)
    assert (stand.gate.state, stand.gate.why) == (State.NEUTRAL, "changed my mind")
    stand.gate.disarm("again", stand.now_s)
    assert stand.gate.why == "changed my mind"


def test_a_disarmed_car_is_armed_again_by_a_person_only_after_a_second() -> None:
    stand = Stand().moving()
    stand.gate.disarm("a test", stand.now_s)
    assert "in neutral" in stand.gate.make_ready(stand.now_s, **GOOD)
    stand.turn(1.05)
    assert stand.gate.make_ready(stand.now_s, **GOOD) == ""
    assert stand.offer(0.0, 0.0) is None
    assert stand.offer(0.0, 0.2) is None
    assert stand.turn().drive == pytest.approx(0.2)


def test_a_lost_car_is_offline_and_comes_back_neutral() -> None:
    stand = Stand().moving()
    stand.gate.lose("unplugged", stand.now_s)
    closed(stand, State.OFFLINE, "unplugged")
    assert "the car is offline" in stand.gate.make_ready(stand.now_s, **GOOD)
    stand.gate.connect(stand.now_s)
    closed(stand, State.NEUTRAL, "connected")


def test_neutral_does_not_count_while_the_car_is_lost() -> None:
    stand = Stand().neutral()
    stand.gate.lose("unplugged", stand.now_s)
    stand.turn(2.0)
    stand.gate.connect(stand.now_s)
    assert "in neutral" in stand.gate.make_ready(stand.now_s, **GOOD)


# -- emergency stops -----------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", ["offline", "neutral", "ready", "armed", "moving"])
def test_an_emergency_stop_closes_it_from_any_state_and_stays(begin: str) -> None:
    stand = Stand() if begin == "offline" else getattr(Stand(), begin)()
    stand.gate.emergency_stop("somebody shouted", stand.now_s)
    closed(stand, State.ESTOP, "somebody shouted")
    stand.gate.emergency_stop("again", stand.now_s)
    stand.gate.disarm("x", stand.now_s)
    stand.gate.lose("x", stand.now_s)
    stand.gate.connect(stand.now_s)
    closed(stand, State.ESTOP, "somebody shouted")
    assert "the car is estop" in stand.gate.make_ready(stand.now_s, **GOOD)


def test_an_emergency_stop_survives_a_restart() -> None:
    stand = Stand(estopped=True)
    stand.gate.connect(stand.now_s)
    closed(stand, State.ESTOP, "from before")


def test_it_is_cleared_beside_the_car_only() -> None:
    stand = Stand().moving()
    stand.gate.emergency_stop("a test", stand.now_s)
    assert "beside the car only" in stand.gate.clear(stand.now_s, local=False)
    assert stand.gate.state is State.ESTOP
    assert stand.gate.clear(stand.now_s, local=True) == ""
    assert (stand.gate.state, stand.gate.why) == (State.NEUTRAL, "the emergency stop was cleared")
    assert "no emergency stop" in stand.gate.clear(stand.now_s, local=True)
    stand.turn(1.05)
    assert stand.gate.make_ready(stand.now_s, **GOOD) == ""


def test_a_car_that_is_not_connected_is_offline_once_it_is_cleared() -> None:
    stand = Stand(estopped=True)
    assert stand.gate.clear(stand.now_s, local=True) == ""
    assert stand.gate.state is State.OFFLINE


def test_a_car_that_was_lost_meanwhile_is_offline_once_it_is_cleared() -> None:
    stand = Stand().moving()
    stand.gate.emergency_stop("a test", stand.now_s)
    stand.gate.lose("unplugged", stand.now_s)
    assert stand.gate.clear(stand.now_s, local=True) == ""
    assert stand.gate.state is State.OFFLINE


@pytest.mark.parametrize(
    ("speed_mps", "cleared"),
    [
        (None, True),
        (0.0, True),
        (STANDING_MPS - TINY, True),
        (STANDING_MPS, False),
        (-0.06, False),
        (math.nan, False),
    ],
)
def test_it_is_not_cleared_while_the_wheels_turn(speed_mps: float | None, cleared: bool) -> None:
    stand = Stand().neutral()
    stand.gate.emergency_stop("a test", stand.now_s)
    assert (stand.gate.clear(stand.now_s, local=True, speed_mps=speed_mps) == "") is cleared


def test_a_second_of_neutral_counts_anew_after_an_emergency_stop() -> None:
    stand = Stand().neutral()
    stand.gate.emergency_stop("a test", stand.now_s)
    stand.turn(5.0)
    stand.gate.clear(stand.now_s, local=True)
    assert "in neutral" in stand.gate.make_ready(stand.now_s, **GOOD)


# -- commands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "full", None, True, [0.1], 1j])
@pytest.mark.parametrize("field", ["steer_rad", "drive", "born_s"])
def test_what_is_no_finite_number_is_refused_and_counted(field: str, bad: object) -> None:
    stand = Stand().moving()
    wanted = replace(Wanted(99, 0.0, 0.1, stand.now_s), **{field: bad})
    assert stand.gate.offer(wanted, stand.now_s) is Refusal.NOT_A_NUMBER
    assert stand.gate.refused == {Refusal.NOT_A_NUMBER: 1}
    assert stand.turn().drive == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("drive", "steer_rad", "fits"),
    [
        (1.0, 0.0, True), (1.0 + TINY, 0.0, False), (0.0, 0.0, True), (-TINY, 0.0, False),
        (1e300, 0.0, False), (0, 0, True), (0.1, 1.58, True), (0.1, 1.58 + TINY, False),
        (0.1, -1.58, True), (0.1, -1.58 - TINY, False),
    ],
)  # fmt: skip
def test_the_range_has_exact_ends(drive: float, steer_rad: float, fits: bool) -> None:
    stand = Stand().armed()
    assert stand.offer(steer_rad, drive) is (None if fits else Refusal.OUT_OF_RANGE)


@pytest.mark.parametrize(("drive", "fits"), [(-1.0, True), (-1.0 - TINY, False), (-0.2, True)])
def test_only_a_car_that_reverses_takes_negative_drive(drive: float, fits: bool) -> None:
    stand = Stand(replace(LIMITS, reverse=True)).armed()
    assert stand.offer(0.0, drive) is (None if fits else Refusal.OUT_OF_RANGE)
    if fits:
        assert stand.turn().drive == pytest.approx(max(drive, -LIMITS.drive_cap))


def test_the_first_command_may_not_reverse_either() -> None:
    stand = Stand(replace(LIMITS, reverse=True)).ready()
    assert stand.offer(0.0, -0.1) is Refusal.FIRST_MOVES


def test_an_older_number_is_out_of_order_even_if_nothing_was_taken() -> None:
    stand = Stand().armed()
    assert stand.offer(0.0, 0.1, seq=10) is None
    assert stand.offer(0.0, 0.2, seq=10) is Refusal.OUT_OF_ORDER
    assert stand.offer(0.0, 0.2, seq=9) is Refusal.OUT_OF_ORDER
    assert stand.offer(0.0, 0.2, seq=11) is None
    stand.gate.disarm("a test", stand.now_s)
    assert stand.offer(0.0, 0.2, seq=50) is Refusal.CLOSED
    assert stand.offer(0.0, 0.0, seq=50) is Refusal.OUT_OF_ORDER


def test_nonsense_does_not_use_up_numbers() -> None:
    stand = Stand().armed()
    assert stand.offer(0.0, math.nan, seq=1000) is Refusal.NOT_A_NUMBER
    assert stand.offer(0.0, 7.0, seq=1000) is Refusal.OUT_OF_RANGE
    assert stand.offer(0.0, 0.1, seq=2) is None


def test_the_first_number_may_be_0() -> None:
    stand = Stand().ready()
    assert stand.offer(0.0, 0.0, seq=-1) is Refusal.OUT_OF_ORDER
    assert stand.offer(0.0, 0.0, seq=0) is None


def test_age_has_exact_ends() -> None:
    for age_s, refusal in ((0.25, None), (0.25 + TINY, Refusal.STALE), (0.0, None), (-TINY, Refusal.FUTURE)):
        stand = Stand(now_s=0.0).ready()
        stand.now_s = 64.0
        stand.gate._ready_since_s = 64.0
        wanted = Wanted(1, 0.0, 0.0, 64.0 - age_s)
        assert stand.gate.offer(wanted, 64.0) is refusal, age_s


def test_the_newest_command_wins() -> None:
    stand = Stand().armed()
    for drive in (0.1, 0.4, 0.2):
        stand.offer(0.0, drive)
    assert stand.turn().drive == pytest.approx(0.2)
    assert stand.gate.newest_s == pytest.approx(stand.now_s - TURN_S)


def test_before_the_first_command_there_is_no_newest() -> None:
    assert Stand().ready().gate.newest_s is None


# -- caps and rates ------------------------------------------------------------------------------------


def test_drive_and_steering_are_capped() -> None:
    stand = Stand(replace(LIMITS, steer_cap_rad=0.3)).armed()
    stand.offer(1.0, 1.0)
    assert stand.turn() == Passed(0.3, 0.5, State.ARMED)
    stand.offer(-1.0, 1.0)
    assert stand.turn() == Passed(-0.3, 0.5, State.ARMED)


def test_a_server_lowers_the_cap_at_once_and_never_raises_it() -> None:
    stand = Stand().moving(0.5)
    stand.gate.lower(0.2)
    assert stand.gate.ask(stand.now_s).drive == pytest.approx(0.2)
    for cap in (0.4, math.nan, math.inf, 0.2):
        stand.gate.lower(cap)
        assert stand.gate.cap == 0.2
    stand.gate.lower(-1.0)
    assert stand.gate.cap == 0.0
    stand.offer(0.0, 0.5)
    assert stand.turn().drive == 0.0


def test_the_owners_cap_is_back_with_the_next_heat_and_not_before() -> None:
    stand = Stand().moving()
    stand.gate.lower(0.1)
    stand.gate.disarm("a test", stand.now_s)
    stand.turn(1.1)
    stand.gate.make_ready(stand.now_s, **GOOD)
    stand.gate.connect(stand.now_s)
    assert stand.gate.cap == 0.1
    stand.gate.begin_heat()
    assert stand.gate.cap == LIMITS.drive_cap


def test_a_car_that_tells_its_limits_is_held_to_them() -> None:
    stand = Stand()
    own = replace(LIMITS, drive_cap=0.05)
    stand.gate.connect(stand.now_s, own)
    assert (stand.gate.limits, stand.gate.cap) == (own, 0.05)
    stand.gate.connect(stand.now_s)
    assert stand.gate.limits is own


def test_drive_rises_at_its_rate_and_falls_at_once() -> None:
    stand = Stand(replace(LIMITS, rise_per_s=2.0)).armed()
    stand.offer(0.0, 0.5)
    assert stand.turn().drive == pytest.approx(0.04)
    assert stand.turn().drive == pytest.approx(0.08)
    stand.offer(0.0, 0.06)
    assert stand.gate.ask(stand.now_s).drive == pytest.approx(0.06)
    stand.offer(0.0, 0.065)
    assert stand.turn().drive == pytest.approx(0.065)


@pytest.mark.parametrize("drive", [0.5, -0.5])
def test_drive_0_is_0_at_once(drive: float) -> None:
    stand = Stand(replace(LIMITS, rise_per_s=2.0, reverse=True)).armed()
    stand.offer(0.0, drive)
    stand.turn(0.1)
    stand.offer(0.0, 0.0)
    assert stand.gate.ask(stand.now_s).drive == 0.0
    assert stand.turn().drive == 0.0


def test_reversing_goes_through_0_at_its_rate() -> None:
    stand = Stand(replace(LIMITS, rise_per_s=2.0, reverse=True)).armed()
    stand.offer(0.0, 0.5)
    stand.turn(0.2)
    stand.offer(0.0, -0.5)
    assert stand.turn().drive == pytest.approx(-0.04)
    assert stand.turn().drive == pytest.approx(-0.08)
    stand.offer(0.0, -0.02)
    assert stand.turn().drive == pytest.approx(-0.02)
    stand.offer(0.0, -0.03)
    assert stand.turn().drive == pytest.approx(-0.03)
    stand.offer(0.0, 0.5)
    assert stand.turn().drive == pytest.approx(0.04)


def test_after_a_lowered_cap_drive_does_not_come_from_above_it() -> None:
    stand = Stand(replace(LIMITS, rise_per_s=2.0, reverse=True)).armed()
    stand.offer(0.0, -0.5)
    stand.turn(0.2)
    stand.gate.lower(0.1)
    assert stand.turn().drive == pytest.approx(-0.1)


def test_drive_rises_by_the_time_since_the_last_turn() -> None:
    stand = Stand(replace(LIMITS, rise_per_s=1.0)).armed()
    stand.offer(0.0, 0.5)
    stand.now_s += LIMITS.pulse_s - 0.001
    assert stand.gate.ask(stand.now_s).drive == pytest.approx(LIMITS.pulse_s - 0.001)


def test_steering_turns_at_its_rate_both_ways() -> None:
    stand = Stand(replace(LIMITS, steer_per_s=1.0)).armed()
    stand.offer(0.4, 0.0)
    assert stand.turn().steer_rad == pytest.approx(0.02)
    stand.offer(-0.4, 0.0)
    assert stand.turn().steer_rad == pytest.approx(0.0)
    assert stand.turn().steer_rad == pytest.approx(-0.02)


def test_wheels_stay_for_a_while_after_the_drive_is_gone_and_are_then_centred() -> None:
    stand = Stand(now_s=0.0).moving(steer_rad=0.2)
    stand.now_s = stand.gate._now_s = stand.gate._asked_s = 16.0
    stand.gate._wanted = replace(stand.gate._wanted, born_s=16.0)
    stand.gate.disarm("a test", 16.0)
    stand.now_s = 16.0
    assert stand.turn(0.25) == Passed(0.2, 0.0, State.DISARMED)
    assert stand.gate.ask(16.0 + LIMITS.centre_after_s - TINY).steer_rad == 0.2
    assert stand.gate.ask(16.0 + LIMITS.centre_after_s + 0.001).steer_rad == 0.0


def test_wheels_are_centred_at_the_very_end_of_their_time() -> None:
    stand = Stand(replace(LIMITS, centre_after_s=0.25), now_s=0.0).moving(steer_rad=0.2)
    stand.now_s = stand.gate._now_s = stand.gate._asked_s = 16.0
    stand.gate._wanted = replace(stand.gate._wanted, born_s=16.0)
    stand.gate.disarm("a test", 16.0)
    assert stand.gate.ask(16.125).steer_rad == 0.2
    assert stand.gate.ask(16.25).steer_rad == 0.0


def test_a_new_arming_does_not_begin_with_the_old_drive() -> None:
    stand = Stand(replace(LIMITS, rise_per_s=2.0)).armed()
    stand.offer(0.0, 0.5)
    stand.turn(0.2)
    stand.gate.disarm("a test", stand.now_s)
    stand.turn(1.1)
    stand.gate.make_ready(stand.now_s, **GOOD)
    stand.offer(0.0, 0.0)
    assert stand.turn().drive == 0.0
    stand.offer(0.0, 0.5)
    assert stand.turn().drive == pytest.approx(0.04)


# -- any order -----------------------------------------------------------------------------------------


class Anything(RuleBasedStateMachine):
    """Whatever happens, in whatever order: the car moves only while everything is as it should be."""

    @initialize(reverse=st.booleans(), estopped=st.booleans())
    def begin(self, reverse: bool, estopped: bool) -> None:
        self.stand = Stand(replace(LIMITS, reverse=reverse, rise_per_s=5.0), estopped=estopped)
        self.gate = self.stand.gate
        self.cap = LIMITS.drive_cap
        self.person = self.first = False
        """Whether a person allowed driving, and whether a command with drive 0 came since."""
        self.fresh_s = self.asked_s = -math.inf
        self.latched = estopped
        self.last = 0.0

    def ask(self) -> None:
        passed = self.gate.ask(self.stand.now_s)
        now_s = self.stand.now_s
        if passed.drive != 0:
            assert passed.state is State.ARMED
            assert self.person
            assert self.first
            assert not self.latched
            assert now_s - self.fresh_s <= LIMITS.hold_s + TINY
            assert now_s - self.asked_s <= LIMITS.pulse_s + TINY
        assert abs(passed.drive) <= self.gate.cap <= self.cap + TINY
        assert abs(passed.steer_rad) <= LIMITS.steer_cap_rad
        assert math.isfinite(passed.drive)
        assert math.isfinite(passed.steer_rad)
        if not self.gate.limits.reverse:
            assert passed.drive >= 0
        if abs(passed.drive) > abs(self.last):
            rise = abs(passed.drive) - (abs(self.last) if passed.drive * self.last > 0 else 0.0)
            assert rise <= 5.0 * LIMITS.pulse_s + TINY
        self.last, self.asked_s = passed.drive, now_s
        if self.gate.state is not State.ARMED and self.gate.state is not State.READY:
            self.person = self.first = False

    @rule(turns=st.integers(1, 80))
    def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.stand.now_s += TURN_S
            self.ask()

    @rule(gap_s=st.sampled_from([0.0, 0.001, 0.1, 0.119, 0.121, 0.2, 0.251, 1.0, 700.0, -0.001, -5.0]))
    def gap(self, gap_s: float) -> None:
        self.stand.now_s += gap_s
        if gap_s < 0:
            self.fresh_s = self.asked_s = -math.inf
        self.ask()

    @rule()
    def connect(self) -> None:
        self.gate.connect(self.stand.now_s)
        self.person = self.first = False
        assert self.gate.state is (State.ESTOP if self.latched else State.NEUTRAL)

    @rule()
    def lose(self) -> None:
        self.gate.lose("lost", self.stand.now_s)
        self.person = self.first = False

    @rule(token=st.booleans(), signs=st.booleans(), guarded=st.booleans())
    def make_ready(self, token: bool, signs: bool, guarded: bool) -> None:
        objection = self.gate.make_ready(self.stand.now_s, token=token, signs=signs, guarded=guarded)
        if not objection:
            assert token
            assert signs
            assert guarded
            assert not self.latched
            self.person, self.first = True, False

    @rule()
    def disarm(self) -> None:
        self.gate.disarm("disarmed", self.stand.now_s)
        if not self.latched:
            assert self.gate.state not in (State.ARMED, State.READY)
        self.person = self.first = False

    @rule()
    def stop(self) -> None:
        self.gate.emergency_stop("stop", self.stand.now_s)
        assert self.gate.state is State.ESTOP
        self.latched, self.person, self.first = True, False, False

    @rule(local=st.booleans(), speed_mps=st.sampled_from([None, 0.0, 1.0]))
    def clear(self, local: bool, speed_mps: float | None) -> None:
        before = self.gate.state
        if not self.gate.clear(self.stand.now_s, local=local, speed_mps=speed_mps):
            assert before is State.ESTOP
            assert local
            assert speed_mps != 1.0
            self.latched = False

    @rule(cap=st.one_of(st.floats(), st.sampled_from([0.0, 0.1, 0.4])))
    def lower(self, cap: float) -> None:
        before = self.gate.cap
        self.gate.lower(cap)
        assert 0 <= self.gate.cap <= before
        self.cap = self.gate.cap

    @rule()
    def begin_heat(self) -> None:
        self.gate.begin_heat()
        self.cap = LIMITS.drive_cap
        assert self.gate.cap == self.cap

    @precondition(lambda self: self.gate.state is State.READY)
    @rule()
    def begin_to_drive(self) -> None:
        self.offer(0.0, 0.0, 0.0)

    @rule(
        steer_rad=st.one_of(st.floats(-0.5, 0.5), st.floats()),
        drive=st.one_of(st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.floats(-1.5, 1.5), st.just(math.nan)),
        age_s=st.sampled_from([0.0, 0.1, 0.249, 0.251, -0.1]),
    )
    def offer(self, steer_rad: float, drive: float, age_s: float) -> None:
        before = self.gate.state
        refusal = self.stand.offer(steer_rad, drive, age_s=age_s)
        if refusal is None:
            assert before in (State.READY, State.ARMED)
            assert 0 <= age_s <= LIMITS.hold_s
            if before is State.READY:
                assert drive == 0
                self.asked_s = self.stand.now_s
            self.first = True
            self.fresh_s = self.stand.now_s - age_s

    @invariant()
    def an_emergency_stop_is_latched(self) -> None:
        if self.latched:
            assert self.gate.state is State.ESTOP


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=150, stateful_step_count=40)


@given(st.lists(st.tuples(st.floats(0, 0.1), st.floats(-0.5, 0.5), st.floats(0, 1)), min_size=1, max_size=60))
def test_an_armed_car_follows_within_its_limits(steps: list[tuple[float, float, float]]) -> None:
    stand = Stand(replace(LIMITS, rise_per_s=2.0, steer_per_s=3.0)).armed()
    before = stand.gate.ask(stand.now_s)
    for apart_s, steer_rad, drive in steps:
        stand.now_s += apart_s
        assert stand.offer(steer_rad, drive) is None
        passed = stand.gate.ask(stand.now_s)
        assert 0 <= passed.drive <= min(drive, LIMITS.drive_cap) + TINY
        assert passed.drive - before.drive <= 2.0 * apart_s + TINY
        assert abs(passed.steer_rad - before.steer_rad) <= 3.0 * apart_s + TINY
        before = passed
