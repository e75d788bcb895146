"""What a twin is made of: pure. From a declared region to namespaces, the wires between them, and their addresses.

Names of namespaces here are short (`dc`, `dinkes-rtr1`, `dinkes.lan`); on the machine they carry the twin's name in
front. Wires between fibre nodes are unnumbered: routes name the neighbour's loopback and the wire (`onlink`).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from ops.errors import OpsError
from ops.inventory.model import FibreNode, Link, Opd, Region, Router, Server

STATION = "station"
BRIDGE = "br0"
SEGMENT_RATE = 1_000_000_000  # bits per second, each way; what an SFP of the ring carries
SPEED = 1_000_000_000  # bits per second, of a router's ports
_KERNEL_NAME = 15  # characters, IFNAMSIZ - 1


@dataclass(frozen=True, slots=True)
class End:
    """One end of a wire. `bridge`: the end is a port of the namespace's bridge and carries no address."""

    space: str
    ifname: str
    address: str = ""  # with prefix length
    bridge: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """`rate`: bits per second shaped at both ends; 0 when not shaped."""

    kind: str  # segment | drop | lan | host
    name: str
    ends: tuple[End, End]
    rate: int = 0


@dataclass(frozen=True, slots=True)
class Space:
    """A network namespace. `loopback`: address on lo · `bridge`: address of its bridge, "" for none."""

    name: str
    kind: str  # node | station | server | router | lan
    forwards: bool = False
    loopback: str = ""
    bridge: str = ""
    gateway: str = ""  # default route of an end system


@dataclass(frozen=True, slots=True)
class Port:
    """A router's port as declared and as the kernel knows it."""

    declared: str
    kernel: str
    kind: str  # wan | lan
    link: str
    speed: int = SPEED  # bits per second


@dataclass(frozen=True)
class Layout:
    region: Region
    spaces: dict[str, Space] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    ports: dict[str, list[Port]] = field(default_factory=dict)  # by router
    lans: dict[str, str] = field(default_factory=dict)  # `<opd>/<link>` → namespace of its hosts


def lay_out(region: Region, servers: Iterable[str], opds: Iterable[str]) -> Layout:
    """The layout of a region: all its fibre nodes, and of its servers and offices those named."""
    layout = Layout(region)
    for node in region.plant.nodes:
        _node(layout, node)
    _segments(layout)
    _end_system(layout, Space(STATION, "station"), region.station.address)
    wanted, offices = set(servers), set(opds)
    for server in region.servers:
        if server.name in wanted:
            _end_system(layout, Space(server.name, "server"), server.address)
    for opd in region.opds:
        if opd.code in offices:
            _office(layout, opd)
    return layout


def offices_of(region: Region, asked: Iterable[str] | None, there: Iterable[str]) -> set[str]:
    """Codes of the offices that a twin is to have: all, or those asked for beside those that are there already."""
    codes = {opd.code for opd in region.opds}
    if asked is None:
        return codes
    if unknown := sorted(set(asked) - codes):
        raise OpsError(f"no office {unknown[0]} is declared", "ops check shows what is declared")
    return codes & {*asked, *there}


def gateway(network: IPv4Network) -> IPv4Address:
    """The first host of a network: its router, by the twin's convention."""
    return next(network.hosts())


def home_of(region: Region, address: IPv4Address) -> tuple[FibreNode, IPv4Network]:
    """The fibre node and network that a server or the station is plugged into. OpsError when it is in neither."""
    for network, kind in ((region.addresses.datacentre, "datacentre"), (region.addresses.drc, "drc")):
        if address in network:
            return node_of_kind(region, kind), network
    raise OpsError(f"{address} is neither in addresses.datacentre nor in addresses.drc", "ops check")


def node_of_kind(region: Region, kind: str) -> FibreNode:
    for node in region.plant.nodes:
        if node.kind == kind:
            return node
    raise OpsError(f"fibre.yml declares no node of kind {kind}", "ops check")


def identity(node: FibreNode) -> str:
    """The address by which neighbours route through a node: its loopback; a closure gets a link-local one."""
    if node.address:
        return str(node.address)
    return str(IPv4Address("169.254.1.0") + zlib.crc32(node.name.encode()) % 64_000)


def drop_ends(link: Link) -> tuple[IPv4Interface, IPv4Interface]:
    """(the router's end, the fibre node's end) of a link's point-to-point network."""
    network = link.address.network
    others = [host for host in network.hosts() if host != link.address.ip]
    if not others:
        raise OpsError(f"{link.address}: a point-to-point network needs two hosts", "declare a /30")
    return link.address, IPv4Interface(f"{others[0]}/{network.prefixlen}")


def kernel_name(declared: str) -> str:
    """A name the kernel takes (15 characters, no `/`), equal for equal input; long ones end in a digest."""
    clean = re.sub(r"[^A-Za-z0-9._-]", "-", declared)
    if len(clean) <= _KERNEL_NAME and clean == declared and clean not in {"lo", "all", "default", BRIDGE}:
        return clean
    mark = hashlib.sha256(declared.encode()).hexdigest()[:4]
    return f"{clean[: _KERNEL_NAME - 5]}-{mark}"


def office_links(opd: Opd) -> Iterator[tuple[Router, Link]]:
    """Every link of an office with its router, in order of declaration."""
    routers = {router.name: router for router in opd.routers}
    for link in opd.links:
        yield routers[link.router], link


def lan_host(network: IPv4Network, index: int) -> IPv4Interface:
    """The host number `index` of a LAN, or its last one where it is smaller."""
    at = min(index, network.num_addresses - 2)
    return IPv4Interface(f"{network.network_address + at}/{network.prefixlen}")


def _add(layout: Layout, space: Space) -> None:
    if space.name in layout.spaces:
        raise OpsError(f"two things are named {space.name}; the twin needs different names", "rename one of them")
    layout.spaces[space.name] = space


def _node(layout: Layout, node: FibreNode) -> None:
    plan = layout.region.addresses
    network = {"datacentre": plan.datacentre, "drc": plan.drc}.get(node.kind)
    first = network is not None and node_of_kind(layout.region, node.kind) is node
    bridge = f"{gateway(network)}/{network.prefixlen}" if network and first else ""
    _add(layout, Space(node.name, "node", forwards=True, loopback=f"{identity(node)}/32", bridge=bridge))


def _segments(layout: Layout) -> None:
    for segment in layout.region.plant.segments:
        one, two = (End(name, kernel_name(segment.name)) for name in segment.between)
        layout.wires.append(Wire("segment", segment.name, (one, two), SEGMENT_RATE))


def _end_system(layout: Layout, space: Space, address: IPv4Address) -> None:
    """A server or the station: one interface on the bridge of its network, default route to that network's gateway."""
    node, network = home_of(layout.region, address)
    _add(layout, Space(space.name, space.kind, gateway=str(gateway(network))))
    here = End(space.name, "eth0", f"{address}/{network.prefixlen}")
    layout.wires.append(Wire("host", space.name, (here, End(node.name, kernel_name(space.name), bridge=True))))


def _office(layout: Layout, opd: Opd) -> None:
    for router in opd.routers:
        _add(layout, Space(router.name, "router", forwards=True, loopback=f"{router.address}/32"))
        layout.ports[router.name] = []
    done: set[tuple[str, IPv4Network]] = set()
    for router, link in office_links(opd):
        ports = layout.ports[router.name]
        wan = Port(link.ifname, kernel_name(link.ifname), "wan", link.name)
        ports.append(wan)
        mine, theirs = drop_ends(link)
        far = End(link.drop.node, kernel_name(f"{router.name}.{link.name}"), str(theirs))
        layout.wires.append(Wire("drop", f"{opd.code}/{link.name}", (End(router.name, wan.kernel, str(mine)), far)))
        if (router.name, link.lan) not in done:
            done.add((router.name, link.lan))
            _lan(layout, opd, link)


def _lan(layout: Layout, opd: Opd, link: Link) -> None:
    """The office's own network: the router's LAN port and, behind it, a namespace where phones and traffic live."""
    name = f"{opd.code}.lan" if f"{opd.code}.lan" not in layout.spaces else f"{opd.code}.lan-{link.name}"
    inside = IPv4Interface(f"{gateway(link.lan)}/{link.lan.prefixlen}")
    _add(layout, Space(name, "lan", gateway=str(inside.ip)))
    ports = layout.ports[link.router]
    taken = {port.kernel for port in ports}
    kernel = kernel_name(link.lan_ifname)
    if kernel in taken:  # two LANs behind one declared port
        kernel = kernel_name(f"{link.lan_ifname}/{link.name}")
    ports.append(Port(link.lan_ifname, kernel, "lan", link.name))
    near, far = End(link.router, kernel, str(inside)), End(name, "eth0", str(lan_host(link.lan, 50)))
    layout.wires.append(Wire("lan", name, (near, far)))
    layout.lans[f"{opd.code}/{link.name}"] = name


def server_of(region: Region, name: str) -> Server:
    """The declared server of that name; OpsError that names the others when there is none."""
    for server in region.servers:
        if server.name == name:
            return server
    known = ", ".join(server.name for server in region.servers)
    raise OpsError(f"no server named {name} in hosts.yml", f"declared are: {known}")
