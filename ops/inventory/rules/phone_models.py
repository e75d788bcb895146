"""Every telephone is of a model that the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.known import phone_models
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import phones


def check(region: Region) -> Iterable[Finding]:
    known = phone_models()
    for _, phone in phones(region):
        if phone.model and phone.model not in known:
            what = f"{phone.model} is no file of ops/catalogue/phones"
            yield Finding(phone, "model", what, nearest_or_all(phone.model, known, "phone model"))
