"""Telephones that speak encrypted know whom they trust: there is an authority, and they fetch it from a web server."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    if region.numbering.security != "none":
        for group, why in (("ca", "signs the exchange's certificate"), ("web", "gives telephones the authority")):
            if not region.group(group):
                what = f"{region.numbering.security}, but hosts.yml has no server in the group {group}"
                yield Finding(region.numbering, "security", what, f"it {why}: declare one, or write none")
