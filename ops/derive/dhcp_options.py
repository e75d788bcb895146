"""Every telephone with a MAC address → what a DHCP server tells it, so that it finds its file by itself (zero touch).

Rendered for Kea (a list of reservations to `<?include?>` in the office's subnet) and for dnsmasq (a file of its
`conf-dir`), for the servers of the group `dhcp`. The address holds the telephone's token: a telephone that nobody
declares is told nothing.

Kea sends option 43 as bare text only out of a class that defines it so: anywhere else it is taken for a list of
options, and an empty one is sent (Kea 2.2). So each telephone that asks for it has a class of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ops.catalogue.phone import model
from ops.catalogue.provisioning import Origin, devices, origin
from ops.inventory.model import Opd, Region
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "dhcp-options"
_VENDOR, _CISCO = 43, 160  # of them Kea does not know the second one by itself
_BARE = {"name": "vendor-encapsulated-options", "code": _VENDOR, "type": "string"}
_DEFINED = [{"name": "kominfo-provisioning", "code": _CISCO, "space": "dhcp4", "type": "string"}]


def artifacts(region: Region) -> Iterable[Artifact]:
    web = origin(region)
    if not web:
        return
    for server in region.group("dhcp"):
        yield Artifact(KIND, f"{server.name}/{REGION_SCOPE}.option-def.json", _json(_DEFINED), region.line)
        yield Artifact(
            KIND, f"{server.name}/{REGION_SCOPE}.client-classes.json", _json(_classes(region, web)), region.line
        )
        for opd in region.opds:
            if opd.phones and devices(opd):
                because = opd.phones.line
                yield Artifact(KIND, f"{server.name}/{opd.code}.kea.json", _kea(opd, web), because)
                yield Artifact(KIND, f"{server.name}/{opd.code}.dnsmasq.conf", _dnsmasq(opd, web), because)


def _told(opd: Opd, web: Origin) -> Iterator[tuple[str, str, tuple[int, ...], str]]:
    """MAC without colons and with them, the options that the model asks for, its address."""
    for mac, name, _ in devices(opd):
        spoken = ":".join(mac[at : at + 2] for at in range(0, len(mac), 2))
        yield mac, spoken, model(name).dhcp, web.of(mac)


def _kea(opd: Opd, web: Origin) -> str:
    return _json([_reservation(*told) for told in _told(opd, web)])


def _reservation(mac: str, spoken: str, options: tuple[int, ...], url: str) -> dict[str, object]:
    data = [_option(one, url) for one in options if one != _VENDOR]
    return {
        "hw-address": spoken,
        **({"client-classes": [_class(mac)]} if _VENDOR in options else {}),
        "option-data": data,
    }


def _option(number: int, url: str) -> dict[str, object]:
    return {"name": "kominfo-provisioning" if number == _CISCO else "tftp-server-name", "data": url}


def _class(mac: str) -> str:
    return f"kominfo-{mac}"


def _classes(region: Region, web: Origin) -> list[dict[str, object]]:
    """One for each telephone of the region that asks for option 43; Kea has one list of them."""
    return [
        {"name": _class(mac), "option-def": [_BARE], "option-data": [{"name": _BARE["name"], "data": url}]}
        for opd in region.opds
        for mac, _, options, url in _told(opd, web)
        if _VENDOR in options
    ]


def _dnsmasq(opd: Opd, web: Origin) -> str:
    lines = []
    for mac, spoken, options, url in _told(opd, web):
        lines.append(f"dhcp-host={spoken},set:{mac}\n")
        lines += [f'dhcp-option-force=tag:{mac},{option},"{url}"\n' for option in options]
    return "".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"
