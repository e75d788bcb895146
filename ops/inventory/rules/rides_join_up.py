"""A link's segments follow each other from its drop to the data centre, none twice."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Link, Region
from ops.inventory.walk import links


def check(region: Region) -> Iterable[Finding]:
    ends = {segment.name: segment.between for segment in region.plant.segments}
    centres = {node.name for node in region.plant.nodes if node.kind == "datacentre"}
    nodes = {node.name for node in region.plant.nodes}
    for _, link in links(region):
        if link.drop.node in nodes and all(name in ends for name in link.rides):  # else other rules speak
            yield from _follow(link, ends, centres)


def _follow(link: Link, ends: dict[str, tuple[str, str]], centres: set[str]) -> Iterable[Finding]:
    here, seen = link.drop.node, {link.drop.node}
    for at, name in enumerate(link.rides):
        if here not in ends[name]:
            one, other = ends[name]
            what = f"{name} joins {one} and {other}, but the path is at {here}"
            return [Finding(link, f"rides.{at}", what, f"segments at {here}: {_at_node(here, ends)}")]
        one, other = ends[name]
        here = other if here == one else one
        if here in seen:
            return [Finding(link, f"rides.{at}", f"{name} leads back to {here}", "no node may be passed twice")]
        seen.add(here)
    if here not in centres:
        hint = f"segments at {here}: {_at_node(here, ends)}"
        return [Finding(link, "rides", f"the path ends at {here}, not at the data centre", hint)]
    return []


def _at_node(node: str, ends: dict[str, tuple[str, str]]) -> str:
    return ", ".join(sorted(name for name, both in ends.items() if node in both)) or "none"
