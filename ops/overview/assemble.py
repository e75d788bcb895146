"""Region + what was read → Overview. Pure: the same facts give the same overview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ops.inventory.model import Region
from ops.inventory.watched import watched
from ops.overview import glass, links, offices, problems, protection, servers
from ops.overview.facts import FRESH, FRESH_OWN, Facts
from ops.overview.model import (
    Glass,
    Headline,
    LinkView,
    NodeView,
    OfficeView,
    Overview,
    RunView,
    SegmentView,
)
from ops.overview.state import UNKNOWN, Figure, State, aged, unknown, worst
from ops.runs.calendar import next_tick
from ops.texts import mark

NEXT = 5  # scheduled jobs that are told
NOT_SEEN, IS_CUT = mark("nobody is seen to cross every segment"), mark("a segment is cut")


def overview(region: Region, facts: Facts) -> Overview:
    """Everything at `facts.now`."""
    judged = glass.judge(region, facts, _standing(region, facts))
    every = _links(region, facts, judged)
    own_segments = glass.segments(region, judged, every)
    own_offices = tuple(offices.office(opd, every, facts) for opd in region.opds)
    own_servers = servers.servers(region, facts)
    sources = facts.sources()
    return Overview(
        region=region.name,
        code=region.code,
        timezone=region.timezone,
        now=facts.now,
        headline=_headline(region, facts, own_offices, own_segments),
        sources=sources,
        offices=own_offices,
        segments=own_segments,
        nodes=tuple(NodeView(one.name, one.kind, one.kecamatan or "", one.location) for one in region.plant.nodes),
        servers=own_servers,
        calls=facts.calls.value or (),
        drills=facts.drills.value or (),
        problems=problems.problems(facts, sources, own_offices, own_segments, own_servers),
        jobs=facts.runs.source("", facts.now).state,
        running=facts.runs.value or (),
        next_runs=upcoming(region, facts.now),
    )


def _standing(region: Region, facts: Facts) -> dict[str, State]:
    return {
        f"{one.opd.code}/{one.link.name}": links.is_up(facts, (one.router.name, one.link.ifname)).state
        for one in watched(region.opds)
    }


def _links(region: Region, facts: Facts, judged: glass.Judged) -> dict[str, LinkView]:
    floors = links.FLOORS.of(region)
    found = {}
    for one in watched(region.opds):
        name = f"{one.opd.code}/{one.link.name}"
        found[name] = links.view(one, floors[name], facts, judged.behind.get(name, ""))
    return found


def _headline(
    region: Region, facts: Facts, all_offices: Sequence[OfficeView], all_segments: Sequence[SegmentView]
) -> Headline:
    sets = [one for office in all_offices for one in office.sets]
    rto, rpo = protection.last_drill(facts)
    return Headline(
        offices=offices.up(all_offices),
        cut=_cut(all_segments, facts),
        phones=offices.phones(all_offices),
        call=offices.calls(facts),
        backup=protection.oldest(sets) or UNKNOWN,
        coverage=protection.coverage(region, facts),
        rto=rto,
        rpo=rpo,
        data=_data(facts),
    )


def _cut(segments: Sequence[SegmentView], facts: Facts) -> Figure:
    """Segments that are cut or suspect. None at all is good only when every segment is seen to be whole."""
    count = sum(one.glass in {Glass.CUT, Glass.SUSPECT} for one in segments)
    state = worst(one.state for one in segments)
    at = min((one.at for one in segments if one.at is not None), default=None)
    if state is not State.BAD and at is None:
        return unknown(NOT_SEEN, float(len(segments)))
    why = IS_CUT if count else "" if state is State.OK else NOT_SEEN
    return aged(Figure(state, float(count), at, why, float(len(segments))), facts.now, FRESH_OWN)


def _data(facts: Facts) -> Figure:
    """The age of what routers told."""
    told = facts.ports
    if told.at is None:
        return unknown(told.why, FRESH)
    return aged(Figure(State.OK, facts.now - told.at, told.at, "", FRESH), facts.now, FRESH)


def upcoming(region: Region, now: float) -> tuple[RunView, ...]:
    """What the calendar will ask for, soonest first."""
    moment = datetime.fromtimestamp(now, UTC)
    found = [
        RunView("", schedule.job, "scheduled", tick.timestamp(), schedule.name)
        for schedule in region.schedules
        if (tick := next_tick(schedule, moment))
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.who))[:NEXT])
