"""The plant now: what is seen, what explains it, margins and trends. For `ops fibre status` and for /metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from exporters.fibre_read import histories, measured, prometheus_of, values_now
from exporters.read import Value
from ops.errors import HostFailedError
from ops.fibre.budget import crossed, link_budget
from ops.fibre.evidence import Roads, judge
from ops.fibre.health import Cause, Dimming, Margin, dimming, dimming_segments, margin
from ops.fibre.locate import Diagnosis, locate
from ops.fibre.paths import route
from ops.fibre.riders import Seen, Sight, of_region
from ops.inventory.model import Link, Region
from ops.inventory.watched import Watched, watched
from ops.system.trace import Trace, trace
from ops.world import World


@dataclass(frozen=True)
class View:
    """`source`: who told the values · `margins`, `dimmings`: by `<opd>/<link>`, where there is light."""

    source: str
    sights: Mapping[str, Sight]
    found: Diagnosis
    margins: Mapping[str, Margin]
    dimmings: Mapping[str, tuple[Dimming, ...]] = field(default_factory=dict)


def look(world: World, *, ways: bool = True, trends: bool = True) -> View:
    """The plant now. `ways`: look which way packets go · `trends`: read the history too. HostFailedError: no values."""
    values, source = values_now(world)
    traces = trace_ways(world.region, judged(world.region, values)) if ways else {}
    view = view_of(world.region, values, traces, source)
    return replace(view, dimmings=dimmings_of(world, watched(world.region.opds), view.margins)) if trends else view


def dimmings_of(
    world: World, links: Iterable[Watched], margins: Mapping[str, Margin]
) -> dict[str, tuple[Dimming, ...]]:
    """What falls for good, by `<opd>/<link>`, of those with a history (empty: nothing falls). Nothing without
    Prometheus."""
    chosen = [one for one in links if _name(one) in margins]
    prometheus = prometheus_of(world)
    try:
        past = histories(prometheus, [one.link for one in chosen]) if prometheus else {}
    except HostFailedError:
        return {}
    found = {}
    for one in chosen:
        if history := past.get((one.link.router, one.link.ifname)):
            found[_name(one)] = dimming(history, margins[_name(one)].floor)
    return found


def judged(region: Region, values: list[Value]) -> dict[str, Sight]:
    return {name: judge(one) for name, one in measured(region, values).items()}


def view_of(region: Region, values: list[Value], traces: Mapping[str, Trace], source: str) -> View:
    """`traces`: see `trace_ways`."""
    facts = measured(region, values)
    sights = {name: judge(one) for name, one in facts.items()}
    roads, links = Roads(region.plant), {_name(one): one.link for one in watched(region.opds)}
    for name in links.keys() & sights.keys():
        if way := traces.get(_class(links[name])):
            sights[name] = roads.on_its_way(links[name], sights[name], way.hops)
    found = locate(of_region(region), sights)
    margins: dict[str, Margin] = {}
    for name, link in links.items():
        if name in facts and facts[name].received is not None:
            rides = _rides(region, link, sights[name], found)
            left = margin(facts[name], link_budget(link, crossed(region.plant, link, rides)))
            margins |= {name: left} if left else {}
    return View(source, sights, found, margins)


def trace_ways(region: Region, sights: Mapping[str, Sight]) -> dict[str, Trace]:
    """Which way lit links go. Links of one node that ride on the same segments share one trace, so routers, which
    answer few such packets, are asked little."""
    asked: dict[str, str] = {}
    for one in watched(region.opds):
        lit = sights.get(_name(one), Sight(Seen.UNKNOWN)).seen is Seen.LIT
        if lit and one.link.protected and one.link.rides:
            asked.setdefault(_class(one.link), str(one.link.address.ip))
    found = trace(asked.values())
    return {key: _from_here(found[address], found.values()) for key, address in asked.items()}


def _from_here(one: Trace, others: Iterable[Trace]) -> Trace:
    """All ways leave this station by the same first router, which does not answer everybody who asks at once."""
    first = {other.hops[0] for other in others if other.hops and other.hops[0]}
    if not one.hops or one.hops[0] or len(first) != 1:
        return one
    return replace(one, hops=(*first, *one.hops[1:]))


def _class(link: Link) -> str:
    """Equal for links that go the same way."""
    return " ".join((link.drop.node, *link.rides))


def _name(one: Watched) -> str:
    return f"{one.opd.code}/{one.link.name}"


def _rides(region: Region, link: Link, sight: Sight, found: Diagnosis) -> tuple[str, ...]:
    """The segments that a link rides on now, as far as that is known."""
    if sight.seen is not Seen.DETOUR:
        return link.rides
    cut = {name for one in found.incidents for name in one.likeliest.segments}
    try:
        way = route(region.plant, link, cut)
    except ValueError:
        return link.rides
    return way.names if way else link.rides


def dimming_together(region: Region, dimmings: Mapping[str, tuple[Dimming, ...]]) -> Diagnosis:
    """The segments on which links lose light together; `own`: links that dim by themselves. See `dimming_segments`.

    A link whose far end's module is seen to fade says nothing of the glass.
    """
    slopes = {
        name: min((one.slope for one in many if one.cause is not Cause.MODULE), default=0.0)
        for name, many in dimmings.items()
        if all(one.cause is not Cause.FAR_MODULE for one in many)
    }
    return dimming_segments(of_region(region), slopes)


def dim_segments(region: Region, dimmings: Mapping[str, tuple[Dimming, ...]]) -> dict[str, str]:
    """Link → the segment on which it loses light together with others; links that dim by themselves are absent."""
    found: dict[str, str] = {}
    if sum(any(one.days is not None for one in many) for many in dimmings.values()) < 2:  # noqa: PLR2004 # together
        return found
    rides = of_region(region).riders
    for incident in dimming_together(region, dimmings).incidents:
        for segment in incident.likeliest.segments:
            names = [name for name in incident.dark if segment in rides[name].rides]
            if len(names) > 1:
                found |= dict.fromkeys(names, segment)
    return found
