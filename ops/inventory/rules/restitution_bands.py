"""A contract's restitution bands lie end to end below the promised availability, and give no less for less."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from ops.inventory.finding import Finding
from ops.inventory.model import Region, Upstream
from ops.inventory.restitution import Terms

HINT = "write bands from 0 up to the promised availability, each beginning where the one before ends"


def check(region: Region) -> Iterable[Finding]:
    for upstream in region.upstreams:
        if upstream.terms:
            yield from _bands(upstream, upstream.terms)
            for one in upstream.terms.excluded:
                begins, ends = one.pair
                if ends <= begins:
                    what = f"{one.until} is not after {one.since}"
                    yield Finding(one, "until", what, "write the moment at which it ended")


def _bands(upstream: Upstream, terms: Terms) -> Iterable[Finding]:
    bands = sorted(terms.bands, key=lambda one: (one.since, one.to))
    if not bands:
        yield Finding(terms, "bands", "no band is declared", HINT)
        return
    if bands[0].since > 0:
        yield Finding(bands[0], "from", f"nothing is said of availability below {bands[0].since:g} %", HINT)
    if bands[-1].to != upstream.availability:
        what = f"the highest band ends at {bands[-1].to:g} %, promised are {upstream.availability:g} %"
        yield Finding(bands[-1], "to", what, HINT)
    for one in bands:
        if one.since >= one.to:
            yield Finding(one, "to", f"{one.to:g} is not above {one.since:g}", HINT)
    for lower, higher in pairwise(bands):
        if lower.to != higher.since:
            word = "overlaps the band that ends at" if higher.since < lower.to else "leaves a gap above"
            yield Finding(higher, "from", f"{higher.since:g} {word} {lower.to:g}", HINT)
        if lower.percent < higher.percent:
            what = f"{lower.percent:g} % for less availability than the {higher.percent:g} % above it"
            yield Finding(lower, "percent", what, "less availability never gives less back")
