"""`GET /metrics`: figures of this server for Prometheus, in its own text format."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import league
from league.server.keys import BOOK
from league.server.race.lobby import Lobby
from league.server.race.pulse import LATE_S, Pulse

ANSWER_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The figures of one server; every server of a process has its own.

    What happens is counted as it happens; what stands, such as how many watch, is looked up when asked.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        about = Gauge("league_info", "The program.", ["version"], registry=self.registry)
        about.labels(league.__version__).set(1)
        self._answers = Histogram(
            "league_http_request_seconds", "Time to answer requests.", ["method", "route", "status"],
            buckets=ANSWER_S, registry=self.registry,
        )  # fmt: skip
        self._heats = Counter(
            "league_heats", "Heats that finished with a result.", ["clock"], registry=self.registry
        )
        self._laps = Counter("league_laps", "Laps that were finished.", registry=self.registry)
        self._penalties = Counter(
            "league_penalties", "Times that a car had to stand.", ["why"], registry=self.registry
        )
        self._events = Gauge("league_events", "Events by status.", ["status"], registry=self.registry)

    def attend(self, lobby: Lobby) -> None:
        """Count what happens in a lobby, and look there for what stands."""
        self.registry.register(_Standing(lobby))
        lobby.listeners.follow(self._hear)

    def answered(self, request: web.Request, status: int, took_s: float) -> None:
        """Count a request that was answered."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        method = request.method if request.method in _METHODS else "other"
        self._answers.labels(method, route, f"{status // 100}xx").observe(took_s)

    def count_events(self, statuses: Mapping[str, int]) -> None:
        """Take how many events there are by status."""
        for status in ("open", "running", "finished", "aborted"):
            self._events.labels(status).set(statuses.get(status, 0))

    def _hear(self, hook: str, what: Mapping[str, Any]) -> None:
        if hook == "on_heat_finished":
            self._heats.labels(what["result"].clock).inc()
        elif hook == "on_lap":
            self._laps.inc()
        elif hook == "on_penalty":
            self._penalties.labels(str(what["penalty"].get("why", ""))).inc()


METRICS = web.AppKey("metrics", Metrics)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class _Standing(Collector):
    """Looks at a lobby whenever Prometheus asks."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    def collect(self) -> Iterator[Any]:
        lobby = self._lobby
        paddocks = lobby.open_paddocks()
        yield _gauge("viewers", "Who watches.", sum(len(one.broadcast.viewers) for one in paddocks))
        yield _gauge("heats_running", "Heats under way.", sum(one.heat is not None for one in paddocks))
        connected = sum(len(one.connected()) for one in paddocks)
        yield _gauge("drivers_connected", "Drivers that are connected.", connected)
        yield _gauge("scrutineers_queue", "Models that wait to be looked at.", lobby.scrutineers.waiting)
        yield _gauge("news_queue", "News that plugins have not been told yet.", lobby.listeners.waiting)
        yield _counter("news_dropped", "News that plugins were too slow for.", lobby.listeners.dropped)
        sent = sum(one.broadcast.sent for one in paddocks)
        yield _counter("viewer_messages", "Messages handed to viewers.", sent)
        yield _counter("ticks", "Ticks driven in heats.", lobby.pulse.ticks)
        yield _lateness(lobby.pulse)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"league_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"league_{name}", about, value=value)


def _lateness(pulse: Pulse) -> HistogramMetricFamily:
    found = HistogramMetricFamily(
        "league_tick_late_seconds", "How late ticks opened, in heats that keep real time."
    )
    edges = [*(str(edge) for edge in LATE_S), "+Inf"]
    below = 0
    buckets = []
    for edge, count in zip(edges, pulse.buckets, strict=True):
        below += count
        buckets.append((edge, below))
    found.add_metric([], buckets, pulse.late_s)
    return found


@web.middleware
async def timed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Measure how long answers take; what stays open for hours is left out."""
    began_s = time.perf_counter()
    status = 500
    try:
        answer = await handler(request)
        status = answer.status
        if not isinstance(answer, web.Response):
            return answer
    except web.HTTPException as error:
        status = error.status
        request.app[METRICS].answered(request, status, time.perf_counter() - began_s)
        raise
    request.app[METRICS].answered(request, status, time.perf_counter() - began_s)
    return answer


def add_metrics(app: web.Application) -> None:
    """Let an application count, and give it `GET /metrics`; it must hold `LOBBY` when it runs."""
    app[METRICS] = Metrics()
    app.middlewares.insert(0, timed)
    app.router.add_get("/metrics", show)


async def show(request: web.Request) -> web.Response:
    """Every figure as Prometheus reads it."""
    metrics = request.app[METRICS]
    statuses: dict[str, int] = {}
    for record in await request.app[BOOK].events():
        statuses[record.status] = statuses.get(record.status, 0) + 1
    metrics.count_events(statuses)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    body = encode(metrics.registry)
    return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
