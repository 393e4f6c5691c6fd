"""Times, names and race facts as words for pages.

Pure: values in, text out; escaping is the templates' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from league.racing.fact import Fact

STATUS: Final = {
    "FIN": "Finished",
    "DNF-crash": "Crashed",
    "DNF-timeout": "Timed out",
    "DNF-disconnect": "Lost contact",
    "DNS": "Did not start",
    "DSQ": "Disqualified",
    "VOID": "Void",
}
KIND: Final = {"onnx": "model", "scripted": "scripted", "remote": "remote", "physical": "car"}
WHY: Final = {
    "off_track": "off the road",
    "collision": "for the contact",
    "contact": "for the contact",
    "immobilised": "stuck",
    "reversed": "wrong way",
}


def seconds(value_s: float | None) -> str:
    """Write a time to the millisecond, with minutes only where there are any: 8.433, 1:08.433."""
    if value_s is None:
        return "–"
    minutes, rest_ms = divmod(round(value_s * 1000), 60_000)
    return f"{minutes}:{rest_ms / 1000:06.3f}" if minutes else f"{rest_ms / 1000:.3f}"


def gap(value_s: float | None) -> str:
    """Write a gap with its sign; the first has none."""
    return f"+{seconds(value_s)}" if value_s else "–"


def title(name: str) -> str:
    """Write an id as a title: "qualifying-3" becomes "Qualifying 3"."""
    words = " ".join(name.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]


def status(word: str) -> str:
    """Spell a status word out."""
    return STATUS.get(word, word)


def kind(word: str) -> str:
    """Say what sort of driver it is."""
    return KIND.get(word, word)


def why(word: str) -> str:
    """Say what a penalty or reset is for."""
    return WHY.get(word, word.replace("_", " ").replace("-", " "))


def tell(fact: Fact, names: Sequence[str], hz: int) -> str:
    """Write a race fact as a sentence without its subject; empty for facts not worth one.

    Args:
        fact: What happened.
        names: Entries by seat.
        hz: Ticks a second, to tell how long a penalty lasts.
    """
    seen = fact.data
    match fact.kind:
        case "start":
            return "Lights out"
        case "lap":
            faults = [
                f"{seen[key]} {word}"
                for key, word in (("off_tracks", "off"), ("resets", "reset"), ("collisions", "contact"))
                if seen.get(key)
            ]
            faults += [] if seen.get("valid", True) else ["not valid"]
            return f"Lap {seen.get('lap')} in {_us(seen.get('time_us'))}" + _brackets(faults)
        case "off_track":
            return f"Leaves the road{_place(seen.get('along_m'))}"
        case "contact":
            other = seen.get("with", -1)
            against = names[other] if isinstance(other, int) and 0 <= other < len(names) else "a box"
            return f"Runs into {against}" if seen.get("charged") else f"Is touched by {against}"
        case "immobilised":
            return "Is stuck"
        case "reversed":
            return "Drives the wrong way"
        case "reset":
            return f"Is put back on the road{_place(seen.get('along_m'))}"
        case "penalty":
            return f"Stands {seen.get('ticks', 0) / hz:.1f} s, {why(str(seen.get('why', '')))}"
        case "finish":
            return f"Takes the flag after {_us(seen.get('total_us'))}"
        case "parked":
            return f"Is parked: {seen.get('reason', '')}"
        case "dnf":
            reason = seen.get("reason") or status(str(seen.get("status", "")))
            return f"Is out: {reason}" if reason else "Is out"
        case "flag":
            return f"{str(seen.get('flag', '')).capitalize()} flag"
        case _:
            return ""


def clock(time_us: int) -> str:
    """Write a moment of the race, to the tenth: 0:24.1."""
    minutes, tenths = divmod(max(0, time_us) // 100_000, 600)
    return f"{minutes}:{tenths / 10:04.1f}"


def tone(fact: Fact) -> str:
    """Name the sort of a fact for its colour: "warn", "flag", "out" or nothing."""
    if fact.kind in ("off_track", "penalty", "immobilised", "reversed", "contact", "reset", "parked"):
        return "warn"
    if fact.kind == "dnf":
        return "out"
    return "flag" if fact.kind in ("start", "finish", "flag") else ""


def _us(time_us: object) -> str:
    return seconds(time_us / 1e6) if isinstance(time_us, int | float) else "–"


def _place(along_m: object) -> str:
    return f" {along_m:.1f} m from the start" if isinstance(along_m, int | float) else ""


def _brackets(parts: Sequence[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""
