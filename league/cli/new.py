"""`league new`: a starting point that runs, for an agent, a plugin, a page or a circuit."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Container
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import click

from league.cli import show
from league.errors import InputError
from league.hooks.catalogue import League

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40

# What a kind of project consists of: a template to the file's place, both below their folder.
FILES = {
    "agent": {
        "pyproject.toml.in": "pyproject.toml",
        "README.md.in": "README.md",
        "module.py.in": "{{module}}.py",
        "test.py.in": "tests/test_{{module}}.py",
    },
    "plugin": {
        "pyproject.toml.in": "pyproject.toml",
        "README.md.in": "README.md",
        "module.py.in": "{{module}}.py",
        "test.py.in": "tests/test_{{module}}.py",
    },
    "page": {
        "pyproject.toml.in": "pyproject.toml",
        "README.md.in": "README.md",
        "module.py.in": "{{module}}/__init__.py",
        "page.html.in": "{{module}}/page.html",
        "page.css.in": "{{module}}/page.css",
        "test.py.in": "tests/test_{{module}}.py",
    },
    "track": {"circuit.toml.in": "{{name}}.toml"},
}

INTO = click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where to write it; by default here.",
)


@click.group(
    epilog="""\b
Examples:
  league new agent night-owl
  league new plugin lap-records
  league new page hall-of-fame
  league new track garden-loop --into circuits"""
)
def command() -> None:
    """Start an agent, a plugin, a page or a circuit of your own: files that run, to be changed.

    NAME is in small letters, digits and hyphens: night-owl. Nothing is ever overwritten.
    """


@command.command()
@click.argument("name")
@INTO
def agent(name: str, into: Path) -> None:
    """Start a driver: a package with the driver, a test and an entry point."""
    _refuse_taken("agent", name, League().agents)
    _start(
        "agent",
        name,
        into,
        f"league race a-to-z-speedway {_module(name)}:{_title(name).replace(' ', '')}",
        "pip install -e .",
        f"league race a-to-z-speedway {name} tutorial",
    )


@command.command()
@click.argument("name")
@INTO
def plugin(name: str, into: Path) -> None:
    """Start a plugin: a package with a hook, a test and an entry point."""
    _start("plugin", name, into, "pip install -e .", "league plugins")


@command.command()
@click.argument("name")
@INTO
def page(name: str, into: Path) -> None:
    """Start a page for a server: a package with its template and style, a test and an entry point."""
    _refuse_taken("page", name, League().pages)
    _start("page", name, into, "pip install -e .", "league plugins", "league serve")


@command.command()
@click.argument("name")
@INTO
def track(name: str, into: Path) -> None:
    """Start a circuit: a TOML file of straights and arcs that closes."""
    _write("track", _checked(name), into)
    file = into / f"{name}.toml"
    _say_next(f"league tracks check {file}", f"league race {file} racing-line")


def _start(kind: str, name: str, into: Path, *then: str) -> None:
    """Write a package of its own folder, and say what to do with it."""
    folder = into / _package_name(name)
    _write(kind, name, folder)
    _say_next(f"cd {folder}", *then)


# -- names -----------------------------------------------------------------------------------------


def _checked(name: str) -> str:
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise InputError(
            f"name {name!r}: expected small letters, digits and single hyphens, from a letter on, "
            f"at most {LONGEST} of them: night-owl"
        )
    return name


def _package_name(name: str) -> str:
    """The name, if a Python package may have it too."""
    module = _module(_checked(name))
    if keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise InputError(f"name {name!r}: is a word of the Python language, expected another")
    if module in sys.stdlib_module_names or module in ("test", "tests") or _is_installed(module):
        raise InputError(f"name {name!r}: a Python package {module!r} exists already, expected another name")
    return name


def _refuse_taken(kind: str, name: str, taken: Container[str]) -> None:
    """Of two plugins that offer a name the first keeps it: a newcomer would look for its own in vain."""
    if name in taken:
        raise InputError(f"name {name!r}: the {kind} {name} exists already, expected another name")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # half-imported modules have no specification
        return True


def _module(name: str) -> str:
    return name.replace("-", "_")


def _title(name: str) -> str:
    return " ".join(word.capitalize() for word in name.split("-"))


# -- files -----------------------------------------------------------------------------------------


def _write(kind: str, name: str, folder: Path) -> None:
    """Write a project's files, all new.

    Raises:
        InputError: Something is there already, or the files cannot be written.
    """
    words = {
        "{{name}}": name,
        "{{module}}": _module(name),
        "{{class}}": _title(name).replace(" ", ""),
        "{{title}}": _title(name),
    }
    templates = files("league.cli") / "templates" / kind
    contents = {
        folder / _filled(place, words): _filled((templates / template).read_text(encoding="utf-8"), words)
        for template, place in FILES[kind].items()
    }
    taken = [path for path in ([folder] if kind != "track" else contents) if path.exists()]
    if taken:
        raise InputError(f"{taken[0]}: exists already, and nothing is overwritten; choose another name")
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(content)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    out = show.console()
    for path in contents:
        out.print(f"wrote {path}", markup=False, soft_wrap=True)


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _say_next(*commands: str) -> None:
    out = show.console()
    out.print("next:")
    for line in commands:
        out.print(f"  {line}", markup=False, soft_wrap=True)
