"""`league tracks`, through the main command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from league import League
from league.cli import main


def league(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["--no-color", "tracks", *map(str, words)])
    code = caught.value.code
    return code if isinstance(code, int) else 0


def test_list_shows_every_circuit_shortest_first(capsys):
    assert league("list") == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert names[:3] == ["circuit", "clubhouse-loop", "a-to-z-speedway"]
    assert names[-1] == "grand-prix"


def test_list_as_json_is_what_a_program_needs(capsys, tmp_path):
    assert league("list", "--json", "-") == 0
    listed = json.loads(capsys.readouterr().out)["circuits"]
    assert len(listed) >= 10
    atoz = next(row for row in listed if row["id"] == "a-to-z-speedway")
    assert atoz["length_m"] == pytest.approx(16.626, abs=1e-3)
    assert atoz["direction"] == "anticlockwise"
    assert atoz["sha256"] == League().circuit("a-to-z-speedway").sha256
    assert league("list", "--json", tmp_path / "list.json") == 0
    assert json.loads((tmp_path / "list.json").read_text())["circuits"] == listed


def test_show_says_what_is_known(capsys):
    assert league("show", "a-to-z-speedway:reversed") == 0
    shown = capsys.readouterr().out
    assert "A to Z Speedway (reversed)" in shown
    assert "16.626 m" in shown
    assert "clockwise" in shown
    assert league("show", "clover", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["id"] == "clover"


def test_check_passes_good_circuits_and_names_a_bad_one(capsys, tmp_path):
    assert league("check", "clover", "grand-prix:reversed") == 0
    shown = capsys.readouterr()
    assert shown.out.count("drivable") == 2
    assert shown.err == ""
    bad = tmp_path / "bad.toml"
    bad.write_text("width_m = 0.2\npoints = [[0, 0], [4, 0], [4, 4], [0, 4]]")
    assert league("check", bad) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"league: {bad}: ")
    assert "m from the start line: the road is 0.14 m wide, expected at least 0.29 m" in shown.err
    assert shown.err.count("\n") == 1


def test_check_goes_on_after_a_bad_circuit(capsys, tmp_path):
    (tmp_path / "bad.toml").write_text("width_m = 0.2")
    assert league("check", tmp_path / "bad.toml", "clover", tmp_path / "none.toml") == 2
    shown = capsys.readouterr()
    assert "clover" in shown.out
    assert shown.err.startswith("league: 2 of 3 circuits cannot be driven, first ")
    assert shown.err.count("\n") == 1
    assert league("check", tmp_path / "bad.toml", "clover", "--json", "-") == 2
    verdicts = json.loads(capsys.readouterr().out)["circuits"]
    assert [one["drivable"] for one in verdicts] == [False, True]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["show", "a-to-z-speedwey"],
            "no circuit is called 'a-to-z-speedwey'; did you mean 'a-to-z-speedway'? (known: ",
        ),
        (["show", "none.toml"], "none.toml: no such file"),
        (["check", "clover", "--car", "lorry"], "no car is called 'lorry'"),
        (["check"], "Missing argument"),
        (["plot", "clover", "-o", "clover.pdf"], "cannot draw to '.pdf', expected .png or .svg"),
        (["plot", "clover", "-o", "no/where.png"], "no/where.png: cannot be written: there is no folder"),
        (
            ["convert", "clover", "clover.kml"],
            "cannot write files ending in '.kml' (known: .csv, .npy, .toml)",
        ),
        (["convert", "clover", "no/where.csv"], "no/where.csv: cannot be written: No such file"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(capsys, monkeypatch, tmp_path, words, says):
    monkeypatch.chdir(tmp_path)
    assert league(*words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("league: ")
    assert says in shown.err
    assert shown.err.count("\n") == 1


def test_plot_draws_the_road(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert league("plot", "a-to-z-speedway:reversed") == 0
    assert "16.63 m" in capsys.readouterr().out
    with Image.open(tmp_path / "a-to-z-speedway-reversed.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    road = (np.abs(pixels - (0xC9, 0xCC, 0xD1)).max(axis=1) < 8).mean()
    start = (np.abs(pixels - (0xD0, 0x31, 0x2D)).max(axis=1) < 8).sum()
    assert 0.15 < road < 0.8
    assert start > 500


def test_plotting_twice_gives_the_same_drawing(tmp_path):
    for name in ("one.svg", "two.svg"):
        assert league("plot", "clover", "-o", tmp_path / name) == 0
    one = (tmp_path / "one.svg").read_text()
    assert one.startswith("<?xml")
    assert one == (tmp_path / "two.svg").read_text()


@pytest.mark.parametrize("ending", ["toml", "npy", "csv"])
def test_convert_writes_what_the_league_can_read(tmp_path, capsys, ending):
    assert league("convert", "clover", tmp_path / f"leaf.{ending}") == 0
    assert "29.00 m" in capsys.readouterr().out
    assert league("check", tmp_path / f"leaf.{ending}") == 0


@pytest.mark.slow
def test_every_closed_file_is_checked_drawn_and_converted(data_folder, tmp_path, capsys):
    files = sorted((data_folder / "circuits").glob("*.npy"))
    closed = [file for file in files if file.stem != "Straight_track"]
    assert league("check", *closed) == 0
    assert capsys.readouterr().out.count("drivable") == 29
    assert league("check", *files) == 2
    assert "Straight_track.npy: is an open road" in capsys.readouterr().err
    for file in closed:
        assert league("plot", file, "-o", tmp_path / "plot.png") == 0
        for ending in ("toml", "csv", "npy"):
            assert league("convert", file, tmp_path / f"copy.{ending}") == 0
            assert league("check", tmp_path / f"copy.{ending}") == 0
