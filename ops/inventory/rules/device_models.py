"""Every router is of a model that the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.known import device_models
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import routers


def check(region: Region) -> Iterable[Finding]:
    known = device_models()
    for _, router in routers(region):
        if router.model not in known:
            what = f"{router.model} is no file of ops/catalogue/devices"
            yield Finding(router, "model", what, nearest_or_all(router.model, known, "device model"))
