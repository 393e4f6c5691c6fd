"""Stewards in the browser: incidents with their clips and advice, decisions, and everybody's board."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from house import CIRCUIT, House, house
from paper import result
from playwright.async_api import Locator, Page, expect
from viewing import OpenPage, look, until

from league.racing.incident import Clip, Incident, Opinion
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.rules import Rules

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ENTRIES = tuple(EntryPlan(id=f"n{index:02}", name=f"Name {index}", agent="tutorial") for index in range(3))
PAGE = "/desk/events/cup/stewards"


@pytest_asyncio.fixture(loop_scope="session")
async def home() -> AsyncIterator[House]:
    """A server with a heat of three that was raced on paper, a second between them, and one incident."""
    async with house(countdown_s=0.0) as opened:
        plan = EventPlan(
            id="cup", name="Cup", circuit=CIRCUIT, format="time-trial", entries=ENTRIES, rules=Rules()
        )
        await opened.book.add_event(plan)
        heat = HeatPlan(
            id="h1", phase="race", circuit=CIRCUIT, car=plan.car, rules=plan.rules, seed=1, grid=plan.entries
        )
        await opened.book.begin_heat("cup", heat)
        await opened.book.finish_heat("cup", heat, result(heat), [], b"none")
        seen = Incident(
            heat="h1", kind="contact", source="contact", entry="n00", other="n01",
            text="runs into <b>Name 1</b>", tick=150, time_us=10_000_000,
            clip=Clip(from_tick=75, to_tick=180),
        )  # fmt: skip
        filed, _ = await opened.book.file_incident("cup", seen)
        advice = Opinion(adviser="rule-book", advice="penalty", seconds=5.0, why="pushed", confidence=0.8)
        await opened.book.add_opinion("cup", filed.number, advice)
        yield opened


async def sit_down(page: Page, home: House) -> None:
    """Sign a steward in, at the page that was asked for."""
    sam = await home.book.add_person("Sam", "steward")
    await page.fill("input[name=token]", await home.book.issue_own_token(sam.number))
    await page.click("main button")
    await expect(page.locator("h1")).to_have_text("Stewards: Cup")


async def decide(case: Locator, button: str, why: str, **fields: str) -> None:
    await case.locator(".judge > summary").click()
    for name, value in fields.items():
        await case.locator(f"input[name={name}]").fill(value)
    await case.locator(".judge input[name=why]").fill(why)
    await case.get_by_role("button", name=button).click()


async def take_back(case: Locator, why: str) -> None:
    await case.locator(".undo > summary").click()
    await case.locator(".undo input[name=why]").fill(why)
    await case.get_by_role("button", name="back").click()


async def test_five_seconds_change_everybodys_board_until_they_are_taken_back(
    home: House, open_page: OpenPage
) -> None:
    async with (
        open_page(f"{home.url}/events/cup") as board,
        open_page(f"{home.url}/events/cup/heats/h1") as heat,
        open_page(home.url + PAGE) as desk,
    ):
        rows = board.locator("#standings tr")
        for page in (board, heat):
            await page.evaluate("window.same = true")
        await expect(rows.first).to_have_attribute("data-entry", "n00")
        await sit_down(desk, home)
        case = desk.locator("[data-incident='1']")
        await expect(case).to_contain_text("runs into <b>Name 1</b>")
        await expect(case.locator(".advice")).to_contain_text("penalty of 5 s (80 % sure): pushed")
        await expect(case.locator("a.watch-clip")).to_have_attribute(
            "href", "/events/cup/heats/h1/replay?t=5.0&until=12.0&car=0"
        )
        # The heat was raced on paper, so there is no film: something stands in for it.
        await desk.route("**/replay?*", lambda route: route.fulfill(body="film", content_type="text/html"))
        await case.locator("a.watch-clip").click()
        await expect(case.locator("iframe")).to_have_attribute("src", re.compile("until=12.0&car=0&embed$"))
        await expect(case.frame_locator("iframe").locator("body")).to_have_text("film")
        await case.locator("a.watch-clip").click()
        await expect(case.locator("iframe")).to_have_count(0)
        await decide(case, "Add seconds", "pushed Name 1 off", seconds="5")
        await expect(case.locator(".ruled")).to_contain_text("5 s added")
        await expect(desk.locator("#decision-1")).to_contain_text("pushed Name 1 off (Sam")
        await expect(rows.last).to_have_attribute("data-entry", "n00")
        await expect(rows.last.locator("td.total")).to_have_text("25.000 +5 s")
        await expect(board.locator("#rulings")).to_contain_text("5 s added in H1. pushed Name 1 off (Sam)")
        await expect(heat.locator("tr", has_text="25.000")).to_contain_text("+5 s")
        await expect(heat.locator("main")).to_contain_text("pushed Name 1 off")

        await take_back(case, "the wrong car")
        await expect(case.locator("h3 .status")).to_have_text("open")
        await expect(desk.locator("#decision-1 .status")).to_have_text("undone")
        await expect(rows.first).to_have_attribute("data-entry", "n00")
        await expect(rows.first.locator("td.total")).to_have_text("20.000")
        await expect(board.locator("#rulings")).to_be_hidden()
        await expect(heat.locator("tr.undone")).to_contain_text("pushed Name 1 off")
        for page in (board, heat):
            assert await page.evaluate("window.same"), "without a reload"


async def test_a_racer_protests_a_steward_decides_and_the_racer_reads_why(
    home: House, open_page: OpenPage
) -> None:
    anna = await home.book.add_person("Anna", "racer")
    await home.book.give_entry("cup", "n01", anna.number)
    async with open_page(f"{home.url}/desk") as own, open_page(home.url + PAGE) as desk:
        await own.fill("input[name=token]", await home.book.issue_own_token(anna.number))
        await own.click("main button")
        card = own.locator(".desk-card")
        await expect(card.locator("summary time")).to_contain_text("in 1")  # 14 minutes, and some seconds
        await card.locator("summary").click()
        await card.locator("select[name=against]").select_option("n00")
        await card.locator("input[name=why]").fill("cut the <i>chicane</i>")
        await card.locator("input[name=at_s]").fill("8")
        await card.get_by_role("button", name="Protest").click()
        await expect(card.locator(".protest")).to_contain_text("“cut the <i>chicane</i>”: not decided yet")

        await sit_down(desk, home)
        case = desk.locator("[data-incident='2']")
        await expect(case).to_contain_text("Name 1 protests against Name 0: cut the <i>chicane</i>")
        await expect(desk.locator(".hero")).to_contain_text("Racers may protest about")
        await decide(case, "No action", "all four wheels were on the road")
        await expect(case.locator(".ruled")).to_have_count(1)
        await own.reload()
        await expect(card.locator(".protest")).to_contain_text("no action, all four wheels were on the road")


async def test_each_button_decides_what_it_says_and_nothing_else(home: House, open_page: OpenPage) -> None:
    async with open_page(home.url + PAGE) as page:
        await sit_down(page, home)
        case = page.locator("[data-incident='1']")
        for number, (button, text) in enumerate(
            (
                ("Void the lap", "lap 2 is not valid"),
                ("Disqualify", "disqualified"),
                ("No action", "no action"),
            ),
            1,
        ):
            await decide(case, button, "seen again")
            await expect(case.locator(f"[data-decision='{number}']")).to_contain_text(text)
    said = [line.model_dump(exclude_defaults=True) for line in await home.book.decisions("cup")]
    told = [{key: one[key] for key in one if key not in ("number", "who", "why", "epoch_ns")} for one in said]
    about = {"heat": "h1", "entry": "n00", "incident": 1}
    assert told == [
        {"kind": "lap", "lap": 2, "valid": False, **about},
        {"kind": "disqualification", **about},
        {"kind": "no-action", **about},
    ]


async def test_a_refusal_is_one_line_in_the_page_and_nothing_typed_is_lost(
    home: House, open_page: OpenPage
) -> None:
    async with open_page(home.url + PAGE) as page:
        await sit_down(page, home)
        case = page.locator("[data-incident='1']")
        await page.evaluate("window.fetch = async () => new Response('{}', { status: 503 })")
        await decide(case, "No action", "a racing incident")
        await expect(page.locator("#said")).to_have_text("The server refuses: 503")
        await expect(page.locator("#said")).to_be_in_viewport()
        await expect(case.locator(".judge input[name=why]")).to_have_value("a racing incident")


async def test_nobody_is_shut_out_of_the_stewards_page(home: House, open_page: OpenPage) -> None:
    async with open_page(home.url + PAGE, viewport={"width": 360, "height": 800}) as page:
        await sit_down(page, home)
        await decide(page.locator("[data-incident='1']"), "No action", "a racing incident")
        await expect(page.locator(".ruled")).to_have_count(1)
        for folded in await page.locator("summary").all():
            await folded.click()
        await look(page)
        small = "[...document.querySelectorAll('main :is(button, summary, select, input)')]"
        await until(page, f"{small}.filter((one) => one.offsetParent).every((one) => one.offsetHeight >= 44)")
