from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import path_to

from league.wire import grammar
from league.wire.grammar import STATES, STEPS, allowed, follow, violations

# The promise, in the words of the protocol: server's messages in capitals, driver's in small letters.
PROMISE = re.compile(r"W h (E|A (N l* r (C* G (O a?)* F R*)?)* )".replace(" ", ""))
LETTERS = {
    ("server", "welcome"): "W",
    ("client", "hello"): "h",
    ("server", "accepted"): "A",
    ("server", "assign"): "N",
    ("client", "loading"): "l",
    ("client", "ready"): "r",
    ("server", "countdown"): "C",
    ("server", "go"): "G",
    ("server", "obs"): "O",
    ("client", "act"): "a",
    ("server", "finish"): "F",
    ("server", "result"): "R",
}


def test_every_state_can_be_reached_and_every_path_is_a_conversation():
    for state in STATES:
        here = grammar.NEW
        for step in path_to(state):
            assert step.state == here
            here = step.then
        assert here == state


def test_no_step_is_listed_twice():
    assert len({step[:3] for step in STEPS}) == len(STEPS)


def test_nothing_follows_the_end():
    assert allowed(grammar.OVER, "server") == allowed(grammar.OVER, "client") == ()


def test_bye_ends_it_from_anywhere_after_the_welcome():
    for state in STATES:
        if state not in (grammar.NEW, grammar.OVER):
            assert follow(state, "client", "bye") == follow(state, "server", "bye") == grammar.OVER


def test_violations_are_exactly_what_is_not_allowed():
    found = set(violations("client"))
    for state in STATES:
        if state in (grammar.NEW, grammar.OVER):
            continue
        for kind in grammar.CLIENT_TYPES:
            assert ((state, kind) in found) == (follow(state, "client", kind) is None)
    assert ("racing", "hello") in found
    assert ("racing", "act") not in found


@given(st.lists(st.integers(0, 10**6), max_size=60))
def test_every_walk_keeps_the_promise(choices):
    # Left out of the walk: what may come between, and the two additions to the promise.
    state, said = grammar.NEW, ""
    for choice in choices:
        steps = [
            step
            for step in STEPS
            if step.state == state
            and (step.by, step.type) in LETTERS
            and not (step.type == "finish" and state != grammar.RACING)
            and not (step.type == "go" and state == grammar.READY)
            and not (step.type == "act" and not said.endswith("O"))
        ]
        if not steps:
            break
        step = steps[choice % len(steps)]
        said += LETTERS[step.by, step.type]
        state = step.then
    # Any beginning of a promised conversation is fine: complete it and match the whole.
    rest = {
        grammar.NEW: "WhA",
        grammar.GREETED: "hA",
        grammar.ASKED: "A",
        grammar.LOADING: "r",
        grammar.READY: "",
        grammar.COUNTING: "GF",
        grammar.RACING: "F",
    }.get(state, "")
    assert PROMISE.fullmatch(said + rest), said


@pytest.mark.parametrize("state", grammar.JOINED)
def test_clocks_can_be_synchronised_whenever_a_driver_is_in(state):
    assert follow(state, "client", "sync") == follow(state, "server", "sync") == state
