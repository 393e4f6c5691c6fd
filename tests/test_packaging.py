"""The project's shape: layers, public surface, entry points and what the wheel installs."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Lower rows may not import from higher ones; members of one row not from each other.
LAYERS = [
    {"errors", "whole"},
    {"alone"},
    {"track"},
    {"sim", "wire", "gate"},
    {"racing"},
    {"hooks", "cage"},
    {"store", "learn"},
    {"host", "quick", "client", "bridge", "cluster", "export", "testing", "scrutineering", "timing"},
    {"server"},
    {"cli", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# Within row 7 the testing kit may use the client it tests, and the host runs a client.
SAME_ROW = {
    ("bridge", "client"),
    ("cluster", "host"),
    ("cluster", "quick"),
    ("host", "client"),
    ("scrutineering", "host"),
    ("testing", "client"),
    ("testing", "quick"),
    ("__main__", "cli"),
}
# Within large packages, too, rooms stand on those before them; what lies beside them holds them together.
ROOMS = {
    "server": (("door",), ("race",), ("rest",), ("pages", "sockets")),
    "learn": (("settings", "limit"), ("reward",), ("ground",), ("results",), ("training",)),
}
ROOM_RANK = {
    (package, room): rank
    for package, rows in ROOMS.items()
    for rank, rooms in enumerate(rows)
    for room in rooms
}
PURE = ("track", "sim", "wire", "gate", "racing")
IMPURE_MODULES = {
    "aiohttp",
    "aiosqlite",
    "asyncio",
    "datetime",
    "http",
    "multiprocessing",
    "selectors",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
    "urllib",
}
HEAVY_MODULES = ("aiohttp", "torch", "numba", "onnxruntime", "sqlalchemy", "scipy", "skimage", "matplotlib")
OURS = {"league_plugins", "league_agents", "league_tracks"}


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "templates" not in path.parts)


def imports(path: Path) -> set[str]:
    """Full names of the modules a file imports, wherever the import stands; type-only ones left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typed:
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def home(path: Path) -> str:
    """The row member that a file of league/ belongs to."""
    first = path.relative_to(ROOT / "league").parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", modules("league"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_own_package_and_lower_layers(path: Path) -> None:
    mine = home(path)
    if mine == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] not in OURS, f"the core imports {name}"
        if parts[0] != "league" or len(parts) < 2 or parts[1] not in RANK or parts[1] == mine:
            continue
        pair = (mine, parts[1])
        allowed = RANK[parts[1]] < RANK[mine] or pair in SAME_ROW
        assert allowed, f"{mine} (row {RANK[mine]}) imports {name} (row {RANK[parts[1]]})"


@pytest.mark.parametrize(("package", "room"), ROOM_RANK)
def test_a_room_imports_only_from_itself_and_lower_rooms(package: str, room: str) -> None:
    paths = modules(f"league/{package}/{room}")
    assert paths
    for path in paths:
        for name in imports(path):
            parts = name.split(".")
            if len(parts) > 2 and parts[0] == "league" and (other := (parts[1], parts[2])) in ROOM_RANK:
                if parts[1] != package or parts[2] == room:
                    continue
                allowed = ROOM_RANK[other] < ROOM_RANK[package, room]
                assert allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", ROOMS)
def test_every_folder_of_a_package_with_rooms_is_a_room(package: str) -> None:
    folders = {path.parent.name for path in (ROOT / "league" / package).glob("*/__init__.py")}
    assert folders == {room for kept, room in ROOM_RANK if kept == package}


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_touch_no_clock_socket_or_thread(package: str) -> None:
    for path in modules(f"league/{package}"):
        if path.name == "compiled.py":
            continue  # keeps compiled code on disk, before any race
        touched = {name.split(".")[0] for name in imports(path)} & IMPURE_MODULES
        assert not touched, f"{path.relative_to(ROOT)} imports {touched}"


@pytest.mark.parametrize("folder", ["plugins", "agents", "tracks"])
def test_bundled_plugins_use_only_the_public_surface(folder: str) -> None:
    for path in modules(folder):
        own = path.relative_to(ROOT / folder).parts[0]
        for name in imports(path):
            if name == own or name.startswith(f"{own}."):
                continue
            if name.split(".")[0] == "league":
                public = name == "league" or name.count(".") == 1 or name.startswith("league.testing")
                assert public, f"{path.relative_to(ROOT)} imports {name}"
                if name.startswith("league.") and not name.startswith("league.testing"):
                    import league

                    assert name.removeprefix("league.") in league.__all__, f"{path} uses {name}"
            assert name.split(".")[0] not in OURS - {own}, f"{path} imports {name}"


def test_every_public_name_can_be_had_and_is_listed_once() -> None:
    import league

    assert len(league.__all__) == len(set(league.__all__))
    assert set(league.__all__) == set(league._HOMES)
    for name in league.__all__:
        assert getattr(league, name) is not None
    submodules = {path.stem for path in (ROOT / "league").glob("*") if path.name != "__pycache__"}
    assert not submodules & set(league.__all__), "a public name hides a submodule"


def test_type_checkers_see_the_same_public_names() -> None:
    tree = ast.parse((ROOT / "league" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    import league

    assert seen == league._HOMES


def test_importing_league_stays_light() -> None:
    code = (
        "import sys, league\n"
        "league.Agent, league.Circuit, league.hookimpl, league.Rules\n"
        f"print([name for name in {HEAVY_MODULES!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_the_league_with_every_plugin_stays_light() -> None:
    code = (
        "import sys\nfrom league import League\nleague = League()\n"
        "assert league.agents and league.circuits, league.plugins\n"
        f"print([name for name in {HEAVY_MODULES!r} if name in sys.modules and name != 'numba'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_entry_points_equal_the_plugin_files() -> None:
    declared = set(project()["entry-points"]["league"].values())  # type: ignore[index]
    files = {
        f"{package}.{path.stem}"
        for folder, package in (("plugins", "league_plugins"), ("agents", "league_agents"))
        for path in (ROOT / folder / package).glob("*.py")
        if not path.stem.startswith("_")
    }
    assert declared == files | {"league_tracks"}, "after a change, install the checkout again"


def test_installed_entry_points_are_those_declared() -> None:
    from importlib.metadata import distribution

    declared = project()["entry-points"]["league"]  # type: ignore[index]
    points = distribution("racing-league").entry_points.select(group="league")
    installed = {point.name: point.value for point in points}
    assert installed == declared, "the installed checkout is stale: pip install -e . again"


def test_every_installed_plugin_loads() -> None:
    from league import League

    league = League()
    assert [(p.name, p.reason) for p in league.plugins if p.status != "loaded"] == []
    assert league.conflicts == ()


def test_there_is_no_package_directly_in_the_source_folders() -> None:
    for folder in ("plugins", "agents", "tracks", "tests", "deploy"):
        assert not (ROOT / folder / "__init__.py").exists()
    for package in ("league", "plugins/league_plugins", "agents/league_agents", "tracks/league_tracks"):
        assert (ROOT / package / "py.typed").exists()


@pytest.mark.slow
def test_the_wheel_installs_four_packages_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"league"} | OURS
    for needed in (
        "league/py.typed",
        "league/server/templates/live.html",
        "league_tracks/a-to-z-speedway.toml",
    ):
        assert needed in names
    assert any(name.startswith("league/store/migrations/versions/") for name in names)
    assert any(name.startswith("league/server/static/") and name.endswith(".js") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
