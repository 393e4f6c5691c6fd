"""The home page: what there is, and who won."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
from house import House, Peer


async def test_the_home_page_names_the_first_three_of_what_is_over(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    await home.create()
    ada = await peer("Ada <3").join()
    async with http.get(home.url) as answer:
        assert "Ada" not in await answer.text()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()
    async with http.get(home.url) as answer:
        results = (await answer.text()).partition("Results")[2]
    assert "<bdi>Ada &lt;3</bdi>" in results
