"""A softphone for a declared extension: an address that holds its file once, for a QR code. No password is in it."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from ops.catalogue.provisioning import ONCE, origin
from ops.derive.phones import softphone_file
from ops.errors import OpsError
from ops.inventory.model import Phone, Region
from ops.system import offer
from ops.system.hostpython import Call, call
from ops.world import World

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32  # 190 bit


@dataclass(frozen=True)
class Offer:
    """`url`: for whoever is to have the extension · `wait`: until it was fetched; False when nobody came."""

    number: str
    url: str
    wait: Callable[[], bool]


def offered(world: World, number: str, seconds: float) -> Offer:
    """OpsError for what is no softphone. Nothing lies on the server before `wait` is called, nothing after it."""
    phone, web = _softphone(world.region, number), origin(world.region)
    if not web:
        raise OpsError("no server of the group web", "softphones fetch their file from it: declare one in hosts.yml")
    token = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    content = softphone_file(world.region, phone)
    world.secrets.make_all([content])
    given = {"folder": f"/srv/provision/{ONCE}", "name": token, "content": "", "seconds": seconds}

    def wait() -> bool:
        told = Call([offer], "offer", given | {"content": world.secrets.expand(content)}, timeout=seconds + 30)
        return bool(call(world.fleet.on(web.host), told))

    return Offer(number, f"{web.url}{ONCE}/{token}", wait)


def _softphone(region: Region, number: str) -> Phone:
    for opd in region.opds:
        for phone in opd.phones.extensions if opd.phones else ():
            if phone.number == number and phone.place == "softphone":
                return phone
    raise OpsError(f"{number} is no softphone", "declare it below phones.extensions with `place: softphone`, and apply")
