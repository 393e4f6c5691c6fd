"""The scrutineers' bench: a caged program that looks at one model and tells what it finds, line by line.

Reads its orders as one line of JSON, `{"model": FOLDER, "briefing": FILE, "limits": {…}}`, and writes a line
of JSON before and after each check, so that it is known what it was doing when it was ended.
"""

from __future__ import annotations

import json
import sys
from io import FileIO
from pathlib import Path
from typing import Any

from league.cage.enter import enter
from league.cage.limits import Limits
from league.host import end_with


def main() -> int:
    """Enter the cage, and look."""
    orders = FileIO(0, closefd=False)
    given = json.loads(orders.readline(1 << 20))
    enter(Limits(**given["limits"]))
    end_with(orders)
    # Only now, for these load libraries by the dozen: nothing of a stranger's has been looked at before.
    import msgpack

    from league.racing.metadata import MODEL_FILE
    from league.scrutineering.answers import ask
    from league.scrutineering.network import look_at

    def begin(name: str, expected: str) -> None:
        _tell({"begin": name, "expected": expected})

    passed = True
    for check in look_at((Path(given["model"]) / MODEL_FILE).read_bytes(), begin):
        _tell(check.model_dump())
        passed = passed and check.passed
    if passed:
        told = msgpack.unpackb(Path(given["briefing"]).read_bytes())
        for check in ask(given["model"], told, begin):
            _tell(check.model_dump())
    _tell({"done": True})
    return 0


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
