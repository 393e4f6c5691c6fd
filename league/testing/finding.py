"""What a conformance check found: one line each, passed or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Tell = Callable[["Finding"], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    """What was tried, as a sentence without its full stop."""
    passed: bool
    expected: str
    found: str

    def __str__(self) -> str:
        """One line for people."""
        if self.passed:
            return f"ok    {self.name}"
        return f"FAIL  {self.name}: expected {self.expected}, found {self.found}"


class Unmet(Exception):  # noqa: N818 - not an error of ours but a finding about somebody else
    """An expectation that the other side did not meet."""

    def __init__(self, expected: str, found: str) -> None:
        self.expected, self.found = expected, found
        super().__init__(f"expected {expected}, found {found}")


def expect(met: bool, expected: str, found: object) -> None:
    """Go on if an expectation is met.

    Raises:
        Unmet: It is not.
    """
    if not met:
        raise Unmet(expected, str(found))
