"""Every router and backbone device is of a model that the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.known import device_models
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import polled


def check(region: Region) -> Iterable[Finding]:
    known = device_models()
    for one in polled(region):
        if one.model not in known:
            what = f"{one.model} is no file of ops/catalogue/devices"
            yield Finding(one, "model", what, nearest_or_all(one.model, known, "device model"))
