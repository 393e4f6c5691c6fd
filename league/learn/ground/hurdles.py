"""What stands and drives in the way of a recipe's cars, as batches want it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from league.errors import ConfigError
from league.learn.settings.recipe import Objects
from league.racing.objects import objects_of
from league.racing.rules import Rules
from league.sim.car import CarSpec
from league.sim.objects import Box, Traffic
from league.track.circuit import Circuit


class Hurdles(TypedDict, total=False):
    """Arguments of a `Batch`."""

    boxes: tuple[Box, ...]
    random_boxes: int
    bots: Traffic


def hurdles_of(objects: Objects, circuits: Sequence[Circuit], car: CarSpec) -> Hurdles:
    """What a batch on these circuits is to be given for its boxes and bots.

    Raises:
        ConfigError: A box finds no place, or boxes are at given places of several circuits.
    """
    found: Hurdles = {}
    if objects.box_places:
        if len(circuits) > 1:
            raise ConfigError(
                f"objects: box_places on {len(circuits)} circuits, expected one, or boxes at random places"
            )
        rules = Rules(box_places=objects.box_places)
        found["boxes"] = objects_of(rules, 0, circuits[0], car, 1)[0]
    elif objects.boxes:
        found["random_boxes"] = objects.boxes
    if objects.bots:
        found["bots"] = Traffic(objects.bots, objects.bot_speed_mps, objects.bot_lane_changes)
    return found
