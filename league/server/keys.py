"""The typed keys under which the application keeps what requests need."""

from __future__ import annotations

from aiohttp import web

from league.hooks.catalogue import League
from league.server.door.auth import Doorkeeper
from league.server.race.lobby import Lobby
from league.server.race.settings import Settings
from league.server.rest.standings import Standings
from league.store.book import RecordBook

LEAGUE: web.AppKey[League] = web.AppKey("league", League)
BOOK: web.AppKey[RecordBook] = web.AppKey("book", RecordBook)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
LOBBY: web.AppKey[Lobby] = web.AppKey("lobby", Lobby)
DOORKEEPER: web.AppKey[Doorkeeper] = web.AppKey("doorkeeper", Doorkeeper)
STANDINGS: web.AppKey[Standings] = web.AppKey("standings", Standings)
