"""What watchers are shown of a heat: the picture of a moment, and the order with gaps.

Reads the race and never changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from league.racing.fact import Fact
from league.racing.heat import Heat
from league.racing.physical import PhysicalHeat
from league.racing.referee import Car
from league.racing.result import Standing
from league.server.race.watch import Broadcast, frame_cars, frame_message


class Scene:
    """Shows one heat to the viewers of its event.

    Args:
        heat: The race.
        broadcast: Where its event is shown.
        outlook: Works out how the event would stand if the race went on like this; None if nothing does.
    """

    def __init__(
        self,
        heat: Heat | PhysicalHeat,
        broadcast: Broadcast,
        *,
        outlook: Callable[[], Sequence[Standing]] | None = None,
    ) -> None:
        self._heat, self._broadcast, self._outlook = heat, broadcast, outlook
        self._led_us: dict[int, int] = {}
        """When the first car reached each sector end, counted from the start."""
        self._passed = [0] * heat.n
        """Sector ends that each car passed."""
        self._gap_us: list[int | None] = [None] * heat.n

    def announce(self, status: str) -> None:
        """Say that the heat is "starting", "running", "finished" or "abandoned"."""
        plan = self._heat.plan
        self._broadcast.publish(
            {
                "type": "heat",
                "heat": plan.id,
                "phase": plan.phase,
                "status": status,
                "names": [entry.name for entry in plan.grid],
            }
        )
        if status != "abandoned":
            self._broadcast.publish(self.snap())

    def show(self, facts: Sequence[Fact]) -> None:
        """Show a tick; cheap where nobody watches."""
        for fact in facts:
            if fact.kind == "sector":
                self._note_gap(fact)
            self._broadcast.publish({"type": "event", "heat": self._heat.plan.id, **fact.as_dict()})
        if not self._broadcast.viewers:
            return
        if self._outlook is not None and any(fact.kind == "sector" for fact in facts):
            rows = [row.model_dump(mode="json", exclude={"laps"}) for row in self._outlook()]
            self._broadcast.publish({"type": "virtual", "heat": self._heat.plan.id, "standings": rows})
        if self._broadcast.wants_snap():
            self._broadcast.publish(self.snap())
        if self._broadcast.wants_frame():
            heat = self._heat
            frame = frame_message(heat.plan.id, heat.tick, heat.time_us, self._cars())
            if heat.bots:
                frame["bots"] = self._bots()
            self._broadcast.publish(frame)

    def snap(self) -> dict[str, Any]:
        """The whole picture."""
        heat = self._heat
        places = self._places()
        return {
            "type": "snap",
            "heat": heat.plan.id,
            "phase": heat.plan.phase,
            "k": heat.tick,
            "t_us": heat.time_us,
            "laps": heat.plan.rules.laps,
            "hz": heat.plan.rules.control_hz,
            "car": {"length_m": heat.car.length_m, "width_m": heat.car.width_m},
            "seats": [self._seat(car, places[car.seat]) for car in heat.referee.cars],
            "cars": self._cars(),
            "boxes": [[round(1000 * figure) for figure in box] for box in heat.boxes],
            "bots": self._bots(),
        }

    def _seat(self, car: Car, place: int) -> dict[str, Any]:
        entry = self._heat.plan.grid[car.seat]
        times_us = [round(lap.time_s * 1e6) for lap in car.laps]
        best_us = min((us for us, lap in zip(times_us, car.laps, strict=True) if lap.valid), default=None)
        return {
            "seat": car.seat,
            "entry": entry.id,
            "name": entry.name,
            "agent": entry.agent,
            "status": car.status or "racing",
            "reason": car.reason,
            "lap": len(car.laps),
            "place": place,
            "best_us": best_us,
            "last_us": times_us[-1] if times_us else None,
            "total_us": car.total_us,
            "gap_us": self._gap_us[car.seat],
            "off_tracks": car.off_tracks,
            "resets": car.resets,
            "collisions": car.collisions,
            "penalty_ticks": car.stands_ticks if car.standing else 0,
        }

    def _places(self) -> list[int]:
        """Places by seat: those who finished by time, then those who race by distance, then the rest."""

        def order(car: Car) -> tuple[int, float, int]:
            if car.status == "FIN":
                return 0, car.total_us if car.total_us is not None else float("inf"), car.seat
            return (1 if car.racing else 2), -car.progress_m, car.seat

        places = [0] * self._heat.n
        for place, car in enumerate(sorted(self._heat.referee.cars, key=order), start=1):
            places[car.seat] = place
        return places

    def _cars(self) -> list[int]:
        rows = self._heat.frame()
        return frame_cars(rows[:, :3], rows[:, 3], along_m=rows[:, 4], lap=rows[:, 5], flags=rows[:, 6])

    def _bots(self) -> list[int]:
        """Bots as flat whole numbers: number, x_mm, y_mm, yaw_mrad, v_mm_s for each, of its middle."""
        flat: list[int] = []
        for number, row in enumerate(self._heat.bot_frame().tolist()):
            flat += [number, *(round(1000 * figure) for figure in row)]
        return flat

    def _note_gap(self, fact: Fact) -> None:
        """The gap at a sector end: behind the first car that passed it."""
        self._passed[fact.seat] += 1
        first_us = self._led_us.setdefault(self._passed[fact.seat], fact.time_us)
        self._gap_us[fact.seat] = fact.time_us - first_us
