"""The twin's layout and routes, walked packet by packet without a kernel: every office, every single cut."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import OpsError
from ops.inventory.load import load
from ops.inventory.model import Link, Region
from ops.twin.layout import End, Layout, Wire, drop_ends, kernel_name, lan_host, lay_out
from ops.twin.routes import tables, ways

HOPS = 64


@pytest.fixture(scope="module")
def region(root: Path) -> Region:
    return load(root / "inventories/batubara")


@pytest.fixture(scope="module")
def whole(region: Region) -> Layout:
    return lay_out(region, [server.name for server in region.servers], [opd.code for opd in region.opds])


class Walker:
    """Forwards a packet through a layout as the kernel would: rules, then the longest prefix."""

    def __init__(self, layout: Layout, cut: set[str]) -> None:
        self.layout, self.cut = layout, cut
        self.lines = tables(layout, cut)
        self.wires: dict[tuple[str, str], tuple[Wire, End]] = {}
        for wire in layout.wires:
            one, two = wire.ends
            self.wires[one.space, one.ifname] = (wire, two)
            self.wires[two.space, two.ifname] = (wire, one)
        self._known: dict[tuple[str, str], list[tuple[IPv4Network, str]]] = {}
        self._rules = {
            space: [
                (IPv4Network(words[3]), IPv4Network(words[5]), words[-1])
                for words in map(str.split, lines)
                if words[0] == "rule"
            ]
            for space, lines in self.lines.items()
        }
        self._mine = {
            name: {space.loopback.partition("/")[0], space.bridge.partition("/")[0]}
            for name, space in layout.spaces.items()
        }
        for wire in layout.wires:
            for end in wire.ends:
                self._mine[end.space].add(end.address.partition("/")[0])

    def walk(self, start: str, source: IPv4Address, target: IPv4Address) -> tuple[str, list[str]]:
        """(where it ends, segments it went over). AssertionError for a loop."""
        at, taken = start, []
        for _ in range(HOPS):
            if str(target) in self._mine[at]:
                return at, taken
            port = self._port(at, source, target)
            if port is None:
                return "dropped", taken
            wire, far = self.wires[at, port]
            if wire.kind == "segment":
                assert wire.name not in self.cut, f"{wire.name} is cut"
                taken.append(wire.name)
            at = far.space
        raise AssertionError(f"loop: {taken}")

    def _port(self, space: str, source: IPv4Address, target: IPv4Address) -> str | None:
        if not self.layout.spaces[space].forwards:
            return next(port for name, port in self.wires if name == space)  # an end system has one wire
        rules = self._rules[space]
        table = next((number for of, to, number in rules if source in of and target in to), "")
        found = self._lookup(space, target, table) if table else None
        return found or self._lookup(space, target, "")

    def _lookup(self, space: str, target: IPv4Address, table: str) -> str | None:
        if (space, table) not in self._known:
            listed = [*([] if table else self._connected(space)), *self._static(space, table)]
            self._known[space, table] = sorted(listed, key=lambda entry: -entry[0].prefixlen)
        return next((port for prefix, port in self._known[space, table] if target in prefix), None)

    def _connected(self, space: str) -> list[tuple[IPv4Network, str]]:
        found = []
        for wire in self.layout.wires:
            for end, far in (wire.ends, wire.ends[::-1]):
                if end.space == space and end.address:
                    found.append((IPv4Network(end.address, strict=False), end.ifname))
                if end.space == space and end.bridge:
                    found.append((IPv4Network(far.address.partition("/")[0]), end.ifname))
        return found

    def _static(self, space: str, table: str) -> list[tuple[IPv4Network, str]]:
        found = []
        for line in self.lines[space]:
            words = line.split()
            if words[0] != "route" or (words[-1] if "table" in words else "") != table:
                continue
            prefix = IPv4Network("0.0.0.0/0" if words[2] == "default" else words[2])
            port = words[words.index("dev") + 1] if "dev" in words else self._towards(space, words[4])
            found.append((prefix, port))
        return found

    def _towards(self, space: str, neighbour: str) -> str:
        return next(port for prefix, port in self._connected(space) if IPv4Address(neighbour) in prefix)


def test_kernel_names_fit_and_are_unique_within_each_namespace(whole: Layout) -> None:
    for name in whole.spaces:
        ports = [end.ifname for wire in whole.wires for end in wire.ends if end.space == name]
        assert len(ports) == len(set(ports)), name
        assert all(1 <= len(port) <= 15 and "/" not in port for port in ports)


@given(st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9/._:-]{0,39}", fullmatch=True), unique=True, max_size=40))
def test_any_declared_names_become_different_kernel_names(names: list[str]) -> None:
    made = [kernel_name(name) for name in names]
    assert len(set(made)) == len(made)
    assert all(len(name) <= 15 and "/" not in name and ":" not in name for name in made)
    assert not {"lo", "all", "default", "br0"} & set(made)


def test_every_office_reaches_every_server_and_back_on_its_declared_segments(region: Region, whole: Layout) -> None:
    walker = Walker(whole, set())
    for opd in region.opds:
        for link in opd.links:
            phone = lan_host(link.lan, 50).ip
            start = whole.lans[f"{opd.code}/{link.name}"]
            for server in region.servers:
                there, taken = walker.walk(start, phone, server.address)
                back, returned = walker.walk(server.name, server.address, phone)
                assert (there, back) == (server.name, start)
                if server.address in region.addresses.datacentre:
                    assert taken == list(link.rides)
                    assert returned == list(reversed(link.rides))


def test_with_any_one_segment_cut_nobody_loops_and_only_the_unreachable_are_dark(region: Region, whole: Layout) -> None:
    server = next(server for server in region.servers if server.address in region.addresses.datacentre)
    for segment in region.plant.segments:
        walker = Walker(whole, {segment.name})
        lit = ways(whole, {segment.name})
        for opd in region.opds:
            for link in opd.links:
                start = whole.lans[f"{opd.code}/{link.name}"]
                end, _ = walker.walk(start, lan_host(link.lan, 50).ip, server.address)
                assert end == (server.name if lit[f"{opd.code}/{link.name}"] else "dropped")


def test_an_office_may_ride_the_long_way_round(region: Region) -> None:
    """Its declared way is kept both ways even where the node's other offices go the short way."""
    office, link = next((opd, link) for opd in region.opds for link in opd.links if link.rides)
    long = _other_way(region, link)
    moved = office.model_copy(update={"links": (link.model_copy(update={"rides": long}), *office.links[1:])})
    others = tuple(opd for opd in region.opds if opd is not office)
    layout = lay_out(region.model_copy(update={"opds": (*others, moved)}), ["dc-db"], [o.code for o in region.opds])
    walker = Walker(layout, set())
    phone, server = lan_host(link.lan, 50).ip, region.server("dc-db").address
    start = layout.lans[f"{office.code}/{link.name}"]
    assert walker.walk(start, phone, server) == ("dc-db", list(long))
    assert walker.walk("dc-db", server, phone) == (start, list(reversed(long)))


def _other_way(region: Region, link: Link) -> tuple[str, ...]:
    cut = dataclasses.replace(lay_out(region, [], [opd.code for opd in region.opds]))
    code = next(opd.code for opd in region.opds if link in opd.links)
    other = ways(cut, {link.rides[-1]})[f"{code}/{link.name}"]
    assert other is not None
    return other.names


def test_the_fibre_end_of_a_link_is_the_other_host_of_its_network(region: Region) -> None:
    link = region.opds[0].links[0]
    mine, theirs = drop_ends(link)
    assert mine.network == theirs.network
    assert mine.ip != theirs.ip


def test_a_server_outside_both_server_networks_is_refused(region: Region) -> None:
    lost = region.servers[0].model_copy(update={"address": IPv4Address("192.0.2.1")})
    with pytest.raises(OpsError, match=r"192\.0\.2\.1 is neither"):
        lay_out(region.model_copy(update={"servers": (lost,)}), [lost.name], [])


def test_two_things_of_one_name_are_refused(region: Region) -> None:
    twin = region.servers[0].model_copy(update={"name": region.plant.nodes[0].name})
    with pytest.raises(OpsError, match="two things are named"):
        lay_out(region.model_copy(update={"servers": (twin,)}), [twin.name], [])
