"""The files a twin keeps in its state folder: network.json (what is where), faults.json, routes.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ops.inventory.model import Link, Region
from ops.inventory.watched import watched_ports
from ops.twin.layout import SEGMENT_RATE, Layout, Port, gateway, kernel_name, lan_host, office_links
from ops.twin.recipes import recipe_for
from ops.twin.routes import Ways, ways
from ops.world import World

NETWORK, FAULTS, ROUTES = "network.json", "faults.json", "routes.json"


@dataclass
class Faults:
    """What is broken on purpose. `dimmed`: decibels by router or segment · `lossy`: percent by office code."""

    cut: list[str] = field(default_factory=list)
    dimmed: dict[str, float] = field(default_factory=dict)
    lossy: dict[str, float] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    corrupted: list[str] = field(default_factory=list)

    def any(self) -> bool:
        return any(asdict(self).values())


def read_faults(state: Path) -> Faults:
    return Faults(**_read(state / FAULTS))


def write_faults(state: Path, faults: Faults) -> None:
    _write(state / FAULTS, asdict(faults))


def read_routes(state: Path) -> dict[str, list[str]]:
    return dict(_read(state / ROUTES))


def write_routes(state: Path, tables: dict[str, list[str]]) -> None:
    _write(state / ROUTES, tables)


def read_network(state: Path) -> dict[str, Any]:
    """What `write_network` wrote; {} before the first."""
    return _read(state / NETWORK)


def write_network(
    state: Path, twin: str, layout: Layout, cut: Iterable[str], indexes: dict[str, dict[str, int]]
) -> None:
    """Where everything is, for the agents and for people. `indexes`: kernel ifindex by router and kernel name."""
    _write(state / NETWORK, network(twin, layout, cut, indexes))


def write_loopback(world: World, layout: Layout) -> None:
    """The same for a twin that has routers only: no namespaces, addresses in 127.0.0.0/8, the ports' counters of lo."""
    made = network(world.name, layout, (), {})
    for router in (*made["routers"].values(), *made["devices"].values()):
        router.update(namespace=None, address=world.reach(router["address"], 0)[0])
        for port in router["ports"]:
            port["kernel"] = "lo"
    nothing: dict[str, Any] = {"nodes": {}, "segments": {}, "servers": {}, "lans": {}}
    polled = {"routers": made["routers"], "devices": made["devices"]}
    _write(world.state / NETWORK, {"twin": world.name, "station": {"namespace": None}, **nothing, **polled})


def network(twin: str, layout: Layout, cut: Iterable[str], indexes: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What network.json holds."""
    region = layout.region
    found = ways(layout, set(cut))
    opds = [opd for opd in region.opds if opd.routers and opd.routers[0].name in layout.spaces]
    routers: dict[str, Any] = {}
    lans: dict[str, Any] = {}
    for opd in opds:
        links = {link.name: link for link in opd.links}
        for router in opd.routers:
            seen = indexes.get(router.name, {})
            ports = [_port(port, opd.code, links[port.link], seen, found) for port in layout.ports[router.name]]
            at = {"namespace": f"{twin}.{router.name}", "opd": opd.code, "address": str(router.address)}
            routers[router.name] = {**at, "model": router.model, "ports": ports}
        for router, link in office_links(opd):
            if space := layout.lans.get(f"{opd.code}/{link.name}"):
                addresses = {"address": str(lan_host(link.lan, 50).ip), "gateway": str(gateway(link.lan))}
                named = {"namespace": f"{twin}.{space}", "opd": opd.code, "link": link.name, "router": router.name}
                lans[space] = {**named, "network": str(link.lan), **addresses}
    servers = {
        server.name: {
            "namespace": f"{twin}.{server.name}",
            "address": str(server.address),
            "groups": server.groups,
            "image": recipe_for(server.groups).name,
        }
        for server in region.servers
        if server.name in layout.spaces
    }
    return {
        "twin": twin,
        "station": {"namespace": f"{twin}.station", "address": str(region.station.address)},
        "nodes": {node.name: f"{twin}.{node.name}" for node in region.plant.nodes},
        "segments": {
            wire.name: {
                "ends": [[f"{twin}.{end.space}", end.ifname] for end in wire.ends],
                "rate_bps": SEGMENT_RATE,
            }
            for wire in layout.wires
            if wire.kind == "segment"
        },
        "servers": servers,
        "routers": routers,
        "devices": _devices(twin, region),
        "lans": lans,
    }


def _devices(twin: str, region: Region) -> dict[str, Any]:
    """Backbone devices at their node's own address, with the ports that look into segments: those have a wire here."""
    nodes, found = {node.name: node.address for node in region.plant.nodes}, dict[str, Any]()
    for one in watched_ports(region):
        if one.segment and one.router.address == nodes[one.router.node]:
            at = {"namespace": f"{twin}.{one.router.node}", "address": str(one.router.address)}
            held = found.setdefault(one.router.name, {**at, "model": one.router.model, "ports": []})
            port = {"ifname": one.ifname, "kernel": kernel_name(one.segment), "segment": one.segment}
            held["ports"].append({**port, "speed_bps": SEGMENT_RATE})
    return found


def _port(port: Port, code: str, link: Link, seen: dict[str, int], found: Ways) -> dict[str, Any]:
    told = {
        "ifname": port.declared,
        "kernel": port.kernel,
        "ifindex": seen.get(port.kernel, 0),
        "kind": port.kind,
        "speed_bps": port.speed,
        "link": port.link,
    }
    if port.kind == "lan":
        return told
    way = found[f"{code}/{port.link}"]
    return {
        **told,
        "drop": {"node": link.drop.node, "km": link.drop.km},
        "rides": list(link.rides),
        "path": list(way.names) if way else [],
        "dark": way is None,
    }


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _write(path: Path, value: Any) -> None:
    """Whole or not at all: readers look at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
