"""Hosted drivers: one caged process for each entry that the server drives itself."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from league.cage.program import CagedProgram
from league.host import Task
from league.server.race.inlet import Inlet
from league.store.records import ModelFiles

log = logging.getLogger(__name__)

MODEL_FOLDER = "model"


class HostedDriver:
    """The process of one hosted entry.

    Args:
        task: What it drives and where; the socket is filled in, and for a model `agent`.
        model: The model's files, if it drives one.
        inlet: Makes its connection.
        ended: Called once with the reason, in words, if it ends by itself.
        niceness: How far it stands back behind others, up to 19.
    """

    def __init__(
        self,
        task: Task,
        model: ModelFiles | None,
        *,
        inlet: Inlet,
        ended: Callable[[str], None],
        niceness: int = 0,
    ) -> None:
        self._task, self._model, self._inlet, self._ended = task, model, inlet, ended
        self._niceness = niceness
        self._program: CagedProgram | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._program.pid if self._program is not None else None

    @property
    def last_lines(self) -> deque[str]:
        """The end of what it wrote to standard error."""
        return self._program.last_lines if self._program is not None else deque()

    async def run(self) -> None:
        """Start it, and see to it that it is gone when this returns or is cancelled."""
        line = await self._inlet.connect()
        try:
            number = line.fileno()
            self._program = CagedProgram(
                "league.host",
                lambda folder: self._orders(folder, number),
                limits=self._task.limits,
                files=self._model.files(MODEL_FOLDER) if self._model is not None else {},
                inherited=(number,),
                niceness=self._niceness,
            )
            # Ours is closed as soon as it has its own, so that the connection ends with the program.
            ending = await self._program.run(started=line.close)
        finally:
            line.close()
        log.info("hosted driver %s of event %s: %s", self._task.name, self._task.event, ending.reason)
        self._ended(ending.reason)

    def _orders(self, folder: Path, line: int) -> bytes:
        agent = self._task.agent if self._model is None else str(folder / MODEL_FOLDER)
        return replace(self._task, agent=agent, line=line).as_line()
