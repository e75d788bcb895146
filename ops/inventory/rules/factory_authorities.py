"""A vendor whose telephones must show a certificate is known, and there is TLS to show it in."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.known import phone_vendors
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all


def check(region: Region) -> Iterable[Finding]:
    known = phone_vendors()
    for at, vendor in enumerate(region.provision.factory_ca):
        if vendor not in known:
            what = f"{vendor} makes no telephone of ops/catalogue/phones"
            yield Finding(region.provision, f"factory_ca.{at}", what, nearest_or_all(vendor, known, "vendor"))
    if region.provision.factory_ca and not (region.group("ca") and region.group("web")):
        what = "telephones fetch their files in clear here, so none can show a certificate"
        yield Finding(region.provision, "factory_ca", what, "declare the groups ca and web in hosts.yml")
