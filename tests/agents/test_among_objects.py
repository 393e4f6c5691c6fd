"""House drivers among boxes and bots: who passes them, and what it costs who does not."""

from __future__ import annotations

import pytest

from league import League, Observation, Rules, race, verify
from league.quick import RaceOutcome
from league_agents.pure_pursuit import PurePursuit

LEAGUE = League()
TRACK = "a-to-z-speedway"


def drive(*agents: str, laps: int = 2, seed: int = 1, **rules: object) -> RaceOutcome:
    return race(TRACK, agents, rules=Rules.parse({"laps": laps, **rules}), seed=seed, league=LEAGUE)


@pytest.mark.parametrize("name", ["racing-line", "pure-pursuit", "follow-the-gap"])
def test_boxes_are_passed_without_touching_one(name: str) -> None:
    for seed in (1, 2):
        entry = drive(name, seed=seed, boxes=4).standings[0]
        assert (entry.status, entry.collisions, entry.off_tracks) == ("FIN", 0, 0), seed


@pytest.mark.parametrize("name", ["pure-pursuit", "follow-the-gap"])
def test_careful_drivers_follow_bots_or_pass_them(name: str) -> None:
    entry = drive(name, bots=3, bot_speed_mps=0.8).standings[0]
    assert (entry.status, entry.collisions) == ("FIN", 0)


@pytest.mark.slow
def test_who_goes_for_every_gap_among_bots_pays_and_finishes() -> None:
    entry = drive("racing-line", bots=3, bot_speed_mps=0.8).standings[0]
    assert entry.status == "FIN"
    assert entry.resets == entry.collisions + entry.off_tracks


def test_a_race_with_boxes_and_bots_ends_with_the_penalties_that_its_facts_tell() -> None:
    outcome = drive(
        "tutorial", "pure-pursuit", "racing-line", laps=1, seed=2, boxes=2, bots=2, time_limit_s=60
    )
    (recording,) = outcome.recordings
    facts = recording.facts
    hits = [fact for fact in facts if fact.kind == "contact" and fact.data["charged"]]
    assert hits, "the tutorial knows nothing of boxes"
    paid = [fact for fact in facts if fact.kind == "penalty" and fact.data["why"] == "collision"]
    assert [(fact.tick, fact.seat) for fact in hits] == [(fact.tick, fact.seat) for fact in paid]
    assert {fact.data["ticks"] for fact in paid} == {75}
    for seat, entry in enumerate(recording.plan.grid):
        row = recording.result.of(entry.id)
        assert row is not None
        assert row.collisions == sum(fact.seat == seat for fact in hits)
    first = outcome.standings[0]
    assert (first.status, first.collisions) == ("FIN", 0)
    assert verify(recording).genuine


class LateLearner(PurePursuit):
    """Knows of boxes once it has hit one."""

    knows = False

    def way_round(self, seen: Observation) -> float:
        self.knows = self.knows or seen.penalty is not None
        return super().way_round(seen) if self.knows else 0.0


def test_a_penalty_is_inside_the_time() -> None:
    """The same car into the same box, at two prices: 2 s more of penalty are 2 s more of lap."""
    totals = []
    for price_s in (3.0, 5.0):
        rules = Rules(laps=1, box_places=("6,left",), collision_penalty_s=price_s)
        entry = race(TRACK, [LateLearner()], rules=rules, league=LEAGUE).standings[0]
        assert (entry.status, entry.collisions, entry.resets) == ("FIN", 1, 1)
        assert entry.total_s is not None
        totals.append(entry.total_s)
    assert totals[1] - totals[0] == pytest.approx(2.0, abs=0.001)
