"""What a cut does to the links, and the other way round: which segment explains the links that went dark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


@dataclass(frozen=True, slots=True)
class Suspect:
    """A segment that may be cut: how many of the dark links it explains, and lit links that speak against it."""

    segment: str
    explains: int
    against: int


def effects(region: Region, cut: Collection[str]) -> dict[str, Effect]:
    """Every link, by `<opd>/<link>`, when the segments in `cut` are gone."""
    plant, severed = region.plant, frozenset(cut)
    ways = Graph(plant.segments, severed).shortest_from(datacentre(plant))
    found = {}
    for opd in region.opds:
        for link in opd.links:
            if severed.isdisjoint(link.rides):
                effect = Effect(Fate.WHOLE, nominal(plant, link))
            elif link.drop.node in ways:
                back = ways[link.drop.node]
                effect = Effect(Fate.DETOUR, Path(back.nodes[::-1], back.segments[::-1]))
            else:
                effect = Effect(Fate.DARK, None)
            found[f"{opd.code}/{link.name}"] = effect
    return found


def rides(region: Region) -> dict[str, tuple[str, ...]]:
    """The segments that every link rides on, by `<opd>/<link>`."""
    return {f"{opd.code}/{link.name}": link.rides for opd in region.opds for link in opd.links}


def suspects(rides: Mapping[str, Collection[str]], dark: Collection[str]) -> list[Suspect]:
    """Segments that some dark link rides on, best explanation first. Links not in `dark` count as lit.

    A segment that every dark link and no lit link rides on explains all by itself. Nothing at all to suspect means
    that the trouble is in the offices' drops or in the data centre.
    """
    gone = set(dark)
    explains: dict[str, int] = {}
    against: dict[str, int] = {}
    for link, segments in rides.items():
        tally = explains if link in gone else against
        for segment in set(segments):
            tally[segment] = tally.get(segment, 0) + 1
    found = [Suspect(segment, count, against.get(segment, 0)) for segment, count in explains.items()]
    return sorted(found, key=lambda one: (one.against > 0, one.against - one.explains, one.segment))


def explain(rides: Mapping[str, Collection[str]], dark: Collection[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The few segments whose cut explains the dark links without darkening a lit one, and the links left unexplained.

    Greedy: the segment that explains most first. An unexplained link is dark for a reason of its own (drop, power).
    """
    left, named = set(dark), []
    lit = {link: set(segments) for link, segments in rides.items() if link not in left}
    spoken_for = set().union(*lit.values()) if lit else set()
    while left:
        open_rides = {link: set(rides.get(link, ())) - spoken_for for link in left}
        tally: dict[str, int] = {}
        for segments in open_rides.values():
            for segment in segments:
                tally[segment] = tally.get(segment, 0) + 1
        if not tally:
            break
        best = min(tally, key=lambda segment: (-tally[segment], segment))
        named.append(best)
        left = {link for link in left if best not in open_rides[link]}
    return tuple(named), frozenset(left)
