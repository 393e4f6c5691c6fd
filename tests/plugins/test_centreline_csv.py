"""Centre lines with widths: what may be written, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from league import Circuit, CircuitError
from league_plugins.centreline_csv import read_centreline, register_track_readers

HEAD = "# x_m,y_m,w_tr_right_m,w_tr_left_m"


def table(rows: int = 40) -> list[str]:
    angle = np.arange(rows) * 2 * np.pi / rows
    return [f"{3 * np.cos(a):.6f},{2 * np.sin(a):.6f},0.5,0.3" for a in angle]


def read(folder: Path, lines: list[str] | bytes) -> Circuit:
    file = folder / "line.csv"
    file.write_bytes(lines if isinstance(lines, bytes) else "\n".join(lines).encode())
    return read_centreline(file)


def problem(folder: Path, lines: list[str] | bytes) -> str:
    with pytest.raises(CircuitError) as caught:
        read(folder, lines)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'line.csv'}: ")
    assert "\n" not in message
    return message.removeprefix(f"{folder / 'line.csv'}: ")


def test_it_reads_csv():
    assert register_track_readers() == {".csv": read_centreline}


def test_the_last_row_joins_the_first(tmp_path):
    circuit = read(tmp_path, [HEAD, *table()])
    assert len(circuit.centre) == 40
    assert np.allclose(circuit.width_right_m, 0.5)
    assert np.allclose(circuit.width_left_m, 0.3)
    assert circuit.id == "line"
    assert circuit.direction == "anticlockwise"


@pytest.mark.parametrize(
    "lines",
    [
        table(),
        ["\ufeff" + HEAD, "", *table(), ""],
        [HEAD.removeprefix("# "), *table()],
        [HEAD.upper(), "# a note; with a mark", *table()],
        [*table(), table()[0]],
        [line.replace(",", ";") for line in (HEAD, *table())],
        [line.replace(",", " ,\t") + " # here" for line in table()],
        [line + "," for line in table()],
    ],
    ids=[
        "bare",
        "mark and blanks",
        "plain head",
        "notes",
        "closed",
        "semicolons",
        "spaces",
        "trailing comma",
    ],
)
def test_the_same_line_is_read_however_it_is_dressed(tmp_path, lines):
    assert read(tmp_path, lines).sha256 == read(tmp_path, [HEAD, *table()]).sha256


def test_a_head_may_name_more_columns_in_another_order(tmp_path):
    lines = ["s_m;w_tr_left_m;x_m;y_m;w_tr_right_m"]
    for row in table():
        x, y, right, left = row.split(",")
        lines.append(f"0;{left};{x};{y};{right}")
    assert read(tmp_path, lines).sha256 == read(tmp_path, table()).sha256


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "holds 0 rows of numbers"),
        ([HEAD], "holds 0 rows of numbers"),
        (table()[:2], "holds 2 rows of numbers"),
        (table()[:20], "is an open road: its ends are"),
        (["x_m,y_m,w_tr_right_m", *table()], "line 1: has no column w_tr_left_m"),
        ([*table()[:5], "1,2,3"], "line 6: found 3 columns, expected 4"),
        ([*table()[:5], "1,2,wide,3"], "line 6: w_tr_right_m is 'wide', expected a number"),
        ([*table()[:5], "1,nan,1,1"], "line 6: y_m is nan"),
        ([*table()[:5], "1,1e400,1,1"], "line 6: y_m is inf"),
        ([*table()[:5], "1,1,0,1"], "line 6: a width is 0 m"),
        ([*table()[:5], "1,1,-0.5,1"], "line 6: a width is -0.5 m"),
        (["0,0,1,1"] * 5, "holds 0 different points"),
        (b"\xff\xfe\x00", "is not text"),
        (b"\x93NUMPY", "is not text"),
        (table(20001), "more than 20000 rows"),
        (b"#" * 8_000_001, "expected at most"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, lines, says):
    assert says in problem(tmp_path, lines)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.text("0123456789.,;-#einfa \n\r\x0b\u2028", max_size=200)))
def test_anything_else_is_a_circuit_or_a_circuit_error(tmp_path, content):
    try:
        found = read(tmp_path, content if isinstance(content, bytes) else content.encode()).id
    except CircuitError as error:
        found = str(error)
    assert "\n" not in found
