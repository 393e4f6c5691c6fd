"""A part for a Donkeycar's `manage.py` that lets the league's bridge drive, and stops the car by itself.

It needs the standard library only: import it from an installed league, or copy this one file beside
`manage.py`. Add it right after the controller, so that it has the last word on what the user wants:

    from donkey_part import LeaguePart
    V.add(LeaguePart(), inputs=["cam/image_array"],
          outputs=["user/steering", "user/throttle", "user/mode"], threaded=True)

From then on the car drives for the league only: the web page and the joystick steer it no more.

The bridge talks to it in lines of JSON over TCP, by default from this computer only. Every line is answered
with one, `{"error": …}` where something is wrong with it:

| line | does |
|---|---|
| `{"hello": 1}` | tells what this is: version, dead-man time, cap, whether there is a camera |
| `{"arm": true}` | makes this connection the one that drives; refused while another one does |
| `{"seq": n, "angle": a, "throttle": t}` | drives; from -1 to 1, angle to the right, throttle forward; \
before `arm` only a throttle of 0 is taken, and moves nothing |
| `{"stop": why}` | neutral, and nobody drives; anybody may; answered when the drive loop has obeyed |
| `{"frame": 1}` | the newest camera image: the answer tells its size, the bytes (JPEG) follow |

The car stands unless the driving connection sent a good command within `hold_s`. Once that was missed, or
the connection is gone, or a command was bad, nothing moves the car before the next `arm`.

A program that is killed or hangs cannot stop anything, and the board that makes the motor's pulses goes on
with the last one. `LeaguePart(brake="neutral:brake")` starts a second process that calls `brake()` of
`neutral.py`, beside `manage.py`, when the drive loop has not turned for 0.2 s, or is gone.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import select
import signal
import socketserver
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

VERSION = 1
PORT = 8891
HOLD_S = 0.2
LINE_BYTES = 1024
BRAKE_S = 0.2
"""A drive loop that has not turned for so long hangs: four of its turns."""
_LOOP_PATIENCE_S = 0.09


class LeaguePart:
    """Steers for the league while commands keep coming, and holds the car in neutral otherwise.

    Args:
        port: TCP port that the bridge connects to.
        host: Address to listen on. Leave it: a bridge belongs on the car. Whoever can reach the port can
            drive.
        hold_s: Time without a command after which the car stops, 0.1 to 0.5.
        throttle_cap: No throttle beyond it, whatever the bridge says.
        brake: "MODULE:FUNCTION", called in a process of its own when the drive loop is dead or hangs.
    """

    def __init__(
        self,
        port: int = PORT,
        host: str = "127.0.0.1",
        hold_s: float = HOLD_S,
        throttle_cap: float = 1.0,
        brake: str = "",
    ) -> None:
        if not 0.1 <= hold_s <= 0.5 or not 0.0 <= throttle_cap <= 1.0:
            raise ValueError(
                f"found hold_s {hold_s} and throttle_cap {throttle_cap}, expected 0.1 to 0.5 and 0 to 1"
            )
        self.hold_s, self.throttle_cap = hold_s, throttle_cap
        self._turn = threading.Condition()
        self._turns = 0
        self._driver: object | None = None
        self._heard_s = 0.0
        self._seq = -1
        self._steering = self._throttle = 0.0
        self._why = "nobody drives"
        self._image: Any = None
        self._brake = _start_brake(brake) if brake else None
        self._server = _Server((host, port), self)

    # -- what Donkeycar calls ------------------------------------------------------------------

    def update(self) -> None:
        """Listen for a bridge; Donkeycar runs this in a thread of its own."""
        self._server.serve_forever(poll_interval=0.1)

    def run_threaded(self, image: Any = None) -> tuple[float, float, str]:
        """One turn of the drive loop: steering, throttle and mode."""
        with self._turn:
            self._image = image
            if self._driver is not None and time.monotonic() - self._heard_s > self.hold_s:
                self._release(f"no command for {self.hold_s} s")
            self._turns += 1
            self._turn.notify_all()
            self._pulse()
            return self._steering, self._throttle, "user"

    def run(self, image: Any = None) -> tuple[float, float, str]:
        """The same, for a part that was added without `threaded`: nobody can connect, the car stands."""
        return self.run_threaded(image)

    def shutdown(self) -> None:
        """Stop listening."""
        with self._turn:
            self._release("the car shuts down")
        self._server.shutdown()
        self._server.server_close()
        if self._brake is not None and self._brake.stdin is not None:
            self._brake.stdin.close()
            self._brake.wait(5)

    # -- what connections call -----------------------------------------------------------------

    def answer(self, who: object, line: bytes) -> tuple[dict[str, Any], bytes]:
        """What to say to a line, and the bytes that follow."""
        try:
            asked = json.loads(line)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            self.leave(who, "a line that is no JSON object")
            return {"error": "expected a JSON object on one line"}, b""
        if "stop" in asked:
            return self._stop(str(asked["stop"])[:80]), b""
        if "seq" in asked:
            return self._drive(who, asked), b""
        if "arm" in asked:
            return self._arm(who), b""
        if "frame" in asked:
            return self._frame()
        return self._tell() | {"version": VERSION, "hold_s": self.hold_s, "cap": self.throttle_cap}, b""

    def leave(self, who: object, why: str) -> None:
        """A connection is gone or talks nonsense: if it was the one that drives, the car stands."""
        with self._turn:
            if self._driver is who:
                self._release(why)

    def _arm(self, who: object) -> dict[str, Any]:
        with self._turn:
            if self._driver is not None and self._driver is not who:
                return {"error": "another connection drives this car"}
            self._driver, self._heard_s = who, time.monotonic()
            self._seq, self._steering, self._throttle = -1, 0.0, 0.0
            self._why = ""
        return self._tell()

    def _drive(self, who: object, asked: dict[str, Any]) -> dict[str, Any]:
        seq, angle, throttle = asked["seq"], _share(asked.get("angle")), _share(asked.get("throttle"))
        with self._turn:
            if self._driver is not None and time.monotonic() - self._heard_s > self.hold_s:
                self._release(f"no command for {self.hold_s} s")
            if angle is None or throttle is None or type(seq) is not int:
                self.leave(who, why := "a command that is no pair of numbers from -1 to 1")
                return {"error": why}
            if self._driver is not who:
                if throttle != 0.0:
                    why = self._why or "another connection drives this car"
                    return {"error": f"not armed: {why}", "armed": False}
                return {"seq": seq, "turn": self._turns, "armed": False}
            if seq <= self._seq:
                return {"error": f"command {seq} after {self._seq}"}
            self._seq, self._heard_s = seq, time.monotonic()
            self._steering = angle
            self._throttle = max(-self.throttle_cap, min(self.throttle_cap, throttle))
            return {"seq": seq, "turn": self._turns, "armed": True}

    def _stop(self, why: str) -> dict[str, Any]:
        with self._turn:
            self._release(f"stopped: {why}")
            until = self._turns + 1
            obeyed = self._turn.wait_for(lambda: self._turns >= until, _LOOP_PATIENCE_S)
            return {"stopped": obeyed, "turn": self._turns}

    def _pulse(self) -> None:
        """Tell the brake that the drive loop turns; without the brake that was asked for, nobody drives."""
        if self._brake is None or self._brake.stdin is None:
            return
        try:
            os.write(self._brake.stdin.fileno(), b".")
        except BlockingIOError:
            pass  # it has thousands of them to read already
        except OSError:
            self._release("the brake's process is gone")

    def _release(self, why: str) -> None:
        self._driver, self._why = None, why
        self._throttle = self._steering = 0.0

    def _tell(self) -> dict[str, Any]:
        with self._turn:
            return {
                "armed": self._driver is not None,
                "why": self._why,
                "turn": self._turns,
                "camera": self._image is not None,
            }

    def _frame(self) -> tuple[dict[str, Any], bytes]:
        with self._turn:
            image, turn = self._image, self._turns
        if image is None:
            return {"error": "no camera image"}, b""
        # Donkeycar comes with Pillow; the import costs nothing where nobody asks for images.
        from PIL import Image

        held = io.BytesIO()
        Image.fromarray(image).save(held, "JPEG", quality=90)
        return {"frame": held.tell(), "turn": turn}, held.getvalue()


def _share(value: object) -> float | None:
    """A finite number from -1 to 1, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and -1.0 <= value <= 1.0 else None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, where: tuple[str, int], part: LeaguePart) -> None:
        self.part = part
        super().__init__(where, _Line)


class _Line(socketserver.StreamRequestHandler):
    """One connection, line by line."""

    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        part = self.server.part
        why = "the bridge is gone"
        try:
            while line := self.rfile.readline(LINE_BYTES):
                if not line.endswith(b"\n"):
                    why = f"a line of more than {LINE_BYTES} bytes"
                    break
                answer, more = part.answer(self, line)
                self.wfile.write(json.dumps(answer).encode() + b"\n" + more)
        except OSError as error:
            why = f"the bridge is gone: {error}"
        finally:
            part.leave(self, why)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


def _start_brake(function: str) -> subprocess.Popen[bytes]:
    """Start the process that brakes; its standard input is the drive loop's pulse."""
    command = [sys.executable, str(Path(__file__).resolve()), function]
    brake = subprocess.Popen(  # noqa: S603 - this very file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert brake.stdin is not None
    assert brake.stdout is not None
    with brake.stdout as said:
        if said.readline() != b"ready\n":
            brake.stdin.close()
            brake.wait(5)
            raise RuntimeError(f"the brake {function!r} does not start: it must be MODULE:FUNCTION")
    os.set_blocking(brake.stdin.fileno(), False)
    return brake


def _watch(function: str) -> None:
    """Brake when the pulse on standard input stays away or ends."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    sys.path.insert(0, str(Path.cwd()))
    module, _, name = function.partition(":")
    brake = getattr(import_module(module), name)
    print("ready", flush=True)
    sys.stdout = sys.stderr
    patience_s: float | None = None  # before the first turn, Donkeycar is still starting
    while True:
        if not select.select([0], [], [], patience_s)[0]:
            brake()
        elif os.read(0, 4096):
            patience_s = BRAKE_S
        else:
            break
    for _ in range(5):
        brake()
        time.sleep(0.02)


if __name__ == "__main__":
    _watch(sys.argv[1])
