"""What a route of the REST interface takes and answers, said beside its handler.

The OpenAPI document is made from this and from the router, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Any, Final, TypeVar

from pydantic import BaseModel

Handler = TypeVar("Handler", bound=Callable[..., Any])

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
BINARY: Final = "application/octet-stream"
ANYTHING: Final = "*/*"


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as programs see it.

    Args:
        answer: The shape of the JSON that is answered; None for anything else.
        media: The media type of the answer.
        status: The status of an answer that is no error.
        takes: The shape of the JSON that is asked with.
        form: Parts of a form that may be sent instead, each with a line about it.
        optional: Those parts that may be missing.
        query: Parameters after the question mark, each with its JSON schema.
        further: More statuses with an answer of the same shape, each with a line about it.
        tag: The heading under which it is listed.
    """

    answer: type[BaseModel] | None = None
    media: str = JSON
    status: int = 200
    takes: type[BaseModel] | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    further: Mapping[int, str] = field(default_factory=dict)
    tag: str = "other"


_SAID: dict[Callable[..., Any], Operation] = {}


def operation(answer: type[BaseModel] | None = None, **more: Any) -> Callable[[Handler], Handler]:
    """Say what a handler takes and answers; `more` as in `Operation`."""

    def said(handler: Handler) -> Handler:
        _SAID[_plain(handler)] = Operation(answer, **more)
        return handler

    return said


def operation_of(handler: Callable[..., Any]) -> Operation | None:
    """What was said of a handler, however it has been wrapped since; None if nothing was."""
    return _SAID.get(_plain(handler))


def _plain(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The function that was written, without decorators, whatever object it is bound to."""
    plain = unwrap(handler)
    function: Callable[..., Any] = getattr(plain, "__func__", plain)
    return function
