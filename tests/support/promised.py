"""Answers held to the OpenAPI document: it names their status, their media type and their shape."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any

from aiohttp import web
from openapi_schema_validator import OAS31Validator

from league.server.rest.openapi import document_of


def check(document: dict[str, Any], method: str, path: str, status: int, media: str, content: Any) -> None:
    """Fail if an answer is not what the document says of a route.

    Args:
        document: The OpenAPI document.
        method: Of the route, in small letters.
        path: As the document spells it.
        status: That of the answer; one that the document does not name is held to its "default".
        media: The answer's media type.
        content: Its JSON, or whatever else it holds.
    """
    said = document["paths"][path][method]["responses"]
    told = said.get(str(status), said["default"]).get("content")
    if told is None:  # an answer without a body
        return
    assert any(fnmatch(media, each) for each in told), (
        f"{method} {path} answers {status} with {media}, the document says {list(told)}"
    )
    if media == "application/json":
        OAS31Validator({**told[media]["schema"], "components": document["components"]}).validate(content)


class Listener:
    """Listens to what a server answers, and notes what its document does not promise."""

    def __init__(self, app: web.Application) -> None:
        self._document: dict[str, Any] = {}
        self.broken: list[str] = []
        app.on_response_prepare.append(self._listen)

    async def _listen(self, request: web.Request, response: web.StreamResponse) -> None:
        resource, method = request.match_info.route.resource, request.method.lower()
        self._document = self._document or document_of(request.app)
        path = resource.canonical if resource is not None else ""
        if method not in self._document["paths"].get(path, {}):
            return
        try:
            plain = response.content_type == "application/json" and isinstance(response, web.Response)
            content = json.loads(response.text or "null") if plain else None
            check(self._document, method, path, response.status, response.content_type, content)
        except Exception as error:  # whatever it is, the server answers, and the test says it
            self.broken.append(f"{method} {path}: {response.status}, {error}")
