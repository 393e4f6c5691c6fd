"""`GET /api`: the REST interface for people, made from the same document that programs read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from league.server.rest.openapi import DOCUMENT, document_of

Render = Callable[..., web.Response]
_METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Line:
    """One operation as the page shows it."""

    tag: str
    method: str
    path: str
    summary: str
    description: str
    roles: tuple[str, ...]
    """Whose token is needed; empty if none is."""
    parameters: tuple[tuple[str, str, str], ...]
    """Name, where it goes, and what it is."""
    fields: tuple[tuple[str, str, bool], ...]
    """Name, type and whether it is needed, of the JSON that may be sent."""
    parts: tuple[tuple[str, str, bool], ...]
    """The same of a form, with what each part is."""
    answers: tuple[str, ...]
    """Media types of the answer."""
    example: str


class Handbook:
    """Shows the interface.

    Args:
        render: Makes a page from a template and what it shows.
    """

    def __init__(self, render: Render) -> None:
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """List where the page is found."""
        return [web.get("/api", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """`GET /api`: every operation, with an example."""
        document = document_of(request.app)
        groups: dict[str, list[Line]] = {tag["name"]: [] for tag in document["tags"]}
        for line in lines(document, f"{request.scheme}://{request.host}"):
            groups[line.tag].append(line)
        return self._render(request, "api.html", groups=groups, document=DOCUMENT)


def lines(document: Mapping[str, Any], server: str) -> Iterator[Line]:
    """Every operation of an OpenAPI document, in its order."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield _line(document, server, method, path, methods[method])


def _line(document: Mapping[str, Any], server: str, method: str, path: str, said: Mapping[str, Any]) -> Line:
    content = said.get("requestBody", {}).get("content", {})
    fields = _fields(document, content.get("application/json", {}).get("schema", {}))
    form = content.get("multipart/form-data", {}).get("schema", {})
    needed = form.get("required", ())
    parts = tuple(
        (name, part["description"], name in needed) for name, part in form.get("properties", {}).items()
    )
    done = next(answer for status, answer in said["responses"].items() if status.startswith("2"))
    roles = tuple(said.get("x-roles", ()))
    return Line(
        tag=said["tags"][0],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        description=said.get("description", ""),
        roles=roles,
        parameters=tuple((each["name"], each["in"], each["description"]) for each in said["parameters"]),
        fields=fields,
        parts=parts,
        answers=tuple(done.get("content", {})),
        example=_example(server, method, path, roles, fields),
    )


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[tuple[str, str, bool], ...]:
    found = _resolved(document, schema)
    needed = found.get("required", ())
    return tuple(
        (name, _type(document, field), name in needed) for name, field in found.get("properties", {}).items()
    )


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return found


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A schema's type in a word or two."""
    plain = _resolved(document, schema)
    if "enum" in plain:
        return " | ".join(str(value) for value in plain["enum"])
    if "const" in plain:
        return str(plain["const"])
    choices = plain.get("anyOf") or plain.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_type(document, choice) for choice in choices))
    kind = str(plain.get("type", "anything"))
    return f"list of {_type(document, plain.get('items', {}))}" if kind == "array" else kind


def _example(
    server: str, method: str, path: str, roles: tuple[str, ...], fields: tuple[tuple[str, str, bool], ...]
) -> str:
    """The operation as a line for a shell."""
    words = ["curl"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if roles:
        words.append('-H "Authorization: Bearer $TOKEN"')
    needed = [name for name, _, must in fields if must]
    if needed:
        body = ", ".join(f'"{name}": "…"' for name in needed)
        words.append(f"-H 'Content-Type: application/json' -d '{{{body}}}'")
    return " ".join((*words, f"'{server}{path}'"))
