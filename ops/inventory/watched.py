"""What is measured: one entry per declared link, with the labels that its series carry everywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ops.inventory.model import Link, Opd, Router


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


def watched(opds: Iterable[Opd]) -> Iterator[Watched]:
    """Every link of these offices, in their order. Links whose router is not declared are left out."""
    for opd in opds:
        routers = {router.name: router for router in opd.routers}
        for link in opd.links:
            if link.router in routers:
                yield Watched(opd, routers[link.router], link)


def probe_groups(opds: Iterable[Opd]) -> list[dict[str, object]]:
    """Prometheus service discovery (file_sd and http_sd are one form): a group per router of these offices."""
    groups: dict[str, dict[str, object]] = {}
    for one in watched(opds):
        labels = one.labels | {"kecamatan": one.opd.kecamatan}
        groups.setdefault(one.router.name, {"targets": [str(one.router.address)], "labels": labels})
    return list(groups.values())
