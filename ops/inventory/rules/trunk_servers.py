"""A trunk is known by addresses that only its provider can have, and by a name that means one thing."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from ops.inventory.finding import Finding
from ops.inventory.model import Region, Trunk
from ops.inventory.walk import Claim, claimed_twice

_RESERVED = ("emergency",)  # contexts of the exchange are called kominfo-trunk-<name>
_TELEPHONES = ("voip/", "phone/", "provision/")  # secrets of telephones, made and changed by the suite


def check(region: Region) -> Iterable[Finding]:
    trunks = region.numbering.trunks
    named = (Claim(trunk.name.casefold(), trunk, "name", f"trunk {trunk.name}") for trunk in trunks)
    yield from claimed_twice(named, "name it differently")
    claims = [Claim(one, trunk, "servers", f"trunk {trunk.name}") for trunk in trunks for one in {*trunk.servers}]
    yield from claimed_twice(claims, "calls that come in from it could belong to either")
    own = {server.address: server.name for server in region.servers}
    for trunk in trunks:
        yield from _names(trunk)
        for at, address in enumerate(trunk.servers):
            if address in trunk.servers[:at]:
                yield Finding(trunk, f"servers.{at}", f"{address} stands there twice", "write it once")
            if why := _nobody(region, address) or (f"is {own[address]}" if address in own else ""):
                yield Finding(trunk, f"servers.{at}", f"{address} {why}", "see the provider's contract")


def _names(trunk: Trunk) -> Iterable[Finding]:
    if trunk.name.casefold() in _RESERVED:
        yield Finding(trunk, "name", f"{trunk.name} is a word of the exchange itself", "name it differently")
    if trunk.secret and trunk.secret.startswith(_TELEPHONES):
        yield Finding(trunk, "secret", f"{trunk.secret} belongs to a telephone", f"write trunk/{trunk.name.lower()}")


def _nobody(region: Region, address: IPv4Address) -> str:
    """Why no provider has that address."""
    if any((address.is_unspecified, address.is_multicast, address.is_loopback, address.is_link_local)):
        return "is no address of a host that others reach"
    if address.is_reserved or int(address) & 0xFF000000 == 0:
        return "is no address of a host"
    for name in ("offices", "transport"):
        if address in getattr(region.addresses, name):
            return f"lies in {getattr(region.addresses, name)}, the region's own {name}"
    return ""
