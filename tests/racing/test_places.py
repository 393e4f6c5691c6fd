"""Places of boxes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.errors import ConfigError
from league.racing.places import SIDES, read_place


def test_metres_and_shares_of_the_lap_are_told_apart() -> None:
    assert read_place("4.2,left").along_m(20.0) == 4.2
    assert read_place(" 25% , inner ").along_m(20.0) == 5.0


@pytest.mark.parametrize(
    ("side", "anticlockwise", "clockwise"),
    [("left", True, True), ("right", False, False), ("inner", True, False), ("outer", False, True)],
)
def test_inner_is_left_of_an_anticlockwise_circuit(side: str, anticlockwise: bool, clockwise: bool) -> None:
    place = read_place(f"3,{side}")
    assert place.is_left(clockwise=False) is anticlockwise
    assert place.is_left(clockwise=True) is clockwise


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4.2",
        "left",
        "4.2,middle",
        "-1,left",
        "100%,left",
        "nan,left",
        "inf,left",
        "4.2,left,right",
        "4,2",
    ],
)
def test_what_is_no_place_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="expected METRES,SIDE or PERCENT%,SIDE"):
        read_place(text)


@given(st.floats(0, 1000), st.sampled_from(SIDES), st.booleans())
def test_any_number_and_side_come_back(number: float, side: str, share: bool) -> None:
    text = f"{number!r}%,{side}" if share else f"{number!r},{side}"
    if share and number >= 100:
        with pytest.raises(ConfigError):
            read_place(text)
        return
    place = read_place(text)
    assert place.side == side
    assert place.along_m(10.0) == pytest.approx(number / 10 if share else number)


@given(st.text(max_size=20).filter(lambda text: text.rpartition(",")[2].strip() not in SIDES))
def test_text_without_a_side_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_place(text)
