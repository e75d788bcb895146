"""The measuring service: /probe for a router, /probe-all for all of them in one cycle, /sd for Prometheus's discovery,
/metrics of its own, /healthz.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

import uvicorn
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporters.between import Between
from exporters.calls import CallResults
from exporters.cli_readers import CliReaders
from exporters.cycle import Cycle
from exporters.device import FRESH_SECONDS, Polled
from exporters.drift import DriftFound
from exporters.drills import Drills
from exporters.fibre_state import FibreState
from exporters.jobs import JobRuns
from exporters.logins import login
from exporters.metrics import CONTENT_TYPE, table
from exporters.shards import Shard
from exporters.throughput import ThroughputResults
from exporters.upstreams import Upstreams
from ops.catalogue.device import device
from ops.errors import OpsError
from ops.inventory.load import load
from ops.inventory.watched import Watched, WatchedPort, backbone_groups, probe_groups, watched, watched_ports
from ops.system.heap import compact, give_back, stay_small
from ops.system.open_files import raise_open_files
from ops.system.snmp import SnmpDevice
from ops.system.sockets import Socket
from ops.world import World

LOOK_SECONDS = 5.0  # how often the inventory's files are looked at
WHOLE = Shard()
More = Callable[[Callable[[], World]], Iterable[Collector]]
IN_FLIGHT = 64  # devices polled at the same time; as many again of those that were silent the last time


class Service:
    """Polls what the inventory declares. `snmp_port`: for tests that serve agents without root · `more`: collectors of
    other rooms, which are given the world as it is read now.
    """

    def __init__(
        self, world: World, snmp_port: int = 161, shard: Shard = WHOLE, more: More = lambda _world: ()
    ) -> None:
        self._world, self._snmp_port, self._shard = world, snmp_port, shard
        self._devices: dict[str, Polled] = {}
        self._cycle = Cycle([])
        self._running: asyncio.Task[str] | None = None
        self._ran = -FRESH_SECONDS
        self._by_address: dict[str, str] = {}
        self._stamp: tuple[tuple[str, int], ...] = ()
        self._looked = -LOOK_SECONDS
        self._refreshing = asyncio.Lock()
        # Waiting for the silent ones takes seconds: in a large outage they must not hold up those that answer.
        self._gate, self._silent_gate = asyncio.Semaphore(IN_FLIGHT), asyncio.Semaphore(IN_FLIGHT)
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series per counter that nobody asks for
        self.registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.registry.register(collector)
        self.registry.register(CallResults(lambda: self._world))
        self.registry.register(DriftFound(world.state))
        self.registry.register(ThroughputResults(world.state))
        self.registry.register(Drills(world.state))
        for one in more(lambda: self._world):
            self.registry.register(one)
        self.registry.register(FibreState(lambda: self._world))
        self._cli = CliReaders()
        self.registry.register(self._cli)
        self._between = Between(lambda: self._world if self._devices else None, shard)
        self.registry.register(self._between)
        self.jobs = JobRuns(world.state)
        self.registry.register(self.jobs)
        self.registry.register(Upstreams(lambda: self._world.region if self._devices else None))
        self._probes = Counter(*_told("opd_exporter_probes_total"), registry=self.registry)
        self._declared = Gauge(*_told("opd_exporter_devices"), registry=self.registry)
        self._took = Gauge(*_told("opd_exporter_cycle_seconds"), registry=self.registry)

    async def probe(self, target: str) -> str | None:
        """Prometheus text of one device by its name or management address; None when it is not declared."""
        await self._refresh()
        found = self._devices.get(self._by_address.get(target, target))
        if found is None:
            self._probes.labels("unknown").inc()
            return None
        async with self._silent_gate if found.is_beside else self._gate:
            up, text = await found.poll()
        self._probes.labels("ok" if up else "down").inc()
        return text

    async def probe_all(self) -> str:
        """Prometheus text of all devices. Those who ask at once or soon after share one cycle."""
        await self._refresh()
        fresh = self._running and (not self._running.done() or time.monotonic() - self._ran < FRESH_SECONDS)
        if not fresh or self._running is None:
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def groups(self) -> list[dict[str, object]]:
        await self._refresh()
        groups = [*probe_groups(self._world.region.opds), *backbone_groups(self._world.region)]
        if self._shard.count > 1:  # a label of discovery only: another number of shards must not rename series
            groups = [group | {"labels": _labels(group) | {"__meta_shard": str(self._shard)}} for group in groups]
        return [group for group in groups if self._shard.has(_labels(group)["device"])]

    async def metrics(self) -> bytes:
        with contextlib.suppress(OpsError):
            await self._refresh()
        return await asyncio.to_thread(
            generate_latest, self.registry
        )  # a job database that is away must not hold all up

    async def _run(self) -> str:
        text = await self._cycle.run()
        self._ran = time.monotonic()
        self._took.set(self._cycle.seconds)
        return text

    async def close(self) -> None:
        self._cli.close()
        self._between.close()
        await self._cycle.close()
        for one in self._devices.values():
            one.close()

    async def _refresh(self) -> None:
        """Look at the inventory's files now and then."""
        async with self._refreshing:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                stamp = _stamp(self._world.inventory)
                if stamp != self._stamp:
                    await self._take_up(stamp)
                self._looked = time.monotonic()

    async def _take_up(self, stamp: tuple[tuple[str, int], ...]) -> None:
        """Poll what the inventory declares now. A broken edit leaves all as it was."""
        world = dataclasses.replace(self._world)  # without what the old one has read
        try:
            region = vars(world)["region"] = await asyncio.to_thread(compact, lambda: load(world.inventory))
        except OpsError:
            if self._devices:
                return
            raise
        links: dict[str, list[Watched | WatchedPort]] = {}
        declared: list[Watched | WatchedPort] = [*watched(region.opds), *watched_ports(region)]
        for one in declared:
            if self._shard.has(one.router.name):
                links.setdefault(one.router.name, []).append(one)
        await self.close()
        self._cli.take_up(world, links)
        beside = self._cli.beside
        self._devices = {
            name: Polled(self._snmp(world, ones), ones, region.plant, echoes=not world.loopback, beside=beside(name))
            for name, ones in links.items()
        }
        self._cycle = Cycle(self._devices.values())
        self._by_address = {str(ones[0].router.address): name for name, ones in links.items()}
        self._world, self._stamp = world, stamp
        give_back()
        self._declared.set(len(links))

    def _snmp(self, world: World, links: list[Watched | WatchedPort]) -> SnmpDevice:
        router = links[0].router
        address, port = world.reach(str(router.address), self._snmp_port)
        way, patience = login(router, world.region.access, world.secrets), device(router.model).patience
        return SnmpDevice(router.name, address, way, port, patience=patience)


def application(service: Service, routes: Sequence[Route] = ()) -> Starlette:
    """The HTTP face of a service. `routes`: what others answer at the same port."""

    async def probe(request: Request) -> Response:
        text = await service.probe(request.query_params.get("target", ""))
        if text is None:
            return PlainTextResponse("no such device; /sd lists them: /probe?target=<name or address>\n", 404)
        return Response(text, media_type=CONTENT_TYPE)

    async def probe_all(_request: Request) -> Response:
        return Response(await service.probe_all(), media_type=CONTENT_TYPE)

    async def discovery(_request: Request) -> Response:
        return JSONResponse(await service.groups())

    async def metrics(_request: Request) -> Response:
        return Response(await service.metrics(), media_type=CONTENT_TYPE_LATEST)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def broken(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", 503)

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        yield
        await service.close()
        service.jobs.close()

    return Starlette(
        routes=[
            Route("/probe", probe),
            Route("/probe-all", probe_all),
            Route("/sd", discovery),
            Route("/metrics", metrics),
            Route("/healthz", health),
            *routes,
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=500, compresslevel=1)],
        exception_handlers={OpsError: broken},
        lifespan=life,
    )


def serve(
    world: World,
    listening: Socket,
    shard: Shard = WHOLE,
    more: More = lambda _world: (),
    routes: Sequence[Route] = (),
) -> None:
    """Serve on a socket that listens, until SIGTERM or SIGINT."""
    raise_open_files()
    stay_small()
    served = application(Service(world, shard=shard, more=more), routes)
    config = uvicorn.Config(served, log_level="warning", access_log=False, server_header=False)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _told(name: str) -> tuple[str, str, tuple[str, ...]]:
    """What prometheus_client wants to know of a metric of the table."""
    metric = table()[name]
    return name, metric.help, metric.labels


def _labels(group: dict[str, object]) -> dict[str, str]:
    labels = group["labels"]
    return labels if isinstance(labels, dict) else {}


def _stamp(inventory: Path) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in inventory.rglob("*.yml")))
