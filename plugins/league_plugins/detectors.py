"""What stewards should look at: detectors that read a heat's recording, and an adviser with an opinion.

A detector files, it never decides. All of them work from the recorded frames and from what the referee saw,
so that the same recording gives the same incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Incident, Opinion, Recording, clip_at, hookimpl

X, Y, SPEED, ALONG, FLAGS = 0, 1, 3, 4, 6
"""Columns of a recording's frames."""
AWAY = 1 | 4 | 8
"""Flags of a car that stands for a penalty, is out or has finished."""

SAME_BLOW_S = 1.0
"""Contacts of the same two cars this close together are one incident: the hardest of them."""
WINDOW_S = 1.0
CUT_M = 1.5
"""Gaining this much more of the road than was driven, within a window, is a short cut; the inside of a bend
gains less."""
WRONG_WAY_S = 0.5
MOVING_MPS = 0.1
BEHIND_M = 1.2
BLOCKING_S = 2.0
MOVES = 2
"""Times a car has to move over in front of the one behind."""
ASIDE_M = 0.15
STILL_MPS = 0.05


def contact(recording: Recording) -> Iterator[Incident]:
    """Cars that touched, with how fast they closed; the one behind is named first."""
    last: dict[tuple[int, int], Incident] = {}
    apart = SAME_BLOW_S * _hz(recording)
    for fact in recording.facts:
        if fact.kind != "contact":
            continue
        other = int(fact.data["with"])
        pair = (min(fact.seat, other), max(fact.seat, other))
        closing_mps = float(fact.data["closing_mps"])
        against = _name(recording, other) or "an object"
        charged = bool(fact.data["charged"])
        found = _incident(
            recording, "contact", fact.seat, fact.tick, other=other, time_us=fact.time_us,
            text=f"runs into {against} at {closing_mps:.2f} m/s" + (", penalised" if charged else ""),
            seen={"closing_mps": closing_mps, "charged": charged},
        )  # fmt: skip
        known = last.get(pair)
        if known is not None and fact.tick - known.tick <= apart:
            if closing_mps > known.seen["closing_mps"]:
                last[pair] = found
            continue
        if known is not None:
            yield known
        last[pair] = found
    yield from last.values()


def off_track(recording: Recording) -> Iterator[Incident]:
    """Cars that left the road with all four wheels."""
    for fact in recording.facts:
        if fact.kind == "off_track":
            along_m = float(fact.data["along_m"])
            yield _incident(
                recording, "off-track", fact.seat, fact.tick, time_us=fact.time_us,
                text=f"leaves the road {along_m:.1f} m from the start", seen={"along_m": along_m},
            )  # fmt: skip


def cut(recording: Recording) -> Iterator[Incident]:
    """Cars that came further along the road than they drove."""
    window = max(1, round(WINDOW_S * _hz(recording)))
    for seat in range(len(recording.plan.grid)):
        free = _driving(recording, seat)
        gained_m = np.where(free, _gained(recording, seat), 0.0)
        frames = recording.frames[:, seat]
        if not free.size:
            continue  # nobody came, so there was no tick
        driven_m = np.where(free, np.hypot(*np.diff(frames[:, [X, Y]], axis=0).T), 0.0)
        ahead_m = np.convolve(gained_m - driven_m, np.ones(window))[: len(gained_m)]
        for start, end in _spans(ahead_m > CUT_M):
            won_m = float(ahead_m[start:end].max())
            speed_mps = float(np.mean(frames[max(0, start - window) : start + 1, SPEED]))
            yield _incident(
                recording, "cut", seat, start, text=f"gains {won_m:.1f} m on the road beside it",
                seen={"gained_m": round(won_m, 3), "speed_mps": round(speed_mps, 3)},
            )  # fmt: skip


def wrong_way(recording: Recording) -> Iterator[Incident]:
    """Cars that drove against the direction of the race."""
    hz = _hz(recording)
    for seat in range(len(recording.plan.grid)):
        moving = np.abs(recording.frames[1:, seat, SPEED]) > MOVING_MPS
        back = _driving(recording, seat) & moving & (_gained(recording, seat) < 0)
        for start, end in _spans(back):
            if end - start >= WRONG_WAY_S * hz:
                lasted_s = (end - start) / hz
                yield _incident(
                    recording, "wrong-way", seat, start, until=end,
                    text=f"drives the wrong way for {lasted_s:.1f} s", seen={"lasted_s": round(lasted_s, 3)},
                )  # fmt: skip


def blocking(recording: Recording) -> Iterator[Incident]:
    """Cars that moved over in front of the one behind, twice or more while it was close."""
    cars, hz = len(recording.plan.grid), _hz(recording)
    length_m = recording.circuit.length_m
    for front in range(cars):
        for behind in range(cars):
            if front == behind:
                continue
            gap_m = (
                recording.frames[1:, front, ALONG] - recording.frames[1:, behind, ALONG] + length_m / 2
            ) % length_m - length_m / 2
            close = (gap_m > 0) & (gap_m < BEHIND_M)
            close &= _driving(recording, front) & _driving(recording, behind)
            for start, end in _spans(close):
                if end - start < BLOCKING_S * hz:
                    continue
                pair = recording.frames[start + 1 : end + 1, [front, behind]][:, :, [X, Y]]
                offset_m = recording.circuit.project(pair).offset_m
                moves = _moves(offset_m[:, 0], offset_m[:, 1])
                if moves >= MOVES:
                    lasted_s = (end - start) / hz
                    yield _incident(
                        recording, "blocking", front, start, until=end, other=behind,
                        text=f"moves over {moves} times in front of {_name(recording, behind)}",
                        seen={"moves": moves, "lasted_s": round(lasted_s, 3)},
                    )  # fmt: skip


def jump_start(recording: Recording) -> Iterator[Incident]:
    """Cars that moved before the light was green."""
    green = next((fact.tick for fact in recording.facts if fact.kind == "start"), None)
    if green is None:
        return
    for seat in range(len(recording.plan.grid)):
        early = recording.frames[: green + 1, seat]
        moved_m = float(np.hypot(*(early[-1, [X, Y]] - early[0, [X, Y]])))
        speed_mps = float(np.abs(early[:, SPEED]).max())
        if moved_m > 0.01 or speed_mps > STILL_MPS:
            yield _incident(
                recording, "jump-start", seat, green, text=f"moves {moved_m:.2f} m before the green light",
                seen={"moved_m": round(moved_m, 3), "speed_mps": round(speed_mps, 3)},
            )  # fmt: skip


def stalled(recording: Recording) -> Iterator[Incident]:
    """Cars that stood on the road, or whose driver fell silent."""
    for fact in recording.facts:
        if fact.kind == "immobilised":
            yield _incident(
                recording, "stalled", fact.seat, fact.tick, time_us=fact.time_us, text="stands on the road"
            )
        elif fact.kind == "parked":
            reason = str(fact.data.get("reason", ""))
            if "answer" in reason:
                yield _incident(recording, "stalled", fact.seat, fact.tick, time_us=fact.time_us, text=reason)


# -- an opinion --------------------------------------------------------------------------------------

HARD_MPS = 1.0
FULL = 0.9


def rule_book(incident: Incident, recording: Recording) -> Opinion | None:
    """What the written rules say; None where they say nothing."""
    seen, rules = incident.seen, recording.plan.rules
    if incident.kind == "contact":
        if seen.get("charged"):
            return _opinion("no-action", "the referee has let it stand for it", FULL)
        confidence = min(FULL, 0.5 + max(0.0, HARD_MPS - float(seen.get("closing_mps", 0))) / 2)
        return _opinion("no-action", "neither car was racing the other", confidence)
    if incident.kind in ("off-track", "stalled"):
        return _opinion("no-action", "the referee puts the car back, and the clock runs", FULL)
    if incident.kind == "cut":
        won_s = float(seen["gained_m"]) / max(float(seen["speed_mps"]), 0.1)
        seconds = round(max(won_s, rules.off_track_penalty_s), 3)
        return _opinion("penalty", "what was gained, and no less than for leaving the road", 0.7, seconds)
    if incident.kind == "jump-start":
        return _opinion("penalty", "the light was red", 0.8, rules.collision_penalty_s)
    if incident.kind == "blocking":
        confidence = min(FULL, 0.3 + 0.1 * float(seen["moves"]))
        return _opinion("penalty", "one move is allowed", confidence, rules.off_track_penalty_s)
    if incident.kind == "wrong-way":
        return _opinion("no-action", "it cost the driver most", 0.6)
    return None


def _opinion(advice: str, why: str, confidence: float, seconds: float | None = None) -> Opinion:
    return Opinion(advice=advice, why=why, confidence=round(confidence, 3), seconds=seconds)


# -- reading a recording -----------------------------------------------------------------------------


def _hz(recording: Recording) -> int:
    return recording.plan.rules.control_hz


def _name(recording: Recording, seat: int) -> str:
    return recording.plan.grid[seat].name if 0 <= seat < len(recording.plan.grid) else ""


def _incident(
    recording: Recording,
    kind: str,
    seat: int,
    tick: int,
    *,
    text: str,
    other: int = -1,
    until: int | None = None,
    time_us: int | None = None,
    seen: Mapping[str, Any] | None = None,
) -> Incident:
    hz, grid = _hz(recording), recording.plan.grid
    return Incident(
        heat=recording.plan.id,
        kind=kind,
        source=kind,
        entry=grid[seat].id,
        other=grid[other].id if 0 <= other < len(grid) else "",
        text=text,
        tick=tick,
        time_us=round(tick * 1e6 / hz) if time_us is None else time_us,
        clip=clip_at(tick, until=until, hz=hz, ticks=len(recording.frames)),
        seen=dict(seen or {}),
    )


def _driving(recording: Recording, seat: int) -> NDArray[np.bool_]:
    """Ticks at both ends of which a car was in the race and free to move, shape (ticks,)."""
    free: NDArray[np.bool_] = (recording.frames[:, seat, FLAGS].astype(np.int64) & AWAY) == 0
    return free[1:] & free[:-1]


def _gained(recording: Recording, seat: int) -> NDArray[np.float64]:
    """How far along the road a car came in every tick, in m, backwards below 0; shape (ticks,)."""
    length_m = recording.circuit.length_m
    gained: NDArray[np.float64] = (
        np.diff(recording.frames[:, seat, ALONG]) + length_m / 2
    ) % length_m - length_m / 2
    return gained


def _spans(holds: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where something holds without a break: first tick, and the one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _moves(front_m: NDArray[np.float64], behind_m: NDArray[np.float64]) -> int:
    """How often the car in front went over to the side of the one behind, which had gone there before."""
    moves, side = 0, 0
    for ahead, follower in zip(front_m, behind_m, strict=True):
        chosen = 0 if abs(ahead) < ASIDE_M else (1 if ahead > 0 else -1)
        if chosen and chosen != side:
            moves += side != 0 and chosen * follower > ASIDE_M
            side = chosen
    return moves


DETECTORS: dict[str, Callable[[Recording], Iterable[Incident]]] = {
    "contact": contact,
    "off-track": off_track,
    "cut": cut,
    "wrong-way": wrong_way,
    "blocking": blocking,
    "jump-start": jump_start,
    "stalled": stalled,
}


@hookimpl
def register_detectors() -> dict[str, Callable[[Recording], Iterable[Incident]]]:
    """Offer the detectors."""
    return DETECTORS


@hookimpl
def register_advisers() -> dict[str, Callable[[Incident, Recording], Opinion | None]]:
    """Offer the adviser."""
    return {"rule-book": rule_book}
