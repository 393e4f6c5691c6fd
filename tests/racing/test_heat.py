"""Heats: laps, penalties, contact, endings, and that the same race is the same bytes."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from stadium import follow, make_heat, run, stadium

from league.errors import RaceError
from league.racing.agent import Command
from league.racing.heat import OUT, STANDS, Heat
from league.sim.car import DEEPRACER
from league.track.circuit import Circuit


def kinds(heat: Heat, seat: int = 0) -> list[str]:
    return [fact.kind for fact in heat.facts if fact.seat == seat and fact.kind != "sector"]


def test_three_clean_laps_are_a_finish(three_laps: Heat) -> None:
    (entry,) = three_laps.result().entries
    assert (entry.status, entry.place, entry.off_tracks, entry.resets) == ("FIN", 1, 0, 0)
    assert len(entry.laps) == 3
    assert all(lap.valid for lap in entry.laps)
    assert entry.total_s == pytest.approx(sum(lap.time_s for lap in entry.laps), abs=1e-6)
    assert entry.progress_pct == 100.0
    assert kinds(three_laps) == ["lap", "lap", "lap", "finish"]


def test_the_first_lap_is_a_standing_start_and_the_others_fly(three_laps: Heat) -> None:
    times = [lap.time_s for lap in three_laps.result().entries[0].laps]
    assert times[0] > times[1] + 0.2
    assert times[1] == pytest.approx(times[2], abs=0.1)


def test_crossings_are_interpolated_and_not_quantised_to_ticks(three_laps: Heat) -> None:
    tick_us = 1e6 / 15
    laps = [fact for fact in three_laps.facts if fact.kind == "lap"]
    parts = [(fact.time_us / tick_us) % 1 for fact in laps]
    assert any(0.02 < part < 0.98 for part in parts)
    assert all(fact.tick * tick_us <= fact.time_us <= (fact.tick + 1) * tick_us for fact in laps)


def test_lap_times_hardly_depend_on_the_control_rate() -> None:
    """At constant commands the physics is the same whatever the rate at which they are given."""
    totals = []
    for control_hz in (15, 30, 60):
        heat = make_heat(laps=2, control_hz=control_hz)
        # A quarter turn each way is never needed: the commands change only every 1/15 s.
        held: dict[int, Command] = {}

        def drive(
            seat: int, seen: object, every: int = control_hz // 15, held: dict[int, Command] = held
        ) -> Command:
            if seen.tick % every == 0:  # type: ignore[attr-defined]
                held[seat] = follow(seen)  # type: ignore[arg-type]
            return held[seat]

        totals.append(run(heat, drive).result().entries[0].total_s)
    assert max(totals) - min(totals) < 0.02


def test_sectors_add_up_to_the_lap(three_laps: Heat) -> None:
    for lap in three_laps.result().entries[0].laps:
        assert len(lap.sectors_s) == 3
        assert sum(lap.sectors_s) == pytest.approx(lap.time_s, abs=1e-6)


def test_leaving_the_track_costs_the_penalty_inside_the_time_and_puts_the_car_on_a_lane() -> None:
    def drive(seat: int, seen: object) -> Command:
        if 20 < seen.tick < 60 and seen.penalty is None and not off:  # type: ignore[attr-defined]
            return Command(-0.5, 2.5)
        return follow(seen)  # type: ignore[arg-type]

    heat = make_heat(laps=1)
    off: list[int] = []
    while not heat.finished:
        (seen,) = heat.observe()
        facts = heat.advance([drive(0, seen)])
        off += [fact.tick for fact in facts if fact.kind == "off_track"]
    entry = heat.result().entries[0]
    assert (entry.status, entry.off_tracks, entry.resets) == ("FIN", 1, 1)
    assert entry.laps[0].off_tracks == 1
    story = [fact for fact in heat.facts if fact.kind in ("off_track", "reset", "penalty", "released")]
    assert [fact.kind for fact in story] == ["off_track", "reset", "penalty", "released"]
    reset, penalty, released = story[1:]
    assert abs(reset.data["offset_m"]) == pytest.approx(0.25, abs=0.01)
    assert penalty.data["ticks"] == 45
    assert released.tick - reset.tick == 45
    assert reset.data["along_m"] <= story[0].data["along_m"]
    stood = heat.recording().frames[reset.tick + 1 : released.tick + 1, 0]
    assert np.ptp(stood[:, :2], axis=0).max() == 0.0
    assert (stood[:, 6].astype(int) & STANDS).all()
    clean = run(make_heat(laps=1), lambda _, seen: follow(seen)).result().entries[0]
    assert entry.total_s > clean.total_s + 2.0


def test_a_driver_is_told_that_it_stands_and_for_how_long() -> None:
    heat = make_heat(laps=1)
    told = []
    for _ in range(120):
        (seen,) = heat.observe()
        if seen.penalty:
            told.append((seen.penalty.kind, seen.penalty.left_ticks))
        heat.advance([Command(-0.5, 2.5)])
        if len(told) > 3:
            break
    assert told[:3] == [("off_track", 45), ("off_track", 44), ("off_track", 43)]


def test_a_standing_car_is_immobilised_after_a_second_at_no_penalty() -> None:
    heat = make_heat(time_limit_s=3)
    run(heat, lambda _, __: Command(0.0, 0.0))
    entry = heat.result().entries[0]
    assert entry.status == "DNF-timeout"
    assert "immobilised" in kinds(heat)
    assert "penalty" not in kinds(heat)
    first = next(fact for fact in heat.facts if fact.kind == "immobilised")
    assert first.tick == 14


def test_driving_the_wrong_way_for_a_second_is_reversed() -> None:
    circuit = stadium(radius_m=3.0, half_m=2.5)
    heat = make_heat(circuit=circuit, time_limit_s=30)

    def turn_round(_: int, seen: object) -> Command:
        wrong = abs(seen.heading_error_rad) > 2.0  # type: ignore[attr-defined]
        return Command(0.0 if wrong else 0.5, 0.8)

    run(heat, turn_round)
    story = [fact for fact in heat.facts if fact.kind in ("reversed", "penalty")]
    assert story[0].kind == "reversed"
    assert story[1].data == {"why": "reversed", "ticks": 45}


def test_resets_used_up_end_the_race() -> None:
    heat = make_heat(max_resets=1, time_limit_s=60)
    run(heat, lambda _, __: Command(-0.5, 2.5))
    entry = heat.result().entries[0]
    assert entry.status == "DNF-crash"
    assert entry.resets == 2
    assert "resets" in entry.reason


def test_time_up_ends_a_total_time_race_unfinished() -> None:
    heat = run(make_heat(time_limit_s=10), lambda _, seen: follow(seen))
    entry = heat.result().entries[0]
    assert (entry.status, heat.tick) == ("DNF-timeout", 150)
    assert 0 < entry.progress_pct < 100


def test_a_lap_under_way_may_finish_if_the_rules_say_so() -> None:
    heat = make_heat(time_limit_s=16, lap_may_finish=True, rank="best_lap", laps=10)
    run(heat, lambda _, seen: follow(seen))
    entry = heat.result().entries[0]
    assert entry.status == "FIN"
    assert len(entry.laps) == 2
    assert heat.time_us > 16e6
    assert entry.score_s == entry.fastest_lap_s


def test_a_lap_with_too_many_resets_does_not_count_as_fastest() -> None:
    heat = make_heat(max_resets_per_lap=0, rank="best_lap", laps=2)
    went = []

    def drive(_: int, seen: object) -> Command:
        if seen.tick in range(20, 40) and not went:  # type: ignore[attr-defined]
            if seen.penalty:  # type: ignore[attr-defined]
                went.append(1)
            return Command(-0.5, 2.5)
        return follow(seen)  # type: ignore[arg-type]

    entry = run(heat, drive).result().entries[0]
    assert [lap.valid for lap in entry.laps] == [False, True]
    assert entry.fastest_lap_s == entry.laps[1].time_s


def test_grid_cars_alternate_lanes_from_the_outer_one_a_gap_apart() -> None:
    heat = make_heat(4)
    length_m = heat.circuit.length_m
    along = [(value + 3) % length_m - 3 for value in heat.world.along_m]
    # In the bend, a point beside a polyline projects up to offset × turn (1 cm) from where it was set.
    assert along == pytest.approx([0, -0.75, -1.5, -2.25], abs=0.011)
    # Anticlockwise: the outer lane is on the right.
    assert list(np.sign(heat.world.offset_m)) == [-1, 1, -1, 1]
    alone = make_heat(1)
    assert alone.world.offset_m[0] == pytest.approx(0, abs=1e-9)


def test_a_car_is_let_go_into_a_gap_and_others_see_that_it_cannot_be_touched() -> None:
    """The second car comes round just when the first one has served its penalty."""
    heat = make_heat(2, laps=2, off_track_penalty_s=1.0)
    heat.world.place(0, 6.0, 0.0)
    heat.world.place(1, 4.0, 0.0)
    for car, start_m in zip(heat.referee.cars, (6.0, 4.0), strict=True):
        car.progress_m = car.before_m = start_m
    seen_standing = []
    while not any(fact.kind == "released" for fact in heat.facts):
        first, second = heat.observe()
        assert first is not None
        assert second is not None
        seen_standing += [other.standing for other in second.opponents]
        gone = bool(heat.referee.cars[0].off_tracks)
        heat.advance([follow(first) if gone else Command(-0.5, 2.0), follow(second, 1.2)])
        assert heat.tick < 200
    assert not any(fact.kind == "contact" for fact in heat.facts)
    assert seen_standing[0] is False
    assert True in seen_standing
    reset = next(fact for fact in heat.facts if fact.kind == "reset")
    released = next(fact for fact in heat.facts if fact.kind == "released")
    assert 15 < released.tick - reset.tick <= 15 + 30 + 1


def test_only_the_car_behind_pays_for_a_contact() -> None:
    heat = make_heat(2, laps=1, grid_gap_m=0.5)
    for seat in range(2):
        heat.world.place(seat, 1.0 - 0.5 * seat, 0.0)

    def drive(seat: int, seen: object) -> Command:
        touched = any(fact.kind == "contact" for fact in heat.facts)
        if seat == 0:
            return follow(seen, 0.6)  # type: ignore[arg-type]
        return follow(seen, 0.5 if touched else 1.8)  # type: ignore[arg-type]

    run(heat, drive)
    first, second = (heat.result().of(f"e{seat}") for seat in range(2))
    assert first is not None
    assert second is not None
    assert (first.collisions, second.collisions) == (0, 1)
    contact = next(fact for fact in heat.facts if fact.kind == "contact")
    assert (contact.seat, contact.data["with"], contact.data["charged"]) == (1, 0, True)
    penalty = next(fact for fact in heat.facts if fact.kind == "penalty")
    assert (penalty.seat, penalty.data["why"], penalty.data["ticks"]) == (1, "collision", 75)


def test_a_car_is_never_put_back_onto_another() -> None:
    """Both cars leave the road at the same place, one shortly after the other."""
    heat = make_heat(2, laps=3, off_track_penalty_s=1.0, time_limit_s=60)
    while not heat.finished and heat.tick < 600:
        heat.advance([Command(-0.5, 2.0) if heat.tick % 90 < 50 else Command(0.2, 1.0) for _ in range(2)])
        present = [car for car in heat.referee.cars if car.racing and not car.standing]
        if len(present) == 2:
            gap = np.hypot(*(heat.world.pose[0, :2] - heat.world.pose[1, :2]))
            assert gap > 0.15
    assert sum(car.resets for car in heat.referee.cars) >= 4


def test_a_silent_driver_is_parked_and_then_out() -> None:
    heat = make_heat(2, laps=3)
    run(heat, lambda seat, seen: follow(seen) if seat == 0 else None)
    entry = heat.result().of("e1")
    assert entry is not None
    assert entry.status == "DNF-timeout"
    assert "parked" in kinds(heat, 1)
    winner = heat.result().of("e0")
    assert winner is not None
    assert winner.status == "FIN"


def test_a_parked_car_goes_on_when_its_driver_is_back() -> None:
    heat = make_heat(laps=1)

    def drive(_: int, seen: object) -> Command | None:
        return None if 30 <= seen.tick < 100 else follow(seen)  # type: ignore[attr-defined,arg-type]

    while not heat.finished:
        (seen,) = heat.observe()
        heat.advance([drive(0, seen)], away={0} if 30 <= heat.tick < 100 else ())
    assert heat.result().entries[0].status == "FIN"
    assert "parked" in kinds(heat)
    assert "released" in kinds(heat)


def test_a_retired_car_leaves_the_others_alone() -> None:
    heat = make_heat(2, laps=1)
    while not heat.finished:
        seen = heat.observe()
        if heat.tick == 20:
            heat.retire(1, "DNF-disconnect", "its connection broke")
        heat.advance([None if one is None else follow(one) for one in seen])
    out = heat.result().of("e1")
    assert out is not None
    assert (out.status, out.reason) == ("DNF-disconnect", "its connection broke")
    assert int(heat.recording().frames[-1, 1, 6]) & OUT
    dnf = next(fact for fact in heat.facts if fact.kind == "dnf")
    assert dnf.data["status"] == "DNF-disconnect"


def test_a_heat_whose_drivers_all_retire_is_over() -> None:
    heat = make_heat(1)
    heat.retire(0, "DNS", "did not turn up")
    assert heat.finished
    assert heat.result().entries[0].status == "DNS"
    assert any(fact.kind == "dnf" for fact in heat.facts)
    with pytest.raises(RaceError, match="is over"):
        heat.advance([None])


def test_unusable_commands_are_counted_and_disqualify() -> None:
    heat = run(make_heat(), lambda _, __: Command(nan, 1.0))
    assert heat.result().entries[0].status == "DSQ"
    assert heat.tick == 20


def test_the_same_answers_give_the_same_bytes_and_another_seed_another_hash() -> None:
    first, second = (run(make_heat(2, laps=1), lambda _, seen: follow(seen)) for _ in range(2))
    assert first.recording().to_bytes() == second.recording().to_bytes()
    other = run(make_heat(2, laps=1, seed=2), lambda _, seen: follow(seen))
    assert other.result().state_hash != first.result().state_hash


def test_a_silent_driver_does_not_change_another_cars_race() -> None:
    """Two cars that never meet: answers that one misses leave the other's path as it was."""
    paths = []
    for every in (7, 1000):
        heat = make_heat(2, laps=1)
        run(heat, lambda seat, seen, every=every: None if seat and seen.tick % every == 6 else follow(seen))
        paths.append(heat.recording().frames[:180, 0])
        assert all(fact.kind != "contact" for fact in heat.facts)
    assert np.array_equal(paths[0], paths[1])


def test_a_clockwise_circuit_has_its_outer_lane_on_the_left() -> None:
    heat = make_heat(2, circuit=stadium().reversed())
    assert list(np.sign(heat.world.offset_m)) == [1, -1]


def test_the_state_is_as_documented(three_laps: Heat) -> None:
    heat = make_heat(2)
    seen = heat.observe()[1]
    assert seen is not None
    assert seen.state.shape == (105,)
    assert seen.state.dtype == np.float32
    assert seen.speed_mps == 0
    assert seen.width_left_m == pytest.approx(0.5, abs=1e-3)
    assert seen.heading_error_rad == pytest.approx(0, abs=1e-3)
    (opponent,) = seen.opponents
    assert opponent.x_m == pytest.approx(0.75, abs=0.01)
    assert opponent.y_m == pytest.approx(-0.5, abs=0.01)
    assert seen.along_m == pytest.approx(heat.circuit.length_m - 0.75 - DEEPRACER.nose_m, abs=0.01)


def hairpin_pair() -> Circuit:
    """Two straights of 6 m whose borders are 6 cm apart, joined by bends: room for crossing over."""
    straight_m, half_m, gap_m = 6.0, 0.35, 0.06
    return stadium(straight_m=straight_m, radius_m=half_m + gap_m / 2, half_m=half_m, step_m=0.02)


def test_crossing_over_to_another_part_of_the_road_is_off_track_and_gains_nothing() -> None:
    heat = make_heat(circuit=hairpin_pair(), laps=1, time_limit_s=40)
    run(heat, lambda _, seen: Command(0.5, 1.0))
    entry = heat.result().entries[0]
    assert entry.off_tracks > 0
    assert entry.laps == ()
    first = next(fact for fact in heat.facts if fact.kind == "off_track")
    assert first.data["along_m"] < 3.0
