"""The order of messages, as one table that both ends, the tests and the conformance kit read.

    welcome hello (accepted | error) (assign loading* ready (countdown go (obs act?)* finish result*)?)* bye

`error` that is not fatal, `sync`, `late` and `event` may come between; a fatal `error` and `bye` end it. Two
additions to the line above: a heat may end before it starts (`finish` instead of `countdown`, for a driver
who is not ready in time or a heat that is called off), and a driver who comes back to a running heat gets
`go` without `countdown`.

Pure: a table and questions about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

Side = Literal["server", "client"]

NEW = "new"  # connected, nothing said
GREETED = "greeted"  # the server said welcome
ASKED = "asked"  # the driver said hello
IDLE = "idle"  # accepted; no heat
LOADING = "loading"  # assigned to a heat
READY = "ready"  # waiting for the start
COUNTING = "counting"
RACING = "racing"
FINISHED = "finished"
OVER = "over"

STATES = (NEW, GREETED, ASKED, IDLE, LOADING, READY, COUNTING, RACING, FINISHED, OVER)
ON_THE_GRID = (LOADING, READY, COUNTING, RACING, FINISHED)
"""States of a driver that is, or was just, in a heat."""
JOINED = (IDLE, *ON_THE_GRID)
"""States of a driver that is in the event."""


class Step(NamedTuple):
    """Who may say what in which state, and which state follows."""

    state: str
    by: Side
    type: str
    then: str


STEPS: tuple[Step, ...] = (
    Step(NEW, "server", "welcome", GREETED),
    Step(GREETED, "client", "hello", ASKED),
    Step(ASKED, "server", "accepted", IDLE),
    Step(IDLE, "server", "assign", LOADING),
    Step(LOADING, "client", "loading", LOADING),
    Step(LOADING, "client", "ready", READY),
    Step(LOADING, "server", "finish", FINISHED),
    Step(READY, "server", "countdown", COUNTING),
    Step(READY, "server", "go", RACING),
    Step(READY, "server", "finish", FINISHED),
    Step(READY, "server", "assign", LOADING),
    Step(COUNTING, "server", "countdown", COUNTING),
    Step(COUNTING, "server", "go", RACING),
    Step(COUNTING, "server", "finish", FINISHED),
    Step(RACING, "server", "obs", RACING),
    Step(RACING, "client", "act", RACING),
    Step(RACING, "server", "finish", FINISHED),
    Step(FINISHED, "server", "result", FINISHED),
    Step(FINISHED, "server", "assign", LOADING),
    *(Step(state, "client", "sync", state) for state in JOINED),
    *(Step(state, "server", "sync", state) for state in JOINED),
    *(Step(state, "server", type_, state) for state in ON_THE_GRID for type_ in ("late", "event")),
    *(Step(state, "server", "error", state) for state in STATES if state not in (NEW, OVER)),
    *(
        Step(state, by, "bye", OVER)
        for state in STATES
        if state not in (NEW, OVER)
        for by in ("server", "client")
    ),
)
"""Every step there is. A fatal `error` leads to "over" from wherever it comes."""

TABLE = {(step.state, step.by, step.type): step.then for step in STEPS}
SERVER_TYPES = tuple(sorted({step.type for step in STEPS if step.by == "server"}))
CLIENT_TYPES = tuple(sorted({step.type for step in STEPS if step.by == "client"}))

ABOUT_A_HEAT = frozenset({"act", "loading", "ready"})
"""What a driver says about one heat; once that heat is over it is no fault: it crossed ours."""


def follow(state: str, by: Side, type_: str) -> str | None:
    """The state after a message, or None if it is not allowed then."""
    return TABLE.get((state, by, type_))


def allowed(state: str, by: Side) -> tuple[str, ...]:
    """The types that a side may send in a state, sorted."""
    return tuple(sorted(step.type for step in STEPS if step.state == state and step.by == by))


def violations(by: Side = "client") -> Iterator[tuple[str, str]]:
    """Every (state, type) that a side may not say: the type is known, but not allowed there."""
    for state in STATES:
        if state in (NEW, OVER):
            continue
        for type_ in CLIENT_TYPES if by == "client" else SERVER_TYPES:
            if follow(state, by, type_) is None:
                yield state, type_
