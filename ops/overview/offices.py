"""One office from its links, telephones, test calls and backup sets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ops.derive.pbx import telephones
from ops.inventory.model import Opd
from ops.overview import readings as r
from ops.overview.facts import FRESH_OWN, Facts
from ops.overview.model import LinkView, OfficeView
from ops.overview.protection import DAY, oldest, sets
from ops.overview.readings import Readings
from ops.overview.state import UNKNOWN, Figure, State, aged, unknown, worst, worst_of
from ops.texts import mark

CALL_FRESH = 1.5 * DAY  # offices are called once a day
NO_LINK, SOME_DOWN = mark("no link is declared"), mark("not every link is up")
NO_REGISTRAR = mark("the exchange does not tell who is registered")
NOT_ALL = mark("not every telephone is registered")
NO_CALL, BAD_CALL, OLD_CALL = mark("no test call yet"), mark("the test call was bad"), mark("no test call lately")


def office(opd: Opd, links: Mapping[str, LinkView], facts: Facts) -> OfficeView:
    """`links`: every link of the region by name."""
    own = tuple(links[name] for link in opd.links if (name := f"{opd.code}/{link.name}") in links)
    its_sets = sets(opd, facts)
    signed = opd.no_backup
    return OfficeView(
        code=opd.code,
        name=opd.name,
        kind=opd.kind,
        kecamatan=opd.kecamatan,
        location=opd.sites[0].location if opd.sites else (0.0, 0.0),
        up=_up(own),
        margin=worst_of((one.margin for one in own), _least),
        use=worst_of((one.use for one in own), _most),
        links=own,
        phones=_phones(opd, facts),
        call=_call(opd.code, facts),
        backup=oldest(its_sets),
        no_backup=f"{signed.reason} ({signed.signed_by}, {signed.until})" if signed else "",
        sets=its_sets,
    )


def _least(figure: Figure) -> float:
    return figure.value if figure.value is not None else 0.0


def _most(figure: Figure) -> float:
    return -(figure.value or 0.0)


def _up(links: Sequence[LinkView]) -> Figure:
    """Links that are up, of those declared. Some down is as bad as all: the office's second way is gone."""
    if not links:
        return unknown(NO_LINK, 0.0)
    state = worst(link.up.state for link in links)
    first = worst_of(link.up for link in links)
    count = sum(link.up.state is State.OK for link in links)
    at = min((link.up.at for link in links if link.up.at is not None), default=None)
    return Figure(
        state, float(count), at, first.why if count == 0 or state is State.OK else SOME_DOWN, float(len(links))
    )


def _phones(opd: Opd, facts: Facts) -> Figure:
    declared = float(len(telephones(opd.phones)))
    told = facts.own.value or Readings()
    found = next((one for one in told.by_name.get(r.REGISTERED, ()) if one.labels.get("opd") == opd.code), None)
    if found is None:
        return unknown(NO_REGISTRAR, declared)
    few = found.value < declared
    figure = Figure(State.WARN if few else State.OK, found.value, found.at, NOT_ALL if few else "", declared)
    return aged(figure, facts.now, FRESH_OWN)


def _call(code: str, facts: Facts) -> Figure:
    told = facts.calls
    if told.value is None:
        return unknown(told.why)
    last = facts.newest_call.get(code)
    if last is None:
        return unknown(NO_CALL)
    why = "" if last.ok else BAD_CALL
    return _no_older(Figure(State.OK if last.ok else State.BAD, float(last.ok), last.at, why), facts)


def calls(facts: Facts) -> Figure:
    """Test calls of late that were good, of those made; `at` is the newest of all."""
    told = facts.calls
    if not told.value:
        return unknown(told.why or NO_CALL)
    newest = told.value[0].at
    late = [one for one in told.value if facts.now - one.at <= CALL_FRESH]
    good = sum(one.ok for one in late)
    whole = bool(late) and good == len(late)
    figure = Figure(State.OK if whole else State.BAD, float(good), newest, "" if whole else BAD_CALL, float(len(late)))
    return _no_older(figure, facts)


def _no_older(figure: Figure, facts: Facts) -> Figure:
    """Stale when the call is old, or when nobody could look for a newer one."""
    if figure.at is None or facts.now - figure.at > CALL_FRESH:
        return Figure(State.STALE, figure.value, figure.at, OLD_CALL, figure.limit)
    if facts.calls.at is None or facts.now - facts.calls.at > FRESH_OWN:
        return Figure(State.STALE, figure.value, figure.at, facts.calls.why, figure.limit)
    return figure


def phones(offices: Sequence[OfficeView]) -> Figure:
    """Of the whole region: known only when it is known of every office that has telephones."""
    own = [one.phones for one in offices if one.phones.limit]
    declared = sum(one.limit or 0.0 for one in own)
    if not own or any(one.value is None for one in own):
        return unknown(NO_REGISTRAR, declared)
    count = sum(one.value or 0.0 for one in own)
    first = worst_of(own)
    return Figure(first.state, count, min(one.at for one in own if one.at is not None), first.why, declared)


def up(offices: Sequence[OfficeView]) -> Figure:
    """Offices that are up, of those with a link."""
    own = [one.up for one in offices if one.links]
    if not own:
        return UNKNOWN
    count = sum(one.state is State.OK for one in own)
    first = worst_of(own)
    at = min((one.at for one in own if one.at is not None), default=None)
    return Figure(first.state, float(count), at, first.why, float(len(own)))
