"""What a car sees as the league's sensors, and the seat that answers for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from puppet import Rider, riding

from league import DEEPRACER, Agent, Briefing, Command, League, Observation, Penalty, Rules, Sample
from league.bridge.seat import CarSeat
from league.bridge.senses import CAMERA_SIZE, Senses, beams, grey_picture
from league.gate.gate import State
from league.testing.scripts import Course

LEAGUE = League()


def briefing() -> Briefing:
    circuit = LEAGUE.circuit("clubhouse-loop")
    return Briefing("h", 0, circuit, DEEPRACER, Rules(control_hz=20, clock="realtime"), 1, ("state",))


def bare(tick: int = 0, **changed: Any) -> Observation:
    """What a server shows that does not know where the car is."""
    seen = Observation(tick, tick * 50_000, np.zeros(105, np.float32))
    for name, value in changed.items():
        setattr(seen, name, value)
    return seen


def test_a_picture_becomes_grey_and_160_by_120() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, 320:] = 255
    grey = grey_picture(picture).reshape(CAMERA_SIZE[1], CAMERA_SIZE[0])
    assert grey.dtype == np.float32
    assert grey[60, 10] == 0
    assert grey[60, 150] == 255


def test_a_scan_is_looked_up_in_the_directions_of_the_sensor() -> None:
    scan = np.arange(1, 181, dtype=np.float32) / 10
    sample = Sample(0.0, scan=scan, scan_from_rad=-np.pi / 2, scan_step_rad=np.pi / 180)
    asked = np.array([-np.pi / 2, 0.0, np.pi / 2 - np.pi / 180, np.pi], np.float32)
    assert beams(sample, asked, 30.0) == pytest.approx([0.1, 9.1, 18.0, 30.0], abs=0.11)
    assert beams(sample, asked, 5.0) == pytest.approx([0.1, 5.0, 5.0, 5.0], abs=0.11)


def test_what_a_scanner_did_not_measure_is_out_of_reach() -> None:
    scan = np.array([1.0, np.nan, np.inf, 0.0, -1.0], np.float32)
    sample = Sample(0.0, scan=scan, scan_from_rad=0.0, scan_step_rad=0.1)
    assert beams(sample, np.array([0.0, 0.1, 0.2, 0.3, 0.4], np.float32), 12.0).tolist() == [
        1,
        12,
        12,
        12,
        12,
    ]


def test_odometry_begins_on_the_start_line_wherever_it_began() -> None:
    told = briefing()
    senses = Senses(("state", "pose"), LEAGUE.sensor)
    senses.prepare(told)
    senses.complete(bare(), Sample(0.0, pose=(7.0, -3.0, 1.0), speed_mps=0.0))
    step = 0.5
    ahead = (7.0 + step * np.cos(1.0), -3.0 + step * np.sin(1.0), 1.0)
    seen = senses.complete(bare(1), Sample(0.1, pose=ahead, speed_mps=1.5, yaw_rate_radps=0.2, steer_rad=0.1))
    gone_m = (seen.along_m + told.car.nose_m) % told.circuit.length_m
    assert gone_m == pytest.approx(step, abs=0.02)
    assert abs(seen.offset_m) < 0.02
    assert abs(seen.heading_error_rad) < 0.05
    assert seen.width_left_m > 0.1
    assert (seen.speed_mps, seen.yaw_rate_radps, seen.steer_rad) == pytest.approx((1.5, 0.2, 0.1))


def test_what_the_server_knows_of_the_place_comes_first_and_what_the_car_looks_at_is_its_own() -> None:
    senses = Senses(("state", "camera"), LEAGUE.sensor)
    senses.prepare(briefing())
    shown = Course().at(3)
    shown.sensors = {"camera": np.ones(19200, np.float32)}
    assert shown.width_left_m > 0
    picture = np.full((120, 160, 3), 9, np.uint8)
    seen = senses.complete(shown, Sample(0.0, pose=(0.0, 0.0, 0.0), speed_mps=3.0, camera=picture))
    assert seen.state is shown.state
    assert set(seen.sensors["camera"].tolist()) == {9.0}
    assert senses.complete(shown, None) is shown


# -- the seat ------------------------------------------------------------------------------------------


class Fast(Agent):
    sensors: ClassVar[tuple[str, ...]] = ()

    def act(self, seen: Observation) -> Command:
        return Command(0.1, 2.0)


async def seated(rider: Rider, *, drives: bool = True, make: type[Agent] = Fast) -> CarSeat:
    await rider.until(lambda: rider.ride.car is not None)
    seat = CarSeat(rider.ride, make, Senses(("state",), LEAGUE.sensor), lambda: drives)
    seat.prepare(briefing())
    return seat


async def allowed(rider: Rider) -> None:
    """Allow driving, as soon as neutral has lasted for a second."""
    while "neutral" in await rider.ride.make_ready(token=True, testing=True):  # noqa: ASYNC110 - as a person
        await asyncio.sleep(0.05)


async def test_the_first_command_of_a_seat_is_a_stop_and_then_the_agent_drives(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        seat = await seated(rider)
        await allowed(rider)
        seat.act(bare(0))
        assert rider.ride.gate.state is State.ARMED
        assert rider.ride.gate._wanted.drive == 0.0
        seat.act(bare(1))
        assert rider.ride.gate._wanted.drive == pytest.approx(0.5)
        assert rider.ride.gate._wanted.steer_rad == 0.1
        told = seat.act(bare(2))
        assert told.speed_mps <= 0.25 * 4.0
        seat.finish({})
        assert (rider.ride.gate.state, rider.ride.gate.why) == (State.DISARMED, "the heat is over")


@pytest.mark.parametrize(
    "shown", [{"flag": "red"}, {"flag": "chequered"}, {"penalty": Penalty("off_track", 3)}], ids=str
)
async def test_a_car_stands_under_a_flag_or_a_penalty(tmp_path: Path, shown: dict[str, Any]) -> None:
    async with riding(tmp_path) as rider:
        seat = await seated(rider)
        await allowed(rider)
        seat.act(bare(0))
        seat.act(bare(1, **shown))
        assert rider.ride.gate._wanted.drive == 0.0
        seat.act(bare(2))
        assert rider.ride.gate._wanted.drive > 0.0


async def test_trial_answers_do_not_reach_the_car(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        trial = await seated(rider, drives=False)
        await allowed(rider)
        for tick in range(5):
            assert trial.act(bare(tick)).speed_mps == 2.0
        assert rider.ride.gate.state is State.READY


async def test_an_observation_that_was_long_on_its_way_is_answered_in_vain(
    tmp_path: Path,
) -> None:
    async with riding(tmp_path) as rider:
        seat = await seated(rider)
        await allowed(rider)
        begin_s = time.monotonic()
        seat.act(bare(0))
        # Ticks of half a second ago by the race's clock, as after a jam on the network.
        late = replace(bare(1), time_us=round((time.monotonic() - begin_s - 0.5) * 1e6))
        seat.act(late)
        assert rider.ride.gate.refused["too old"] == 1  # type: ignore[index]
        assert rider.ride.gate._wanted.drive == 0.0


class Looking(Fast):
    sensors: ClassVar[tuple[str, ...]] = ("state",)


async def test_a_driver_that_cannot_see_is_not_asked_and_the_car_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sees = Course().at(3).state
    async with riding(tmp_path) as rider:
        seat, gate = await seated(rider, make=Looking), rider.ride.gate
        await allowed(rider)
        seat.act(bare(0))
        assert (rider.ride.lacks, gate.state) == ("state", State.ARMED)
        seat.act(bare(1, state=sees))
        seat.act(bare(2, state=sees))
        assert (rider.ride.lacks, gate._wanted.drive) == ("", pytest.approx(0.5))
        seat.act(bare(3))
        assert (rider.ride.lacks, gate._wanted.drive) == ("state", 0.0)
        seat.act(bare(4, state=sees))
        assert gate._wanted.drive == pytest.approx(0.5)
        monkeypatch.setattr("league.bridge.seat.BLIND_S", -1.0)
        seat.act(bare(5))
        assert (gate.state, gate.why) == (State.DISARMED, "the agent has no state for -1 s")


async def test_every_tick_renews_the_leave_to_drive_and_without_ticks_it_runs_out_for_good(
    tmp_path: Path,
) -> None:
    async with riding(tmp_path) as rider:
        seat, gate = await seated(rider), rider.ride.gate
        number = 0

        async def tick(until_s: float) -> None:
            nonlocal number
            while time.monotonic() < until_s:
                number += 1
                seat.act(replace(bare(number), time_us=round(time.monotonic() * 1e6)))
                await asyncio.sleep(0.02)

        for _ in range(5):  # a busy machine may stall, which closes the gate as well
            await allowed(rider)
            await tick(time.monotonic() + 3 * gate.limits.hold_s)
            if gate.state is State.ARMED:
                break
        assert gate.state is State.ARMED, gate.why
        # The server freezes: no more ticks.
        await rider.state(State.DISARMED)
        assert gate.why == "no fresh command for 0.25 s"
        await rider.until(lambda: rider.cars.told[-1].drive == 0.0)
        mark = len(rider.cars.told)
        # It thaws: what had queued up comes at once, and then new ticks, as if nothing had been.
        for _ in range(20):
            number += 1
            seat.act(replace(bare(number), time_us=round((time.monotonic() - 1.0) * 1e6)))
        await tick(time.monotonic() + 2 * gate.limits.hold_s)
        assert gate.state is State.DISARMED
        assert {command.drive for command in rider.cars.told[mark:]} == {0.0}
