"""A DeepRacer's console without a DeepRacer, as a program: what it answers, and what reaches the servos.

`python -m league.testing.deepracer_console PORT PASSWORD [--pwm FOLDER] [--running]` speaks HTTPS with a
certificate of its own and prints a line "servo ANGLE THROTTLE" for every message that the car's control would
pass on to the servos, in its signs: forward is positive. Faithful in what matters to a driver: login and
tokens, the modes, the steps of angle and throttle, the quadratic of `max_speed` and what it does outside its
range; and that nothing ever stops the car but a stop. With `--pwm`, the motor's pulse stands in the file
`pwm0/duty_cycle` of the folder, in ns, as in the kernel's interface, and outlives the program. With
`--running`, the car's control was started before, as it is when only the console's own process has restarted.

Made after measurements of the community's console; the package awsdeepracer-control drives it unchanged.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import io
import secrets
import ssl
import subprocess
import tempfile
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from PIL import Image

OPEN: Final = ("/", "/home", "/login", "//login")
COOKIE: Final = "deepracer_token"
FRAME_S: Final = 1 / 30
PULSE_NS: Final = (1_311_000, 1_446_000, 1_603_500)
"""The motor's pulse at full throttle forward, at 0 and at full throttle backward, before a calibration."""
CALIBRATION: Final = {
    "angle": {"min": -30.0, "mid": -5.0, "max": 20.0, "polarity": 1},
    "throttle": {"min": -42.0, "mid": -12.0, "max": 23.0, "polarity": -1},
}

_PAGE: Final = (
    '<!doctype html><html><head><meta name="csrf-token" content="{}"></head><body>DeepRacer</body></html>'
)


class Console:
    """One console, its car's control, and its servos.

    Args:
        password: What opens it.
        running: Whether the control was started before.
        pwm: Folder of the controller of the servos, which has a folder for each; nothing is written without.
    """

    def __init__(self, password: str, *, running: bool = False, pwm: Path | None = None) -> None:
        self._password, self._pwm = password, pwm
        self._csrf = secrets.token_hex(20)
        self._tokens: set[str] = set()
        self._mode, self._running = "manual", running
        self._calibration = {name: dict(values) for name, values in CALIBRATION.items()}
        self.app = web.Application(middlewares=[self._guard], client_max_size=2**26)
        route = self.app.router
        route.add_get("/", self._home)
        route.add_get("/home", self._home)
        # What stands before the console makes one slash of two; its oldest client relies on that.
        for slashes in ("/", "//"):
            route.add_post(f"{slashes}login", self._log_in)
            route.add_get(f"{slashes}route", self._camera)
        for name, act in (
            ("drive_mode", self._drive_mode), ("start_stop", self._start_stop),
            ("manual_drive", self._manual_drive), ("max_nav_throttle", self._done),
        ):  # fmt: skip
            for method in ("PUT", "POST"):
                route.add_route(method, f"/api/{name}", act)
        for name, told in (
            ("get_battery_level", {"battery_level": 8, "success": True}),
            ("is_usb_connected", {"is_usb_connected": False, "success": True}),
            ("get_network_details", {"SSID": "track", "ip_address": "10.77.0.2", "success": True}),
            ("get_device_info", {"hardware_version": "none", "software_version": "none", "success": True}),
            ("get_sensor_status", {"camera_status": "connected", "success": True}),
            ("models", []), ("uploaded_model_list", []), ("set_calibration_mode", {"success": True}),
            ("supported_apis", {"supported_apis": ["/api/manual_drive"], "success": True}),
        ):  # fmt: skip
            route.add_get(f"/api/{name}", self._tell(told))
        route.add_get("/api/get_calibration/{what}", self._get_calibration)
        route.add_put("/api/set_calibration/{what}", self._set_calibration)

    # -- who may ---------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path not in OPEN and request.cookies.get(COOKIE) not in self._tokens:
            return web.Response(status=401, text="401 Authorization Required")
        if request.method in ("PUT", "POST") and request.headers.get("X-CSRFToken") != self._csrf:
            return web.Response(status=400, text="The CSRF token is missing.")
        try:
            return await handler(request)  # type: ignore[no-any-return]
        except (TypeError, ValueError, ZeroDivisionError, KeyError):
            return web.Response(
                status=500, text="<title>500 Internal Server Error</title>", content_type="text/html"
            )

    async def _home(self, request: web.Request) -> web.Response:
        return web.Response(text=_PAGE.format(self._csrf), content_type="text/html")

    async def _log_in(self, request: web.Request) -> web.Response:
        given = (await request.post()).get("password", "")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), self._password.encode()):
            return web.Response(status=401, text="failure")
        token = secrets.token_hex(16)
        self._tokens.add(token)
        answer = web.Response(text="success")
        answer.set_cookie(COOKIE, token, secure=True, httponly=True)
        return answer

    # -- driving -----------------------------------------------------------------------------------

    async def _drive_mode(self, request: web.Request) -> web.Response:
        mode = (await request.json())["drive_mode"]
        if mode not in ("manual", "auto"):
            return web.json_response({"success": False, "reason": "Unknown mode"})
        self._mode = mode
        self._halt()
        return web.json_response({"success": True})

    async def _start_stop(self, request: web.Request) -> web.Response:
        if (await request.json())["start_stop"] == "start":
            self._running = True
        else:
            self._halt()
        return web.json_response({"success": True})

    async def _manual_drive(self, request: web.Request) -> web.Response:
        told = await request.json()
        angle, throttle = stepped(told.get("angle")), stepped(told.get("throttle"))
        motor = -bent(throttle, told.get("max_speed"))
        if self._running and self._mode == "manual":
            self._servo(-angle, motor)
        return web.json_response({"success": True})

    def _halt(self) -> None:
        self._running = False
        self._servo(0.0, 0.0)

    def _servo(self, angle: float, throttle: float) -> None:
        """The servos' own program refuses what is out of range, and goes on with what it had."""
        if abs(angle) <= 1 and abs(throttle) <= 1:
            print(f"servo {angle + 0.0:.4f} {throttle + 0.0:.4f}", flush=True)
            if self._pwm is not None:
                (self._pwm / "pwm0" / "duty_cycle").write_text(str(pulse_ns(throttle)))

    # -- the rest ----------------------------------------------------------------------------------

    @staticmethod
    def _tell(told: Any) -> Any:
        async def tell(request: web.Request) -> web.Response:
            return web.json_response(told)

        return tell

    async def _done(self, request: web.Request) -> web.Response:
        return web.json_response({"success": True})

    async def _get_calibration(self, request: web.Request) -> web.Response:
        return web.json_response({"success": True, **self._calibration[request.match_info["what"]]})

    async def _set_calibration(self, request: web.Request) -> web.Response:
        self._calibration[request.match_info["what"]].update(await request.json())
        return web.json_response({"success": True})

    async def _camera(self, request: web.Request) -> web.StreamResponse:
        """Pictures that grow lighter, thirty a second, for as long as somebody looks."""
        answer = web.StreamResponse(
            headers={"Content-Type": "multipart/x-mixed-replace;boundary=boundarydonotcross"}
        )
        await answer.prepare(request)
        with suppress(ConnectionError):
            for shade in range(10**9):
                picture = io.BytesIO()
                Image.new("L", (160, 120), shade % 256).save(picture, "JPEG")
                body = picture.getvalue()
                head = (
                    f"--boundarydonotcross\r\nContent-type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                await answer.write(head.encode() + body + b"\r\n")
                await asyncio.sleep(FRAME_S)
        return answer


def stepped(value: Any) -> float:
    """The console's step for an angle or a throttle.

    Raises:
        TypeError, ValueError: It is no number; the console fails with it.
    """
    size = abs(value)
    if not isfinite(size):
        raise ValueError(value)
    step = 0.0 if size == 0 else 0.3 if size < 0.5 else 0.5 if size < 0.8 else 0.8
    return step if value >= 0 else -step


def bent(throttle: float, max_speed: Any) -> float:
    """What a throttle step becomes at a `max_speed`; not checked, as in the console.

    Raises:
        ZeroDivisionError: At 1.25.
    """
    if throttle == 0 or max_speed == 0:
        return 0.0
    x = abs(throttle) / (5.0 - 4.0 * max_speed)
    motor = -1.2 * x * x + 2.2 * x
    return float(motor if throttle > 0 else -motor)


def pulse_ns(throttle: float) -> int:
    """The motor's pulse for a throttle, forward positive; the motor's polarity is -1."""
    forward, middle, backward = PULSE_NS
    return int(middle - throttle * (middle - forward if throttle > 0 else backward - middle))


def throttle_of(ns: int) -> float:
    """The throttle that a pulse stands for; the other way round."""
    forward, middle, backward = PULSE_NS
    return (middle - ns) / (middle - forward if ns < middle else backward - middle)


def certificate(folder: Path) -> ssl.SSLContext:
    """TLS with a certificate of its own, as a car has it."""
    words = (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=deepracer"
    )
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)  # noqa: S603 - words of ours
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def serve(port: int, password: str, *, running: bool, pwm: Path | None = None) -> None:
    """Serve until cancelled."""
    with tempfile.TemporaryDirectory(prefix="league-console-") as folder:
        runner = web.AppRunner(Console(password, running=running, pwm=pwm).app, access_log=None)
        await runner.setup()
        tls = certificate(Path(folder))
        await web.TCPSite(runner, None, port, ssl_context=tls).start()
        print(f"console at port {port}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description="A DeepRacer's console without a DeepRacer.")
    parser.add_argument("port", type=int)
    parser.add_argument("password")
    parser.add_argument("--pwm", type=Path, help="folder for the pulses of the servos")
    parser.add_argument("--running", action="store_true", help="the car's control was started before")
    asked = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(asked.port, asked.password, running=asked.running, pwm=asked.pwm))


if __name__ == "__main__":
    main()
