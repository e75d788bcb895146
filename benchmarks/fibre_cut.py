"""Does cut localisation find random cuts, how fast: `python benchmarks/fibre_cut.py [CUTS] [SITES] [SEED] [--check]`.

Cuts of one or two segments at once, in batubara's plant and on made-up plants of many sites (rings with spurs and cross
segments, a tenth of the links unprotected). What is seen of the links afterwards is computed by the plant's own rules;
then some is taken away: `missing` is the share of links of which nothing is known. `reach only`: nobody knows which way
a lit link goes, so that only darkness tells. Only cuts that leave a trace are counted; what is asked for is every cut
segment that leaves one. The named set holds every explanation that is minimal (none of its segments can be left out),
not one alone: `segments_named_to_the_fewest` says how many times as many segments that is as the smallest ones have.
`--check`: exit code 1 unless all true segments are named, all explanations are minimal, each in <= 50 ms of CPU.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from limits import Limit, judged

from ops.fibre import riders as model
from ops.fibre.locate import Diagnosis, locate
from ops.fibre.paths import Graph
from ops.fibre.riders import Rider, Riders, Seen, Sight
from ops.inventory.load import load
from ops.inventory.model import Segment

ROOT = Path(__file__).parents[1]
MISSING = (0.0, 0.1, 0.3)


@dataclass
class Score:
    cuts: int = 0
    named: int = 0
    minimal: int = 0
    sole: int = 0
    inexact: int = 0
    more: int = 0  # segments named beyond the fewest that explain what is seen, in all cuts together
    fewest: int = 0  # these fewest, in all cuts together
    names: list[int] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)  # milliseconds
    cpu: list[float] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        return {
            "cuts": self.cuts,
            "true_segments_named_percent": round(100 * self.named / self.cuts, 2),
            "every_explanation_minimal_percent": round(100 * self.minimal / self.cuts, 2),
            "likeliest_is_exactly_the_cut_percent": round(100 * self.sole / self.cuts, 1),
            "segments_named_to_the_fewest": round((self.more + self.fewest) / self.fewest, 2),
            "segments_named_median": statistics.median(self.names),
            "segments_named_most": max(self.names),
            "cut_short": self.inexact,
            "wall_ms_median_most": [round(statistics.median(self.wall), 2), round(max(self.wall), 2)],
            "cpu_ms_median_most": [round(statistics.median(self.cpu), 2), round(max(self.cpu), 2)],
        }


def made_up(sites: int, dice: random.Random) -> Riders:
    """Rings of 8 to 20 nodes through the data centre, spurs, cross segments between rings; offices at every node."""
    segments: dict[str, tuple[str, str]] = {}
    nodes: list[str] = []

    def join(one: str, other: str) -> None:
        segments[f"s{len(segments):04d}"] = (one, other)

    while len(nodes) < sites * 0.6:
        ring = [f"n{len(nodes) + at:04d}" for at in range(dice.randint(8, 20))]
        for one, other in zip(["dc", *ring], [*ring, "dc"], strict=True):
            join(one, other)
        if nodes and dice.random() < 0.5:
            join(dice.choice(ring), dice.choice(nodes))
        nodes += ring
    for at in range(int(sites * 0.1)):
        join(dice.choice(nodes), f"spur{at:03d}")
    nodes += [f"spur{at:03d}" for at in range(int(sites * 0.1))]
    km = {name: round(dice.uniform(0.5, 20), 1) for name in segments}
    declared = [Segment.model_validate({"name": n, "between": ends, "km": km[n]}) for n, ends in segments.items()]
    ways = Graph(declared).shortest_from("dc")
    links = {}
    for at in range(sites):
        node = nodes[at] if at < len(nodes) else dice.choice(nodes)
        links[f"o{at:04d}/wan"] = Rider(node, frozenset(ways[node].names), dice.random() >= 0.1)
    return Riders("dc", segments, km, links)


def cuts(plant: Riders, count: int, dice: random.Random) -> Iterator[tuple[frozenset[str], dict[str, Sight]]]:
    """`count` cuts that leave a trace in what is left to see, with that."""
    names, made = sorted(plant.segments), 0
    while made < count:
        cut = frozenset(dice.sample(names, dice.choice((1, 2))))
        would = model.predicted(plant, cut)
        gone, blind = dice.choice(MISSING), made % 5 == 4
        sights = {
            name: Sight(Seen.LIT if blind and seen is not Seen.DARK else seen)
            for name, seen in would.items()
            if dice.random() >= gone
        }
        if traces(plant, cut, sights, blind=blind):
            made += 1
            yield cut, sights


def traces(plant: Riders, cut: frozenset[str], sights: Mapping[str, Sight], *, blind: bool) -> set[str]:
    """The segments of a cut that show in what is seen: without them it would look different."""
    found = set()
    for one in cut:
        without = model.predicted(plant, cut - {one})
        for name, sight in sights.items():
            before = Seen.LIT if blind and without[name] is not Seen.DARK else without[name]
            if sight.seen is not before:
                found.add(one)
                break
    return found


def minimal(plant: Riders, sights: Mapping[str, Sight], found: Diagnosis) -> bool:
    """Whether no explanation could do without one of its causes: checked anew from the plant's rules, on its own."""
    for incident in found.incidents:
        affected = {*incident.dark, *incident.detour}
        for one in incident.explanations:
            assert unexplained(plant, sights, affected, one.segments) <= set(one.own), (one, affected)
            for name in one.segments:
                rest = [other for other in one.segments if other != name]
                if unexplained(plant, sights, affected, rest) <= set(one.own):
                    return False
            if set(one.own) - unexplained(plant, sights, affected, one.segments):
                return False
    return True


def unexplained(plant: Riders, sights: Mapping[str, Sight], affected: set[str], cut: object) -> set[str]:
    would = model.predicted(plant, cut)  # type: ignore[arg-type]
    return {
        name
        for name in affected
        if (sights[name].seen is Seen.DARK) != (would[name] is Seen.DARK)
        or (sights[name].seen is Seen.DETOUR and would[name] is Seen.WHOLE)
    }


def measure(plant: Riders, count: int, dice: random.Random) -> Score:
    score = Score()
    for cut, sights in cuts(plant, count, dice):
        wall, cpu = time.perf_counter(), time.process_time()
        found = locate(plant, sights)
        score.cpu.append((time.process_time() - cpu) * 1000)
        score.wall.append((time.perf_counter() - wall) * 1000)
        blind = Seen.LIT in {one.seen for one in sights.values()}
        score.cuts += 1
        score.named += traces(plant, cut, sights, blind=blind) <= found.suspects.keys()
        score.minimal += minimal(plant, sights, found)
        likeliest = {name for incident in found.incidents for name in incident.explanations[0].segments}
        score.sole += likeliest == traces(plant, cut, sights, blind=blind)
        score.names.append(len(found.suspects))
        fewest = sum(min(len(one.segments) for one in incident.explanations) for incident in found.incidents)
        score.fewest += fewest
        score.more += len(found.suspects) - fewest
        score.inexact += not all(incident.exact for incident in found.incidents)
    return score


def main(count: int, sites: int, seed: int) -> dict[str, dict[str, Any]]:
    dice = random.Random(seed)
    told: dict[str, dict[str, Any]] = {
        "batubara": measure(model.of_region(load(ROOT / "inventories/batubara")), count, dice).told()
    }
    whole = Score()
    for _ in range(10):
        part = measure(made_up(sites, dice), count // 10, dice)
        for name in ("cuts", "named", "minimal", "sole", "inexact", "more", "fewest"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        whole.names += part.names
        whole.wall += part.wall
        whole.cpu += part.cpu
    told[f"10 plants of {sites} sites"] = whole.told()
    return told


def limits(told: dict[str, dict[str, Any]]) -> Iterator[Limit]:
    for plant, got in told.items():
        yield Limit(
            f"% of true segments in the named set, {plant}", got["true_segments_named_percent"], 100, least=True
        )
        minimal = got["every_explanation_minimal_percent"]
        yield Limit(f"% of cuts whose every explanation is minimal, {plant}", minimal, 100, least=True)
        yield Limit(f"CPU ms of the slowest, {plant}", got["cpu_ms_median_most"][1], 50)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")] or ["200", "1000", "1"]
    result = main(*(int(word) for word in words[:3]))
    sys.stdout.write(json.dumps({"words": words} | result, indent=2) + "\n")
    if "--check" in sys.argv:
        sys.exit(judged(limits(result)))
