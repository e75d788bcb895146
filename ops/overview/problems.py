"""What is wrong, causes first and their effects folded into them, joined with what Alertmanager holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ops.overview.facts import FRESH_OWN, ROUTERS, Alert, Facts
from ops.overview.links import SOON_DAYS
from ops.overview.model import (
    CallView,
    Glass,
    OfficeView,
    Problem,
    SegmentView,
    ServerView,
    SetView,
    Source,
    Trouble,
)
from ops.overview.offices import CALL_FRESH
from ops.overview.readings import EXCHANGE_UP, Readings
from ops.overview.state import State, worst_of

_URGENT = {State.BAD: 0, State.WARN: 1, State.STALE: 2, State.UNKNOWN: 3, State.OK: 4}
_WRONG = {State.WARN, State.BAD}
_ORDER = list(Trouble)
_ALERTS = {  # what an alert is called here, and the label that names its subject
    "FibreSegmentCut": (Trouble.CUT, "segment"),
    "OfficeUnreachable": (Trouble.DOWN, "opd"),
    "OfficeFibreDark": (Trouble.DOWN, "opd"),
    "OfficeLinkDown": (Trouble.DOWN, "opd"),
    "OfficeLightLow": (Trouble.DIM, "opd"),
    "FibreMarginLow": (Trouble.DIM, "opd"),
    "FibreDimming": (Trouble.DIM, "opd"),
    "HostDrifted": (Trouble.DRIFT, "host"),
    "OfficeDownloadNearContract": (Trouble.USE, "opd"),
    "OfficeUploadNearContract": (Trouble.USE, "opd"),
    "TestCallBad": (Trouble.CALL, "from_opd"),
}
_SEVERITY = {"critical": State.BAD, "warning": State.WARN}


def problems(
    facts: Facts,
    sources: Sequence[Source],
    offices: Sequence[OfficeView],
    segments: Sequence[SegmentView],
    servers: Sequence[ServerView],
) -> tuple[Problem, ...]:
    """Everything wrong, the first to act on first. `since`: by Alertmanager, else when it was seen first."""
    sets = [one for office in offices for one in office.sets]
    found = [
        *_sources(sources),
        *_cuts(segments),
        *_offices(offices),
        *_servers(servers),
        *_exchanges(facts),
        *_calls(facts.calls.value or (), facts.now),
        *_sets(sets),
    ]
    began = _began(facts.alerts.value or ())
    dated = [replace(one, since=began.get(key(one), facts.since.get(key(one)))) for one in found]
    known = {key(one) for one in dated}
    dated += [one for one in map(_alert, facts.alerts.value or ()) if one and key(one) not in known]
    return tuple(sorted(dated, key=_first_things_first))


def key(problem: Problem) -> str:
    """The same for the same problem at any time."""
    return f"{problem.trouble}:{problem.subject}"


def _first_things_first(one: Problem) -> tuple[bool, int, int, int, str]:
    blind = one.trouble is Trouble.SOURCE and one.subject == ROUTERS
    return not blind, _URGENT[one.state], _ORDER.index(one.trouble), -len(one.opds), one.subject


def _sources(sources: Iterable[Source]) -> Iterator[Problem]:
    for one in sources:
        if one.state is not State.OK:
            yield Problem(Trouble.SOURCE, one.state, one.name, since=one.at, text=one.why)


def _cuts(segments: Iterable[SegmentView]) -> Iterator[Problem]:
    for one in segments:
        if one.glass in {Glass.CUT, Glass.SUSPECT}:
            state = State.BAD if one.glass is Glass.CUT or one.dark else State.WARN
            yield Problem(Trouble.CUT, state, one.name, (*one.dark, *one.detour), len(one.dark))


def _offices(offices: Sequence[OfficeView]) -> Iterator[Problem]:
    for one in offices:
        if one.up.state is State.BAD and not one.behind:
            yield Problem(Trouble.DOWN, State.BAD, one.code, (one.code,), 1, figure=one.up)
        elif one.up.state is not State.BAD and _dim(one):
            figure = one.margin if one.margin.state in _WRONG else worst_of(link.days for link in one.links)
            yield Problem(Trouble.DIM, figure.state, one.code, (one.code,), figure=figure)
        if one.use.state is State.WARN:
            yield Problem(Trouble.USE, State.WARN, one.code, (one.code,), figure=one.use)
    dumb = tuple(one.code for one in offices if one.links and one.up.state is State.UNKNOWN)
    if dumb:
        yield Problem(Trouble.DOWN, State.UNKNOWN, "", dumb)


def _dim(one: OfficeView) -> bool:
    soon = any(link.days.state in _WRONG and (link.days.value or 0.0) < SOON_DAYS for link in one.links)
    return soon or one.margin.state in _WRONG


def _servers(servers: Iterable[ServerView]) -> Iterator[Problem]:
    for one in servers:
        if one.drift.state is State.WARN:
            yield Problem(Trouble.DRIFT, State.WARN, one.name, figure=one.drift)


def _exchanges(facts: Facts) -> Iterator[Problem]:
    """An exchange that does not answer, though another one may have taken over: what the alert ExchangeSilent tells
    some minutes later, under the same name."""
    for one in (facts.own.value or Readings()).by_name.get(EXCHANGE_UP, ()):
        host = one.labels.get("host", "")
        if not one.value and facts.now - one.at <= FRESH_OWN:
            text = f"the telephone exchange {host} can not be asked"
            yield Problem(Trouble.ALERT, State.BAD, f"ExchangeSilent {host}", text=text)


def _calls(calls: Iterable[CallView], now: float) -> Iterator[Problem]:
    told: set[str] = set()
    for one in calls:
        if not one.ok and now - one.at <= CALL_FRESH and one.from_opd not in told:
            told.add(one.from_opd)
            opds = tuple(sorted({one.from_opd, one.to_opd}))
            yield Problem(Trouble.CALL, State.WARN, one.from_opd, opds, text="; ".join(one.faults))


def _sets(sets: Sequence[SetView]) -> Iterator[Problem]:
    for one in sets:
        if one.age.state is State.BAD:
            yield Problem(Trouble.BACKUP, State.BAD, one.key, (one.opd,), figure=one.age)
        if one.drilled.state is State.BAD:
            yield Problem(Trouble.DRILL, State.BAD, one.key, (one.opd,), figure=one.drilled)
    due = [one for one in sets if one.drilled.state is State.WARN]
    if due:
        yield Problem(Trouble.DRILL, State.WARN, "", tuple(sorted({one.opd for one in due})))


def _began(alerts: Iterable[Alert]) -> dict[str, float]:
    """When what an alert tells began, by the key of the problem that it is."""
    found: dict[str, float] = {}
    for alert in alerts:
        if alert.name in _ALERTS:
            trouble, label = _ALERTS[alert.name]
            name = f"{trouble}:{alert.labels.get(label, '')}"
            found[name] = min(alert.since, found.get(name, alert.since))
    return found


def _alert(alert: Alert) -> Problem | None:
    """An alert that is no problem known here, or names no subject (a cut of which the place is not clear)."""
    known = alert.name in _ALERTS and alert.labels.get(_ALERTS[alert.name][1])
    if known or alert.severity in {"none", "info"}:
        return None
    about = alert.labels.get("opd") or alert.labels.get("host") or alert.labels.get("kind") or ""
    subject = f"{alert.name} {about}".strip()
    opds = (alert.labels["opd"],) if alert.labels.get("opd") else ()
    state = _SEVERITY.get(alert.severity, State.WARN)
    return Problem(Trouble.ALERT, state, subject, opds, since=alert.since, text=alert.summary)
