"""What offices were promised over an upstream is within its bandwidth times its oversubscription."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import links

_M = 1_000_000


def check(region: Region) -> Iterable[Finding]:
    sold: Counter[tuple[str, str]] = Counter()
    for _, link in links(region):
        for way in ("download", "upload"):
            sold[link.contract.upstream, way] += getattr(link.contract, way)
    for upstream in region.upstreams:
        most = upstream.bandwidth * upstream.oversubscription
        for way in ("download", "upload"):
            promised = sold[upstream.name, way]
            if promised > most:
                what = (
                    f"contracts promise {promised / _M:g}M {way}, but {upstream.bandwidth / _M:g}M "
                    f"times oversubscription {upstream.oversubscription:g} is {most / _M:g}M"
                )
                hint = f"raise oversubscription to {promised / upstream.bandwidth:.2f} or lower contracts"
                yield Finding(upstream, "bandwidth", what, hint)
