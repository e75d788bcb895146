"""An office with telephones has a network that they register from: the exchange takes them from nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        devices = [phone for phone in (opd.phones.extensions if opd.phones else ()) if phone.mac]
        if opd.phones and devices and not opd.links:
            what = f"{len(devices)} telephones, and the office has no link with a LAN"
            yield Finding(opd.phones, "", what, "declare its links, or make the extensions softphones")
