"""Where boxes are to stand, as people write it: "4.2,left", "25%,inner".

Pure: text in, values out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from league.errors import ConfigError

SIDES = ("left", "right", "inner", "outer")


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a lane line of any circuit."""

    along: float
    """Metres from the start line, or the share of the lap."""
    share: bool
    side: str
    """One of `SIDES`."""

    def along_m(self, length_m: float) -> float:
        """The distance from the start line on a circuit of this length."""
        return self.along * length_m if self.share else self.along

    def is_left(self, *, clockwise: bool) -> bool:
        """Whether it is to the left of the centre line; the inside of a clockwise circuit is the right."""
        return self.side == "left" if self.side in SIDES[:2] else (self.side == "inner") != clockwise


def read_place(text: str) -> Place:
    """A place from text.

    Raises:
        ConfigError: It is not METRES,SIDE or PERCENT%,SIDE.
    """
    along, _, side = (part.strip() for part in text.partition(","))
    share = along.endswith("%")
    try:
        number = float(along.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not isfinite(number) or number < 0 or (share and number >= 100) or side not in SIDES:
        raise ConfigError(
            f"box {text!r}: expected METRES,SIDE or PERCENT%,SIDE such as '4.2,left' or '25%,inner', "
            f"with SIDE one of {', '.join(SIDES)}"
        )
    return Place(number / 100 if share else number, share, side)
