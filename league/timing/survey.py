"""A survey of tags on the ground: which lies where, as a short TOML file."""

from __future__ import annotations

import tomllib
from math import radians
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from league.errors import InputError
from league.racing.rules import first_problem

LEAST_TAGS: Final = 4
"""So many tags tell where a camera hangs."""


class GroundTag(BaseModel):
    """One tag on the ground."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    number: Annotated[int, Field(ge=0, le=586)]
    x_m: Annotated[float, Field(ge=-1000, le=1000)]
    """Its middle, in the circuit's coordinates: the start line's middle is usually 0, 0."""
    y_m: Annotated[float, Field(ge=-1000, le=1000)]
    turn_deg: float = 0.0
    """Where its upper edge points: 0 along x, 90 along y."""


class Survey(BaseModel):
    """Tags that lie at measured places."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tag_m: Annotated[float, Field(gt=0.005, le=2)]
    """Side of their black squares."""
    tag: tuple[GroundTag, ...] = ()

    @property
    def ground(self) -> dict[int, tuple[float, float, float]]:
        """Tags by number: x, y and direction in rad."""
        return {tag.number: (tag.x_m, tag.y_m, radians(tag.turn_deg)) for tag in self.tag}

    @classmethod
    def read(cls, path: Path) -> Survey:
        """Read a survey.

        Raises:
            InputError: It is none.
        """
        try:
            survey = cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path}: not TOML: {error}") from error
        except ValidationError as error:
            raise InputError(f"{path}: {first_problem(error)}") from None
        if len(survey.ground) != len(survey.tag):
            raise InputError(f"{path}: names a tag twice")
        if len(survey.tag) < LEAST_TAGS:
            raise InputError(
                f"{path}: found {len(survey.tag)} [[tag]], expected at least {LEAST_TAGS} at measured places "
                "on the ground"
            )
        return survey
