"""Addresses of cars: kinds, hosts, options, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from league import ConfigError, Sample
from league.gate.car import read_address


def test_an_address_is_a_kind_a_place_and_options() -> None:
    address = read_address("udp:192.168.4.1:99?a=1.5&b=yes&c=x=y", only_stops=True)
    assert (address.kind, address.where, address.only_stops) == ("udp", "192.168.4.1:99", True)
    assert address.number("a", 0.0, least=1.0, most=2.0) == 1.5
    assert address.flag("b") is True
    assert address.text("c") == "x=y"
    address.check()


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("udp", "expected KIND:WHERE"), (":x", "expected KIND:WHERE"), ("", "expected KIND:WHERE"),
        ("udp:x?", None), ("udp:x?a", "expected OPTION=VALUE"), ("udp:x?=1", "expected OPTION=VALUE"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(ref: str, message: str | None) -> None:
    if message is None:
        assert read_address(ref).options == {}
        return
    with pytest.raises(ConfigError, match=message):
        read_address(ref)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("car", ("car", 42)), ("car:7", ("car", 7)), ("10.0.0.1:65535", ("10.0.0.1", 65535)),
        ("[::1]:5", ("::1", 5)), ("[::1]", ("::1", 42)),
    ],
)  # fmt: skip
def test_a_host_may_have_a_port(where: str, found: tuple[str, int]) -> None:
    address = read_address(f"udp:{where}")
    assert address.place is None
    assert address.host(42) == found
    assert address.place == found


@pytest.mark.parametrize("where", ["", ":7", "car:", "car:0", "car:65536", "car:x", "car:-1"])
def test_what_is_no_host_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST or HOST:PORT after udp:"):
        read_address(f"udp:{where}").host(42)


@pytest.mark.parametrize("value", ["0.99", "2.01", "nan", "inf", "fast", ""])
def test_a_number_out_of_range_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"a: found .*, expected a number from 1 to 2"):
        read_address(f"udp:x?a={value}").number("a", 1.0, least=1.0, most=2.0)


def test_numbers_have_exact_ends_and_defaults() -> None:
    for value in ("1", "2"):
        assert read_address(f"udp:x?a={value}").number("a", 1.5, least=1.0, most=2.0) == float(value)
    assert read_address("udp:x").number("a", 9.5, least=1.0, most=2.0) == 9.5


def test_texts_and_flags_have_their_words() -> None:
    address = read_address("udp:x?m=b&f=maybe")
    assert address.text("m", "a", choices=("a", "b")) == "b"
    assert address.text("n", "a", choices=("a", "b")) == "a"
    with pytest.raises(ConfigError, match="m: found 'b', expected one of x, y"):
        address.text("m", choices=("x", "y"))
    with pytest.raises(ConfigError, match="f: found 'maybe', expected yes or no"):
        address.flag("f")
    assert read_address("udp:x").flag("f") is False
    assert read_address("udp:x").flag("f", True) is True
    for word, value in (
        ("ON", True),
        ("1", True),
        ("true", True),
        ("off", False),
        ("0", False),
        ("No", False),
    ):
        assert read_address(f"udp:x?f={word}").flag("f", not value) is value


def test_an_option_that_nobody_reads_is_refused_with_those_that_are_known() -> None:
    address = read_address("udp:x?kap=1")
    address.number("cap", 1.0, least=0.0, most=1.0)
    with pytest.raises(ConfigError, match=r"udp cars have no option 'kap' \(known: cap\)"):
        address.check()
    with pytest.raises(ConfigError, match=r"\(known: none\)"):
        read_address("udp:x?kap=1").check()


def test_newer_figures_keep_an_older_picture() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    older = Sample(1.0, camera=picture, battery=0.5, scan=np.ones(2, np.float32), scan_from_rad=1.0)
    newer = Sample(2.0, battery=0.4).over(older)
    assert newer.camera is picture
    assert (newer.at_s, newer.battery, newer.scan_from_rad) == (2.0, 0.4, 1.0)
    assert Sample(2.0).over(None) == Sample(2.0)
    assert Sample(2.0, scan=np.zeros(1, np.float32), scan_from_rad=0.5).over(older).scan_from_rad == 0.5
