"""`league replay`: play a recording in the terminal, or write it out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from league.cli import show
from league.cli.tower import screen, tower_table
from league.errors import InputError
from league.hooks.catalogue import League
from league.hooks.recorder import Form
from league.racing.recording import Recording
from league.racing.tower import Tower


@click.command(
    epilog="""\b
Examples:
  league replay final.heat
  league replay final.heat --speed 4
  league replay final.heat --facts
  league replay final.heat --video final.mp4
  league replay final.heat --mcap final.mcap --csv positions.csv
  league replay final.heat --simtrace simtrace.csv --seat 1
  league replay final.heat --as simtrace?seat=1 simtrace.csv --as mcap final.mcap"""
)
@click.argument("recording")
@click.option(
    "--speed", type=float, default=1.0, show_default=True, help="Times real time; 0 skips to the end."
)
@click.option("--facts", "show_facts", is_flag=True, help="List what happened instead of playing.")
@click.option(
    "--as", "forms", nargs=2, multiple=True, metavar="FORM FILE",
    help="Write it in any form that `league plugins` lists as a recorder; may be repeated.",
)  # fmt: skip
@click.option("--video", metavar="FILE", type=show.Output(), help="Film it, to .mp4 or .gif; --speed counts.")
@click.option(
    "--mcap",
    "mcap_file",
    metavar="FILE",
    type=show.Output(),
    help="Write it for Foxglove and robotics tools.",
)
@click.option(
    "--csv", "csv_file", metavar="FILE", type=show.Output(), help="Write every car's position at every tick."
)
@click.option(
    "--simtrace", metavar="FILE", type=show.Output(), help="Write one car's race as DeepRacer logs it."
)
@click.option("--seat", type=int, default=0, show_default=True, help="Whose simtrace; the first is 0.")
@show.json_option()
def command(
    recording: str,
    speed: float,
    show_facts: bool,
    forms: tuple[tuple[str, str], ...],
    video: str | None,
    mcap_file: str | None,
    csv_file: str | None,
    simtrace: str | None,
    seat: int,
    json_file: str | None,
) -> None:
    """Play RECORDING, a file that `league race --record` or a server wrote, or write it in other forms."""
    from league.quick import replay

    if speed < 0:
        raise InputError(f"speed is {speed:g}, expected 0 or more")
    played = replay(recording)
    league = League()
    asked = list(forms)
    asked += [("positions", csv_file)] if csv_file else []
    asked += [(f"simtrace?seat={seat}", simtrace)] if simtrace else []
    asked += [("mcap", mcap_file)] if mcap_file else []
    asked += [(film_form(league, video, speed=speed or 1.0), video)] if video else []
    for form, file in [(league.recorder(form), Path(file)) for form, file in asked]:
        write_form(form, played, file)
    if json_file:
        show.write_json(json_file, played.result.model_dump(mode="json"))
    if json_file == "-":
        return
    out = show.console()
    if show_facts:
        out.print(_fact_table(played))
    elif out.is_terminal and speed > 0 and not asked:
        _play(played, speed)
    out.print(_final(played))


def film_form(league: League, file: str, *, speed: float = 1.0) -> str:
    """The recorder that films to a file, by its ending, as `League.recorder` takes it.

    Raises:
        InputError: None films to such a file.
    """
    films = {one.ending: name for name, one in league.recorders.items() if one.films}
    found = films.get(Path(file).suffix.lower())
    if found is None:
        choices = " or ".join(sorted(films, reverse=True)) or "none: no plugin films"
        raise InputError(f"{file}: cannot film to {Path(file).suffix!r}, expected {choices}")
    return found if speed == 1.0 else f"{found}?speed={speed}"


def write_form(form: Form, recording: Recording, path: Path) -> None:
    """Write a recording in a form, with a progress bar.

    Raises:
        InputError: The file cannot be written.
        PluginError: The recorder failed.
    """
    with show.progress() as bar:
        task = bar.add_task(f"writing {path.name}", total=None, state="")

        def tell(done: float, everything: float) -> None:
            bar.update(task, completed=done, total=everything, state=f"{done:.0f} of {everything:.0f}")

        form.save(recording, path, tell)


def _play(played: Any, speed: float) -> None:
    """Show the timing tower as it moved."""
    plan = played.plan
    tick_s, last = 1 / plan.rules.control_hz, len(played.frames) - 1
    tower = Tower([entry.name for entry in plan.grid])
    facts = iter(sorted(played.facts, key=lambda fact: fact.tick))
    coming = next(facts, None)
    started = time.monotonic()
    with screen(show.console()) as view:
        tick = 0
        while tick < last:
            tick = min(int((time.monotonic() - started) * speed / tick_s), last)
            while coming is not None and coming.tick < tick:
                tower.hear(coming)
                coming = next(facts, None)
            frame = played.frames[tick]
            distance_m = (frame[:, 5] * played.circuit.length_m + frame[:, 4]).tolist()
            view.draw(tower_table(f"{plan.id} · {tick * tick_s:.1f} s", tower.rows(distance_m)))
            time.sleep(0.1)


def _final(played: Any) -> Any:
    """The result as a table."""
    frame = played.frames[-1]
    seats = {entry.id: seat for seat, entry in enumerate(played.plan.grid)}
    rows = []
    for entry in played.result.entries:
        speed_mps, along_m, laps, flags = frame[seats[entry.entry_id], 3:7]
        rows.append(
            (
                entry.place, entry.name, int(laps), f"{along_m:.2f}", f"{speed_mps:.2f}", _state(int(flags)),
                show.seconds(entry.total_s),
            )
        )  # fmt: skip
    raced_s = (len(played.frames) - 1) / played.plan.rules.control_hz
    title = f"{played.plan.id} · {played.circuit.id} · {raced_s:.1f} s"
    return show.table(title, ["", "entry", ">lap", ">along m", ">m/s", "state", ">total"], rows)


def _state(flags: int) -> str:
    for bit, word in ((8, "finished"), (4, "out"), (1, "penalty"), (2, "off track")):
        if flags & bit:
            return word
    return "racing"


def _fact_table(played: Any) -> Any:
    names = [entry.name for entry in played.plan.grid]
    rows = [
        (
            f"{fact.time_us / 1e6:.3f}",
            fact.kind,
            names[fact.seat] if fact.seat >= 0 else "",
            ", ".join(f"{key} {value}" for key, value in fact.data.items()),
        )
        for fact in played.facts
        if fact.kind != "sector"
    ]
    return show.table("what happened", [">s", "fact", "entry", "details"], rows)
