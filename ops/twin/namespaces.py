"""Make a layout true on this machine: namespaces, wires, addresses, routes. Only what is missing is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ops.system import netns
from ops.twin.layout import BRIDGE, End, Layout, Space, Wire

_AT_ONCE = 4  # `ip` processes; more only queue up for the kernel's one network lock


@dataclass
class Built:
    """`fresh`: namespaces made now · `gone`: removed ones · `touched`: with a new wire, so their routes must be set."""

    fresh: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)


def build(twin: str, layout: Layout, cut: Collection[str]) -> Built:
    """Everything of the layout but its routes. What the twin has beyond the layout goes away."""
    there = {name.removeprefix(f"{twin}.") for name in netns.existing(f"{twin}.")}
    wanted = set(layout.spaces)
    built = Built(wanted - there, there - wanted)
    remove(twin, built.gone)
    netns.batch([f"netns add {twin}.{name}" for name in sorted(built.fresh)])
    _each(built.fresh, lambda name: _settings(twin, layout.spaces[name]))
    wires = [wire for wire in layout.wires if any(end.space in built.fresh for end in wire.ends)]
    _remove_stale(twin, wires, built.fresh)
    netns.batch([_make(twin, wire) for wire in wires])
    lines = {name: _own(layout.spaces[name]) for name in built.fresh}
    shapes: dict[str, list[str]] = {}
    for wire in wires:
        for end in wire.ends:
            up = not (wire.kind == "segment" and wire.name in cut)
            lines.setdefault(end.space, []).extend(_end(end, up=up))
            if wire.rate:
                shapes.setdefault(end.space, []).append(_shape(end, wire.rate))
    built.touched = set(lines)
    for name in built.touched:
        if gateway := layout.spaces[name].gateway:
            lines[name].append(f"route replace default via {gateway}")
    _each(lines, lambda name: netns.batch(lines[name], f"{twin}.{name}"))
    _each(shapes, lambda name: netns.batch(shapes[name], f"{twin}.{name}", "tc"))
    return built


def set_routes(twin: str, tables: dict[str, list[str]], before: dict[str, list[str]], touched: Collection[str]) -> int:
    """Set the routes of every namespace whose lines differ from `before` or that was touched; how many those were."""
    changed = [name for name, lines in tables.items() if name in touched or before.get(name) != lines]

    def one(name: str) -> None:
        had_rules = any(line.startswith("rule") for line in before.get(name, []))
        reset = ["rule flush", "rule add pref 32766 lookup main", "rule add pref 32767 lookup default"]
        netns.batch(
            ["route flush proto static", *(reset if had_rules else []), *tables[name]],
            f"{twin}.{name}",
        )

    _each(changed, one)
    return len(changed)


def set_segment(twin: str, wire: Wire, *, up: bool) -> None:
    """Light or darken both ends of a fibre segment."""
    for end in wire.ends:
        netns.batch([f"link set {end.ifname} {'up' if up else 'down'}"], f"{twin}.{end.space}")


def remove(twin: str, names: Iterable[str]) -> None:
    """Delete namespaces and with them every wire and rule inside."""
    netns.batch([f"netns del {twin}.{name}" for name in sorted(names)])


def _each(names: Collection[str], do: Callable[[str], None]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(do, sorted(names)))


def _remove_stale(twin: str, wires: Iterable[Wire], fresh: Collection[str]) -> None:
    """Cut off what is left of wires whose other end was in a namespace that is gone (the kernel takes its time)."""
    for wire in wires:
        for end in wire.ends:
            name = f"{twin}.{end.space}"
            if end.space not in fresh and end.ifname in netns.indexes(name):
                netns.batch([f"link del {end.ifname}"], name)


def _settings(twin: str, space: Space) -> None:
    values = {"ipv4/ping_group_range": "0 2147483647"}
    if space.kind in {"node", "router", "lan"}:
        # rp_filter: an office's two links may bring an answer back another way. IPv6: not part of the declared plan.
        values |= {f"ipv4/conf/{scope}/rp_filter": "0" for scope in ("all", "default")}
        values |= {f"ipv6/conf/{scope}/disable_ipv6": "1" for scope in ("all", "default")}
    if space.forwards:
        values["ipv4/ip_forward"] = "1"
    netns.set_kernel(f"{twin}.{space.name}", values)


def _own(space: Space) -> list[str]:
    lines = ["link set lo up"]
    if space.loopback:
        lines.append(f"address replace {space.loopback} dev lo")
    if space.bridge:
        lines += [
            f"link add {BRIDGE} type bridge forward_delay 0",
            f"address replace {space.bridge} dev {BRIDGE}",
            f"link set {BRIDGE} up",
        ]
    return lines


def _make(twin: str, wire: Wire) -> str:
    one, two = wire.ends
    return f"link add {one.ifname} netns {twin}.{one.space} type veth peer name {two.ifname} netns {twin}.{two.space}"


def _end(end: End, *, up: bool) -> list[str]:
    lines = []
    if end.address:
        lines.append(f"address replace {end.address} dev {end.ifname}")
    if end.bridge:
        lines.append(f"link set {end.ifname} master {BRIDGE}")
    if up:
        lines.append(f"link set {end.ifname} up")
    return lines


def _shape(end: End, rate: int) -> str:
    return f"qdisc replace dev {end.ifname} root tbf rate {rate}bit burst 1mb latency 50ms"
