"""For those who write plugins: checkers and conformance clients."""

from __future__ import annotations

from league.testing.agents import AgentCheckError, AgentReport, check_agent, oval

__all__ = ["AgentCheckError", "AgentReport", "check_agent", "oval"]
