"""Examples in help texts: a subcommand shows those of its group, and none is wider than a terminal.

Pure: texts in, texts out.
"""

from __future__ import annotations

import re
from typing import Final

import click

WIDTH: Final = 78
"""Columns that click leaves on a terminal of 80."""

_HEAD: Final = "Examples:"
_MORE: Final = "      "  # what the second line of an example begins with
_WORD: Final = re.compile(r'(?:"[^"]*"|\S)+')


def dress(command: click.Command, path: str) -> click.Command:
    """Give a command's subcommands their examples and their line in its list, and fold long lines.

    Args:
        command: A command, changed in place; doing so again changes nothing.
        path: How it is called: "league event".
    """
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            if not below.epilog:
                below.epilog = examples_of(command.epilog or "", f"{path} {name}")
            if not below.short_help:
                below.short_help = first_sentence(below.help or "")
            dress(below, f"{path} {name}")
    if command.epilog:
        command.epilog = "\n".join(fold(line) for line in command.epilog.splitlines())
    return command


def first_sentence(text: str) -> str:
    """The first paragraph of a help text, whole: a list that breaks off in mid-sentence tells nothing."""
    return " ".join(text.strip().split("\n\n")[0].split())


def examples_of(epilog: str, path: str) -> str:
    """The examples of one command among all those of an epilog, as an epilog of its own; maybe empty."""
    found: list[str] = []
    taking = False
    for line in epilog.splitlines():
        if not line.startswith(_MORE):
            taking = f"{line.strip()} ".startswith(f"{path} ")
        if taking:
            found.append(line)
    return "\n".join(["\b", _HEAD, *found]) if found else ""


def fold(line: str) -> str:
    r"""An example on several lines, each ended by a backslash, if it is wider than a terminal.

    It is broken before an option, or where there is none between words; never within quotes.
    """
    if len(line) <= WIDTH or not line.startswith("  "):
        return line
    going_on = " \\" if line.endswith(" \\") else ""
    lines: list[str] = []
    current = line[: len(line) - len(line.lstrip())]
    for part in _parts(line.removesuffix(" \\")):
        if current.strip() and len(current) + 1 + len(part) + 2 > WIDTH:
            lines.append(f"{current} \\")
            current = _MORE
        current += part if not current.strip() else f" {part}"
    return "\n".join([*lines, current + going_on])


def _parts(line: str) -> list[str]:
    """The words of a command, an option and what follows it as one."""
    parts: list[str] = []
    for word in _WORD.findall(line):
        if parts and parts[-1].startswith("-") and not word.startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts
