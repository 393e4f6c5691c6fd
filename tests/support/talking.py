"""Two ends of a conversation over the wire."""

from __future__ import annotations

from collections import deque

from league.wire import grammar
from league.wire.clientside import ClientSession
from league.wire.messages import Codec, Entry, Hello, Limits
from league.wire.serverside import AgentSession

HELLO = Hello("cup", Entry("Ada"))
TICK_S = 0.1
HEAT = {"heat": "final", "seat": 0, "hz": 15, "act_spec": {"speed_mps": [0.0, 4.0]}}
SHOWN = {"t_us": 0, "lap": 0, "flag": "green", "sensors": {"state": b"\0" * 420}}


class Pair:
    """A server's and a driver's end; frames pass at once, a tick apart."""

    def __init__(self, codec: Codec = "msgpack", **limits: float) -> None:
        self.server = AgentSession(
            server="test", behavior=1, nonce="0", limits=Limits(**limits), auth=("open",), codec=codec
        )
        self.client = ClientSession(codec=codec)
        self.now_s = 0.0
        self.k = -1

    def up(self, frame):
        """Something from the driver arrives at the server."""
        self.now_s += TICK_S
        return self.server.receive(frame, self.now_s)

    def down(self, frame):
        """Something from the server arrives at the driver."""
        return self.client.receive(frame)

    def join(self, hello: Hello = HELLO) -> Pair:
        """Up to `accepted`."""
        self.down(self.server.welcome())
        self.up(self.client.hello(hello))
        self.down(self.server.accept("s", "t", "e"))
        return self

    def start(self, heat: str = "final") -> Pair:
        """Up to `go`."""
        self.down(self.server.assign({**HEAT, "heat": heat}))
        self.up(self.client.ready())
        self.down(self.server.countdown(1.0))
        self.down(self.server.go())
        self.k = -1
        return self

    def show(self) -> int:
        """Show the next tick."""
        self.k += 1
        self.down(self.server.observe(self.k, SHOWN, deadline_us=50_000, bank_ms=2000))
        return self.k

    def close(self):
        """Close the tick."""
        return self.server.close_tick(self.now_s)


def racing(codec: Codec = "msgpack", **limits: float) -> Pair:
    """A pair in the first tick of a heat."""
    pair = Pair(codec, **limits).join().start()
    pair.show()
    return pair


def path_to(state: str) -> tuple[grammar.Step, ...]:
    """The shortest conversation from the beginning to a state."""
    reached: dict[str, tuple[grammar.Step, ...]] = {grammar.NEW: ()}
    queue = deque([grammar.NEW])
    while queue:
        here = queue.popleft()
        for step in grammar.STEPS:
            if step.state == here and step.then not in reached:
                reached[step.then] = (*reached[here], step)
                queue.append(step.then)
    return reached[state]
