"""A telephone on a desk has a model and a MAC; a test number or softphone has neither."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import phones

_WITHOUT = ("test", "softphone", "group")


def check(region: Region) -> Iterable[Finding]:
    for _, phone in phones(region):
        if phone.place in _WITHOUT:
            for key in ("model", "mac"):
                if getattr(phone, key):
                    what = f"a {phone.place} extension is no device"
                    yield Finding(phone, key, what, f"remove {key}, or give the extension another place")
        elif not (phone.model and phone.mac):
            missing = " and ".join(key for key in ("model", "mac") if not getattr(phone, key))
            what = f"{phone.number} lacks its {missing}"
            yield Finding(phone, "", what, "a telephone is found by its MAC and configured by its model")
