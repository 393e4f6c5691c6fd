"""Figures that a heat's referee and that of training must have in common, so that either rules the same.

Pure: numbers only. Those of DeepRacer are from its open simulator's rules.
"""

from __future__ import annotations

# Sending back and letting go.
STILL_M = 0.0003
"""Moving no more than this in a tick is standing (DeepRacer)."""
BOX_AHEAD_M = 1.0
"""A car put back this close to a box is put this far behind it, on the other lane (DeepRacer)."""
BACK_STEP_M, BACK_LIMIT_M = 0.1, 3.0
"""Where its place is taken, a car is put back further in such steps, up to this far."""
RELEASE_S, RELEASE_LIMIT_S = 1.0, 2.0
"""A car is not let go while another one would reach it within the first, but waits no longer than the
second for a gap."""

# Boxes.
FIRST_SHARE, LAST_SHARE, APART_SHARE = 0.07, 0.90, 0.13
"""Boxes at random places stand between these shares of the lap, and any two this share of it apart
(DeepRacer)."""
CLEAR_M = 1.0
"""Nothing stands or starts nearer than this to the grid, ahead of it or behind."""
PASS_M = 0.05
"""Room that must be left on either side of a car that passes a box."""

# Bots.
APART_WITH_BOTS_M = 3.0
"""Boxes are at least this far apart where bots have to go round them, in bends too, where it is less on the
inner lane."""
PAST_BOX_M, BEFORE_BOX_M = 0.8, 2.1
"""A bot starts this far from the box behind it and from the one ahead of it on its own lane."""
FIRST_BOT_M = 2.0
"""The first bot starts this far from the start line (DeepRacer)."""
