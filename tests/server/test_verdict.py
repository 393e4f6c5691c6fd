"""Who won, by how much and what cost the others: said in the first lines of a page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.racing.result import EntryResult
from league.server.pages import words


def result(**more: object) -> EntryResult:
    fields = {"place": 1, "name": "Ada", "agent": "a", "status": "FIN", "entry_id": "ada"}
    return EntryResult.model_validate(fields | more)


@pytest.mark.parametrize(
    ("value_s", "written"), [(2.9076, "2.908 s "), (68.5, "1:08.500 "), (0.0, ""), (None, "")]
)
def test_a_margin_has_its_unit_and_is_left_out_where_it_is_not_known(
    value_s: float | None, written: str
) -> None:
    assert words.margin(value_s) == written


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_faults_name_what_happened_and_nothing_else(contacts: int, offs: int, resets: int) -> None:
    said = words.faults(result(collisions=contacts, off_tracks=offs, resets=resets))
    counted = {word: int(count) for count, word in re.findall(r"(\d+) (contact|off-track|reset)s?\b", said)}
    happened = {"contact": contacts, "off-track": offs, "reset": resets}
    assert counted == {word: count for word, count in happened.items() if count}


def test_only_several_are_said_in_the_plural() -> None:
    assert words.faults(result(collisions=2, resets=1)) == "2 contacts, 1 reset"
