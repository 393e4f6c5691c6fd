"""Proof: drive a recorded heat again and compare.

Pure: the sensors play no part, since what drivers answered is in the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from league.racing.agent import Command
from league.racing.heat import Heat
from league.racing.recording import Recording

# Frames are stored as float32: about 1 µm on a circuit of 10 m.
_FRAME_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What driving a recording again showed."""

    genuine: bool
    problem: str
    """The first difference, in words; empty if there is none."""
    state_hash: str
    """The hash of the race as it was driven again."""
    ticks: int


def verify(recording: Recording) -> Verdict:
    """Drive a recorded heat again and compare every state, fact and result.

    A changed answer, rule, seed, grid, circuit, box or car changes the hash; a changed frame, fact or result
    no longer fits what was driven.
    """
    heat = Heat(recording.plan, recording.circuit, recording.car, ())
    if (heat.boxes, heat.bots) != (recording.boxes, recording.bots):
        return _differs(heat, "the boxes and bots are not those of the plan")
    heat.overruns = recording.result.overruns
    away: dict[int, set[int]] = {}
    for tick, seat in recording.away:
        away.setdefault(tick, set()).add(seat)
    retirements = list(recording.retirements)
    for tick, answers in enumerate(recording.answers):
        while retirements and retirements[0].tick <= tick:
            _, seat, status, reason = retirements.pop(0)
            if not 0 <= seat < heat.n:
                return _differs(heat, f"retires seat {seat}, the grid has {heat.n}")
            heat.retire(seat, status, reason)
        if heat.finished:
            return _differs(heat, f"goes on to tick {tick} although the race is over")
        heat.advance(
            [
                None if np.isnan(steer_rad) and np.isnan(speed_mps) else Command(steer_rad, speed_mps)
                for steer_rad, speed_mps in answers.tolist()
            ],
            away=away.get(tick, ()),
        )
    for _, seat, status, reason in retirements:
        heat.retire(seat, status, reason)
    problem = _problem(heat, recording)
    return _differs(heat, problem) if problem else Verdict(True, "", heat.result().state_hash, heat.tick)


def _problem(heat: Heat, recording: Recording) -> str:
    """What is wrong with a recording whose answers were all driven again; empty if nothing is."""
    driven = heat.recording()
    if driven.result.state_hash != recording.result.state_hash:
        return f"the states differ{_first_difference(driven, recording)}"
    if not heat.finished:
        return f"ends at tick {heat.tick} although the race is not over"
    if driven.result != recording.result:
        return "the result is not the one that was driven"
    if driven.facts != recording.facts:
        return "the facts are not the ones that were seen"
    if first := _first_difference(driven, recording):
        return f"the frames differ{first}"
    return ""


def _differs(heat: Heat, problem: str) -> Verdict:
    return Verdict(False, problem, heat.result().state_hash, heat.tick)


def _first_difference(driven: Recording, recorded: Recording) -> str:
    """Where two recordings' frames part, as words to append, or nothing."""
    shapes = [(one.frames.shape, one.bot_frames.shape) for one in (driven, recorded)]
    if shapes[0] != shapes[1]:
        return f": {len(recorded.frames)} frames recorded, {len(driven.frames)} driven"
    if apart := _apart(driven.frames, recorded.frames):
        return f" from tick {apart[0]} on, at {driven.plan.grid[apart[1]].name}"
    if apart := _apart(driven.bot_frames, recorded.bot_frames):
        return f" from tick {apart[0]} on, at bot {apart[1] + 1}"
    return ""


def _apart(driven: NDArray[np.float64], recorded: NDArray[np.float64]) -> tuple[int, int] | None:
    """The first tick at which something is elsewhere, and what, or None."""
    # Written so that what is no number differs.
    same = np.abs(driven - recorded) <= _FRAME_TOLERANCE * (1 + np.abs(driven))
    if same.all():
        return None
    tick, which, _ = (int(index) for index in np.argwhere(~same)[0])
    return tick, which
