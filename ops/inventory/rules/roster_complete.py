"""Somebody who is known is on call at every moment of a duty, and one at a time; every office has at most one duty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import did_you_mean
from ops.inventory.roster import MOST_WEEKS, Duty, Roster
from ops.inventory.walk import Claim, claimed_twice


def check(region: Region) -> Iterable[Finding]:
    roster = region.roster
    yield from claimed_twice(_names(roster), "give each a name of its own")
    yield from claimed_twice(
        _offices(roster), "name each office in one duty; one duty without offices is the regency's"
    )
    known, offices = {one.name for one in roster.people}, {opd.code for opd in region.opds}
    for duty in roster.duties:
        for at, code in enumerate(duty.opds):
            if code not in offices:
                what = f"no office has the code {code!r}"
                yield Finding(duty, f"opds.{at}", what, did_you_mean(code, sorted(offices)) or "name a file of opd/")
        yield from _unknown(duty, known)
        yield from _times(duty)


def _names(roster: Roster) -> Iterator[Claim]:
    yield from (Claim(("person", one.name), one, "name", f"person {one.name}") for one in roster.people)
    yield from (Claim(("duty", one.name), one, "name", f"duty {one.name}") for one in roster.duties)


def _offices(roster: Roster) -> Iterator[Claim]:
    for duty in roster.duties:
        for at, code in enumerate(duty.opds):
            yield Claim(code, duty, f"opds.{at}", f"duty {duty.name}")
        if not duty.opds:
            yield Claim("the regency's own duty", duty, "", f"duty {duty.name}")


def _unknown(duty: Duty, known: set[str]) -> Iterator[Finding]:
    named = [(turn, "person", turn.person) for turn in duty.turns]
    if weekly := duty.weekly:
        named += [(weekly, f"people.{at}", name) for at, name in enumerate(weekly.people)]  # type: ignore[misc] # both are Declared
    for thing, key, name in named:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or "declare the person in roster.people"
            yield Finding(thing, key, f"nobody is called {name!r}", hint)


def _times(duty: Duty) -> Iterator[Finding]:
    if bool(duty.weekly) == bool(duty.turns):
        yield Finding(duty, "", "needs either weekly or turns", "write one of the two")
    if (weekly := duty.weekly) and not 0 < (weekly.ends - weekly.begins).days / 7 <= MOST_WEEKS:
        yield Finding(weekly, "until", f"{weekly.until} is not within ten years after {weekly.since}", "a later day")
    for turn in duty.turns:
        if turn.ends <= turn.begins:
            what = f"{turn.until} is not after {turn.since}"
            yield Finding(turn, "until", what, "write the moment at which the next one takes over")
    for before, after in pairwise(sorted(duty.turns, key=lambda one: (one.begins, one.ends))):
        if after.begins < before.ends:
            what = f"{after.since}: {before.person} is on call until {before.until} ({before.line})"
            yield Finding(after, "from", what, "one person at a time")
        elif after.begins > before.ends:
            what = f"{after.since}: nobody is on call from {before.until} on"
            yield Finding(after, "from", what, "let each turn begin where the one before ends")
