"""A service names a web host and backup sets of its own office, of the right kinds, and has a name of its own."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Opd, Region, Service
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import services


def check(region: Region) -> Iterable[Finding]:
    for opd, service in services(region):
        yield from _names(opd, service)
        yield from _sets(opd, service)


def _names(opd: Opd, service: Service) -> Iterable[Finding]:
    webs = {web.name for web in opd.web}
    if service.web not in webs:
        hint = nearest_or_all(service.web, webs, "web host")
        yield Finding(service, "web", f"{service.web} is no web host of this office", hint)
    taken = [one.name for one in opd.services] + [kept.name for kept in opd.backup]
    if taken.count(service.name) > 1:
        yield Finding(
            service, "name", f"{service.name} is another service or a backup set", "give it a name of its own"
        )


def _sets(opd: Opd, service: Service) -> Iterable[Finding]:
    kinds = {kept.name: kept.kind for kept in opd.backup}
    for key, name, kind in (("files", service.files, "files"), ("database", service.database, "postgresql")):
        if name is None:
            continue
        if name not in kinds:
            hint = nearest_or_all(name, set(kinds), "backup set")
            yield Finding(service, key, f"{name} is no backup set of this office", hint)
        elif kinds[name] != kind:
            yield Finding(service, key, f"{name} is a set of {kinds[name]}", f"name one of kind {kind}")
