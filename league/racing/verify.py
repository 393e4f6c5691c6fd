"""Proof: drive a recorded heat again and compare.

Pure: the sensors play no part, since what drivers answered is in the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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

    A changed answer, rule, seed, grid, circuit or car changes the hash; a changed frame, fact or result
    no longer fits what was driven.
    """
    heat = Heat(recording.plan, recording.circuit, recording.car, (), boxes=recording.boxes)
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
    driven = heat.recording()
    if driven.result.state_hash != recording.result.state_hash:
        first = _first_difference(driven, recording)
        return _differs(heat, f"the states differ{first}")
    if not heat.finished:
        return _differs(heat, f"ends at tick {heat.tick} although the race is not over")
    if driven.result != recording.result:
        return _differs(heat, "the result is not the one that was driven")
    if driven.facts != recording.facts:
        return _differs(heat, "the facts are not the ones that were seen")
    if first := _first_difference(driven, recording):
        return _differs(heat, f"the frames differ{first}")
    return Verdict(True, "", driven.result.state_hash, heat.tick)


def _differs(heat: Heat, problem: str) -> Verdict:
    return Verdict(False, problem, heat.result().state_hash, heat.tick)


def _first_difference(driven: Recording, recorded: Recording) -> str:
    """Where two recordings' frames part, as words to append, or nothing."""
    if driven.frames.shape != recorded.frames.shape:
        return f": {len(recorded.frames)} frames recorded, {len(driven.frames)} driven"
    apart = np.abs(driven.frames - recorded.frames) > _FRAME_TOLERANCE * (1 + np.abs(driven.frames))
    if not apart.any():
        return ""
    tick, seat, _ = (int(index) for index in np.argwhere(apart)[0])
    return f" from tick {tick} on, at {driven.plan.grid[seat].name}"
