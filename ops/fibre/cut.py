"""What a cut does to the links. The other way round, from dark links to the cut, is `locate`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ops.fibre.paths import Graph, Path, datacentre, nominal
from ops.inventory.model import Region


class Fate(StrEnum):
    WHOLE = "whole"  # on its declared path
    DETOUR = "detour"  # the declared path is cut, another way exists
    DARK = "dark"  # no way to the data centre is left


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of one link; `path` is where it can run now (None when dark)."""

    fate: Fate
    path: Path | None


def effects(region: Region, cut: Collection[str]) -> dict[str, Effect]:
    """Every link, by `<opd>/<link>`, when the segments in `cut` are gone."""
    plant, severed = region.plant, frozenset(cut)
    ways = Graph(plant.segments, severed).shortest_from(datacentre(plant))
    found = {}
    for opd in region.opds:
        for link in opd.links:
            if severed.isdisjoint(link.rides):
                effect = Effect(Fate.WHOLE, nominal(plant, link))
            elif link.protected and link.drop.node in ways:
                back = ways[link.drop.node]
                effect = Effect(Fate.DETOUR, Path(back.nodes[::-1], back.segments[::-1]))
            else:
                effect = Effect(Fate.DARK, None)
            found[f"{opd.code}/{link.name}"] = effect
    return found
