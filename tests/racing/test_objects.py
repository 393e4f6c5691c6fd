"""Boxes and bots of a heat: where they stand, what follows from touching them, and that all is repeated."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stadium import follow, make_heat, plan, run, stadium

from league import DEEPRACER, EntryPlan, EventPlan, League, Rules, race
from league.errors import ConfigError
from league.racing.agent import Command, Observation
from league.racing.fact import WITH_BOT, WITH_BOX
from league.racing.heat import Heat
from league.racing.objects import APART_SHARE, objects_of
from league.racing.recording import Recording
from league.racing.verify import verify
from league.sim.objects import Bot, Box
from league.track.circuit import Circuit

WIDE = stadium(straight_m=5.0, radius_m=1.5)
LENGTH_M = WIDE.length_m


def places(boxes: tuple[Box, ...], circuit: Circuit = WIDE) -> list[tuple[float, float]]:
    """Distance along and offset of each box's middle."""
    found = [circuit.project((box.x_m, box.y_m)) for box in boxes]
    return [(float(one.along_m), float(one.offset_m)) for one in found]


def story(heat: Heat, *wanted: str) -> list[tuple[str, dict[str, object]]]:
    return [(fact.kind, fact.data) for fact in heat.facts if fact.kind in wanted]


# -- where they stand --------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**53 - 1),
    count=st.integers(1, 6),
    back=st.booleans(),
)
def test_random_boxes_stand_on_lane_lines_along_the_road_and_apart(seed: int, count: int, back: bool) -> None:
    circuit = WIDE.reversed() if back else WIDE
    boxes, bots = objects_of(Rules(boxes=count), seed, circuit, DEEPRACER, 1)
    assert (len(boxes), bots) == (count, ())
    along = sorted(at_m for at_m, _ in places(boxes, circuit))
    gaps = np.diff([*along, along[0] + LENGTH_M])
    # In a bend the foot of a point beside a polyline is a centimetre off.
    assert min(gaps) >= APART_SHARE * LENGTH_M - 0.03
    assert along[0] >= 0.07 * LENGTH_M - 0.02
    assert along[-1] <= 0.90 * LENGTH_M + 0.02
    for box, (at_m, offset_m) in zip(boxes, places(boxes, circuit), strict=True):
        assert abs(offset_m) == pytest.approx(0.25, abs=0.01)
        turned = box.yaw_rad - float(circuit.heading_at(at_m))
        assert abs((turned + np.pi) % (2 * np.pi) - np.pi) < 0.05
        assert (box.length_m, box.width_m) == (0.5, 0.4)


def test_both_sides_and_all_of_the_lap_are_drawn() -> None:
    seen = [
        place
        for seed in range(60)
        for place in places(objects_of(Rules(boxes=1), seed, WIDE, DEEPRACER, 1)[0])
    ]
    assert 15 < sum(offset_m > 0 for _, offset_m in seen) < 45
    shares = np.array([along_m for along_m, _ in seen]) / LENGTH_M
    assert np.histogram(shares, bins=4, range=(0.07, 0.90))[0].min() >= 6


def test_the_same_seed_places_the_same_boxes_and_another_one_others() -> None:
    first, again, other = (objects_of(Rules(boxes=4), seed, WIDE, DEEPRACER, 1)[0] for seed in (5, 5, 6))
    assert first == again != other
    assert objects_of(Rules(boxes=4, objects_seed=6), 5, WIDE, DEEPRACER, 1)[0] == other


def test_given_places_are_kept_and_random_ones_keep_away_from_them() -> None:
    rules = Rules(boxes=3, box_places=("30%,inner", "12.0,right"))
    boxes, _ = objects_of(rules, 3, WIDE, DEEPRACER, 1)
    found = sorted(places(boxes))
    assert len(found) == 5
    assert any(at_m == pytest.approx(0.3 * LENGTH_M, abs=0.02) and off_m > 0 for at_m, off_m in found)
    assert any(at_m == pytest.approx(12.0, abs=0.02) and off_m < 0 for at_m, off_m in found)
    assert np.diff([at_m for at_m, _ in found]).min() >= APART_SHARE * LENGTH_M - 0.03


@pytest.mark.parametrize(
    ("rules", "cars", "says"),
    [
        (Rules(box_places=("0.4,left",)), 1, "stands on the grid"),
        (Rules(box_places=("98%,left",)), 1, "stands on the grid"),
        (Rules(box_places=("80%,left",)), 6, "stands on the grid"),
        (Rules(box_places=("99,left",)), 1, "the lap is"),
        (Rules(box_places=("5,left", "5.9,right")), 1, "nearer than"),
        (Rules(boxes=7), 8, "find no place"),
    ],
)
def test_what_has_no_room_is_refused_in_words(rules: Rules, cars: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        objects_of(rules, 1, WIDE, DEEPRACER, cars)
    assert "expected" in str(caught.value)


def test_boxes_stand_farther_apart_where_bots_have_to_go_round_them() -> None:
    short = stadium(straight_m=3.0, radius_m=0.9)
    for seed in range(20):
        found = sorted(
            at_m
            for at_m, _ in places(objects_of(Rules(boxes=3, bots=1), seed, short, DEEPRACER, 1)[0], short)
        )
        assert np.diff(found).min() >= 2.17
    with pytest.raises(ConfigError, match="find no place"):
        objects_of(Rules(boxes=6, bots=1), 1, short, DEEPRACER, 1)
    assert len(objects_of(Rules(boxes=6), 1, short, DEEPRACER, 1)[0]) == 6


def test_a_box_that_would_block_a_narrow_road_is_refused() -> None:
    narrow = stadium(half_m=0.3)
    with pytest.raises(ConfigError, match="no room to pass"):
        objects_of(Rules(box_places=("5,left",)), 1, narrow, DEEPRACER, 1)
    with pytest.raises(ConfigError, match="wide enough"):
        objects_of(Rules(boxes=1), 1, narrow, DEEPRACER, 1)
    with pytest.raises(ConfigError, match="6 bots find no place"):
        objects_of(Rules(bots=6), 1, stadium(straight_m=0.6, radius_m=0.9), DEEPRACER, 2)


def test_bots_start_evenly_spread_on_alternating_lanes_off_the_grid() -> None:
    _, bots = objects_of(Rules(bots=4, bot_speed_mps=0.6), 1, WIDE, DEEPRACER, 2)
    along = [bot.along_m for bot in bots]
    assert along[0] == 2.0
    assert along[-1] == pytest.approx(LENGTH_M - 0.75 - 0.324 - 1.0)
    assert np.ptp(np.diff(along)) < 1e-5
    # Anticlockwise: the outer lane is on the right.
    assert [bot.left for bot in bots] == [False, True, False, True]
    assert {(bot.speed_mps, bot.changes, bot.length_m) for bot in bots} == {(0.6, False, DEEPRACER.length_m)}


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), boxes=st.integers(1, 4), bots=st.integers(1, 5))
def test_no_bot_starts_in_front_of_a_box(seed: int, boxes: int, bots: int) -> None:
    standing, driving = objects_of(Rules(boxes=boxes, bots=bots), seed, WIDE, DEEPRACER, 1)
    for bot in driving:
        for at_m, offset_m in places(standing):
            ahead_m = (at_m - bot.along_m + LENGTH_M / 2) % LENGTH_M - LENGTH_M / 2
            if (offset_m > 0) == bot.left:
                assert not -0.75 < ahead_m < 2.05


def test_every_heat_of_an_event_has_the_same_objects_drawn_from_its_seed() -> None:
    league = League()
    found = {}
    for seed in (1, 2):
        rules = Rules(laps=1, boxes=3, bots=1, time_limit_s=2)
        outcome = race(
            WIDE, ["tutorial", "tutorial"], rules=rules, seed=seed, format="time-trial", league=league
        )
        assert len(outcome.recordings) == 2
        assert outcome.recordings[0].boxes == outcome.recordings[1].boxes
        assert outcome.recordings[0].bots == outcome.recordings[1].bots
        found[seed] = outcome.recordings[0].boxes
        assert (outcome.as_dict()["boxes"], outcome.as_dict()["bots"]) == (3, 1)
    assert found[1] != found[2]


def test_an_event_without_room_is_found_out_before_it_is_raced() -> None:
    league = League()
    entries = (EntryPlan(id="a", name="A"),)
    plain = {"id": "e", "name": "E", "circuit": "clubhouse-loop", "entries": entries}
    circuit = league.circuit("clubhouse-loop")
    league.check_room(EventPlan(**plain, format="object-avoidance"), circuit)
    with pytest.raises(ConfigError, match="find no place"):
        league.check_room(
            EventPlan(**plain, format="head-to-head", grid_size=8, rules=Rules(boxes=6)), circuit
        )


# -- what follows from touching them -----------------------------------------------------------------


def test_running_into_a_box_costs_the_penalty_a_metre_behind_it_on_the_other_lane() -> None:
    heat = make_heat(laps=1, box_places=("4,right",))
    (at_m, offset_m), *_ = places(heat.boxes, heat.circuit)
    assert offset_m < 0

    def drive(_: int, seen: Observation) -> Command:
        # Into the box, and round it once it was hit.
        if heat.world.along_m[0] > at_m + 0.6:
            return follow(seen)
        wanted_m = 0.25 if heat.referee.cars[0].collisions else -0.2
        return Command(1.2 * (wanted_m - seen.offset_m) - 1.5 * seen.heading_error_rad, 0.8)

    entry = run(heat, drive).result().entries[0]
    assert (entry.status, entry.collisions, entry.resets, entry.off_tracks) == ("FIN", 1, 1, 0)
    contact, reset, penalty, released = (
        next(fact for fact in heat.facts if fact.kind == kind)
        for kind in ("contact", "reset", "penalty", "released")
    )
    assert (contact.data["with"], contact.data["charged"]) == (WITH_BOX, True)
    assert contact.data["closing_mps"] > 0.5
    assert reset.data["along_m"] == pytest.approx(at_m - 1.0, abs=0.02)
    assert reset.data["offset_m"] == pytest.approx(0.25, abs=0.01)
    assert (penalty.data["why"], penalty.data["ticks"]) == ("collision", 75)
    assert released.tick - reset.tick == 75


def test_leaving_the_road_beside_a_box_also_puts_the_car_behind_it() -> None:
    heat = make_heat(laps=1, box_places=("4,left",), time_limit_s=20)
    run(heat, lambda _, seen: Command(-0.5, 2.0) if 2.6 < heat.world.along_m[0] < 4.5 else follow(seen))
    (at_m, _), *_ = places(heat.boxes, heat.circuit)
    reset = next(fact for fact in heat.facts if fact.kind == "reset")
    assert reset.data["why"] == "off_track"
    assert reset.data["along_m"] == pytest.approx(at_m - 1.0, abs=0.02)
    assert reset.data["offset_m"] < 0


def test_a_car_that_runs_into_a_bot_from_behind_is_charged_and_the_bot_goes_on() -> None:
    heat = make_heat(laps=1, bots=1, bot_speed_mps=0.5, time_limit_s=15)
    (bot,) = heat.bots
    lane_m = 0.25 if bot.left else -0.25
    run(heat, lambda _, seen: Command(2.0 * (lane_m - seen.offset_m) - 1.5 * seen.heading_error_rad, 1.5))
    contact = next(fact for fact in heat.facts if fact.kind == "contact")
    assert (contact.seat, contact.data["with"], contact.data["charged"]) == (0, WITH_BOT, True)
    assert contact.data["closing_mps"] > 0.0
    # Frames begin with the one before the first tick.
    speeds = heat.recording().bot_frames[contact.tick : contact.tick + 10, 0, 3]
    assert speeds.tolist() == [0.5] * len(speeds)


def test_a_bot_that_runs_into_a_car_stops_and_nobody_is_charged() -> None:
    heat = make_heat(laps=1, bots=1, bot_speed_mps=1.5, time_limit_s=6, immobilised_s=60.0)
    (bot,) = heat.bots
    # Right in front of the bot, so near that it cannot see it in time.
    world = heat.world
    world.place(0, (bot.along_m + 0.162 + 0.324 + 0.02) % heat.circuit.length_m, 0.25 if bot.left else -0.25)
    heat.referee.cars[0].progress_m = heat.referee.cars[0].before_m = float(world.along_m[0])
    world.step([[0.0, 0.0]])
    seen = [float(world.bots.speed_mps[0])]
    for _ in range(30):
        heat.advance([Command(0.0, 0.0)])
        seen.append(float(world.bots.speed_mps[0]))
    assert set(seen) == {0.0}
    assert heat.referee.cars[0].collisions == 0
    heat.advance([Command(0.0, 2.0)])
    for _ in range(40):
        heat.advance([follow(one, 2.0) if (one := heat.observe()[0]) else None])
    assert world.bots.speed_mps[0] == 1.5, "the way is free again"


def test_a_standing_car_is_not_let_go_under_a_bot() -> None:
    heat = make_heat(laps=1, bots=2, bot_speed_mps=0.4, off_track_penalty_s=0.5, time_limit_s=25)
    while not heat.finished:
        (seen,) = heat.observe()
        assert seen is not None
        heat.advance([Command(-0.5, 2.0) if heat.tick % 40 < 30 else follow(seen, 0.8)])
        if heat.facts[-1].kind == "released":
            bodies = heat.world.bots.pose[:, :2]
            assert np.hypot(*(bodies - heat.world.pose[0, :2]).T).min() > 0.18
    assert heat.referee.cars[0].resets >= 3


# -- seen, told, recorded ----------------------------------------------------------------------------


def test_drivers_are_told_of_boxes_and_see_boxes_and_bots() -> None:
    heat = make_heat(laps=1, box_places=("4,left",), bots=2, bot_speed_mps=0.7)
    assert heat.briefing(0).boxes == heat.boxes
    heat.advance([Command(0.0, 1.0)])
    (seen,) = heat.observe()
    assert seen is not None
    assert sorted((other.box, round(other.speed_mps, 3)) for other in seen.opponents) == [
        (False, 0.7),
        (False, 0.7),
        (True, 0.0),
    ]
    away = [np.hypot(other.x_m, other.y_m) for other in seen.opponents]
    assert away == sorted(away)
    assert not any(other.standing for other in seen.opponents)


@pytest.fixture(scope="module")
def recorded() -> Recording:
    heat = make_heat(2, laps=1, boxes=2, bots=2, bot_lane_changes=True, time_limit_s=20, circuit=WIDE)
    return run(heat, lambda _, seen: follow(seen, 1.4)).recording()


def test_boxes_and_bots_survive_a_recording_and_are_proved(recorded: Recording) -> None:
    content = recorded.to_bytes()
    again = Recording.from_bytes(content)
    assert again.to_bytes() == content
    assert (again.boxes, again.bots) == (recorded.boxes, recorded.bots)
    assert again.bot_frames.shape == (len(again.answers) + 1, 2, 4)
    assert np.allclose(again.bot_frames, recorded.bot_frames, atol=1e-5)
    verdict = verify(again)
    assert verdict.genuine, verdict.problem


def test_the_same_seed_gives_the_same_bytes_with_boxes_and_bots(recorded: Recording) -> None:
    heat = make_heat(2, laps=1, boxes=2, bots=2, bot_lane_changes=True, time_limit_s=20, circuit=WIDE)
    assert run(heat, lambda _, seen: follow(seen, 1.4)).recording().to_bytes() == recorded.to_bytes()


def test_a_moved_box_or_bot_is_found(recorded: Recording) -> None:
    moved = (recorded.boxes[0]._replace(x_m=recorded.boxes[0].x_m + 1e-6), *recorded.boxes[1:])
    assert "boxes and bots" in verify(replace(recorded, boxes=moved)).problem
    assert "boxes and bots" in verify(replace(recorded, bots=recorded.bots[:1])).problem
    frames = recorded.bot_frames.copy()
    frames[30, 1, 0] += 0.01
    assert "from tick 30 on, at bot 2" in verify(replace(recorded, bot_frames=frames)).problem
    frames[30, 1, 0] = nan
    assert "from tick 30 on, at bot 2" in verify(replace(recorded, bot_frames=frames)).problem
    rules = recorded.plan.rules.model_copy(update={"bot_speed_mps": 1.1})
    assert not verify(replace(recorded, plan=recorded.plan.model_copy(update={"rules": rules}))).genuine


def test_a_heat_without_objects_is_as_it_was() -> None:
    heat = Heat(plan(1), stadium(), DEEPRACER, ())
    assert (heat.boxes, heat.bots) == ((), ())
    assert heat.bot_frame().shape == (0, 4)
    assert heat.recording().bot_frames.shape == (1, 0, 4)


def test_a_bot_is_data() -> None:
    assert Bot(1.0, True)._asdict()["speed_mps"] == 1.0
