"""From the twin's files to what each agent is told: `network.json` (how it was built), `faults.json`, the inventory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ops.catalogue.device import device
from ops.fibre.budget import Budget, budget, crossed
from ops.fibre.paths import nominal
from ops.inventory.model import Link as DeclaredLink
from ops.inventory.model import Opd, Plant
from ops.inventory.model import Router as DeclaredRouter
from ops.twin.agent_cli import LANGUAGES
from ops.twin.agent_mib import Port
from ops.twin.agent_router import Link, Spec
from ops.twin.records import read_faults, read_network
from ops.world import World


def specs(world: World) -> list[Spec]:
    """One spec per router and backbone device that the twin has and the inventory declares."""
    network = read_network(world.state)
    built: dict[str, Any] = network.get("routers", {})
    routers = [
        _spec(world, opd, router, built[router.name])
        for opd in world.region.opds
        for router in opd.routers
        if router.name in built
    ]
    return routers + [
        _backbone_spec(world, name, built)
        for name, built in network.get("devices", {}).items()
        if device(built["model"]).netmiko in LANGUAGES
    ]


def dim_losses(world: World) -> dict[str, dict[str, float]]:
    """dB lost to dim fibre, by router and link name; every router is named, so that a mended fault goes away.

    A fault dims a segment, or an office's drop by the name of its router.
    """
    dim = read_faults(world.state).dimmed
    built: dict[str, Any] = read_network(world.state).get("routers", {})
    found: dict[str, dict[str, float]] = {}
    for opd in world.region.opds:
        for link in opd.links:
            path = _path(world.region.plant, link, built.get(link.router, {}))
            lost = sum(dim.get(name, 0.0) for name in (link.router, *path))
            found.setdefault(link.router, {})[link.name] = lost
    for name, device_built in read_network(world.state).get("devices", {}).items():
        found[name] = {port["segment"]: dim.get(port["segment"], 0.0) for port in device_built["ports"]}
    return found


def _spec(world: World, opd: Opd, router: DeclaredRouter, built: dict[str, Any]) -> Spec:
    links = [link for link in opd.links if link.router == router.name]
    fibre = {link.ifname for link in links}
    ports = tuple(
        Port(
            port["ifname"],
            port["kernel"],
            int(port.get("ifindex") or at + 1),
            int(port["speed_bps"]),
            alias=_alias(opd, links, port["ifname"]),
            fibre=port["ifname"] in fibre,
        )
        for at, port in enumerate(built["ports"])
    )
    return Spec(
        router.name,
        world.reach(str(router.address), 0)[0],
        device(router.model),
        built["namespace"],
        ports,
        tuple(Link(link.name, link.ifname, link.lan_ifname, _light(world.region.plant, link, built)) for link in links),
    )


def _backbone_spec(world: World, name: str, built: dict[str, Any]) -> Spec:
    """A device at a fibre node: a port per segment, with the light that its neighbour sends over that segment."""
    segments = {segment.name: segment for segment in world.region.plant.segments}
    ports = tuple(
        Port(one["ifname"], one["kernel"], at, int(one["speed_bps"]), alias=one["segment"], fibre=True)
        for at, one in enumerate(built["ports"], 1)
    )
    links = tuple(
        Link(one["segment"], one["ifname"], "", budget([segments[one["segment"]]]))
        for one in built["ports"]
        if one["segment"] in segments
    )
    address = world.reach(built["address"], 0)[0]
    return Spec(name, address, device(built["model"]), built["namespace"], ports, links)


def _alias(opd: Opd, links: Iterable[DeclaredLink], ifname: str) -> str:
    for link in links:
        if ifname == link.ifname:
            return f"{opd.code}.{link.name} to {link.drop.node}"
        if ifname == link.lan_ifname:
            return f"{opd.code} LAN {link.lan}"
    return ""


def _light(plant: Plant, link: DeclaredLink, built: dict[str, Any]) -> Budget | None:
    """What to expect over the link's own core: its drop and every segment that it rides on now. None: no way left."""
    if any(port["ifname"] == link.ifname and port.get("dark") for port in built.get("ports", [])):
        return None
    return budget(crossed(plant, link, _path(plant, link, built)))


def _path(plant: Plant, link: DeclaredLink, built: dict[str, Any]) -> list[str]:
    """The segments that the link rides on now; as declared where the twin says nothing."""
    known = {segment.name for segment in plant.segments}
    for port in built.get("ports", []):
        if port["ifname"] == link.ifname and port.get("path"):
            return [name for name in port["path"] if name in known]
    try:
        return list(nominal(plant, link).names)
    except ValueError:
        return []
