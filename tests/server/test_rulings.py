"""Stewards' decisions in words, and as marks beside a time."""

from __future__ import annotations

import pytest

from league.racing.ledger import Decision
from league.server.pages import words
from league.server.pages.rulings import marks_of, rulings_of

PENALTY = Decision(number=1, kind="penalty", who="Sam", why="pushed", heat="heat-1", entry="a", seconds=5)
VOID_LAP = Decision(number=2, kind="lap", who="Sam", why="cut", heat="heat-2", entry="a", lap=3, valid=False)
UNDO = Decision(number=3, kind="undo", who="Olga", why="the wrong car", target=1)


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"seconds": 5.0}, "+5 s"),
        ({"seconds": -0.5}, "−0.5 s"),
        ({"kind": "lap", "lap": 2, "valid": False}, "lap 2 void"),
        ({"kind": "lap", "lap": 2, "valid": True}, "lap 2 counts"),
        ({"kind": "lap", "lap": 2, "seconds": 8.0}, "lap 2 edited"),
        ({"kind": "disqualification"}, "Disqualified"),
        ({"kind": "void"}, "Void"),
        ({"kind": "no-action"}, ""),
    ],
)
def test_a_decision_is_marked_in_a_word_or_two(changes: dict[str, object], mark: str) -> None:
    assert words.mark(PENALTY.model_copy(update=changes)) == mark


def test_everything_that_stands_about_an_entry_is_one_mark_with_its_reasons() -> None:
    assert marks_of([PENALTY, VOID_LAP]) == {
        "a": ("+5 s, lap 3 void", "Heat 1: 5 s added, pushed; Heat 2: lap 3 is not valid, cut")
    }


def test_what_is_undone_is_told_but_marks_nobody() -> None:
    told = rulings_of([PENALTY, UNDO], {"a": "Anna"})
    assert [(one.name, one.text, one.stands) for one in told] == [
        ("Anna", "5 s added", False),
        ("", "decision 1 is taken back", True),
    ]
    assert marks_of([PENALTY, UNDO]) == {}
