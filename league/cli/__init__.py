"""The command line: one command, `league`, whose subcommands are loaded when they are called."""

from __future__ import annotations

import os
import signal
import sys
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword

import click

import league
from league.cli import show
from league.cli.examples import dress
from league.errors import InputError, LeagueError

SECTIONS = {
    "Race": {
        "demo": "run a complete event on this machine, out of the box",
        "race": "race agents on a circuit, headless, at full speed",
        "run": "race a whole event headless, on as many cores and machines as there are",
        "replay": "play a recording in the terminal, or write it out",
        "verify": "drive a recorded heat again and prove its result",
    },
    "Host a league": {
        "serve": "host a league",
        "event": "create, start, stop and show events",
        "events": "list the events of a server",
        "people": "invite people, see who they are, and change what they may do",
        "season": "points over several events, divisions and classes",
        "steward": "look at incidents, decide, take decisions back, protest",
        "timing": "time physical cars: gates, timers, a camera above the track, by hand",
        "backup": "copy a record book while its league races on",
        "restore": "bring a backup back",
        "export": "write everything that a league knows in open formats",
        "import": "make a league of an export, or an event of an archived DeepRacer board",
    },
    "Take part": {
        "enter": "enter an agent or a model into an event",
        "drive": "run an agent here, racing there",
        "bridge": "connect a physical car",
        "donkeysim": "pose as the Donkey simulator, so that Donkeycars race here with their own pilots",
        "leaderboard": "show standings",
        "queue": "see whose model the scrutineers look at or who is to race, and how long it will take",
        "ratings": "how strong drivers are, how sure that is, and who would beat whom",
        "token": "look after your tokens on a server",
    },
    "Train": {
        "train": "train a model from a recipe or from DeepRacer's files, and know what it cost",
        "evaluate": "drive DeepRacer's evaluation of a model, and see its spread",
        "reward": "try a reward function out, as DeepRacer has them",
        "sweep": "train recipes with several seeds, on as many cores and machines as there are",
    },
    "Build": {
        "new": "start an agent, a plugin, a page or a circuit of your own",
        "tracks": "list, show, check, plot and convert circuits",
        "plugins": "show what is loaded, and what was left out and why",
        "doctor": "check this installation, or a server",
        "bench": "measure how fast things are here",
    },
}
"""Every subcommand with the line that the overview shows, by what people come for."""

COMMANDS = {name: line for section in SECTIONS.values() for name, line in section.items()}
"""Every subcommand; module `league.cli.NAME` holds `command`."""


class _Lazy(click.Group):
    """Imports a subcommand's module when it is called: the overview and `--version` stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        found = import_module(f"league.cli.{module}").command
        assert isinstance(found, click.Command)
        return dress(found, f"league {cmd_name}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), line) for name, line in section.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Begin with:
  league demo --headless                      a whole event, to see that all works
  league race a-to-z-speedway pure-pursuit    a race
  league serve                                a league of your own
  league new agent night-owl                  a driver of your own
  league COMMAND --help                       examples of every command""",
)
@click.version_option(league.__version__, prog_name="league")
@click.option("--no-color", is_flag=True, help="No colour (NO_COLOR in the environment does the same).")
def command(no_color: bool) -> None:
    """An open racing league: host events, race models, scripts and real cars on one board."""
    show.set_colour(not no_color and "NO_COLOR" not in os.environ)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done; 1 a run failed; 2 bad input, with one line that says what was found and what was
    expected; 130 interrupted.
    """
    show.forgive()
    try:
        code = command.main(args=arguments, prog_name="league", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        # `league` alone asks what there is; a group without a command is unfinished.
        alone = error.ctx is None or error.ctx.parent is None
        click.echo(error.format_message(), err=not alone)
        sys.exit(0 if alone else 2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "league"
        _fail(f"{_one_line(error.format_message())} (see {where} --help)", 2)
    except click.ClickException as error:
        _fail(_one_line(error.format_message()), 2)
    except InputError as error:
        _fail(_one_line(str(error)), 2)
    except LeagueError as error:
        _fail(_one_line(str(error)), 1)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 128 + signal.SIGINT)
    except BrokenPipeError:
        # Whoever read our output has left, as `league … | head` does; that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fail(text: str, code: int) -> None:
    show.console(stderr=True).print(f"league: {text}", markup=False, soft_wrap=True)
    sys.exit(code)
