"""The organiser's desk: an event from its creation to a voided lap, people, and what racers see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import networks
import pytest
import pytest_asyncio
from house import House, house
from playwright.async_api import Page, Route, expect
from viewing import OpenPage, look

from league.errors import UnknownNameError
from league.store.records import ModelFiles, PersonRole

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CIRCUIT = "clubhouse-loop"
PATHS = (
    "/desk", "/desk/new", "/desk/people", "/desk/events/cup", "/desk/events/cup/stewards", "/events/cup",
    "/events/cup/entries/{entry}", "/events/cup/next", "/events/cup/timekeeper", "/sign-in", "/join",
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def home() -> AsyncIterator[House]:
    """A server of its own."""
    async with house(countdown_s=0.0) as opened:
        yield opened


async def sign_in(page: Page, home: House, token: str) -> None:
    await page.fill("input[name=token]", token)
    await page.click("text=Sign in >> nth=-1")
    await expect(page.locator("h1")).not_to_have_text("Sign in")


async def upload(page: Page, model: ModelFiles) -> None:
    """Hand a model in on an event's page."""
    form = page.locator("#enter")
    await form.locator("input[name=name]").fill("Anna's net")
    for name, content in (("model.onnx", model.onnx), ("model_metadata.json", model.metadata.encode())):
        await form.locator(f"input[name='{name}']").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )
    await form.locator("button").click()


async def decide_on_a_lap(page: Page, entry: str, *, counts: bool) -> None:
    """Void a lap of the first heat that has a result, or let it count again."""
    heat = page.locator(".heats-desk li").filter(has=page.locator("details")).first
    await heat.locator("summary").click()
    await heat.locator("select[name=kind]").select_option("lap")
    await heat.locator("select[name=entry]").select_option(entry)
    await heat.locator("select[name=valid]").select_option("true" if counts else "false")
    await heat.locator("input[name=why]").fill("the marshal looked again")
    await heat.locator("button").click()


async def test_an_organiser_creates_an_event_runs_it_voids_a_lap_and_sees_standings_recomputed(
    home: House, open_page: OpenPage
) -> None:
    owner = await home.book.add_person("Olga", "owner")
    token = await home.book.issue_own_token(owner.number)
    async with open_page(f"{home.url}/desk/new") as page:
        await sign_in(page, home, token)
        assert page.url == f"{home.url}/desk/new", "where one wanted to go"
        await page.fill("input[name=name]", "Club <b>night</b>")
        await page.select_option("#circuit", CIRCUIT)
        await expect(page.locator("#preview path")).to_have_count(3)
        forwards = await page.locator("#preview .way").get_attribute("d")
        await page.check("[data-to=circuit]")
        await expect(page.locator("#preview .way")).not_to_have_attribute("d", forwards or "")
        await page.uncheck("[data-to=circuit]")
        await expect(page.locator("#preview .way")).to_have_attribute("d", forwards or "")
        await page.select_option("select[name=format]", "head-to-head")
        await page.fill("input[name='rules.laps']", "1")
        await page.select_option("select[name='rules.rank']", "best_lap")
        await expect(page.locator("input[value=follow-the-gap]")).to_be_disabled()
        await page.check("input[name='rules.sensors[]'][value=lidar]")
        await expect(page.locator("input[value=follow-the-gap]")).to_be_enabled()
        for driver in ("pure-pursuit", "tutorial"):
            await page.check(f"input[value={driver}]")
        await page.click("text=Create the event")
        await expect(page.locator("h1")).to_have_text("Club <b>night</b>")
        await expect(page.locator("#entries tr")).to_have_count(2)
        (event,) = await home.book.events()
        assert sorted(event.plan.rules.sensors) == ["lidar", "pose", "state"]
        await page.click("text=Start")
        await expect(page.locator("#status")).to_have_text("finished", timeout=120_000)
        rows = page.locator("#standings li")
        await expect(rows).to_have_count(2)
        winner = str(await rows.first.get_attribute("data-entry"))
        await decide_on_a_lap(page, winner, counts=False)
        await expect(rows.first).not_to_have_attribute("data-entry", winner)
        (deed,) = [one for one in await home.book.deeds() if one.what.endswith("/decisions")]
        assert (deed.who, deed.role, deed.status) == ("Olga", "owner", 201)
        await page.click("text=Sign out")
        await page.goto(f"{home.url}/desk")
        await expect(page.locator("h1")).to_have_text("Sign in")


async def test_an_invitation_is_taken_up_in_a_browser_once(home: House, open_page: OpenPage) -> None:
    owner = await home.book.issue_token("owner")
    async with open_page(f"{home.url}/desk/people") as page:
        await sign_in(page, home, owner)
        await page.select_option("form[data-secret=code] select[name=role]", "racer")
        await page.fill("form[data-secret=code] input[name=name]", "Anna")
        await page.click("text=Make a link")
        await expect(page.locator("#secret")).to_contain_text(f"{home.url}/join#")
        link = await page.locator("#secret code").inner_text()
    async with open_page(link) as page:
        assert "#" not in page.url, "the code does not stay in the address"
        await page.fill("input[name=name]", "Anna")
        await page.click("main button")
        token = await page.locator("#token").inner_text()
        await page.click("text=Go on")
        await expect(page.locator("h1")).to_have_text("Anna")
    record = await home.book.token(token)
    assert record is not None
    assert (record.role, record.person_name) == ("racer", "Anna")
    with pytest.raises(UnknownNameError):
        await home.book.take_up(link.rpartition("#")[2], "Mallory")


@pytest.mark.quick
async def test_a_racer_sees_when_the_own_car_is_up(home: House, open_page: OpenPage) -> None:
    await home.create("cup", style="time-trial")
    anna = await home.book.add_person("Anna", "racer")
    await home.lobby.entrance.enter("cup", "Other", agent="tutorial")
    entry, _ = await home.lobby.entrance.enter("cup", "Anna's car", agent="tutorial")
    await home.book.give_entry("cup", entry.id, anna.number)
    async with open_page(f"{home.url}/desk") as page:
        await sign_in(page, home, await home.book.issue_own_token(anna.number))
        await expect(page.locator(".desk-card")).to_contain_text("1 heat before yours")
        await expect(page.locator("body")).not_to_contain_text("New event")
        await page.goto(f"{home.url}/events/cup/next?entry={entry.id}")
        await expect(page.locator("#turn")).to_contain_text("after 1 other")


async def test_a_form_that_nobody_listens_to_yet_is_inert(home: House, open_page: OpenPage) -> None:
    listening = asyncio.Event()

    async def hold(route: Route) -> None:
        await listening.wait()
        await route.continue_()

    async with open_page(f"{home.url}/sign-in?next=/desk/new") as page:
        await page.route("**/desk.js", hold)
        await page.fill("input[name=token]", await home.book.issue_token("owner"))
        await page.locator("main button").click(no_wait_after=True)
        form = page.locator("form[data-api]")
        await expect(form).to_have_attribute("inert", "")
        button = await form.get_by_text("Create the event").bounding_box()
        assert button is not None
        await page.mouse.click(button["x"] + 5, button["y"] + 5)
        listening.set()
        await expect(form).not_to_have_attribute("inert", "")
        assert page.url == f"{home.url}/desk/new", "nothing was sent"
        await form.locator("input[name=name]").fill("Cup")
        await form.get_by_role("button", name="Create the event").click()
        await expect(page.locator("h1")).to_have_text("Cup")


async def test_a_racer_uploads_a_model_and_sees_it_placed(home: House, open_page: OpenPage) -> None:
    await home.create("cup", style="time-trial", open_entry=False)
    anna = await home.book.add_person("Anna", "racer")
    async with open_page(f"{home.url}/desk") as page:
        await sign_in(page, home, await home.book.issue_own_token(anna.number))
        await page.get_by_role("link", name="Upload a model").click()
        await upload(page, networks.bad_metadata())
        await expect(page.locator("h1")).to_have_text("Refused")
        await expect(page.locator("main [role=alert]")).to_contain_text("model_metadata.json")
        await expect(page.locator("tr.failed").first).to_contain_text("failed")
        await page.click("text=Try again")
        await upload(page, networks.steady())
        await expect(page.locator("main")).to_contain_text("solo lap", timeout=120_000)
        await page.goto(f"{home.url}/desk")
        await expect(page.locator(".desk-card")).to_contain_text("Your heat is next: Time trial: Anna's net")
        await page.goto(f"{home.url}/events/cup")
        row = page.locator("table.board tbody tr", has_text="Anna's net")
        await expect(row).to_have_count(1)
        await home.lobby.start("cup")
        await expect(row).to_contain_text("Finished", timeout=120_000)
        await expect(page.locator("#status")).to_have_text("finished", timeout=120_000)
        await expect(row.locator(".place")).to_have_text("1")
        await expect(row.locator(".kind")).to_have_text("model")
        await page.goto(f"{home.url}/desk")
        await expect(page.locator(".desk-card")).to_contain_text("Place 1.")


@pytest.mark.parametrize("width", [360, 1280, 3840])
async def test_no_page_of_the_desk_is_wider_than_the_window(
    home: House, open_page: OpenPage, width: int, tmp_path: Path
) -> None:
    name = "<i>Ω</i>" + "W" * 56
    await home.create("cup", style="time-trial")
    made, _ = await home.lobby.entrance.enter("cup", name, agent="tutorial")
    owner = await home.book.add_person("O" * 64, "owner")
    await home.book.invite("racer", name=name, invited_by=name)
    viewport = {"width": width, "height": 900}
    async with open_page(f"{home.url}/desk", viewport=viewport) as page:
        await sign_in(page, home, await home.book.issue_own_token(owner.number))
        for path in (path.format(entry=made.id) for path in PATHS):
            await page.goto(home.url + path)
            await page.wait_for_load_state("networkidle")
            await page.screenshot(path=tmp_path / f"{width}{path.replace('/', '-')}.png", full_page=True)
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, path


@pytest.mark.parametrize("role", ["owner", "timekeeper", "racer"])
async def test_nobody_is_shut_out_of_a_page_behind_the_sign_in(
    home: House, open_page: OpenPage, role: PersonRole
) -> None:
    """With an entry that was refused, one that raced, an invitation and a decision."""
    await home.create("cup", style="time-trial", laps=1)
    person = await home.book.add_person("Olga", role)
    made, _ = await home.lobby.entrance.enter("cup", "n", agent="tutorial")
    await home.book.give_entry("cup", made.id, person.number)
    await home.lobby.entrance.renew("cup", made.id, model=networks.not_onnx())
    await home.lobby.start("cup")
    async with asyncio.timeout(120):
        await home.lobby.wait_for_end("cup")
    await home.book.invite("racer", name="Bert", invited_by="Olga")
    async with open_page(f"{home.url}/sign-in", color_scheme="light") as page:
        await sign_in(page, home, await home.book.issue_own_token(person.number))
        for path in (path.format(entry=made.id) for path in PATHS):
            if (await page.request.get(home.url + path)).status == 403:
                continue  # not for everybody
            await page.goto(home.url + path)
            await page.wait_for_load_state("networkidle")
            for folded in await page.locator("summary").all():
                await folded.click()
            await look(page)
