"""Every link's bandwidth contract → the queue on the office's router, in one form for all vendors."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.model import Link, Region
from ops.inventory.watched import watched
from ops.plan.change import Artifact

KIND = "router-queue"


def artifacts(region: Region) -> Iterable[Artifact]:
    for one in watched(region.opds):
        because = one.link.contract.line
        yield Artifact(KIND, f"{one.router.name}/{one.opd.code}.{one.link.name}", _content(one.link), because)


def _content(link: Link) -> str:
    """Bits per second, seen from the office; sorted, so that equal queues are equal text."""
    contract = link.contract
    return f"download={contract.download}\nifname={link.ifname}\nlan={link.lan}\nupload={contract.upload}\n"
