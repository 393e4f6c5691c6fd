"""Webhooks: what arrives, who signed it, what is tried again, and where it may not go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import paper
import pytest
from aiohttp import web
from databases import new_book
from house import LEAGUE, House, Peer, house
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from league.racing.plan import EventPlan, HeatPlan
from league.server.rest.postman import Postman, is_public, signature
from league.server.rest.standings import Standings
from league.store.book import RecordBook
from league.store.webhooks import DeliveryRecord

PATIENCE_S = 30.0


@dataclass
class Mailbox:
    """Somebody's program that takes messages."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses to answer with, before 200."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        self.arrived.set()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def kinds(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]

    async def until(self, come: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not come():
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def mailbox(*answers: int) -> AsyncIterator[Mailbox]:
    box = Mailbox(answers=list(answers))
    app = web.Application()
    app.router.add_post("/hook", box.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    box.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield box
    finally:
        await runner.cleanup()


@pytest.fixture
async def open_house() -> AsyncIterator[House]:
    """A server that may tell programs on this machine."""
    async with house(ready_s=1.0, no_show_s=5.0, webhooks_private=True) as running:
        yield running


class Desk:
    """An organiser's program."""

    def __init__(self, http: aiohttp.ClientSession, home: House, token: str) -> None:
        self._http, self._url = http, f"{home.url}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        async with self._http.request(method, self._url + path, headers=self._headers, **body) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None


async def desk_of(home: House, http: aiohttp.ClientSession) -> Desk:
    return Desk(http, home, await home.book.issue_token("owner"))


async def race(home: House, http: aiohttp.ClientSession) -> None:
    await home.create()
    ada = await Peer(http, home.url, "Ada").join()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()


async def test_a_finished_heat_and_its_standings_are_told_once_and_signed(
    open_house: House, http: aiohttp.ClientSession
) -> None:
    desk = await desk_of(open_house, http)
    async with mailbox() as box:
        status, made = await desk.ask("POST", "/webhooks", json={"url": box.url})
        assert status == 201
        await race(open_house, http)
        await box.until(lambda: {"heat.finished", "standings.changed"} <= set(box.kinds()))
    assert box.kinds().count("heat.finished") == 1
    for headers, body in box.got:
        Webhook(made["secret"]).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(made["secret"]).verify(body + b" ", headers)
    finished = next(json.loads(body) for _, body in box.got if b'"heat.finished"' in body)
    (result,) = await open_house.book.results("cup")
    assert finished["data"] == {"event": "cup", "result": result.model_dump(mode="json")}
    _, listed = await desk.ask("GET", "/webhooks")
    assert "secret" not in json.dumps(listed)


async def test_what_a_stopped_server_did_not_tell_the_next_one_tells(
    http: aiohttp.ClientSession, tmp_path: Any
) -> None:
    where = str(tmp_path / "book.sqlite")
    async with mailbox() as box:
        async with house(where, no_show_s=5.0) as first:  # tells nobody on this machine
            await first.book.add_webhook(box.url, ["heat.finished"])
            await race(first, http)
        assert box.got == []
        async with house(where, webhooks_private=True) as second:
            (hook,) = await second.book.webhooks()
            for one in await second.book.deliveries(hook.number):
                await second.book.note_delivery(one.number, "again", one.created_at)
            await box.until(lambda: box.kinds() == ["heat.finished"])


@pytest.fixture
async def book() -> AsyncIterator[RecordBook]:
    """A record book without a server."""
    async with await RecordBook.open(":memory:") as opened:
        yield opened


async def over(book: RecordBook, hook: int, *, is_over: Callable[[DeliveryRecord], bool]) -> DeliveryRecord:
    """The newest delivery to a webhook, once it has come so far."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            newest = (await book.deliveries(hook))[0]
            if is_over(newest):
                return newest
            await asyncio.sleep(0.01)


async def test_a_program_that_fails_is_told_again_with_the_same_id_until_it_takes_it(
    book: RecordBook,
) -> None:
    async with mailbox(500, 302) as box:
        hook, _ = await book.add_webhook(box.url, ["incident"])
        await book.queue_delivery(hook.number, "msg_1", "ping", "{}")
        postman = Postman(Standings(LEAGUE, book), book, private=True, retry_s=(0.01, 0.01))
        telling = asyncio.create_task(postman.run())
        try:
            await box.until(lambda: len(box.got) == 3)
            one = await over(book, hook.number, is_over=lambda one: one.delivered)
        finally:
            telling.cancel()
            await asyncio.wait((telling,))
    assert {headers["webhook-id"] for headers, _ in box.got} == {"msg_1"}
    assert (one.attempts, one.problem, one.next_at) == (3, "", None)


@pytest.mark.parametrize("days", [-1, 1])
async def test_what_came_after_a_webhook_is_told_and_nothing_from_before_wherever_the_clock_stands(
    kept_in: str, days: int
) -> None:
    now = datetime(2031, 5, 17, tzinfo=UTC)
    event = EventPlan.model_validate(paper.event("head-to-head", 2).model_dump() | {"id": "cup"})
    heats = [
        HeatPlan(
            id=f"h{n}", phase="race", circuit="c", car="d", rules=event.rules, seed=1, grid=event.entries
        )
        for n in range(3)
    ]
    async with new_book(clock=lambda: now) as book, mailbox() as box:
        await book.add_event(event)
        await book.begin_heat("cup", heats[0])
        await book.begin_heat("cup", heats[1])
        await book.finish_heat("cup", heats[1], paper.result(heats[1]), [], None)
        now += timedelta(days=days)  # and not only once: it may be put right again, or not
        hook, _ = await book.add_webhook(box.url, ["heat.finished"])
        now += timedelta(days=days)
        for heat in (heats[0], heats[2]):
            await book.finish_heat("cup", heat, paper.result(heat), [], None)
        now -= timedelta(days=5 * days)
        telling = asyncio.create_task(Postman(Standings(LEAGUE, book), book, private=True).run())
        try:
            await box.until(lambda: len(box.got) == 2)
            told = {json.loads(body)["data"]["result"]["heat"] for _, body in box.got}
            assert told == {"h0", "h2"}
            assert len(await book.deliveries(hook.number)) == 2
        finally:
            telling.cancel()
            await asyncio.wait((telling,))


async def test_after_the_last_attempt_there_is_none(book: RecordBook) -> None:
    hook, _ = await book.add_webhook("http://127.0.0.1:1/", ["incident"])
    await book.queue_delivery(hook.number, "msg_1", "ping", "{}")
    telling = asyncio.create_task(Postman(Standings(LEAGUE, book), book, private=True, retry_s=(0.01,)).run())
    try:
        one = await over(book, hook.number, is_over=lambda one: one.next_at is None)
    finally:
        telling.cancel()
        await asyncio.wait((telling,))
    assert (one.attempts, one.delivered) == (2, False)
    assert one.problem


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433"])
async def test_a_message_goes_to_no_private_network(
    home: House, http: aiohttp.ClientSession, host: str
) -> None:
    desk = await desk_of(home, http)
    async with mailbox() as box:
        port = box.url.split(":")[2]
        status, made = await desk.ask("POST", "/webhooks", json={"url": f"http://{host}:{port}"})
        assert status == 201
        assert (await desk.ask("POST", f"/webhooks/{made['webhook']}/ping"))[0] == 202
        one = await over(home.book, made["webhook"], is_over=lambda one: one.attempts > 0)
        assert one.problem
        assert not one.delivered
    assert box.got == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("fe80::1%eth0", False),
        ("fd00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:a00:1::", False), ("::", False),
    ],
)  # fmt: skip
def test_addresses_are_public_or_not_however_they_are_wrapped(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_what_is_no_webhook_is_refused(home: House, http: aiohttp.ClientSession) -> None:
    desk = await desk_of(home, http)
    for body in (
        {"url": "ftp://example.org/"},
        {"url": "http://user:secret@example.org/"},
        {"url": "http://example.org/", "kinds": ["everything"]},
        {"url": "http://example.org/", "kinds": []},
        {"url": "http://example.org/" + "x" * 3000},
        {},
    ):
        assert (await desk.ask("POST", "/webhooks", json=body))[0] == 400
    elsewhere = {"url": "http://example.org", "event": "no"}
    assert (await desk.ask("POST", "/webhooks", json=elsewhere))[0] == 404
    for method, path in (("DELETE", ""), ("GET", "/deliveries"), ("POST", "/ping")):
        assert (await desk.ask(method, f"/webhooks/7{path}"))[0] == 404
    _, made = await desk.ask("POST", "/webhooks", json={"url": "http://example.org"})
    assert (await desk.ask("DELETE", f"/webhooks/{made['webhook']}"))[0] == 204
    assert (await desk.ask("GET", "/webhooks"))[1] == {"webhooks": []}


def test_a_signature_is_what_the_standards_own_library_makes() -> None:
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    headers = signature(secret, "msg_1", 1_700_000_000, b'{"a":1}')
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(1_700_000_000, UTC), '{"a":1}')
    assert headers["webhook-signature"] == theirs
