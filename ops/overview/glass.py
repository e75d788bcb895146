"""The fibre plant's segments: what the exporter judged, and the same localisation over what routers tell right now.

The exporter goes by Prometheus and traces the ways of packets, so it knows more, half a minute later; what routers tell
shows a cut at once. A segment is whole only when something is seen to cross it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.fibre.locate import Diagnosis, locate
from ops.fibre.riders import Riders, Seen, Sight, of_region
from ops.inventory.model import Region, Segment
from ops.overview import readings as r
from ops.overview.facts import FRESH, FRESH_OWN, Facts
from ops.overview.model import Glass, LinkView, SegmentView
from ops.overview.readings import Readings
from ops.overview.state import State

CUT_SURE = 0.5
CUT_MAYBE = 0.15  # as the alert FibreSegmentCut
_SEEN = {State.OK: Seen.LIT, State.BAD: Seen.DARK}
_STATES = {Glass.WHOLE: State.OK, Glass.CUT: State.BAD, Glass.SUSPECT: State.BAD, Glass.UNKNOWN: State.UNKNOWN}


@dataclass(frozen=True)
class Judged:
    """`suspects`: segment → how likely it is cut · `behind`: link → the segment that darkens it · `at`: of the oldest
    reading that it rests on, None when there is none."""

    suspects: Mapping[str, float] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    behind: Mapping[str, str] = field(default_factory=dict)
    at: float | None = None


def judge(region: Region, facts: Facts, up: Mapping[str, State]) -> Judged:
    """`up`: how every link (`<opd>/<link>`) stands. What both say is joined; nothing suspected is whole."""
    mine, theirs = _mine(region, facts, up), _theirs(region, facts)
    suspects = {
        name: max(one.suspects.get(name, 0.0) for one in (mine, theirs)) for name in {*mine.suspects, *theirs.suspects}
    }
    times = [one.at for one in (mine, theirs) if one.at is not None]
    # what the exporter saw whole half a minute ago is believed while routers are heard
    fresh = facts.ports.at is not None and facts.now - facts.ports.at <= FRESH
    doubtful = {name for name, share in suspects.items() if share >= CUT_MAYBE}
    whole = (mine.whole | (theirs.whole if fresh else frozenset())) - doubtful
    return Judged(suspects, whole, {**theirs.behind, **mine.behind}, max(times, default=None))


def _mine(region: Region, facts: Facts, up: Mapping[str, State]) -> Judged:
    """By what routers tell now, where that is fresh."""
    sights = {name: Sight(_SEEN[state]) for name, state in up.items() if state in _SEEN}
    sights |= _ports(region, facts)
    if not sights:
        return Judged()
    found = locate(_riders(region), sights)
    return Judged(found.suspects, found.whole, _behind(found), facts.ports.at)


def _riders(region: Region) -> Riders:
    return of_region(region)


def _ports(region: Region, facts: Facts) -> dict[str, Sight]:
    """Backbone ports that are measured."""
    found: dict[str, Sight] = {}
    told = facts.ports.value or Readings()
    for segment in region.plant.segments:
        for port in segment.ports:
            reading = told.port(r.PORT_UP, port.device, port.ifname)
            if reading and facts.now - reading.at <= FRESH_OWN:
                found[f"{port.device} {port.ifname}"] = Sight(Seen.LIT if reading.value == 1 else Seen.DARK)
    return found


def _behind(found: Diagnosis) -> dict[str, str]:
    return {
        name: incident.likeliest.segments[0]
        for incident in found.incidents
        if incident.likeliest.segments
        for name in incident.behind_cut
    }


def _theirs(region: Region, facts: Facts) -> Judged:
    """By the exporter, where it has judged just now."""
    told = facts.own.value or Readings()
    judged = next(iter(told.by_name.get(r.JUDGED, ())), None)
    if judged is None or facts.now - judged.value > FRESH_OWN or facts.now - judged.at > FRESH_OWN:
        return Judged()
    names = {
        (link.router, link.ifname): f"{opd.code}/{link.name}" for opd in region.opds for link in opd.links
    }  # their labels join a series to a link
    behind = {}
    for one in told.by_name.get(r.BEHIND, ()):
        name = names.get((one.labels.get("device", ""), one.labels.get("ifname", "")))
        if name:
            behind[name] = one.labels.get("segment", "")
    suspects = {one.labels.get("segment", ""): one.value for one in told.by_name.get(r.SUSPECT, ())}
    whole = frozenset(one.labels.get("segment", "") for one in told.by_name.get(r.WHOLE, ()) if one.value == 1)
    return Judged(suspects, whole, behind, judged.value)


def segments(region: Region, judged: Judged, links: Mapping[str, LinkView]) -> tuple[SegmentView, ...]:
    """Every segment as it is known, with whom its cut hits."""
    return tuple(_segment(one, judged, links) for one in region.plant.segments)


def _segment(one: Segment, judged: Judged, links: Mapping[str, LinkView]) -> SegmentView:
    share = judged.suspects.get(one.name, 0.0)
    glass = _glass(one.name, share, judged)
    hit = glass in {Glass.CUT, Glass.SUSPECT}
    dark = sorted({name.partition("/")[0] for name, segment in judged.behind.items() if hit and segment == one.name})
    round_about = {
        name.partition("/")[0] for name, link in links.items() if hit and link.detour and one.name in link.rides
    }
    return SegmentView(
        one.name, one.between, one.km, one.ring or "", one.owner, glass, _STATES[glass], judged.at, share,
        tuple(dark), tuple(sorted(round_about - set(dark))),
    )  # fmt: skip


def _glass(name: str, share: float, judged: Judged) -> Glass:
    if share >= CUT_SURE:
        return Glass.CUT
    if share >= CUT_MAYBE or name in judged.behind.values():  # whose own trouble is not told has a segment that is
        return Glass.SUSPECT
    return Glass.WHOLE if name in judged.whole else Glass.UNKNOWN
