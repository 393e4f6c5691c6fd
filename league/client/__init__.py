"""Driving over the network: connect an agent to a server's event and answer until the event says bye.

Every driver is this client: what you start by hand, what a server starts for a hosted entry, what sits in
front of a physical car.
"""

from __future__ import annotations

from league.client.driving import agent_url, drive
from league.client.report import Drive, Progress

__all__ = ["Drive", "Progress", "agent_url", "drive"]
