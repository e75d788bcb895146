"""What is measured: one entry per declared link, with the labels that its series carry everywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops.inventory.model import Link, Opd, Region, Router


@dataclass(frozen=True, slots=True)
class Watched:
    """A link, the router it ends on, and the office whose it is."""

    opd: Opd
    router: Router
    link: Link

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every series of this link but for `ifname`."""
        return {"opd": self.opd.code, "site": self.router.site, "device": self.router.name}


def watched(region: Region) -> Iterator[Watched]:
    """Every link of every office, in the region's order. Links whose router is not declared are left out."""
    for opd in region.opds:
        routers = {router.name: router for router in opd.routers}
        for link in opd.links:
            if link.router in routers:
                yield Watched(opd, routers[link.router], link)


def probe_groups(region: Region, opd: str = "") -> list[dict[str, object]]:
    """Prometheus service discovery (file_sd and http_sd are one form): a group per router. `opd`: only its own."""
    groups: dict[str, dict[str, object]] = {}
    for one in watched(region):
        if opd in ("", one.opd.code):
            labels = one.labels | {"kecamatan": one.opd.kecamatan}
            groups.setdefault(one.router.name, {"targets": [str(one.router.address)], "labels": labels})
    return list(groups.values())
