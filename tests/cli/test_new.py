"""`league new`: what it writes runs as it is, and nothing is overwritten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal import run_league

from league import InputError, League, race
from league.cli.new import NAME, _package_name, _title

ROOT = Path(__file__).resolve().parents[2]
SOURCES = os.pathsep.join(str(ROOT / folder) for folder in (".", "plugins", "agents", "tracks"))


def run_its_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "passed"), [("agent", 2), ("plugin", 2), ("page", 2)])
def test_a_new_package_passes_its_own_tests(
    kind: str, passed: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_league(capsys, "new", kind, "night-owl", "--into", tmp_path).code == 0
    ran = run_its_tests(tmp_path / "night-owl")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{passed} passed" in ran.stdout


def test_a_new_agent_races_from_its_folder_without_being_installed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_league(capsys, "new", "agent", "tawny-owl-2", "--into", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "tawny-owl-2"))
    ran = run_league(capsys, "race", "a-to-z-speedway", "tawny_owl_2:TawnyOwl2", "--laps", 1)
    assert ran.code == 0, ran.err
    assert "TawnyOwl2" in ran.out
    assert "FIN" in ran.out


@pytest.mark.parametrize("kind", ["agent", "plugin", "page"])
def test_a_new_package_announces_its_module_to_the_league(
    kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run_league(capsys, "new", kind, "barn-owl", "--into", tmp_path)
    folder = tmp_path / "barn-owl"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "barn-owl"
    assert project["entry-points"]["league"] == {"barn-owl": "barn_owl"}
    assert project["dependencies"] == ["racing-league"]
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    module = ["barn_owl/__init__.py", "barn_owl/page.css", "barn_owl/page.html"]
    own = module if kind == "page" else ["barn_owl.py"]
    assert written == ["README.md", *own, "pyproject.toml", "tests/test_barn_owl.py"]
    assert not any(re.search(r"{{\w", path.read_text()) for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["agent", "plugin", "page"])
def test_a_new_package_builds_into_a_wheel_with_its_module(
    kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run_league(capsys, "new", kind, "snowy-owl", "--into", tmp_path)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tmp_path / "snowy-owl",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    module = "snowy_owl" if kind == "page" else "snowy_owl.py"
    assert {"snowy_owl/page.html", "snowy_owl/page.css"} <= set(names) if kind == "page" else module in names
    assert "snowy_owl-0.1.0.dist-info/entry_points.txt" in names
    assert {name.split("/")[0] for name in names} == {module, "snowy_owl-0.1.0.dist-info"}


@pytest.mark.parametrize("kind", ["agent", "plugin", "page"])
@pytest.mark.parametrize(
    "check",
    [["check", "--select", "E,F,I,W,UP,B"], ["format", "--check"]],
    ids=lambda c: c[0],
)
def test_the_written_files_are_tidy(
    kind: str, check: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run_league(capsys, "new", kind, "night-owl", "--into", tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "ruff", *check, "--no-cache", "."],
        cwd=tmp_path / "night-owl",
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named ruff" in ran.stderr:
        pytest.skip("ruff is not installed")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_new_circuit_can_be_checked_and_raced(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_league(capsys, "new", "track", "garden-loop", "--into", tmp_path).code == 0
    file = tmp_path / "garden-loop.toml"
    ran = run_league(capsys, "tracks", "check", file)
    assert ran.code == 0
    assert "nothing to note" in ran.out
    circuit = League().circuit(str(file))
    assert circuit.name == "Garden Loop"
    (entry,) = race(circuit, ["pure-pursuit"], laps=1).standings
    assert (entry.status, entry.off_tracks) == ("FIN", 0)


@pytest.mark.parametrize("kind", ["agent", "plugin", "page", "track"])
def test_nothing_is_overwritten(kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run_league(capsys, "new", kind, "eagle-owl", "--into", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before
    again = run_league(capsys, "new", kind, "eagle-owl", "--into", tmp_path)
    assert again.code == 2
    assert "exists already, and nothing is overwritten" in again.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("kind", ["agent", "plugin", "page", "track"])
@pytest.mark.parametrize(
    "name", ["", "Owl", "2owls", "-owl", "owl-", "o--wl", "a/b", "../owl", "owl.py", "öwl", "o" * 41]
)
def test_a_bad_name_gets_one_line_and_leaves_nothing(
    kind: str, name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ran = run_league(capsys, "new", kind, "--into", tmp_path, "--", name)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert f"name {name!r}" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("class", "is a word of the Python language"),
        ("random", "exists already"),
        ("league", "exists already"),
        ("numpy", "exists already"),
        ("tests", "exists already"),
        ("pure-pursuit", "the agent pure-pursuit exists already"),
    ],
)
def test_a_name_that_would_hide_another_module_is_refused(
    name: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ran = run_league(capsys, "new", "agent", name, "--into", tmp_path)
    assert (ran.code, said in ran.err) == (2, True)
    assert run_league(capsys, "new", "track", name, "--into", tmp_path).code == 0


def test_where_it_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = run_league(capsys, "new", "track", "owl", "--into", tmp_path / "file" / "below")
    assert ran.code == 2
    assert "cannot be written" in ran.err


@settings(max_examples=30)
@given(st.from_regex(NAME, fullmatch=True))
def test_every_accepted_name_gives_a_module_and_a_class(name: str) -> None:
    try:
        accepted = _package_name(name)
    except InputError:
        return
    assert accepted == name
    assert name.replace("-", "_").isidentifier()
    assert _title(name).replace(" ", "").isidentifier()


@pytest.mark.slow
def test_a_new_agent_that_is_installed_is_on_the_grid(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As the handbook says: write it, `pip install` it, race it by name, and let a server host it."""
    run_league(capsys, "new", "agent", "night-owl", "--into", tmp_path)
    python = new_environment(tmp_path / "env")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
    ]
    done = subprocess.run(
        [*install, str(tmp_path / "night-owl")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    race = [python, "-m", "league", "race", "clubhouse-loop", "night-owl", "tutorial", "--laps", "1"]
    ran = subprocess.run(race, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("FIN") == 2
    hosted = subprocess.run(
        [python, "-c", HOSTED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert hosted.stdout.strip() == "{'Owl': 'FIN'}", hosted.stdout + hosted.stderr


HOSTED = """
import asyncio
from house import house

async def main():
    async with house() as home:
        await home.create()
        await home.lobby.entrance.enter("cup", "Owl", agent="night-owl")
        await home.lobby.start("cup")
        await home.end_of()
        print(await home.statuses())

asyncio.run(main())
"""


def new_environment(folder: Path) -> Path:
    """A virtual environment that finds what is installed here, besides what is installed in it."""
    venv.create(folder, symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    here = [path for path in sys.path if path.endswith("site-packages")]
    # `site` follows the .pth files of these folders, too: an editable checkout is found through one.
    lines = [f"import site; site.addsitedir({path!r})" for path in here]
    (Path(packages) / "here.pth").write_text("\n".join(lines) + "\n")
    return folder / "bin" / "python"
