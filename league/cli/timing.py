"""`league timing`: everything that sees cars cross a line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from math import radians
from pathlib import Path
from typing import Any

import click

from league.cli import show
from league.cli.remote import ask, http_url, segment, server_option, token_option
from league.errors import ConfigError, InputError
from league.hooks.catalogue import League
from league.timing import devices
from league.timing.client import Answer, TimingLine
from league.timing.survey import Survey
from league.timing.watching import follow, follow_odometry, pictures

event_option = click.option("--event", default="", metavar="EVENT", help="By default the token's event.")
car_option = click.option(
    "--car", default="", metavar="NAME", help="The entry that it sees; by default the only one on the track."
)


@click.group(
    epilog="""\b
Examples:
  league timing token club-night --role timekeeper --name Ann
  league timing token club-night --name gate
  league timing hear drem 192.168.1.30 --token …
  league timing press --token …
  league timing tags 10-15 --board
  league timing calibrate above.png --ground survey.toml --fov 70 --out camera.json
  league timing camera 0 --calibration camera.json --tag 3=anna --circuit clubhouse-loop --token …
  league timing odometry ros2:192.168.1.40 --car anna --circuit clubhouse-loop --token …"""
)
def command() -> None:
    """Time physical cars: gates, timers, a camera above the track, by hand."""


@command.command()
@click.argument("event")
@click.option(
    "--role",
    type=click.Choice(["timing", "timekeeper"]),
    default="timing",
    show_default=True,
    help="What it is for.",
)
@click.option("--name", required=True, help="What to call the device or the person.")
@server_option
@token_option
def token(event: str, role: str, name: str, server: str, token: str | None) -> None:
    """Print a token for a timing device, or the page's address for a timekeeper of EVENT."""
    path = f"/events/{segment(event)}/tokens"
    given = ask(server, "POST", path, token=token, payload={"role": role, "name": name})
    out = show.console()
    out.print(f"token: {given['token']}", markup=False, soft_wrap=True)
    if role == "timekeeper":
        page = f"{http_url(server)}/events/{segment(event)}/timekeeper#{given['token']}"
        out.print(f"page: {page}", markup=False, soft_wrap=True)


@command.command()
@click.argument("timer", type=click.Choice(["drem", "deepracer-timer"]))
@click.argument("host")
@event_option
@car_option
@server_option
@token_option
def hear(timer: str, host: str, event: str, car: str, server: str, token: str | None) -> None:
    """Pass on what another project's timer at HOST sees: DREM's, or deepracer-timer."""
    port = devices.DREM_PORT if timer == "drem" else devices.DEEPRACER_TIMER_PORT
    where = host if ":" in host else f"{host}:{port}"
    tell = _tell()

    async def work(line: TimingLine) -> None:
        if timer == "drem":
            heard = devices.drem(f"ws://{where}", tell=tell)
        else:
            heard = devices.deepracer_timer(f"http://{where}", tell=tell)
        await devices.relay(heard, line, car=car)

    _run(work, server, token, event, device=timer, cars=[car])


@command.command()
@event_option
@car_option
@server_option
@token_option
def press(event: str, car: str, server: str, token: str | None) -> None:
    """Enter is a crossing: time cars by hand from this keyboard, until the input ends."""

    async def work(line: TimingLine) -> None:
        while await asyncio.to_thread(sys.stdin.readline):
            line.cross(car=car)
        await line.delivered()

    _run(work, server, token, event, device="keyboard", cars=[car])


@command.command()
@click.argument("numbers")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tags"),
    show_default=True,
    help="The folder to draw them into.",
)
@click.option("--board", is_flag=True, help="Also the board that a lens is measured with.")
def tags(numbers: str, out: Path, board: bool) -> None:
    """Draw AprilTags (36h11) to print: NUMBERS such as 3,4,10-15."""
    from league.timing import camera

    wanted = _numbers(numbers)
    out.mkdir(parents=True, exist_ok=True)
    for number in wanted:
        show.write_bytes(out / f"tag-{number:03}.png", camera.tag_picture(number))
    if board:
        show.write_bytes(out / "board.png", camera.board_picture())
    show.console().print(f"{len(wanted)} tags in {out}; measure the black square once printed", markup=False)


@command.command()
@click.argument("picture", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--ground", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML: tag_m, and for every [[tag]] number, x_m, y_m and turn_deg.",
)  # fmt: skip
@click.option(
    "--lens", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of pictures of the board, taken with the same camera.",
)  # fmt: skip
@click.option("--fov", type=float, metavar="DEG", help="Without --lens: what it sees from left to right.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("camera.json"),
    show_default=True, help="Where to write what `league timing camera` needs.",
)  # fmt: skip
def calibrate(picture: Path, ground: Path, lens: Path | None, fov: float | None, out: Path) -> None:
    """Find out where a camera hangs, from one PICTURE of tags at measured places on the ground."""
    from league.timing import camera

    if (lens is None) == (fov is None):
        raise ConfigError("expected --lens FOLDER or --fov DEG, one of them")
    survey, seen = Survey.read(ground), camera.read_picture(picture)
    size = (seen.shape[1], seen.shape[0])
    if lens is not None:
        shown = [camera.read_picture(path) for path in sorted(lens.iterdir()) if path.is_file()]
        if any((other.shape[1], other.shape[0]) != size for other in shown):
            raise InputError(f"{lens}: holds pictures of another size than {picture}")
        _, matrix, distortion, error_px = camera.calibrate_lens(shown)
        show.console().print(f"lens: {error_px:.2f} px off", markup=False)
    else:
        assert fov is not None
        matrix, distortion = camera.lens_of_view(size, fov), camera.NO_DISTORTION
    found = camera.calibrate_place(seen, survey.ground, survey.tag_m, matrix, distortion)
    found.save(out)
    place = -found.rotation.T @ found.translation
    where = ", ".join(f"{value:.2f}" for value in place)
    show.console().print(f"camera at {where} m, {found.error_px:.2f} px off, in {out}", markup=False)


@command.command()
@click.argument("source")
@click.option(
    "--calibration", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `league timing calibrate` wrote.",
)  # fmt: skip
@click.option(
    "--tag", "tagged", multiple=True, required=True, metavar="N=CAR", help="Which tag is on which car."
)
@click.option("--circuit", required=True, metavar="CIRCUIT")
@click.option("--height", default=0.12, show_default=True, metavar="M", help="Of the tags above the ground.")
@click.option(
    "--forward", default=0.0, show_default=True, metavar="M", help="Of the tag before the car's middle."
)
@click.option(
    "--turn", default=0.0, show_default=True, metavar="DEG", help="Where the tag's upper edge points."
)
@click.option(
    "--nose", default=0.14, show_default=True, metavar="M", help="From the car's middle to its nose."
)
@click.option(
    "--latency", default=0.0, show_default=True, metavar="MS", help="How old pictures are on arrival."
)
@event_option
@server_option
@token_option
def camera(
    source: str,
    calibration: Path,
    tagged: tuple[str, ...],
    circuit: str,
    height: float,
    forward: float,
    turn: float,
    nose: float,
    latency: float,
    event: str,
    server: str,
    token: str | None,
) -> None:
    """Time cars from above: SOURCE is a camera's number, its address, or a film."""
    from league.timing.camera import Calibration, Mount, Watcher

    mounts = {number: Mount(car, height, forward, radians(turn)) for number, car in map(_mounted, tagged)}
    watcher, track = Watcher(Calibration.read(calibration), mounts), League().circuit(circuit)
    tell = _tell()

    async def work(line: TimingLine) -> None:
        noses = {mount.car: nose for mount in mounts.values()}
        shown = pictures(source, latency_s=latency / 1e3)
        await follow(shown, watcher, track, line, noses_m=noses, tell=tell)
        await line.delivered()

    _run(work, server, token, event, device="camera", cars=[mount.car for mount in mounts.values()])


@command.command()
@click.argument("address")
@click.option("--car", required=True, metavar="NAME", help="The entry that it is.")
@click.option("--circuit", required=True, metavar="CIRCUIT")
@click.option(
    "--nose", default=0.14, show_default=True, metavar="M", help="From the car's middle to its nose."
)
@event_option
@server_option
@token_option
def odometry(
    address: str, car: str, circuit: str, nose: float, event: str, server: str, token: str | None
) -> None:
    """Time the car at ADDRESS by its own odometry; it stands on the start line when this begins."""
    league = League()
    track, driver = league.circuit(circuit), league.car_driver(address, only_stops=True)
    tell = _tell()

    async def work(line: TimingLine) -> None:
        await driver.connect()
        try:
            await follow_odometry(driver.telemetry(), track, line, car=car, nose_m=nose, tell=tell)
            await line.delivered()
        finally:
            await driver.close()

    _run(work, server, token, event, device="odometry", cars=[car])


def _run(
    work: Callable[[TimingLine], Awaitable[None]],
    server: str,
    token: str | None,
    event: str,
    *,
    device: str,
    cars: Iterable[str],
) -> None:
    if not token:
        raise ConfigError("expected --token: `league timing token EVENT --name NAME` prints one")
    tell = _tell()

    def answered(answer: Answer) -> None:
        tell(f"crossing {answer.number}" if answer.number else f"not counted: {answer.reason}")

    async def run() -> None:
        options: dict[str, Any] = {
            "event": event, "device": device, "cars": cars, "on_answer": answered, "tell": tell
        }  # fmt: skip
        async with TimingLine.open(http_url(server), token, **options) as line:
            await work(line)

    asyncio.run(run())


def _tell() -> Callable[[str], None]:
    out = show.console()
    return lambda text: out.print(text, markup=False, soft_wrap=True)


def _mounted(text: str) -> tuple[int, str]:
    number, equals, car = text.partition("=")
    if not equals or not number.isdigit() or not car:
        raise InputError(f"--tag: found {text!r}, expected NUMBER=CAR")
    return int(number), car


def _numbers(text: str) -> list[int]:
    wanted: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise InputError(f"tags {text!r}: expected numbers such as 3,4,10-15")
        wanted += range(int(first), int(last if dash else first) + 1)
    if not wanted or max(wanted) > 586:
        raise InputError(f"tags {text!r}: expected numbers from 0 to 586")
    return wanted
