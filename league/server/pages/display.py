"""How a page is to be shown, as its address asks: theme, frame, overlay, scrolling and a QR code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import segno
from aiohttp import web
from markupsafe import Markup
from yarl import URL

from league.server.door.auth import is_secure

OPTIONS: Final = ("theme", "scroll", "qr", "embed", "overlay", "delay")
LONGEST: Final = 500
"""Characters of an address that still make a code which a phone reads from across a room."""


@dataclass(frozen=True, slots=True)
class Display:
    """What every page knows of its display.

    Args:
        theme: "light" or "dark"; empty for what the viewer's system says.
        embed: Whether it stands in another page's frame, and shows no head of its own.
        overlay: Whether it lies over a video: nothing behind it, and only the board or the timing.
        scrolls: Whether it scrolls by itself.
        code: A QR code of the address, without these options; empty where none was asked for.
        address: The address in that code.
    """

    theme: str = ""
    embed: bool = False
    overlay: bool = False
    scrolls: bool = False
    code: str = ""
    address: str = ""


def read_display(request: web.Request) -> Display:
    """How the address wants its page to be shown."""
    query = request.query
    theme = query.get("theme", "")
    address = _plain(request) if _is_on(query.get("qr")) else ""
    return Display(
        theme=theme if theme in ("light", "dark") else "",
        embed=_is_on(query.get("embed")),
        overlay=_is_on(query.get("overlay")),
        scrolls=_is_on(query.get("scroll")),
        code=_code(address) if address else "",
        address=address,
    )


def _is_on(text: str | None) -> bool:
    return text is not None and text != "0"


def _plain(request: web.Request) -> str:
    """The page's own address without what is only about its display."""
    try:
        url = URL.build(
            scheme="https" if is_secure(request) else "http", authority=request.host,
            path=request.rel_url.path,
            query=[(name, value) for name, value in request.query.items() if name not in OPTIONS],
        )  # fmt: skip
    except ValueError:  # whoever asked calls us by a name that is none
        return ""
    return str(url)[:LONGEST]


def _code(address: str) -> Markup:
    """The code as part of a page: dark on light in every theme, or readers fail."""
    made = segno.make(address, error="m", micro=False)
    drawn = made.svg_inline(border=2, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return Markup(drawn)  # noqa: S704 - the code holds rectangles only, never the address itself
