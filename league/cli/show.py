"""How the command line shows things: one console, tables, progress, JSON files."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from league.errors import InputError
from league.racing.distance import distance
from league.whole import whole

_F = TypeVar("_F", bound=Callable[..., Any])


class _Screen:
    """Whether colour may be used; set once by the main command."""

    colour = True


def set_colour(allowed: bool) -> None:
    """Allow or forbid colour from now on; NO_COLOR in the environment forbids it too."""
    _Screen.colour = allowed


def forgive() -> None:
    """Let a terminal that knows no UTF-8 show "?" where it lacks a letter, rather than end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def console(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error for what is not the result."""
    stream = sys.stderr if stderr else sys.stdout
    options: dict[str, Any] = {} if _Screen.colour else {"color_system": None, "no_color": True}
    if not stream.isatty():
        options["width"] = 160  # a pipe has no width; rows must not be folded
    return Console(stderr=stderr, highlight=False, **options)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; a column whose name starts with ">" is right-aligned."""
    shown = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        side: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        shown.add_column(column.removeprefix(">"), justify=side, overflow="fold")  # no figure may be cut
    for row in rows:
        # Text, not markup: names come from strangers.
        shown.add_row(*(cell if isinstance(cell, Text) else Text(_cell(cell)) for cell in row))
    return shown


def progress() -> Progress:
    """A progress bar on standard error, gone when done; silent where that is no terminal."""
    shown = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )


class Output(click.ParamType[str]):
    """A file to be written at the end: whether it can be is asked before the work, not after it."""

    name = "file"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path as it was given; "-" is standard output.

        Raises:
            InputError: Nothing could be written there.
        """
        path = Path(value)
        if value == "-":
            return value
        if path.is_dir():
            raise InputError(f"{value}: is a folder, expected a file to write")
        if not path.parent.is_dir():
            raise InputError(f"{value}: cannot be written: there is no folder {str(path.parent)!r}")
        if not os.access(path.parent, os.W_OK):
            raise InputError(f"{value}: cannot be written: no permission in {str(path.parent)!r}")
        return value


def write_json(path: str, payload: Any) -> None:
    """Write a result as JSON to a file, or to standard output for "-"; the same payload gives the same bytes.

    Raises:
        InputError: The file cannot be written.
    """
    if path == "-":
        plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        sys.stdout.write(json.dumps(payload, indent=2, ensure_ascii=plain) + "\n")
        return
    write_bytes(path, (json.dumps(payload, indent=2, ensure_ascii=False) + "\n").encode())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a whole file at once: it is either there completely or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    target = Path(path)
    try:
        with whole(target) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error


def json_option(what: str = "Write the result as JSON; - for standard output.") -> Callable[[_F], _F]:
    """The option `--json FILE`, given as `json_file`, for `write_json`.

    Args:
        what: Its help.
    """
    return click.option("--json", "json_file", metavar="FILE", type=Output(), help=what)


def course(payload: Mapping[str, Any]) -> str:
    """Write what was raced: where, how far and with which seed."""
    circuit, far = payload["circuit"], distance(payload["laps"])
    return f"{circuit['id']} · {circuit['length_m']:.2f} m · {far} · seed {payload['seed']}"


def seconds(value: float | None, digits: int = 3) -> str:
    """A time for a table, or a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def _cell(value: object) -> str:
    return "–" if value is None else str(value)
