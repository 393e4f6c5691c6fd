"""Reports: what was looked at, what was found, what was expected.

Pure: values only.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LONGEST = 300


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Value):
    """One thing that was looked at."""

    name: str
    passed: bool
    found: Annotated[str, Field(max_length=LONGEST)]
    expected: str

    @classmethod
    def of(cls, name: str, passed: bool, found: object, expected: str) -> Check:
        """A check, with what was found brought to one line that fits."""
        text = " ".join(str(found).split())
        text = "".join(char if char.isprintable() else " " for char in text)
        return cls(
            name=name,
            passed=passed,
            found=text if len(text) <= LONGEST else text[: LONGEST - 1] + "…",
            expected=expected,
        )


class Report(_Value):
    """What the scrutineers found, in the order in which they looked; they may stop early."""

    sha256: str
    """Digest of the model's files, as the record book has it."""
    size_bytes: int
    """Of the ONNX file."""
    checks: tuple[Check, ...] = ()
    cost: dict[str, float] | None = None
    """What the racer says that the training took, in figures by name; nobody has checked it."""

    @property
    def passed(self) -> bool:
        """Whether the model may race."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """Why it may not, in one line; empty if it may."""
        failed = [check for check in self.checks if not check.passed]
        if not failed:
            return "" if self.checks else "nothing was looked at"
        first = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"{first.name}: found {first.found}, expected {first.expected}{more}"
