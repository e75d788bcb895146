"""The plant as text for a terminal: rings from the data centre and back, what hangs on each node, each segment's state.

State shows by symbol and by word, never by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ops.fibre.locate import Diagnosis
from ops.fibre.riders import Seen, Sight
from ops.inventory.model import Plant, Region, Segment

SYMBOLS = {"whole": "│", "suspect": "╳", "cut": "╳", "unknown": "┊"}
_ORDER = (Seen.WHOLE, Seen.LIT, Seen.DETOUR, Seen.DARK, Seen.UNKNOWN)
_TOLD = {Seen.LIT: "lit", Seen.WHOLE: "whole", Seen.DETOUR: "on a detour", Seen.DARK: "DARK", Seen.UNKNOWN: "unknown"}


@dataclass(frozen=True)
class Picture:
    """`segments`: name → (state, what more to say) · `links`: `<opd>/<link>` → what is seen."""

    segments: Mapping[str, tuple[str, str]]
    links: Mapping[str, Seen] = field(default_factory=dict)


def now(region: Region, found: Diagnosis, sights: Mapping[str, Sight]) -> Picture:
    """The plant as it is known now."""
    suspects = found.suspects
    states = {}
    for segment in region.plant.segments:
        if segment.name in suspects:
            states[segment.name] = ("suspect", f"{suspects[segment.name]:.0%}")
        else:
            states[segment.name] = ("whole" if segment.name in found.whole else "unknown", "")
    links = {name: sight.seen for name, sight in sights.items() if "/" in name}
    return Picture(states, links)


def draw(region: Region, picture: Picture) -> list[str]:
    """Lines: every ring, then the segments of no ring."""
    hanging = _hanging(region, picture)
    lines: list[str] = []
    rings = sorted({segment.ring for segment in region.plant.segments if segment.ring})
    for ring in rings:
        lines += [ring, *_ring(region.plant, ring, picture, hanging), ""]
    others = [segment for segment in region.plant.segments if not segment.ring]
    if others:
        lines += ["no ring", *(_between(segment, picture) for segment in others), ""]
    return [*lines, "│ whole   ╳ cut or suspect   ┊ unknown: nobody is seen to cross it"]


def _ring(plant: Plant, ring: str, picture: Picture, hanging: Mapping[str, str]) -> Iterator[str]:
    """A ring's nodes with the segments between them, one below the other; each line at most once."""
    left = [segment for segment in plant.segments if segment.ring == ring]
    centre = next(node.name for node in plant.nodes if node.kind == "datacentre")
    while left:
        node = centre if any(centre in segment.between for segment in left) else left[0].between[0]
        yield f"  ● {node}{hanging.get(node, '')}"
        while step := next((segment for segment in left if node in segment.between), None):
            left.remove(step)
            node = step.between[1] if node == step.between[0] else step.between[0]
            yield f"  {_state(step, picture)}"
            yield f"  ● {node}{hanging.get(node, '') if node != centre else ''}"


def _state(segment: Segment, picture: Picture) -> str:
    state, more = picture.segments.get(segment.name, ("unknown", ""))
    told = f"{state.upper() if state in {'suspect', 'cut'} else state} {more}".strip()
    return f"{SYMBOLS[state]}  {segment.name}  {segment.km:g} km  {told}"


def _between(segment: Segment, picture: Picture) -> str:
    return f"  {_state(segment, picture)}  ({segment.between[0]} – {segment.between[1]})"


def _hanging(region: Region, picture: Picture) -> dict[str, str]:
    """What to say of the links at each node."""
    counts: dict[str, dict[Seen, int]] = {}
    for opd in region.opds:
        for link in opd.links:
            seen = picture.links.get(f"{opd.code}/{link.name}", Seen.UNKNOWN)
            at = counts.setdefault(link.drop.node, {})
            at[seen] = at.get(seen, 0) + 1
    return {
        node: "  " + ", ".join(f"{count[seen]} {_TOLD[seen]}" for seen in _ORDER if seen in count)
        for node, count in counts.items()
    }
