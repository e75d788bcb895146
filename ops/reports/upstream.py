"""Monthly account of every upstream: measured outages, what the contract says of them, and the evidence of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ops.inventory.model import Region, Upstream
from ops.inventory.restitution import Terms
from ops.reports.figure import NOTHING_KEPT, Figure, Sources
from ops.reports.kept import Facts
from ops.reports.measured import Measured
from ops.reports.office import as_plain, head
from ops.reports.period import Period
from ops.reports.restitution import claim, excluded
from ops.reports.spans import Piece, Sample, Span, common, pieces, total, union

NOTHING_AGREED = Terms(fee=0, bands=())
METRIC = "opd_upstream_up"
NOT_PROBED = "nobody measures this upstream: declare upstreams[].probes in region.yml"
NO_TERMS = "the contract's terms are not declared: upstreams[].terms in region.yml"


def upstream_page(region: Region, period: Period, measured: Measured) -> Facts:
    """One entry per declared upstream."""
    sources = Sources()
    entries = [_upstream(one, period, measured, sources) for one in region.upstreams]
    return {
        **head(region, period),
        "kind": "upstream",
        "name": region.name,
        "upstreams": entries,
        "sources": sources.plain,
    }


def selector(upstream: str) -> str:
    return f'{METRIC}{{upstream="{upstream}"}}'


def digest(samples: Sequence[Sample]) -> str:
    """SHA-256 of the very samples, one line `time value` each, times in seconds with three digits."""
    text = "".join(f"{at:.3f} {value:g}\n" for at, value in samples)
    return hashlib.sha256(text.encode()).hexdigest()


def _upstream(upstream: Upstream, period: Period, measured: Measured, sources: Sources) -> Facts:
    readings = measured.readings(selector(upstream.name), period)
    samples = sorted(point for found in readings.samples.values() for point in found)
    number = sources.number("prometheus", readings.query)
    found = pieces(samples, (period.begin, period.seen_until))
    reason = "" if found else _why(upstream, measured)
    down = _worth(found, 0.0)
    entry = {
        "name": upstream.name,
        "provider": upstream.provider,
        "contract": upstream.contract,
        "promised": upstream.availability,
        "measured": Figure(total(_all(found)), "seconds", number),
        "samples": len(samples),
        "samples_sha256": digest(samples),
        "outages": _listed(upstream, down, period),
        "source": number,
        "terms": f"{upstream.terms.line} terms" if upstream.terms else "",
        **_account(upstream, period, down, (number, reason)),
    }
    plain: Facts = as_plain(entry)
    return {**plain, "outages_sha256": _sha256(plain["outages"])}


def _account(upstream: Upstream, period: Period, down: list[Span], asked: tuple[str, str]) -> dict[str, Any]:
    """Availability and what is owed; no figure where nothing was measured or nothing is declared."""
    number, reason = asked
    owed, why = claim(upstream.terms or NOTHING_AGREED, period, down), reason or ("" if upstream.terms else NO_TERMS)
    band = {"from": owed.band.since, "to": owed.band.to, "percent": owed.band.percent} if owed.band else None
    kept = owed.availability >= Fraction(str(upstream.availability))
    return {
        "availability": Figure(None if reason else float(owed.availability), "percent", number, reason),
        "restitution": Figure(None if why else owed.rupiah, "rupiah", number, why),
        "band": None if why else band,
        "fee": upstream.terms.fee if upstream.terms else None,
        "state": "none" if reason else "ok" if kept else "bad",
        "counted": Figure(owed.counted, "seconds", number),
        "down": Figure(None if reason else owed.down, "seconds", number, reason),
    }


def _listed(upstream: Upstream, down: list[Span], period: Period) -> list[dict[str, Any]]:
    without = excluded(upstream.terms, period) if upstream.terms else []
    return [
        {"begin": begin, "end": end, "seconds": end - begin, "excluded": total(common([(begin, end)], without))}
        for begin, end in down
    ]


def _why(upstream: Upstream, measured: Measured) -> str:
    return measured.trouble or (NOTHING_KEPT if upstream.probes else NOT_PROBED)


def _worth(found: list[Piece], value: float) -> list[Span]:
    return union((begin, end) for begin, end, at in found if at == value)


def _all(found: list[Piece]) -> list[Span]:
    return [(begin, end) for begin, end, _ in found]


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
