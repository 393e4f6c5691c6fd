"""Donkeycars: through a part in the car's own program, or through its web controller.

`donkey:HOST` talks to the web controller that every Donkeycar has (port 8887): whoever reaches it can drive,
it keeps the last throttle for ever, and it accepts anything. So the bridge belongs on the car itself, with
its guardian. `donkey:HOST?via=part` talks to `LeaguePart`, which the owner adds to `manage.py`
(`league_plugins/on_car/donkey_part.py`): the car then stops by itself, 200 ms after the last command.

On a Donkeycar an angle of -1 is full left; throttle is positive forward and has no unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from league import Capabilities, CarAddress, CarDriver, hookimpl

WEB_PORT, PART_PORT = 8887, 8891


LOOP_S = 0.05
"""A turn of the drive loop, which takes up what it is told at the beginning of one."""


@hookimpl
def register_car_drivers() -> Mapping[str, Callable[[CarAddress], CarDriver]]:
    """Donkeycars."""
    return {"donkey": make}


def make(address: CarAddress) -> CarDriver:
    """The driver that an address asks for.

    Options: `via` (web or part), `camera` and `camera_hz`, `steer_max_rad` and `full_speed_mps` as measured.
    """
    # Here, because every start of the league imports this module, and few have a Donkeycar.
    from league_plugins._donkey_line import DonkeyPart
    from league_plugins._donkey_web import DonkeyWeb

    part = address.text("via", "web", choices=("web", "part")) == "part"
    host, port = address.host(PART_PORT if part else WEB_PORT)
    look_hz = address.number("camera_hz", 15.0, least=1.0, most=60.0) if address.flag("camera") else 0.0
    known = Capabilities(
        steer_max_rad=address.number("steer_max_rad", 0.42, least=0.05, most=1.2),
        full_speed_mps=address.number("full_speed_mps", 4.0, least=0.1, most=30.0),
        hz=(10.0, 20.0),
        lag_s=LOOP_S,
        stop_ack=True,
        senses=frozenset({"camera"} if look_hz else ()),
    )
    address.check()
    if part:
        return DonkeyPart(host, port, known, look_hz, only_stops=address.only_stops)
    return DonkeyWeb(host, port, known, look_hz, only_stops=address.only_stops)
