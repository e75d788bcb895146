"""A telephone's MAC does not belong to another maker than its model's (IEEE OUI list)."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import phones

_MAKERS = {  # some of each maker's blocks; a block that is not here proves nothing
    "00:15:65": "yealink",
    "80:5e:c0": "yealink",
    "24:9a:d8": "yealink",
    "44:db:d2": "yealink",
    "00:0b:82": "grandstream",
    "c0:74:ad": "grandstream",
    "ec:74:d7": "grandstream",
    "0c:38:3e": "fanvil",
    "00:a8:59": "fanvil",
    "00:04:13": "snom",
    "00:1f:c1": "htek",
    "00:0e:08": "cisco",
}
_NO_MAKERS = ("00:00:00", "00:00:5e")  # nobody's, and the virtual routers' (IANA)
_NOT_FROM_A_MAKER = 0b11  # in the first byte: multicast, or administered locally


def check(region: Region) -> Iterable[Finding]:
    for _, phone in phones(region):
        if not phone.mac:
            continue
        maker = _MAKERS.get(phone.mac[:8])
        if maker and phone.model and phone.model.partition("_")[0] != maker:
            what = f"{phone.mac} is a MAC of {maker}, the model is {phone.model}"
            yield Finding(phone, "mac", what, "read both from the label under the telephone")
        if int(phone.mac[:2], 16) & _NOT_FROM_A_MAKER or phone.mac.startswith(_NO_MAKERS):
            what = f"{phone.mac} is no address that a maker gave to a device"
            yield Finding(phone, "mac", what, "read it from the label under the telephone")
