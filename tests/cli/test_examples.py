"""What help texts show: examples for every command, and no line wider than a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from league.cli import command
from league.cli.examples import WIDTH, dress, examples_of, fold


def commands(found: click.Command, path: tuple[str, ...], ctx: click.Context) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(found, click.Group):
        for name in found.list_commands(ctx):
            below = found.get_command(ctx, name)
            assert below is not None
            yield from commands(below, (*path, name), click.Context(below, info_name=name, parent=ctx))


def everything() -> list[tuple[str, ...]]:
    return list(commands(command, (), click.Context(command, info_name="league")))[1:]


@pytest.mark.parametrize("path", everything(), ids=" ".join)
def test_every_command_shows_an_example_of_itself_within_eighty_columns(path: tuple[str, ...]) -> None:
    from click.testing import CliRunner

    shown = CliRunner().invoke(command, [*path, "--help"], prog_name="league", terminal_width=80)
    assert shown.exit_code == 0
    _, _, examples = shown.output.partition("Examples:\n")
    assert f"  league {' '.join(path)}" in examples
    assert [line for line in shown.output.splitlines() if len(line) > 80] == []


def test_a_long_example_is_folded_before_an_option_and_stays_one_command() -> None:
    line = f'  league race here someone --record "a file" --json {"x" * 30} --seed 7 --laps 5'
    folded = fold(line).splitlines()
    assert all(len(part) <= WIDTH for part in folded)
    assert all(part.endswith(" \\") for part in folded[:-1])
    assert folded[1].startswith("      --")
    assert " ".join(part.removesuffix("\\").strip() for part in folded) == line.strip()


def test_a_short_example_and_a_folded_one_stay_as_they_are() -> None:
    assert fold("  league demo") == "  league demo"
    group = click.Group("event", epilog=f"\b\nExamples:\n  league event start {'x' * 90} --server y")
    once = dress(group, "league event").epilog
    assert dress(group, "league event").epilog == once


def test_a_subcommand_is_given_its_own_examples_with_their_second_lines() -> None:
    epilog = "\b\nExamples:\n  league event start a\n  league event show b \\\n      --json -\n"
    assert examples_of(epilog, "league event show") == (
        "\b\nExamples:\n  league event show b \\\n      --json -"
    )
    assert examples_of(epilog, "league event stop") == ""
