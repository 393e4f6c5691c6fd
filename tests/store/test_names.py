"""Ids made from names, and ids that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.errors import InputError
from league.store.names import MAX_ID, check_id, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Zoë's  Car!", "zoe-s-car"),
        ("Łódź Straße", "lodz-strasse"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full-width"),
        ("--a--", "a"),
        ("車", "entry"),
        ("🏎️🏎️", "entry"),
        ("", "entry"),
        ("x" * 64 + "y", "x" * 64),
        ("İstanbul", "istanbul"),
    ],
)
def test_a_slug_keeps_what_can_be_read_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_a_name_that_is_taken_gets_the_next_number() -> None:
    assert slug("Red Car", taken={"red-car"}) == "red-car-2"
    assert slug("Red Car", taken={"red-car", "red-car-2", "red-car-3"}) == "red-car-4"
    assert slug("x" * 64, taken={"x" * 64}) == "x" * 62 + "-2"


@given(st.text(max_size=100), st.integers(0, 12))
def test_every_slug_is_an_id_that_nobody_has(name: str, rivals: int) -> None:
    taken: set[str] = set()
    for _ in range(rivals):
        taken.add(slug(name, taken=taken))
    made = slug(name, taken=taken)
    assert made not in taken
    assert len(taken) == rivals
    assert check_id("entry", made) == made


@pytest.mark.parametrize(
    "given_id", ["", "a b", "é", "-a", ".", "../x", "a/b", "a\n", "a'b", "x" * (MAX_ID + 1), "a\0"]
)
def test_what_is_no_id_is_refused_in_one_line(given_id: str) -> None:
    with pytest.raises(InputError, match=r"event id .*: expected 1 to 64") as refused:
        check_id("event", given_id)
    assert "\n" not in str(refused.value)
