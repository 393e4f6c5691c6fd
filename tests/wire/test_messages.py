"""Codes and limits, and that the protocol's handbook names them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from league.wire import grammar
from league.wire.messages import CLOSE_CODES, ERROR_CODES, FINAL_CLOSES, Limits

HANDBOOK = (Path(__file__).resolve().parents[2] / "league" / "wire" / "README.md").read_text(encoding="utf-8")
HEADINGS = {heading.lower() for heading in re.findall(r"^## (\w+)$", HANDBOOK, re.MULTILINE)}


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_error_is_explained_where_it_says(code):
    told = ERROR_CODES[code]
    assert told.about
    assert told.close is None or told.close in CLOSE_CODES
    assert told.doc in HEADINGS
    section = HANDBOOK.partition(f"## {told.doc.capitalize()}\n")[2].partition("\n## ")[0]
    assert f"`{code}`" in section


@pytest.mark.parametrize("code", CLOSE_CODES)
def test_every_close_code_is_in_the_handbook(code):
    assert str(code) in HANDBOOK


@pytest.mark.parametrize("kind", sorted({*grammar.SERVER_TYPES, *grammar.CLIENT_TYPES}))
def test_every_message_is_in_the_handbook_with_who_sends_it(kind):
    [row] = re.findall(rf"^\| {kind} \| (\w+) \|", HANDBOOK, re.MULTILINE)
    sides = {"server": kind in grammar.SERVER_TYPES, "driver": kind in grammar.CLIENT_TYPES}
    assert row == ("both" if all(sides.values()) else next(side for side, says in sides.items() if says))


def test_the_grammar_is_the_same_in_the_handbook_and_the_module():
    def line(text):
        return next(line.strip() for line in text.splitlines() if "welcome hello (" in line)

    assert line(HANDBOOK) == line(grammar.__doc__)


def test_waiting_and_trying_again_helps_only_where_it_may():
    assert set(CLOSE_CODES) > FINAL_CLOSES
    assert not FINAL_CLOSES & {4008, 4012}


def test_a_transport_lets_through_what_is_to_be_answered_with_too_large():
    limits = Limits()
    assert limits.socket_bytes > limits.agent_bytes
    assert limits.as_dict()["agent_bytes"] == 64 * 1024
