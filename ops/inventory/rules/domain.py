"""The domain has at least two labels, and names below it stay short enough for DNS (RFC 1035)."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import webs

_LONGEST = 253


def check(region: Region) -> Iterable[Finding]:
    if "." not in region.domain:
        yield Finding(region, "domain", f"{region.domain} is a single label", "write it as batubarakab.go.id")
    for _, web in webs(region):
        longest = max((web.name, *(f"{alias}.{web.name}" for alias in ("www", *web.aliases))), key=len)
        if len(longest) + 1 + len(region.domain) > _LONGEST:
            yield Finding(web, "name", f"{longest}.{region.domain} is longer than {_LONGEST} characters", "shorten it")
