"""Reference firmware of a car that the league drives over UDP: MicroPython, one file, no libraries.

Copy it to the board as `league_car.py`, write a `main.py` as at the end of this file, and give it two
functions of your own: one that turns the wheels, one that sets the motor. Everything that keeps people safe
is in here:

- the motor stands unless the car is armed; arming needs a controller, and moves nothing;
- 250 ms without a newer command, and the motor stands and the car is disarmed: a controller that comes back
  has to arm again;
- one controller at a time; but anybody who knows the key may stop the car;
- a cap on the motor that no command can pass, and numbers only within their range.

What it cannot do is notice that it hangs itself; the watchdog of the board can: see `main` below.
The packets are described in plugins/CARS.md. It runs in the tests, in MicroPython's unix port.
"""

import socket
import struct
import sys
import time

PACKET = "<2sBBIIhhHH"  # magic, version, kind, session, seq, steer, drive, first, second
SIZE = 20
MAGIC = b"LC"
VERSION = 1
TAG = 8  # bytes of the authentication code that follows, where a key is set

HELLO, WELCOME, DRIVE, ARM, DISARM, STOP, STATUS, BUSY, PING = 1, 2, 3, 4, 5, 6, 7, 8, 9
ARMED, TRIPPED, REFUSED = 1, 2, 4
FULL = 32767

DEADMAN_MS = 250
LEASE_MS = 1000  # a controller that was silent for so long may be replaced


class Car:
    """What the car does with packets and with time; it owns no socket and no pin.

    `set_steer` and `set_drive` get whole numbers from -32767, full right or backward, to 32767.
    """

    def __init__(self, set_steer, set_drive, key=b"", cap=FULL, steer_max_mrad=420, battery_mv=None):
        self.set_steer, self.set_drive = set_steer, set_drive
        self.key, self.cap, self.steer_max_mrad = key, cap, steer_max_mrad
        self.battery_mv = battery_mv or (lambda: 0)
        self.armed = self.tripped = False
        self.session = self.newest = 0
        self.controller = None
        self.heard_ms = 0
        self.drive = self.steer = 0
        self.stand()

    def stand(self):
        """Motor off, and not armed."""
        self.armed = False
        self.drive = 0
        self.set_drive(0)

    def tick(self, now_ms):
        """To be called at least every 20 ms, whether packets come or not."""
        if self.armed and time.ticks_diff(now_ms, self.heard_ms) > DEADMAN_MS:
            self.stand()
            self.tripped = True

    def receive(self, packet, sender, now_ms):
        """Read one packet; gives the answer to send back, or None."""
        self.tick(now_ms)
        if len(packet) != SIZE + (TAG if self.key else 0):
            return None
        body = packet[:SIZE]
        magic, version, kind, session, seq, steer, drive, _, _ = struct.unpack(PACKET, body)
        if magic != MAGIC or version != VERSION or (self.key and packet[SIZE:] != tag(self.key, body)):
            return None
        if kind == HELLO:
            return self.greet(sender, seq, now_ms)
        if kind == PING:
            return self.status(session, seq, 0)
        if kind == STOP:
            # From anybody, in any session, at any time: the one command that needs no permission.
            self.stand()
            return self.status(session, seq, 0)
        if session != self.session or sender != self.controller:
            return self.answer(BUSY, session, seq)
        if seq <= self.newest:
            return None
        self.newest = seq
        self.heard_ms = now_ms
        return self.obey(kind, seq, steer, drive)

    def greet(self, sender, nonce, now_ms):
        """A controller begins a session, unless another one is here."""
        lively = time.ticks_diff(now_ms, self.heard_ms) < LEASE_MS
        if self.controller not in (None, sender) and lively:
            return self.answer(BUSY, 0, nonce)
        self.stand()
        self.tripped = False
        self.controller, self.newest, self.heard_ms = sender, 0, now_ms
        self.session = (nonce ^ (now_ms * 2654435761)) & 0xFFFFFFFF or 1
        return self.answer(WELCOME, self.session, nonce, self.steer_max_mrad, DEADMAN_MS)

    def obey(self, kind, seq, steer, drive):
        """Do what the controller says."""
        refused = 0
        if kind == ARM:
            self.stand()
            self.armed, self.tripped = True, False
        elif kind == DISARM:
            self.stand()
        elif kind == DRIVE:
            self.steer = max(-FULL, min(FULL, steer))
            self.set_steer(self.steer)
            if self.armed:
                self.drive = max(-self.cap, min(self.cap, drive))
                self.set_drive(self.drive)
            elif drive:
                refused = REFUSED
        else:
            return None
        return self.status(self.session, seq, refused)

    def status(self, session, seq, refused):
        """How the car stands."""
        flags = (ARMED if self.armed else 0) | (TRIPPED if self.tripped else 0) | refused
        return self.answer(STATUS, session, seq, self.battery_mv(), flags)

    def answer(self, kind, session, seq, first=0, second=0):
        """A packet to send."""
        body = struct.pack(
            PACKET, MAGIC, VERSION, kind, session, seq, self.steer, self.drive, first & 0xFFFF, second
        )
        return body + tag(self.key, body) if self.key else body


def tag(key, body):
    """The first bytes of HMAC-SHA256, RFC 2104; MicroPython has no hmac module of its own."""
    import hashlib

    block = key + bytes(64 - len(key)) if len(key) <= 64 else hashlib.sha256(key).digest() + bytes(32)
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + body).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()[:TAG]


def serve(car, port=4210, feed=None):
    """Receive and obey for ever. `feed` is called 100 times a second: feed the board's watchdog in it."""
    import select

    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A board has one network; every packet is proved by its key.
    link.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])  # noqa: S104
    link.setblocking(False)
    waiting = select.poll()
    waiting.register(link, select.POLLIN)
    while True:
        waiting.poll(10)
        while True:
            try:
                packet, sender = link.recvfrom(64)
            except OSError:
                break
            try:
                reply = car.receive(packet, sender, time.ticks_ms())
                if reply:
                    link.sendto(reply, sender)
            except OSError:
                break  # the answer could not be sent; the dead-man sees to the rest
        car.tick(time.ticks_ms())
        if feed:
            feed()


def board(steer_pin, motor_pin, **options):
    """A `Car` with two hobby servos' signals, 1 to 2 ms at 50 Hz: a steering servo and an ESC.

    A `main.py` for an ESP32 with steering on pin 18 and the ESC on pin 19:

        import machine, league_car
        watchdog = machine.WDT(timeout=1000)
        league_car.serve(league_car.board(18, 19, key=b"a key of your own", cap=10000), feed=watchdog.feed)
    """
    import machine

    def signal(pin):
        pulse = machine.PWM(machine.Pin(pin), freq=50)
        return lambda value: pulse.duty_ns(1500000 + value * 500000 // FULL)

    steer = signal(steer_pin)
    # Servo signals grow to the right on most cars; turn the sign here if yours does not.
    return Car(lambda value: steer(-value), signal(motor_pin), **options)


def show(port, **options):
    """A car without wheels, for a computer: prints a line whenever the motor or the wheels are set."""

    def say(what):
        def write(value):
            sys.stdout.write(f"{what} {value}\n")
            if hasattr(sys.stdout, "flush"):
                sys.stdout.flush()

        return write

    serve(Car(say("steer"), say("drive"), **options), port)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    show(
        int(arguments[0]) if arguments else 4210,
        key=arguments[1].encode() if len(arguments) > 1 else b"",
    )
