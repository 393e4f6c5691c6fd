"""What comes with a request: JSON, or the parts of a form, none larger than it may be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from league.errors import InputError
from league.racing.metadata import METADATA_FILE, MODEL_FILE
from league.racing.rules import first_problem
from league.store.records import ModelFiles

ONNX, METADATA, COST = MODEL_FILE, METADATA_FILE, "cost.json"
METADATA_BYTES = 256 * 1024
TEXT_BYTES = 4096
COST_BYTES = 16 * 1024
_MOST_FIGURES = 32
_LARGEST = 1e15

Asked = TypeVar("Asked", bound=BaseModel)


async def read_json(request: web.Request, kind: type[Asked]) -> Asked:
    """The request's JSON body, checked.

    Raises:
        InputError: It is no JSON, or not as expected.
    """
    try:
        given = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {error}") from None
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InputError(first_problem(error)) from None


async def read_form(
    request: web.Request,
    most: Mapping[str, int],
    *,
    optional: tuple[str, ...] = (),
    allow: Callable[[Mapping[str, bytes]], Awaitable[None]] | None = None,
) -> dict[str, bytes]:
    """A multipart body, part by part.

    Args:
        request: Asks for something.
        most: The parts that are expected, each with its largest size in bytes.
        optional: Those that may be missing.
        allow: Given the short parts that came first, raises if their sender may not do this; asked before
            anything large is read.

    Raises:
        InputError: A part is missing, comes twice, is none of these or is too large.
    """
    expected = ", ".join(most)
    given: dict[str, bytes] = {}
    try:
        reader = await request.multipart()
    except (ValueError, AssertionError) as error:
        raise InputError(f"the body is no form: {error}") from None
    allowed = allow is None
    async for part in _parts_of(reader):
        if not isinstance(part, BodyPartReader) or part.name not in most or part.name in given:
            found = getattr(part, "name", None)
            raise InputError(f"form: found part {str(found)[:40]!r}, expected one each of {expected}")
        if not allowed and most[part.name or ""] > TEXT_BYTES and allow is not None:
            await allow(given)
            allowed = True
        given[str(part.name)] = await _read_part(part, most[str(part.name)])
    if not allowed and allow is not None:
        await allow(given)
    missing = sorted(set(most) - set(given) - set(optional))
    if missing:
        raise InputError(f"form: {missing[0]!r} is missing, expected one each of {expected}")
    return given


def read_text(given: Mapping[str, bytes], name: str) -> str:
    """A part as text; empty if it is missing.

    Raises:
        InputError: It is no UTF-8.
    """
    try:
        return given.get(name, b"").decode().strip()
    except ValueError as error:
        raise InputError(f"form: {name} cannot be read: {error}") from None


def read_model(given: Mapping[str, bytes]) -> ModelFiles:
    """A model from the parts that hold it; the network itself is not looked at here.

    Raises:
        InputError: The metadata is no JSON.
    """
    try:
        metadata = given[METADATA].decode("utf-8-sig")
        json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise InputError(f"form: {METADATA} cannot be read: {error}") from None
    if not given[ONNX]:
        raise InputError(f"form: {ONNX} is empty")
    return ModelFiles(given[ONNX], metadata)


def read_cost(given: Mapping[str, bytes]) -> dict[str, float] | None:
    """The figures of a cost card; None if none was sent.

    Raises:
        InputError: It is no JSON object.
    """
    if not given.get(COST):
        return None
    try:
        told = json.loads(given[COST])
    except (ValueError, RecursionError) as error:
        raise InputError(f"form: {COST} cannot be read: {error}") from None
    if not isinstance(told, dict):
        raise InputError(f"form: {COST} is a {type(told).__name__}, expected an object with figures by name")
    figures = {
        name[:40]: float(value)
        for name, value in told.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    }
    return dict([*figures.items()][:_MOST_FIGURES])


async def _parts_of(reader: MultipartReader) -> AsyncIterator[Any]:
    """The parts of a form, one after the other.

    Raises:
        InputError: What stands between them is malformed.
    """
    while True:
        try:
            part = await reader.next()
        except (HttpProcessingError, ValueError) as error:
            raise InputError(f"the body is no form: {' '.join(str(error).split())[:200]}") from None
        if part is None:
            return
        yield part


async def _read_part(part: BodyPartReader, most: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        content += chunk
        if len(content) > most:
            raise InputError(f"form: part {part.name!r} is larger than {most} bytes")
    return bytes(content)
