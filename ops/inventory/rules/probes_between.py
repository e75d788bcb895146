"""The way between two offices is measured once, and only where the first one's router can send echo requests."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.known import pinging_models
from ops.inventory.model import Opd, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.watched import watched

_LEAST_SECONDS = 30.0  # each time is a login on a router


def check(region: Region) -> Iterable[Finding]:
    probes = region.probes
    if probes.between and probes.every < _LEAST_SECONDS:
        what = f"{probes.every:g} s is less than {_LEAST_SECONDS:g} s"
        yield Finding(probes, "every", what, "routers are logged in to that often: write 30s or more")
    known = {opd.code: opd for opd in region.opds}
    seen: dict[frozenset[str], int] = {}
    for number, pair in enumerate(probes.between):
        key, first = f"between.{number}", seen.setdefault(frozenset(pair), number)
        if pair[0] == pair[1]:
            yield Finding(probes, key, f"{pair[0]} is measured to itself", "name two offices")
        elif first != number:
            what = f"{pair[0]} and {pair[1]} are measured already (between[{first}])"
            yield Finding(probes, key, what, "a round trip is the same from either end: leave one out")
        for place, code in enumerate(pair):
            if code in known:
                yield from _office(region, f"{key}.{place}", known[code], sends=place == 0)
            else:
                hint = nearest_or_all(code, known, "office")
                yield Finding(probes, f"{key}.{place}", f"{code} is no declared office", hint)


def _office(region: Region, key: str, opd: Opd, *, sends: bool) -> Iterable[Finding]:
    end = next(watched((opd,)), None)
    if end is None:
        yield Finding(region.probes, key, f"{opd.code} has no link with a router", "declare it, or leave the pair out")
    elif sends and end.router.model not in pinging_models():
        what = f"{end.router.name} is a {end.router.model}, of which no ping command is known"
        models = ", ".join(sorted(pinging_models()))
        yield Finding(region.probes, key, what, f"turn the pair round, if the other is one of {models}")
