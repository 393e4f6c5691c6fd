"""Values as JSON text, the form in which the book keeps them.

Pure.
"""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from league.errors import InputError


def to_json(value: BaseModel, *, leave_out: set[str] | None = None) -> str:
    """The value as JSON.

    Raises:
        InputError: If a text in it is no Unicode, as JSON from elsewhere may smuggle in.
    """
    try:
        return value.model_dump_json(exclude=leave_out)
    except PydanticSerializationError as error:
        kind, name = type(value).__name__, getattr(value, "id", "")
        raise InputError(f"{kind} {name!r}: holds text that is no valid Unicode ({error})") from None
