"""Servers, and what differs on them from what the last run left. Pure."""

from __future__ import annotations

from ops.inventory.model import Region, Server
from ops.overview.facts import FRESH_OWN, Drifted, Facts
from ops.overview.model import ServerView
from ops.overview.protection import DAY
from ops.overview.state import Figure, State, unknown
from ops.texts import mark

SWEEP_FRESH = 26 / 24 * DAY  # as the alert DriftSweepOverdue
NEVER_SWEPT, NOT_LOOKED_AT = mark("never looked at"), mark("it could not be looked at")
DIFFERS, LONG_AGO = mark("not as the last run left it"), mark("not looked at for a day")


def servers(region: Region, facts: Facts) -> tuple[ServerView, ...]:
    return tuple(_server(one, facts) for one in region.servers)


def _server(one: Server, facts: Facts) -> ServerView:
    told = facts.drift
    found = told.value.get(one.name) if told.value is not None else None
    if found is None:
        figure = unknown(told.why or NEVER_SWEPT)
    elif told.at is None or facts.now - told.at > FRESH_OWN:
        figure = Figure(State.STALE, _count(found), found.at, told.why)
    else:
        figure = _judged(found, facts.now)
    scopes = tuple(sorted(found.by_scope.items())) if found else ()
    return ServerView(one.name, str(one.address), one.groups, figure, scopes)


def _judged(found: Drifted, now: float) -> Figure:
    count = _count(found)
    if now - found.at > SWEEP_FRESH:
        return Figure(State.STALE, count, found.at, LONG_AGO)
    if count:
        return Figure(State.WARN, count, found.at, DIFFERS)
    return (
        Figure(State.UNKNOWN, None, found.at, NOT_LOOKED_AT) if found.unknown else Figure(State.OK, 0.0, found.at, "")
    )


def _count(found: Drifted) -> float:
    return float(sum(found.by_scope.values()))
