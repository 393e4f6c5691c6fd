"""The ride: whatever is wrong with a car, the gate closes and the car is stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from puppet import Cars, riding

from league import CarCommand
from league.bridge.keeping import Logbook
from league.gate.gate import State


async def test_a_car_is_told_to_stand_until_somebody_allows_driving(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        await rider.until(lambda: len(rider.cars.told) > 5)
        assert {command.drive for command in rider.cars.told} == {0.0}
        assert rider.ride.gate.state is State.NEUTRAL
        await rider.drive(0.2)
        assert rider.cars.did[:2] == ["connect", "arm"]
        assert max(command.drive for command in rider.cars.told) <= 0.2
        numbers = [command.seq for command in rider.cars.told]
        assert numbers == sorted(set(numbers))
        await rider.state(State.DISARMED)
        await rider.until(lambda: "disarm" in rider.cars.did)
        assert rider.cars.stops == ["no fresh command for 0.25 s"]
        assert rider.ride.last_stop == "acked"
    assert rider.cars.did[-1] == "close"


async def test_a_command_that_the_car_does_not_take_takes_it_offline_and_it_is_connected_anew(
    tmp_path: Path,
) -> None:
    cars = Cars()
    async with riding(tmp_path, cars) as rider:
        await rider.drive()

        async def fail(command: CarCommand) -> None:
            cars.on_apply = _take  # type: ignore[assignment]
            raise RuntimeError("oh no")

        cars.on_apply = fail  # type: ignore[assignment]
        await rider.state(State.OFFLINE)
        assert "oh no" in rider.ride.gate.why
        await rider.until(lambda: cars.did.count("connect") == 2)
        assert cars.stops[0] == "oh no"
        await rider.state(State.NEUTRAL)
        rider.offer(0.2)
        told = len(cars.told)
        await rider.until(lambda: len(cars.told) > told + 5)
        assert all(command.drive == 0 for command in cars.told[told:])


async def _take(command: CarCommand) -> None:
    pass


async def test_a_command_that_hangs_counts_as_not_taken(tmp_path: Path) -> None:
    cars = Cars()
    async with riding(tmp_path, cars) as rider:
        await rider.drive()

        async def hang(command: CarCommand) -> None:
            cars.on_apply = _take  # type: ignore[assignment]
            await asyncio.sleep(60)

        cars.on_apply = hang  # type: ignore[assignment]
        await rider.state(State.OFFLINE)
        assert "did not answer in time" in rider.ride.gate.why


async def test_a_car_that_falls_silent_is_offline(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        await rider.drive()
        rider.cars.silent.set()
        await rider.state(State.OFFLINE)
        assert "its connection ended" in rider.ride.gate.why
        assert rider.cars.stops


async def test_a_stop_that_does_not_arrive_is_tried_again_and_takes_the_car_offline(tmp_path: Path) -> None:
    cars = Cars()

    def fail() -> str:
        raise OSError("cable")

    async with riding(tmp_path, cars) as rider:
        await rider.drive()
        cars.on_stop = fail  # type: ignore[assignment]
        rider.ride.disarm("a test")
        await rider.state(State.OFFLINE)
        assert len(cars.stops) >= 3
        assert "could not be reached to stop it" in rider.ride.gate.why
        cars.on_stop = lambda: "sent"


async def test_an_emergency_stop_is_kept_before_anybody_can_forget_it(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        await rider.drive()
        rider.ride.emergency_stop("somebody shouted")
        assert rider.cars.did.count("stop: somebody shouted") <= 1
        await rider.until(lambda: "somebody shouted" in rider.cars.stops)
    async with riding(tmp_path) as rider:
        await rider.until(lambda: rider.ride.car is not None)
        assert (rider.ride.gate.state, rider.ride.gate.why) == (State.ESTOP, "somebody shouted")
        assert "estop" in await rider.ride.make_ready(token=True, testing=True)
        assert "beside the car" in rider.ride.clear(local=False)
        assert rider.ride.clear(local=True) == ""
    with Logbook("puppet:here", tmp_path) as book:
        assert book.estop == ""


async def test_an_emergency_stop_is_not_cleared_while_the_car_says_that_it_moves(tmp_path: Path) -> None:
    cars = Cars()
    cars.speed_mps = 0.5
    async with riding(tmp_path, cars) as rider:
        await rider.until(lambda: rider.ride.sample is not None)
        rider.ride.emergency_stop("a test")
        assert "still moves: 0.50 m/s" in rider.ride.clear(local=True)


async def test_what_is_wrong_with_a_car_is_said_in_an_emergency_stop_as_well(tmp_path: Path) -> None:
    cars = Cars()
    async with riding(tmp_path, cars) as rider:
        await rider.until(lambda: rider.ride.car is not None)
        rider.ride.emergency_stop("a test")
        cars.silent.set()
        await rider.until(lambda: any(line.endswith(": its connection ended") for line in rider.lines))
        await rider.until(lambda: cars.did.count("connect") == 2)
        assert rider.ride.gate.state is State.ESTOP


async def test_a_car_that_does_not_arm_is_not_driven(tmp_path: Path) -> None:
    cars = Cars()
    cars.refuses_to_arm = True
    async with riding(tmp_path, cars) as rider:
        with pytest.raises(AssertionError, match="does not arm: it will not"):
            await rider.arm()
        assert rider.ride.gate.state is State.OFFLINE


async def test_a_car_that_is_not_there_is_looked_for_and_named_once(tmp_path: Path) -> None:
    cars = Cars()
    cars.unplugged = True
    async with riding(tmp_path, cars) as rider:
        await rider.until(lambda: cars.did.count("connect") >= 2)
        assert [line for line in rider.lines if "unplugged" in line] == ["puppet:here: unplugged"]
        assert await rider.ride.make_ready(token=True) == "the car is offline: not connected"
        cars.unplugged = False
        await rider.state(State.NEUTRAL)
