"""The pages' own files: read once, served from memory under an address that changes with them.

The address holds a fingerprint of all files, so browsers may keep them for ever, and modules that import
each other by relative names stay a matching set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from aiohttp import web

TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
OWN: Final = files("league.server") / "static"
KEEP_S: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Assets:
    """Every static file of a folder by name, with the fingerprint of them all."""

    content: dict[str, bytes]
    version: str
    root: str
    """The address below which they are found."""

    @classmethod
    def read(cls, folder: Path | Traversable = OWN, root: str = "/static") -> Assets:
        """Read the files of a folder, by default those that come with the package."""
        names = sorted(file.name for file in folder.iterdir() if file.name.rpartition(".")[2] in TYPES)
        content = {name: (folder / name).read_bytes() for name in names}
        digest = hashlib.sha256()
        for name, data in content.items():
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
        return cls(content, digest.hexdigest()[:12], root)

    def address(self, name: str) -> str:
        """Where a file is found; raises KeyError for one that does not exist."""
        if name not in self.content:
            raise KeyError(name)
        return f"{self.root}/{self.version}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """`GET ROOT/{version}/{name}`: a file; under an old address the present one, not to be kept."""
        name = request.match_info["name"]
        data = self.content.get(name)
        if data is None:
            raise web.HTTPNotFound
        current = request.match_info["version"] == self.version
        headers = {
            "Content-Type": TYPES[name.rpartition(".")[2]],
            "Cache-Control": f"public, max-age={KEEP_S}, immutable" if current else "no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=data, headers=headers)
