"""Which way traffic goes in a twin: pure. Lines for `ip -batch`, per namespace, for a given set of cut segments.

Offices ride on the segments they declare while those are whole, else on the shortest way round; what belongs to a node
(servers, loopbacks) is reached by the shortest way. Where an office's declared way is not its node's shortest one, the
node gets a rule for that office's source addresses.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from ops.fibre.paths import Graph, Path, route
from ops.inventory.model import Link, Plant
from ops.twin.layout import Layout, drop_ends, identity, kernel_name, node_of_kind, office_links

_RULES_FROM = 1000  # preference of the first rule and number of the first table
Ways = dict[str, Path | None]  # by `<opd>/<link>`; None: dark


@dataclass
class Tables:
    """Lines of `ip -batch` that make a namespace's routes what they should be, by namespace."""

    lines: dict[str, list[str]] = field(default_factory=dict)

    def add(self, space: str, line: str) -> None:
        self.lines.setdefault(space, []).append(line)


def ways(layout: Layout, cut: Collection[str]) -> Ways:
    """Where every office link of the layout runs now."""
    region = layout.region
    return {
        f"{opd.code}/{link.name}": route(region.plant, link, cut)
        for opd in region.opds
        if opd.routers and opd.routers[0].name in layout.spaces
        for _, link in office_links(opd)
    }


def tables(layout: Layout, cut: Collection[str]) -> dict[str, list[str]]:
    """Every namespace's routes. A namespace whose lines are what they were needs no visit."""
    made = Tables({name: [] for name, space in layout.spaces.items() if space.forwards})
    graph = Graph(layout.region.plant.segments, cut)
    trees = {node.name: graph.shortest_from(node.name) for node in layout.region.plant.nodes}
    _nodes(layout, trees, made)
    found = ways(layout, cut)
    for opd in layout.region.opds:
        if opd.routers and opd.routers[0].name in layout.spaces:
            for router in opd.routers:
                links = [link for link in opd.links if link.router == router.name]
                _office(_Office(layout, trees, opd.code, router.name, links, found), made)
    return made.lines


@dataclass(frozen=True, slots=True)
class _Office:
    layout: Layout
    trees: dict[str, dict[str, Path]]
    code: str
    router: str
    links: list[Link]
    found: Ways

    def way(self, link: Link) -> Path | None:
        return self.found[f"{self.code}/{link.name}"]


def _nodes(layout: Layout, trees: dict[str, dict[str, Path]], made: Tables) -> None:
    """Routes to what the nodes own: their loopbacks, the server networks, the way out through the data centre."""
    region = layout.region
    dc = node_of_kind(region, "datacentre")
    for node in region.plant.nodes:
        owned = [f"{identity(node)}/32"]
        if bridge := layout.spaces[node.name].bridge:
            owned.append(_network_of(bridge))
        if node is dc:
            owned.append("default")
        for other, path in trees[node.name].items():
            if other != node.name:
                for prefix in owned:
                    made.add(other, _via(region.plant, prefix, _back(path)))


def _network_of(bridge: str) -> str:
    return str(IPv4Interface(bridge).network)


def _back(path: Path) -> tuple[str, str]:
    """(segment, neighbour) of the first step back along a path, seen from its end."""
    return path.segments[-1].name, path.nodes[-2]


def _via(plant: Plant, prefix: str, step: tuple[str, str], table: int = 0) -> str:
    segment, neighbour = step
    node = next(node for node in plant.nodes if node.name == neighbour)
    line = f"route replace {prefix} via {identity(node)} dev {kernel_name(segment)} onlink proto static"
    return f"{line} table {table}" if table else line


def _office(office: _Office, made: Tables) -> None:
    """Routes to one router's addresses everywhere, its own way out, and rules where it rides off the shortest way."""
    lit = [link for link in office.links if office.way(link) is not None]
    if not lit:
        return
    made.add(office.router, f"route replace default via {drop_ends(lit[0])[1].ip} proto static")
    address = office.layout.spaces[office.router].loopback
    done: set[str] = set()
    for link in office.links:
        carrier = link if link in lit else lit[0]
        prefixes = {str(link.lan), address, *([str(link.address.network)] if link in lit else [])} - done
        done |= prefixes
        for prefix in sorted(prefixes):
            _towards(office, carrier, prefix, made)
    for link in lit:
        _rides(office, link, made)


def _towards(office: _Office, link: Link, prefix: str, made: Tables) -> None:
    """Every node's route to an office prefix: back along the link's way, from elsewhere to where its drop is."""
    plant = office.layout.region.plant
    node, way = link.drop.node, office.way(link)
    assert way is not None  # noqa: S101 # callers pass lit links
    if prefix != str(link.address.network):  # the drop's network is connected there
        mine, _ = drop_ends(link)
        port = kernel_name(f"{office.router}.{link.name}")
        made.add(node, f"route replace {prefix} via {mine.ip} dev {port} proto static")
    steps = {other: _back(path) for other, path in office.trees[node].items() if other != node}
    for at in range(1, len(way.nodes)):
        steps[way.nodes[at]] = (way.segments[at - 1].name, way.nodes[at - 1])
    for other, step in steps.items():
        made.add(other, _via(plant, prefix, step))


def _rides(office: _Office, link: Link, made: Tables) -> None:
    """Rules for traffic from an office to the data centre, on nodes whose own way there is another one."""
    region = office.layout.region
    way = office.way(link)
    assert way is not None  # noqa: S101 # callers pass lit links
    dc = node_of_kind(region, "datacentre").name
    for at, node in enumerate(way.nodes[:-1]):
        step = (way.segments[at].name, way.nodes[at + 1])
        if _back(office.trees[dc][node]) == step:
            continue
        number = _RULES_FROM + sum(1 for line in made.lines[node] if line.startswith("rule add"))
        made.add(node, _via(region.plant, str(region.addresses.datacentre), step, number))
        made.add(node, f"rule add from {link.lan} to {region.addresses.datacentre} pref {number} lookup {number}")
