"""Ids: short plain names for events, entries and heats, safe in addresses, file names and databases.

Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from league.errors import InputError

MAX_ID = 64
"""Characters in the id of an event or an entry."""
MAX_HEAT_ID = 128
"""Characters in the id of a heat; formats make longer ones, such as "double-elimination-losers-3-2"."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Letters that Unicode does not take apart into a plain letter and an accent.
_SPELT_OUT = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "þ": "th", "ı": "i"}
)


def slug(text: str, *, taken: Collection[str] = (), fallback: str = "entry") -> str:
    """An id made of a name: "Zoë's  Car!" becomes "zoe-s-car".

    Args:
        text: Any text.
        taken: Ids already in use; a number is added until the id is not among them.
        fallback: Used where nothing of the text can be kept, as for names in other scripts.
    """
    plain = unicodedata.normalize("NFKD", text.lower().translate(_SPELT_OUT))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_ID].rstrip("-") or fallback
    unique, number = made, 2
    while unique in taken:
        ending = f"-{number}"
        unique = made[: MAX_ID - len(ending)].rstrip("-") + ending
        number += 1
    return unique


def check_id(kind: str, given: str, *, longest: int = MAX_ID) -> str:
    """The id as given, if it is one.

    Raises:
        InputError: If it is empty, too long, or holds anything but letters, digits, ".", "_" and "-".
    """
    if len(given) > longest or not _ID.fullmatch(given):
        shown = repr(given if len(given) <= 80 else given[:77] + "...")
        raise InputError(
            f"{kind} id {shown}: expected 1 to {longest} of the letters a-z, digits, '.', '_' and '-', "
            "a letter or digit first"
        )
    return given
