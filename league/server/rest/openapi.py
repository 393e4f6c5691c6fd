"""The OpenAPI 3.1 document of the REST interface, from the router and what handlers say of themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import league
from league.server.door.rights import RIGHTS, name_of
from league.server.rest.api import ROOT
from league.server.rest.contract import BINARY, FORM, JSON, Operation, operation, operation_of
from league.server.rest.shapes import Problem

DOCUMENT: Final = f"{ROOT}/openapi.json"
_PARAMETER: Final = re.compile(r"{(\w+)(?::[^}]*)?}")
_PARAMETERS: Final[Mapping[str, str]] = {
    "event": "The event's id.",
    "heat": "The heat's id within its event.",
    "entry": "The entry's id within its event.",
    "season": "The season's id.",
    "form": "A recorder's name; `league plugins` lists them.",
    "ref": "A circuit's id; `ID:reversed` is driven the other way.",
}
_SECRET: Final = "token"  # noqa: S105 - the name of the scheme
_KEPT: web.AppKey[list[dict[str, Any]]] = web.AppKey("the OpenAPI document")


class Route(NamedTuple):
    """One route below `/api/v1`."""

    method: str
    path: str
    handler: Any
    said: Operation
    known: bool
    """Whether its handler says what it takes and answers."""


def add_openapi(app: web.Application) -> None:
    """Give an application the document of its routes."""
    app[_KEPT] = []
    app.router.add_get(DOCUMENT, openapi)


@operation(tag="server")
async def openapi(request: web.Request) -> web.Response:
    """The whole interface as an OpenAPI 3.1 document."""
    return web.json_response(document_of(request.app))


def document_of(app: web.Application) -> dict[str, Any]:
    """The document of an application whose routes are all there; made once."""
    kept = app[_KEPT]
    if not kept:
        kept.append(build(list(described(app))))
    return kept[0]


def described(app: web.Application) -> Iterator[Route]:
    """List every route of the REST interface, in the order in which they were added."""
    for route in app.router.routes():
        resource = route.resource
        path = resource.canonical if resource is not None else ""
        if path.startswith(f"{ROOT}/") and route.method != hdrs.METH_HEAD:
            said = operation_of(route.handler)
            yield Route(route.method, path, route.handler, said or Operation(), said is not None)


def build(listed: list[Route]) -> dict[str, Any]:
    """The document of these routes."""
    schemas, at = _schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for route in listed:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, at)
    tags = dict.fromkeys(route.said.tag for route in listed)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "A racing league",
            "version": league.__version__,
            "summary": "Events, entries, heats and standings of one server.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                _SECRET: {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer TOKEN"}
            },
        },
    }


Place = tuple[type[BaseModel], JsonSchemaMode]
Found = Mapping[Any, dict[str, Any]]
"""Where a shape's schema stands, by `Place`."""


def _schemas(listed: list[Route]) -> tuple[dict[str, Any], Found]:
    """Every shape's schema by name, and where each is found."""
    wanted: dict[Place, None] = {(Problem, "serialization"): None}
    for route in listed:
        if route.said.answer is not None:
            wanted[route.said.answer, "serialization"] = None
        if route.said.takes is not None:
            wanted[route.said.takes, "validation"] = None
    at, definitions = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = definitions.get("$defs", {})
    return schemas, at


def _operation(route: Route, at: Found) -> dict[str, Any]:
    said = route.said
    first, _, rest = (inspect.getdoc(route.handler) or "").partition("\n")
    found: dict[str, Any] = {
        "operationId": _id_of(route),
        "tags": [said.tag],
        "summary": first,
        "parameters": [*_parameters(route)],
        "responses": _responses(said, at),
    }
    if rest.strip():
        found["description"] = rest.strip()
    body = _body(said, at)
    if body:
        found["requestBody"] = {"required": True, "content": body}
    right = RIGHTS[name_of(route.method, route.path)]
    if right.nobody:
        found["security"] = [{}, {_SECRET: []}]
    else:
        found["security"] = [{_SECRET: []}]
        found["x-roles"] = sorted(right.roles)
    return found


def _id_of(route: Route) -> str:
    """A name for the operation that no other has: its method and what its path names."""
    words = [word for word in re.split(r"\W+", route.path.removeprefix(ROOT)) if word]
    return "_".join((route.method.lower(), *words))


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(route.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS.get(name, ""),
            "schema": {"type": "string", "minLength": 1},
        }
    for name, schema in route.said.query.items():
        about = schema.get("description", "")
        plain = {key: value for key, value in schema.items() if key != "description"}
        yield {"name": name, "in": "query", "required": False, "description": about, "schema": plain}


def _responses(said: Operation, at: Found) -> dict[str, Any]:
    shape = _shape(said, at)
    done: dict[str, Any] = {"description": "Done."}
    if said.status != 204:
        done["content"] = {said.media: {"schema": shape}}
    problem = {JSON: {"schema": at[Problem, "serialization"]}}
    further = {
        str(status): {"description": about, "content": {JSON: {"schema": shape}}}
        for status, about in said.further.items()
    }
    return {
        str(said.status): done,
        **further,
        "default": {"description": "Refused or failed; the message says why.", "content": problem},
    }


def _shape(said: Operation, at: Found) -> Any:
    if said.answer is not None:
        return at[said.answer, "serialization"]
    if said.media == JSON:
        return {"type": "object"}
    return {"type": "string", **({"contentMediaType": BINARY} if said.media == BINARY else {})}


def _body(said: Operation, at: Found) -> dict[str, Any]:
    """What may be sent, by media type."""
    content: dict[str, Any] = {}
    if said.takes is not None:
        content[JSON] = {"schema": at[said.takes, "validation"]}
    if said.form:
        parts = {name: {"type": "string", "description": about} for name, about in said.form.items()}
        required = [name for name in said.form if name not in said.optional]
        content[FORM] = {"schema": {"type": "object", "properties": parts, "required": required}}
    return content
