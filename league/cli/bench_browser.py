"""Measures how evenly pages move in a headless browser: a race of eight, and boards of thousands of rows.

Needs Playwright and a Chromium, which only those have who work on the project.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from league.cli.bench_standings import EVENT, fill
from league.errors import ConfigError
from league.hooks.catalogue import League
from league.racing.plan import EntryPlan, EventPlan
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.keys import LOBBY
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventOptions

CARS: Final = 8
WINDOWS: Final = ((1280, 720), (360, 640))
LAPS: Final = 100
WARM_UP_MS: Final = 2000
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
FRAMES: Final = """async ({ ms, scrolls }) => {
  const stamps = [], long = [];
  const watch = new PerformanceObserver((seen) => long.push(...seen.getEntries().map((one) => one.duration)));
  watch.observe({ type: "longtask" });
  const began = performance.now();
  await new Promise((done) => {
    const step = (now) => {
      stamps.push(now);
      if (scrolls) scrollBy(0, 40);
      now - began < ms ? requestAnimationFrame(step) : done();
    };
    requestAnimationFrame(step);
  });
  watch.disconnect();
  return { stamps, long };
}"""

Row = dict[str, Any]


async def measure(seconds: float, *, entries: int, tell: Callable[[str], None]) -> list[Row]:
    """Open the pages and time every frame.

    Gives rows with `what`, `median_ms` and `p95_ms` between frames, `frames`, and `longest_task_ms`: the
    longest piece of work that kept the page from answering, 0 where none took more than 50 ms.

    Raises:
        ConfigError: There is no Playwright, or no Chromium.
    """
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        raise ConfigError("no Playwright is installed; expected pip install 'racing-league[dev]'") from None
    path = os.environ.get("LEAGUE_CHROMIUM") or shutil.which("chromium")
    if not path:
        raise ConfigError("no Chromium was found; install one, or say where it is in LEAGUE_CHROMIUM")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="league-bench-") as folder:
        where = f"{folder}/crowd.sqlite"
        await fill(where, entries, 3 * entries, tell)
        async with await RecordBook.open(where) as book:
            app = create_app(League(), book, Settings(port=0))
            async with serving(app, host="127.0.0.1", port=0) as url, async_playwright() as playwright:
                await app[LOBBY].create(_race(), EventOptions(pace=1.0))
                await app[LOBBY].start("race")
                browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
                pages = (
                    (f"live race of {CARS}", "/live/race", False),
                    (f"board of {entries:,}, scrolled", f"/events/{EVENT}?size=500", True),
                    (f"search in {entries:,}", f"/events/{EVENT}?size=500&q=7&sort=fastest&turned=1", True),
                )
                for what, address, scrolls in pages:
                    for width, height in WINDOWS:
                        tell(f"{what}, {width} × {height} ...")
                        page = await browser.new_page(viewport={"width": width, "height": height})
                        await page.goto(url + address)
                        await page.wait_for_timeout(WARM_UP_MS)
                        asked = {"ms": 1000 * seconds, "scrolls": scrolls}
                        rows.append(_row(f"{what}, {width} × {height}", await page.evaluate(FRAMES, asked)))
                        await page.close()
                await browser.close()
                await app[LOBBY].abort("race")
    return rows


def _race() -> EventPlan:
    """Eight cars on one grid, for longer than anybody measures."""
    return EventPlan(
        id="race",
        name="Race",
        circuit="a-to-z-speedway",
        format="head-to-head",
        grid_size=CARS,
        rules=Rules.parse({"laps": LAPS}),
        entries=tuple(
            EntryPlan(id=f"car-{n}", name=f"Car {n}", agent=("pure-pursuit", "tutorial")[n % 2])
            for n in range(CARS)
        ),
    )


def _row(what: str, seen: Any) -> Row:
    stamps: list[float] = seen["stamps"]
    gaps = [after - before for before, after in pairwise(stamps)]
    return {
        "what": what,
        "median_ms": statistics.median(gaps),
        "p95_ms": statistics.quantiles(gaps, n=20)[-1],
        "frames": len(gaps),
        "longest_task_ms": max(seen["long"], default=0.0),
    }
