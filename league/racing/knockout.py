"""Stages in which who meets next depends on who won: Swiss, knockouts of one and two lives, the ladder.

Pure: functions of the field and of what has been raced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from league.racing.pairing import BYE, Pair, bracket, pair_up
from league.racing.result import HeatResult
from league.racing.stage import Log, Meeting, Outcome, Series
from league.racing.tiebreak import rank


@dataclass(slots=True)
class Book:
    """What a stage has found out so far."""

    due: list[Meeting] = field(default_factory=list)
    heats: list[HeatResult] = field(default_factory=list)

    def match(self, name: str, pair: tuple[str, ...], log: Log, best_of: int) -> tuple[str, ...] | None:
        """Winner and loser of a match, or None while it is not over."""
        if best_of == 1:
            heat, meeting = log.look(name, pair)
            if heat is None:
                self.due.append(meeting)
                return None
            self.heats.append(heat)
            return tuple(entry.entry_id for entry in heat.entries)
        outcome = Series(name, best_of).outcome(pair, log)
        self.heats += outcome.settled
        self.due += outcome.due
        return None if outcome.due else outcome.order

    def outcome(self, order: Sequence[str]) -> Outcome:
        """The stage with this order."""
        return Outcome(tuple(self.due), tuple(order), tuple(self.heats))


@dataclass(frozen=True, slots=True)
class Swiss:
    """Rounds of pairs of neighbours in the standings; nobody meets anybody twice.

    As many rounds as find the best of the field, the binary logarithm rounded up. With an odd number the
    last who has had no bye has one; it is worth a win.
    """

    name: str = "swiss"

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """All heats of the round that is on."""
        book, met = Book(), set[Pair]()
        bonus: dict[str, Fraction] = {}
        order = field
        for number in range(1, (len(field) - 1).bit_length() + 1):
            players = [*order, BYE] if len(order) % 2 else list(order)
            pairs = pair_up(players, met) or pair_up(players, ())
            assert pairs is not None
            for match, pair in enumerate(pairs, start=1):
                met.add(frozenset(pair))
                if BYE in pair:
                    bonus[pair[0]] = Fraction(1)
                else:
                    book.match(f"{self.name}-{number}-{match}", pair, log, 1)
            if book.due:
                break
            order = rank(field, book.heats, bonus)
        return book.outcome(order)


@dataclass(frozen=True, slots=True)
class SingleElimination:
    """Who loses a match is out; the best seeds have the byes, all in the first round."""

    name: str = "single-elimination"
    best_of: int = 1

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """All heats of the round that is on."""
        book = Book()
        size = 1 << max(len(field) - 1, 0).bit_length()
        lines = [field[seed] if seed < len(field) else BYE for seed in bracket(size)] if field else []
        out: list[list[str]] = []
        number = 0
        while len(lines) > 1 and not book.due:
            number += 1
            losers: list[str] = []
            winners: list[str] = []
            for match in range(len(lines) // 2):
                pair = (lines[2 * match], lines[2 * match + 1])
                if BYE in pair:
                    winners.append(pair[0] or pair[1])
                    continue
                ended = book.match(f"{self.name}-{number}-{match + 1}", pair, log, self.best_of)
                if ended is not None:
                    winners.append(ended[0])
                    losers.append(ended[1])
            if not book.due:
                lines = winners
                out.append(losers)
        gone = {entry for group in out for entry in group}
        staying = [entry for entry in field if entry not in gone]
        return book.outcome([*staying, *_ranked(reversed(out), book.heats)])


@dataclass(frozen=True, slots=True)
class DoubleElimination:
    """Who has lost twice is out; those without a loss and those with one race among themselves.

    The best meet the worst, and nobody somebody they have met as long as that can be avoided. Where one is
    left over, it is the best seed of those who have had the fewest byes. The last two, one from each side,
    race until one of them has lost twice, or not at all if the event has a final of its own.
    """

    name: str = "double-elimination"
    final: bool = True

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """All heats of the round that is on."""
        book, met = Book(), set[Pair]()
        losses: Counter[str] = Counter()
        byes: Counter[str] = Counter()
        out: list[list[str]] = []
        number = 0
        while not book.due:
            sides = [[entry for entry in field if losses[entry] == lost] for lost in (0, 1)]
            left = sides[0] + sides[1]
            if len(left) < 2 or (len(left) == 2 and not self.final and len(sides[0]) == 1):
                break
            number += 1
            pairs = _pairs(sides, byes, met)
            ended = []
            for match, pair in enumerate(pairs, start=1):
                met.add(frozenset(pair))
                ended.append(book.match(f"{self.name}-{number}-{match}", pair, log, 1))
            if book.due:
                break
            beaten = [order[1] for order in ended if order is not None]
            losses.update(beaten)
            out.append([entry for entry in beaten if losses[entry] == 2])
        staying = sorted((entry for entry in field if losses[entry] < 2), key=lambda entry: losses[entry])
        return book.outcome([*staying, *_ranked(reversed(out), book.heats)])


@dataclass(frozen=True, slots=True)
class Ladder:
    """The last challenges the one above, the winner the next one up, to the top; a winner takes the rung.

    After one climb the fastest is on top; more climbs sort more of the others.
    """

    name: str = "ladder"
    climbs: int = 1

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """One heat at a time."""
        book, rungs = Book(), list(field)
        for climb in range(1, self.climbs + 1):
            for rung in range(len(rungs) - 1, 0, -1):
                pair = (rungs[rung - 1], rungs[rung])
                ended = book.match(f"{self.name}-{climb}-{len(rungs) - rung}", pair, log, 1)
                if ended is None:
                    return book.outcome(rungs)
                rungs[rung - 1], rungs[rung] = ended
        return book.outcome(rungs)


def _pairs(sides: Sequence[Sequence[str]], byes: Counter[str], met: set[Pair]) -> list[tuple[str, str]]:
    """A round's pairs within each side; the last of each side meet each other."""
    if [len(side) for side in sides] == [1, 1]:
        return [(sides[0][0], sides[1][0])]
    pairs: list[tuple[str, str]] = []
    for side in sides:
        players = list(side)
        if len(players) % 2:
            # One without a loss who waits for the other side is no bye: there is nobody to race.
            resting = min(players, key=lambda entry: (byes[entry], players.index(entry)))
            byes[resting] += len(players) > 1
            players.remove(resting)
        found = pair_up(players, met, far=True)
        pairs += found if found is not None else pair_up(players, (), far=True) or []
    return pairs


def _ranked(groups: Iterable[Sequence[str]], heats: Sequence[HeatResult]) -> list[str]:
    """Those who went out together, by the tie-break chain; the last to go come first."""
    return [entry for group in groups for entry in rank(group, heats)]
