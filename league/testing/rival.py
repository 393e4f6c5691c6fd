"""A second controller, as a program: it drives a car past its bridge, without a gate, and never gives up.

For tests of cars: `python -m league.testing.rival CAR` connects as any other program may. It says "rival
drives" when it has told the car to move, and "rival refused", and why, when the car would not have it.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Final

from league.errors import CarError
from league.gate.car import CarCommand, CarDriver
from league.hooks.catalogue import League

DRIVE: Final = 0.4
TURN_S: Final = 0.05
AGAIN_S: Final = 0.2


async def drive(ref: str) -> None:
    """Drive until cancelled, however often the car objects."""
    league = League()
    while True:
        driver = league.car_driver(ref)
        try:
            await _push(driver)
        except CarError as error:
            print(f"rival refused: {error}", flush=True)
        finally:
            await driver.close()
        await asyncio.sleep(AGAIN_S)


async def _push(driver: CarDriver) -> None:
    await driver.connect()
    await driver.arm()
    seq = 0
    while True:
        # The first command stands, or a careful car would take none.
        await driver.apply(CarCommand(seq, 0.0, DRIVE if seq else 0.0))
        seq += 1
        if seq == 2:
            print("rival drives", flush=True)
        await asyncio.sleep(TURN_S)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(drive(sys.argv[1]))
