"""Short ways over a Region that several rules take."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from ipaddress import IPv4Network
from typing import NamedTuple

from ops.inventory.finding import Finding
from ops.inventory.model import (
    BackboneDevice,
    BackupSet,
    Declared,
    Group,
    Link,
    Menu,
    Opd,
    Phone,
    Region,
    Router,
    Schedule,
    Service,
    WebHost,
)


def links(region: Region) -> Iterator[tuple[Opd, Link]]:
    return ((opd, link) for opd in region.opds for link in opd.links)


def routers(region: Region) -> Iterator[tuple[Opd, Router]]:
    return ((opd, router) for opd in region.opds for router in opd.routers)


def polled(region: Region) -> Iterator[Router | BackboneDevice]:
    """Everything that is asked over SNMP."""
    yield from (router for _, router in routers(region))
    yield from region.plant.devices


def phones(region: Region) -> Iterator[tuple[Opd, Phone]]:
    return ((opd, phone) for opd in region.opds if opd.phones for phone in opd.phones.extensions)


def numbers(region: Region) -> Iterator[tuple[Opd, Phone | Group | Menu]]:
    """Everything that has a number of an office's range: extensions, groups, menus."""
    return ((opd, thing) for opd in region.opds if opd.phones for thing in opd.phones.taken)


def webs(region: Region) -> Iterator[tuple[Opd, WebHost]]:
    return ((opd, web) for opd in region.opds for web in opd.web)


def backups(region: Region) -> Iterator[tuple[Opd, BackupSet]]:
    return ((opd, kept) for opd in region.opds for kept in opd.backup)


def services(region: Region) -> Iterator[tuple[Opd, Service]]:
    return ((opd, service) for opd in region.opds for service in opd.services)


def named_in(schedule: Schedule, key: str) -> Iterator[tuple[str, str]]:
    """Each word of that argument (one text or a list), with the key that it stands under."""
    words = schedule.args.get(key, ())
    if isinstance(words, str):
        yield f"args.{key}", words
    else:
        yield from ((f"args.{key}.{at}", word) for at, word in enumerate(words))


class Claim(NamedTuple):
    """`thing.key` says that `value` is its own; `owner` is how a person calls the thing."""

    value: Hashable
    thing: Declared
    key: str
    owner: str


def claimed_twice(claims: Iterable[Claim], hint: str) -> Iterator[Finding]:
    """A finding for every claim on a value that another thing has claimed before."""
    first: dict[Hashable, Claim] = {}
    for claim in claims:
        holder = first.setdefault(claim.value, claim)
        if holder is not claim:
            what = f"{claim.value} already belongs to {holder.owner} ({holder.thing.line})"
            yield Finding(claim.thing, claim.key, what, hint)


class Span(NamedTuple):
    """`thing.key` takes every number from `first` to `last`; `text` is how it was written."""

    first: int
    last: int
    thing: Declared
    key: str
    owner: str
    text: str


def network_span(network: IPv4Network, thing: Declared, key: str, owner: str) -> Span:
    first = int(network.network_address)
    return Span(first, first + network.num_addresses - 1, thing, key, owner, str(network))


def overlapping(spans: Iterable[Span], hint: str) -> Iterator[Finding]:
    """A finding for every span that begins inside an earlier one. O(n log n)."""
    widest: Span | None = None
    for span in sorted(spans, key=lambda one: (one.first, -one.last, one.owner)):
        if widest and span.first <= widest.last:
            what = f"{span.text} overlaps {widest.text} of {widest.owner} ({widest.thing.line})"
            yield Finding(span.thing, span.key, what, hint)
        if widest is None or span.last > widest.last:
            widest = span
