"""`league verify`: drive a recorded heat again and prove its result."""

from __future__ import annotations

import sys

import click

from league.cli import show


@click.command(
    epilog="""\b
Examples:
  league verify final.heat
  league verify final.heat --json -"""
)
@click.argument("recording")
@show.json_option("Write the verdict as JSON; - for standard output.")
def command(recording: str, json_file: str | None) -> None:
    """Drive RECORDING again from its seed, rules and answers, and compare every state.

    Exits with 0 if it is genuine and with 1 if it is not.
    """
    from league.quick import replay, verify

    played = replay(recording)
    verdict = verify(played)
    if json_file:
        show.write_json(
            json_file,
            {
                "genuine": verdict.genuine,
                "problem": verdict.problem,
                "ticks": verdict.ticks,
                "state_hash": verdict.state_hash,
                "recorded_hash": played.result.state_hash,
            },
        )
    if json_file != "-":
        out = show.console()
        if verdict.genuine:
            out.print(
                f"genuine: {played.plan.id} on {played.circuit.id}, {verdict.ticks} ticks driven again, "
                f"hash {verdict.state_hash[:16]}…",
                markup=False,
            )
        else:
            out.print(f"NOT genuine: {verdict.problem}", markup=False)
    if not verdict.genuine:
        sys.exit(1)
