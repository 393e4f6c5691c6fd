"""Times, names and race facts as words for pages.

Pure: values in, text out; escaping is the templates' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from league.racing.fact import WITH_BOT, WITH_BOX, Fact
from league.racing.ledger import VERDICTS, Decision
from league.racing.plan import HeatPlan
from league.racing.result import EntryResult

STATUS: Final = {
    "FIN": "Finished",
    "DNF-crash": "Crashed",
    "DNF-timeout": "Timed out",
    "DNF-disconnect": "Lost contact",
    "DNS": "Did not start",
    "DSQ": "Disqualified",
    "VOID": "Void",
}
KIND: Final = {"onnx": "model", "scripted": "scripted", "remote": "remote", "physical": "physical"}
WHY: Final = {
    "off_track": "off the road",
    "collision": "for the contact",
    "contact": "for the contact",
    "immobilised": "stuck",
    "reversed": "wrong way",
}
DECISIONS: Final = {
    "disqualification": "disqualified",
    "reinstatement": "the result counts again",
    "final": "the results are final",
    "no-action": "no action",
}
OBJECTS: Final = {WITH_BOX: "a box", WITH_BOT: "a bot"}
PLAIN: Final = {
    "start": "Lights out",
    "immobilised": "is stuck",
    "reversed": "drives the wrong way",
}
"""Facts that need no figures."""


def seconds(value_s: float | None) -> str:
    """Write a time to the millisecond, with minutes only where there are any: 8.433, 1:08.433."""
    if value_s is None:
        return "–"
    minutes, rest_ms = divmod(round(value_s * 1000), 60_000)
    return f"{minutes}:{rest_ms / 1000:06.3f}" if minutes else f"{rest_ms / 1000:.3f}"


def gap(value_s: float | None) -> str:
    """Write a gap with its sign; the first has none."""
    return f"+{seconds(value_s)}" if value_s else "–"


def margin(value_s: float | None) -> str:
    """Write by how much somebody is ahead, with a space after it; nothing where it is not known."""
    written = seconds(value_s)
    return "" if not value_s else f"{written} " if ":" in written else f"{written} s "


def faults(entry: EntryResult) -> str:
    """Count what went wrong for an entry: "2 contacts, 1 reset"; nothing where nothing did."""
    counted = ((entry.collisions, "contact"), (entry.off_tracks, "off-track"), (entry.resets, "reset"))
    return ", ".join(f"{count} {word}{'s' * (count > 1)}" for count, word in counted if count)


def title(name: str) -> str:
    """Write an id as a title: "qualifying-3" becomes "Qualifying 3"."""
    words = " ".join(name.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]


def heading(heat: HeatPlan) -> str:
    """Call a heat by its phase and driver if only one drives, otherwise by its id."""
    if len(heat.grid) == 1 and heat.phase:
        return f"{title(heat.phase)}: {heat.grid[0].name}"
    return title(heat.id)


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
        case "lap":
            return f"lap {seen.get('lap')} in {_us(seen.get('time_us'))}{_faults(seen)}"
        case "contact":
            other = seen.get("with", -1)
            known = isinstance(other, int) and 0 <= other < len(names)
            against = isolated(names[other]) if known else OBJECTS.get(other, "a box")
            return f"runs into {against}" if seen.get("charged") else f"is touched by {against}"
        case "off_track" | "reset":
            deed = "leaves the road" if fact.kind == "off_track" else "is put back on the road"
            return deed + _place(seen.get("along_m"))
        case "penalty":
            return f"stands {seen.get('ticks', 0) / hz:.1f} s, {why(str(seen.get('why', '')))}"
        case "finish":
            return f"takes the flag after {_us(seen.get('total_us'))}"
        case "dnf" | "parked":
            reason = seen.get("reason") or status(str(seen.get("status", "")))
            return f"is {'out' if fact.kind == 'dnf' else 'parked'}: {reason}"
        case "flag":
            return f"{seen.get('flag', '')} flag"
        case _:
            return PLAIN.get(fact.kind, "")


def decided(line: Decision) -> str:
    """Write what stewards decided, without about whom and why."""
    match line.kind:
        case "penalty":
            extra_s = line.seconds or 0.0
            return f"{abs(extra_s):g} s {'added' if extra_s >= 0 else 'given back'}"
        case "void":
            return "the result is void" if line.entry else "the heat is void"
        case "lap":
            changes = [f"took {seconds(line.seconds)}"] if line.seconds is not None else []
            changes += [] if line.valid is None else ["is valid" if line.valid else "is not valid"]
            return f"lap {line.lap} {' and '.join(changes)}"
        case "undo":
            return f"decision {line.target} is taken back"
        case _:
            return DECISIONS.get(line.kind, line.kind)


def mark(line: Decision) -> str:
    """Write what stewards decided about an entry, short enough to stand beside its time; else nothing."""
    match line.kind:
        case "penalty":
            return f"{line.seconds or 0.0:+g} s".replace("-", "\u2212")
        case "lap":
            valid = {True: " counts", False: " void", None: ""}[line.valid]
            return f"lap {line.lap}{valid or ' edited'}"
        case "void" | "disqualification":
            return STATUS[VERDICTS[line.kind] or ""]
        case _:
            return ""


def isolated(name: str) -> str:
    """Mark a name so that it cannot turn the rest of a sentence round, whatever letters it holds."""
    return f"\u2068{name}\u2069"


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


def _faults(lap: Mapping[str, object]) -> str:
    """What was wrong with a lap, in brackets."""
    counted = (("off_tracks", "off"), ("resets", "reset"), ("collisions", "contact"))
    faults = [f"{lap[key]} {word}" for key, word in counted if lap.get(key)]
    faults += [] if lap.get("valid", True) else ["not valid"]
    return f" ({', '.join(faults)})" if faults else ""
