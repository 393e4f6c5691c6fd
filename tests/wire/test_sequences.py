"""Any order of messages, legal or not, between the two ends of the wire."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from talking import HEAT, HELLO, SHOWN, TICK_S

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire import grammar
from league.wire.clientside import ClientSession
from league.wire.codec import encode
from league.wire.messages import Assign, Obs, Problem
from league.wire.serverside import AgentSession

FACT = {"k": 0, "t_us": 0, "kind": "lap", "seat": 0, "data": {}}


def a_server():
    return AgentSession(server="test", behavior=1, nonce="0")


class Wire(RuleBasedStateMachine):
    """Both ends with a slow wire between: whatever each may say, the other must take.

    Frames wait in a queue for each direction, so that messages cross as they do in life.
    """

    def __init__(self):
        super().__init__()
        self.server, self.client = a_server(), ClientSession()
        self.up, self.down = deque(), deque()
        self.now_s, self.k, self.heats = 0.0, -1, 0

    @initialize()
    def connect(self):
        self.down.append(self.server.welcome())

    def may(self, kind, by):
        session = self.server if by == "server" else self.client
        return grammar.follow(session.state, by, kind) is not None

    # -- the wire

    @precondition(lambda self: self.up)
    @rule(pause_s=st.sampled_from([TICK_S, 1.0]))
    def arrive_at_server(self, pause_s):
        self.now_s += pause_s
        for _ in self.server.receive(self.up.popleft(), self.now_s):
            pass

    @precondition(lambda self: self.down)
    @rule()
    def arrive_at_client(self):
        for told in self.client.receive(self.down.popleft()):
            if isinstance(told, Problem):
                raise AssertionError(f"an error was answered: {told}")
            if isinstance(told, Obs):
                assert told.heat == self.client.heat
            if isinstance(told, Assign):
                assert self.client.tick is None

    # -- what the server may say

    @precondition(lambda self: self.may("accepted", "server"))
    @rule()
    def accept(self):
        self.down.append(self.server.accept("s", "t", "e"))

    @precondition(lambda self: self.may("assign", "server"))
    @rule()
    def assign(self):
        self.heats += 1
        self.k = -1
        self.down.append(self.server.assign({**HEAT, "heat": f"heat-{self.heats}"}))

    @precondition(lambda self: self.may("countdown", "server"))
    @rule()
    def count_down(self):
        self.down.append(self.server.countdown(1.0))

    @precondition(lambda self: self.may("go", "server"))
    @rule()
    def go(self):
        self.down.append(self.server.go())

    @precondition(lambda self: self.may("obs", "server"))
    @rule(step=st.integers(1, 3), close=st.booleans())
    def observe(self, step, close):
        if close:
            self.server.close_tick(self.now_s)
        self.k += step
        self.down.append(self.server.observe(self.k, SHOWN, deadline_us=50_000))

    @precondition(lambda self: self.may("event", "server"))
    @rule()
    def report(self):
        self.down.append(self.server.event(FACT))

    @precondition(lambda self: self.may("finish", "server"))
    @rule()
    def finish(self):
        self.down.append(self.server.finish([]))

    @precondition(lambda self: self.may("result", "server"))
    @rule()
    def result(self):
        self.down.append(self.server.result({}))

    # -- what the driver may say; it keeps to the rate by waiting for its words to arrive

    @precondition(lambda self: self.may("hello", "client"))
    @rule()
    def hello(self):
        self.up.append(self.client.hello(HELLO))

    @precondition(lambda self: self.may("sync", "client"))
    @rule()
    def sync(self):
        self.up.append(self.client.sync(0.0))

    @precondition(lambda self: self.may("loading", "client"))
    @rule()
    def loading(self):
        self.up.append(self.client.loading(0.5))

    @precondition(lambda self: self.may("ready", "client"))
    @rule()
    def ready(self):
        self.up.append(self.client.ready())

    @precondition(lambda self: self.client.state == grammar.RACING and self.client.tick is not None)
    @rule(back=st.integers(0, 2))
    def act(self, back):
        try:
            self.up.append(self.client.act(max(0, self.client.tick - back), 0.0, 1.0))
        except LocalProtocolError as error:
            assert "expected one from" in str(error)  # answered already  # noqa: PT017

    @precondition(lambda self: self.may("bye", "client"))
    @rule(really=st.sampled_from([False] * 9 + [True]))
    def leave(self, really):
        if really:
            self.up.append(self.client.bye("home"))

    @rule()
    def wait(self):
        self.now_s += 1.0

    # -- what holds at any time

    @invariant()
    def nobody_has_a_fault(self):
        counts = self.server.counts
        assert (counts.bad, counts.order, counts.future, counts.refused, counts.duplicates) == (0,) * 5
        assert (self.client.counts.bad, self.client.counts.order) == (0, 0)

    @invariant()
    def with_nothing_under_way_both_are_in_the_same_state(self):
        if not self.up and not self.down:
            assert self.server.state == self.client.state


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=60, stateful_step_count=60)


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
)
GOOD = {
    "hello": {"proto": [1, 0], "event": "cup", "entry": {"name": "Ada"}},
    "sync": {"t0": 0, "t1": 1, "t2": 2},
    "loading": {"heat": "final"},
    "ready": {"heat": "final"},
    "act": {"heat": "final", "k": 0, "steer_rad": 0.0, "speed_mps": 1.0},
    "bye": {"reason": ""},
    "welcome": {"proto": [1, 0], "behavior": 1},
    "accepted": {"session": "s"},
    "error": {"code": "order", "fatal": False},
    "assign": {"heat": "final", "seat": 0},
    "countdown": {"heat": "final"},
    "go": {"heat": "final"},
    "obs": {"heat": "final", "k": 0, "dl_us": 1},
    "late": {"heat": "final", "k": 0},
    "event": {"heat": "final", "k": 0, "kind": "lap"},
    "finish": {"heat": "final", "order": []},
    "result": {"heat": "final", "result": {}},
    "horoscope": {},
}
KEYS = st.sampled_from(
    sorted({key for fields in GOOD.values() for key in fields} | {"us", "note", "want", "token"})
)


@st.composite
def messages(draw):
    """Messages of any type, some with a field gone wrong."""
    kind = draw(st.sampled_from(sorted(GOOD)))
    spoilt = draw(st.one_of(st.just({}), st.dictionaries(KEYS, ANYTHING, max_size=2)))
    return {"type": kind, **GOOD[kind], **spoilt}


def frames_of(message):
    try:
        return encode(message, "msgpack")
    except LocalProtocolError:  # a number or text that msgpack cannot carry; JSON can
        return encode(message, "json")


SAY = {
    "welcome": lambda session, k: session.welcome(),
    "accepted": lambda session, k: session.accept("s", "t", "e"),
    "assign": lambda session, k: session.assign(HEAT),
    "countdown": lambda session, k: session.countdown(0.0),
    "go": lambda session, k: session.go(),
    "obs": lambda session, k: session.observe(k, SHOWN, deadline_us=1),
    "event": lambda session, k: session.event(FACT),
    "finish": lambda session, k: session.finish([]),
    "result": lambda session, k: session.result({}),
    "error": lambda session, k: session.error("order", ""),
    "bye": lambda session, k: session.bye(""),
}


@settings(max_examples=150)
@given(st.lists(st.one_of(st.sampled_from(sorted(SAY)), messages(), st.binary(max_size=20)), max_size=40))
def test_a_server_s_end_takes_any_sequence(steps):
    session = a_server()
    for number, step in enumerate(steps):
        before = session.state
        if isinstance(step, str):
            allowed = grammar.follow(before, "server", step)
            try:
                SAY[step](session, number)
            except LocalProtocolError:
                assert allowed is None or step == "obs"
            else:
                assert session.state == allowed
            continue
        frame = step if isinstance(step, bytes) else frames_of(step)
        try:
            said = session.receive(frame, number * TICK_S)
        except RemoteProtocolError as error:
            assert session.state == before
            assert len(str(error)) < 400  # noqa: PT017
            if before not in (grammar.NEW, grammar.OVER):
                session.refuse(error)
        else:
            assert len(said) <= 1
            if not said:
                assert session.state == before


@settings(max_examples=150)
@given(st.lists(st.one_of(messages(), st.binary(max_size=20)), max_size=40))
def test_a_driver_s_end_takes_any_sequence(steps):
    session = ClientSession()
    for step in steps:
        before = session.state
        allowed = None if isinstance(step, bytes) else grammar.follow(before, "server", step["type"])
        try:
            told = session.receive(step if isinstance(step, bytes) else frames_of(step))
        except RemoteProtocolError as error:
            assert error.close in (4000, 4002)  # noqa: PT017
        else:
            assert not told or allowed is not None
