"""What is measured: one entry per declared link and per named backbone port, with the labels of its series. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ops.inventory.model import BackboneDevice, DevicePort, Link, Opd, Region, Router


@dataclass(frozen=True, slots=True)
class Watched:
    """A link, the router it ends on, and the office whose it is."""

    opd: Opd
    router: Router
    link: Link

    @property
    def ifname(self) -> str:
        return self.link.ifname

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every series of this link but for `ifname`."""
        return {"opd": self.opd.code, "site": self.router.site, "device": self.router.name}

    @property
    def port_labels(self) -> dict[str, str]:
        return self.labels | {"ifname": self.ifname}

    @property
    def onu_ids(self) -> frozenset[str]:
        return frozenset()

    def light_labels(self, onu: str, side: str) -> dict[str, str]:
        """The labels of a module behind this port; `onu`, `side`: empty where it is the port's own."""
        return self.port_labels | {"onu": onu, "side": side}


@dataclass(frozen=True, slots=True)
class WatchedPort:
    """A port of a device that belongs to no office: no series of its own has a label `opd`.

    `router`: the device, with the address that it is asked at · `segment`: that the port looks into, "" for none ·
    `onus`: links whose office hangs on this PON port, by the ONU's name.
    """

    router: BackboneDevice
    ifname: str
    segment: str = ""
    onus: tuple[tuple[str, Watched], ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the device's own series."""
        return {"site": self.router.node, "device": self.router.name}

    @property
    def port_labels(self) -> dict[str, str]:
        return self.labels | {"ifname": self.ifname} | ({"segment": self.segment} if self.segment else {})

    @property
    def onu_ids(self) -> frozenset[str]:
        """The ONUs behind it that are offices'."""
        return frozenset(onu for onu, _ in self.onus)

    def light_labels(self, onu: str, side: str) -> dict[str, str] | None:
        """The labels of a module behind this port. What an office's ONU sends and receives is that office's light; what
        the OLT receives of it is the OLT's. None: an ONU that nobody declares."""
        if not onu:
            return self.port_labels | {"side": side}
        owner = dict(self.onus).get(onu)
        if owner is None:
            return None
        return self.port_labels | {"onu": onu, "side": side} if side else owner.port_labels


def watched(opds: Iterable[Opd]) -> Iterator[Watched]:
    """Every link of these offices, in their order. Links whose router is not declared are left out."""
    for opd in opds:
        routers = {router.name: router for router in opd.routers}
        for link in opd.links:
            if link.router in routers:
                yield Watched(opd, routers[link.router], link)


def addressed(region: Region) -> dict[str, BackboneDevice]:
    """Backbone devices by name, each with the address that it is asked at: its own or its node's."""
    nodes = {node.name: node.address for node in region.plant.nodes}
    return {
        one.name: one if one.address else one.model_copy(update={"address": nodes.get(one.node)})
        for one in region.plant.devices
    }


def watched_ports(region: Region) -> Iterator[WatchedPort]:
    """Every backbone port that a segment, an upstream or a link names, once, of the devices that are polled."""
    devices, onus = addressed(region), dict[tuple[str, str], list[tuple[str, Watched]]]()
    for one in watched(region.opds):
        if onu := one.link.onu:
            onus.setdefault((onu.olt, onu.port), []).append((onu.id, one))
    for port, segment in named_ports(region).items():
        if port[0] in devices and devices[port[0]].polled:
            yield WatchedPort(devices[port[0]], port[1], segment, tuple(onus.get(port, ())))


def named_ports(region: Region) -> dict[tuple[str, str], str]:
    """(device, ifname) of every backbone port that anything names → the segment that it looks into, "" for none."""
    found = {(port.device, port.ifname): one.name for one in region.plant.segments for port in one.ports}
    links = [link for opd in region.opds for link in opd.links]
    others = [one.port for one in region.upstreams] + [link.far for link in links]
    others += [DevicePort(device=link.onu.olt, ifname=link.onu.port) for link in links if link.onu]
    for other in others:
        if other:
            found.setdefault((other.device, other.ifname), "")
    return found


def probe_groups(opds: Iterable[Opd]) -> list[dict[str, object]]:
    """Prometheus service discovery (file_sd and http_sd are one form): a group per router of these offices."""
    groups: dict[str, dict[str, object]] = {}
    for one in watched(opds):
        labels = one.labels | {"kecamatan": one.opd.kecamatan}
        groups.setdefault(one.router.name, {"targets": [str(one.router.address)], "labels": labels})
    return list(groups.values())


def backbone_groups(region: Region) -> list[dict[str, object]]:
    """The same of the devices that belong to no office."""
    groups: dict[str, dict[str, object]] = {}
    for one in watched_ports(region):
        groups.setdefault(one.router.name, {"targets": [str(one.router.address)], "labels": one.labels})
    return list(groups.values())
