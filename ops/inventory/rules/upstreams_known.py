"""A contract names an upstream that exists."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import links


def check(region: Region) -> Iterable[Finding]:
    known = {upstream.name for upstream in region.upstreams}
    for _, link in links(region):
        name = link.contract.upstream
        if name not in known:
            hint = nearest_or_all(name, known, "upstream")
            yield Finding(link, "contract.upstream", f"{name} is no upstream of region.yml", hint)
