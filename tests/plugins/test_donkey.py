"""Donkeycars, through the part in `manage.py` and through the web controller, against real ones."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import peers
import pytest
import rivals
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from league import Agent, CarCommand, CarDriver, Command, League, Observation, Sample
from league.bridge.senses import Senses
from league.testing.cars import CarConformance
from league.testing.programs import Program
from league.testing.rig import RealCar
from league_plugins.on_car import brake, donkey_part

CONTROLLER = "    ctr = add_user_controller(V, cfg, use_joystick)\n"
PART = """    from donkey_part import LeaguePart
    V.add(LeaguePart(brake="neutral:brake"), inputs=["cam/image_array"],
          outputs=["user/steering", "user/throttle", "user/mode"], threaded=True)
"""
"""What an owner adds to `manage.py`, after the controller."""
NEUTRAL = """import json, time
LOG = open({log!r}, "a", buffering=1)
def brake():
    LOG.write(json.dumps([time.monotonic(), 0.0, 0.0, "brake"]) + "\\n")
"""
"""An owner's brake sets the board's pulse to neutral; this one writes down that it did."""


def with_part(manage: str) -> str:
    assert manage.count(CONTROLLER) == 1
    return manage.replace(CONTROLLER, CONTROLLER + PART)


class DonkeyWebCar(RealCar):
    """A stock Donkeycar, driven through its web controller, and the league's brake beside it."""

    ref = "donkey:127.0.0.1"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._place = peers.installed("donkey")

    def start(self, space: str) -> None:
        prefix = ("ip", "netns", "exec", space)
        self.peer = peers.donkey(self._place, self._folder, prefix=prefix, change=self.change)
        shutil.copy(donkey_part.__file__, self._folder / "donkeycar")
        neutral = NEUTRAL.format(log=str(self.peer.log))
        (self._folder / "donkeycar" / "neutral.py").write_text(neutral)
        self.peer.__enter__()
        self._tail = peers.Tail(self.peer, lambda step: self.take(float(step.throttle or 0.0), step.at_s))
        self._brake = self.watched()

    def watched(self) -> Program | None:
        """What an owner starts beside the car's program."""
        words = (brake.__file__, "neutral:brake", f"{self.peer.log} manage.py drive")
        watching = Program("", sys.executable, *words, cwd=self._folder / "donkeycar")
        watching.wait_for("watching process")
        return watching

    def restart(self) -> None:
        self.peer.restart()

    def stop(self) -> None:
        if self._brake is not None:
            self._brake.end()
        self._tail.close()
        self.peer.__exit__()

    def rival(self, space: str) -> Program:
        return Program(space, sys.executable, rivals.__file__, "donkey")

    @staticmethod
    def change(manage: str) -> str:
        return manage


class DonkeyPartCar(DonkeyWebCar):
    """A Donkeycar with the league's part in it, which has a brake of its own."""

    ref = "donkey:127.0.0.1?via=part"

    def watched(self) -> None:
        return None

    @staticmethod
    def change(manage: str) -> str:
        return with_part(manage)


class TestDonkeyWeb(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return DonkeyWebCar(folder)


class TestDonkeyPart(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return DonkeyPartCar(folder)


class CameraPilot(Agent):
    """A network of one layer: towards the brighter half of the picture."""

    sensors: ClassVar[tuple[str, ...]] = ("camera",)

    def __init__(self) -> None:
        halves = np.where(np.arange(160) < 80, 1.0, -1.0).astype(np.float32) / (160 * 120 * 255)
        weights = numpy_helper.from_array(np.tile(halves, 120).reshape(-1, 1), "weights")
        seen = helper.make_tensor_value_info("camera", TensorProto.FLOAT, (1, 120 * 160))
        steer = helper.make_tensor_value_info("steer", TensorProto.FLOAT, (1, 1))
        node = helper.make_node("MatMul", ["camera", "weights"], ["steer"])
        graph = helper.make_graph([node], "pilot", [seen], [steer], [weights])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made)
        self._session = onnxruntime.InferenceSession(made.SerializeToString())

    def act(self, seen: Observation) -> Command:
        picture = seen.sensors["camera"].reshape(1, -1)
        return Command(float(self._session.run(None, {"camera": picture})[0][0, 0]), 0.5)


@asynccontextmanager
async def connected(ref: str) -> AsyncIterator[CarDriver]:
    driver = League().car_driver(ref)
    await driver.connect()
    try:
        yield driver
    finally:
        await driver.close()


@contextmanager
def seeing(donkeycar: Path, tmp_path: Path, *, part: bool) -> Iterator[peers.Peer]:
    """A Donkeycar whose camera sees a road that is brighter on the left."""
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:, :80] = 220
    Image.fromarray(picture).save(tmp_path / "1_cam.jpg")
    settings = f'CAMERA_TYPE = "IMAGE_LIST"\nPATH_MASK = {str(tmp_path / "*.jpg")!r}\n'

    def change(manage: str) -> str:
        return with_part(manage).replace('brake="neutral:brake"', "port=18895") if part else manage

    car = peers.donkey(donkeycar, tmp_path, port=18896, settings=settings, change=change)
    shutil.copy(donkey_part.__file__, tmp_path / "donkeycar")
    with car:
        yield car


@pytest.mark.slow
@pytest.mark.parametrize("where", ["127.0.0.1:18896?", "127.0.0.1:18895?via=part&"])
async def test_a_camera_model_drives_the_car_by_what_the_car_sees(
    donkeycar: Path, tmp_path: Path, where: str
) -> None:
    with seeing(donkeycar, tmp_path, part="via=part" in where) as car:
        await drive_by_camera(car, where)


async def drive_by_camera(car: peers.Peer, where: str) -> None:
    pilot = CameraPilot()
    senses = Senses(pilot.sensors, League().sensor)
    seen = Observation(0, 0, np.zeros(105, np.float32))
    pictures: list[Sample] = []
    async with connected(f"donkey:{where}camera=yes&camera_hz=10") as driver:
        await driver.arm()
        began_s = time.monotonic()
        seq = 0
        async for sample in driver.telemetry():
            if sample.camera is not None:
                pictures.append(sample)
                wanted = pilot.act(senses.complete(seen, sample))
                seq += 1
                # The first command after arming stands, as behind the gate.
                await driver.apply(CarCommand(seq, wanted.steer_rad, 0.2 if seq > 1 else 0.0))
            if len(pictures) == 12:
                break
        taken_s = time.monotonic() - began_s
        assert await driver.stop("seen enough") == "acked"
    assert pictures[0].camera is not None
    assert pictures[0].camera.shape == (120, 160, 3)
    assert taken_s > 0.9, "no more than ten pictures a second"
    driven = [step for step in car.steps() if step.throttle]
    assert driven
    assert all(float(str(step.steering)) < -0.3 for step in driven), "left is negative on a Donkeycar"
