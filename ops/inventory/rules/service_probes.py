"""A service is asked something, and every question is a page or a query that it can answer."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Probe, Region, Service
from ops.inventory.walk import services


def check(region: Region) -> Iterable[Finding]:
    for _, service in services(region):
        if not service.probes:
            yield Finding(service, "probes", "nothing is asked of this service", "name a page: {path: /, expect: …}")
        for probe in service.probes:
            yield from _form(service, probe)
        if service.newest and service.database is None:
            yield Finding(service, "newest", "there is no database to ask", "name its backup set: database: …")


def _form(service: Service, probe: Probe) -> Iterable[Finding]:
    if bool(probe.path) == bool(probe.sql):
        yield Finding(probe, "path", "a probe asks for a page or by a query", "write path, or sql")
    elif probe.path and (not probe.path.startswith("/") or any(char.isspace() for char in probe.path)):
        yield Finding(
            probe, "path", f"{probe.path!r} is no path of a page", "it begins with / and holds no space (%20)"
        )
    elif probe.sql and service.database is None:
        yield Finding(probe, "sql", "there is no database to ask", "name its backup set: database: …")
