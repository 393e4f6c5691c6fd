"""The REST interface under /api/v1: webhooks, and what became of their messages."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from league.errors import InputError, UnknownNameError
from league.server.keys import BOOK, LOBBY, SETTINGS, STANDINGS
from league.server.rest.api import ROOT
from league.server.rest.contract import operation
from league.server.rest.postman import Postman, body_of
from league.server.rest.shapes import Shape
from league.server.rest.uploads import read_json
from league.store.webhooks import DeliveryRecord, WebhookRecord

POSTMAN: web.AppKey[Postman] = web.AppKey("postman", Postman)


class NewWebhook(BaseModel):
    """Where to tell what."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[HttpUrl, Field(max_length=2000)]
    """Receives a POST for every message; http or https."""
    kinds: Annotated[
        list[Literal["heat.finished", "standings.changed", "incident"]], Field(min_length=1, max_length=3)
    ] = ["heat.finished", "standings.changed", "incident"]
    event: Annotated[str, Field(max_length=64)] | None = None
    """The only event; without it, every event."""


class WebhookLine(Shape):
    """A webhook."""

    webhook: int
    url: str
    kinds: list[str]
    event: str | None
    created_at: datetime


class WebhookAnswer(WebhookLine):
    """A new webhook; its secret is shown only now."""

    secret: str


class Webhooks(Shape):
    """Every webhook."""

    webhooks: list[WebhookLine]


class DeliveryLine(Shape):
    """A message to a webhook."""

    message: str
    kind: str
    attempts: int
    delivered: bool
    problem: str
    """Why the last attempt failed."""
    next_at: datetime | None
    """When it is tried again; null if it is not."""
    created_at: datetime


class Deliveries(Shape):
    """The newest messages to a webhook, newest first."""

    deliveries: list[DeliveryLine]


def add_webhooks(app: web.Application) -> None:
    """Give an application webhooks; it must hold `LOBBY` when it runs."""
    one = f"{ROOT}/webhooks/{{number}}"
    app.add_routes(
        [
            web.get(f"{ROOT}/webhooks", listed),
            web.post(f"{ROOT}/webhooks", add),
            web.delete(one, remove),
            web.get(f"{one}/deliveries", deliveries),
            web.post(f"{one}/ping", ping),
        ]
    )
    app.cleanup_ctx.append(_telling)


async def _telling(app: web.Application) -> AsyncIterator[None]:
    postman = app[POSTMAN] = Postman(app[STANDINGS], app[BOOK], private=app[SETTINGS].webhooks_private)
    app[LOBBY].listeners.follow(postman.hear)
    running = asyncio.create_task(postman.run(), name="telling webhooks")
    yield
    running.cancel()
    await asyncio.wait((running,))


@operation(Webhooks, tag="webhooks")
async def listed(request: web.Request) -> web.Response:
    """Every webhook, oldest first."""
    known = await request.app[BOOK].webhooks()
    return web.json_response({"webhooks": [_webhook(record) for record in known]})


@operation(WebhookAnswer, takes=NewWebhook, status=201, tag="webhooks")
async def add(request: web.Request) -> web.Response:
    """Have another program told what happens from now on; answers with the secret that signs messages."""
    asked = await read_json(request, NewWebhook)
    if asked.url.username or asked.url.password:
        raise InputError("url holds a name or password; expected an address without them")
    kinds = tuple(dict.fromkeys(asked.kinds))
    record, secret = await request.app[BOOK].add_webhook(str(asked.url), kinds, event_id=asked.event)
    return web.json_response(_webhook(record) | {"secret": secret}, status=201)


@operation(status=204, tag="webhooks")
async def remove(request: web.Request) -> web.Response:
    """Tell a webhook nothing any more."""
    await request.app[BOOK].remove_webhook(_number(request))
    return web.Response(status=204)


@operation(Deliveries, tag="webhooks")
async def deliveries(request: web.Request) -> web.Response:
    """What was sent to a webhook, or is to be, and how that went."""
    found = await request.app[BOOK].deliveries(_number(request))
    return web.json_response({"deliveries": [_delivery(record) for record in found]})


@operation(Deliveries, status=202, tag="webhooks")
async def ping(request: web.Request) -> web.Response:
    """Send a webhook a message of kind `ping`, to see whether it arrives."""
    number, book = _number(request), request.app[BOOK]
    body = body_of("ping", datetime.now(UTC), {})
    if not await book.queue_delivery(number, f"msg_{secrets.token_hex(16)}", "ping", body):
        raise UnknownNameError("webhook", str(number), ())
    request.app[POSTMAN].stir()
    found = await book.deliveries(number)
    return web.json_response({"deliveries": [_delivery(record) for record in found]}, status=202)


def _number(request: web.Request) -> int:
    text = request.match_info["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise web.HTTPNotFound
    return int(text)


def _webhook(record: WebhookRecord) -> dict[str, Any]:
    return {
        "webhook": record.number,
        "url": record.url,
        "kinds": list(record.kinds),
        "event": record.event_id,
        "created_at": record.created_at.isoformat(),
    }


def _delivery(record: DeliveryRecord) -> dict[str, Any]:
    return {
        "message": record.message,
        "kind": record.kind,
        "attempts": record.attempts,
        "delivered": record.delivered,
        "problem": record.problem,
        "next_at": record.next_at.isoformat() if record.next_at is not None else None,
        "created_at": record.created_at.isoformat(),
    }
