"""Generated plants with something dark: what the exporter then tells of them, as series of the real exporter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import GaugeMetricFamily

from exporters.fibre_state import names, tell_cuts
from exporters.metrics import table
from ops.fibre.locate import Diagnosis, locate
from ops.fibre.riders import Rider, Riders, Seen, Sight


@dataclass(frozen=True)
class Told:
    """`series`: metric → its samples, as (labels, value)."""

    name: str
    found: Diagnosis
    series: dict[str, list[tuple[dict[str, str], float]]]

    def label(self, metric: str, label: str) -> set[str]:
        return {labels[label] for labels, _ in self.series[metric]}


def told(name: str, plant: Riders, sights: dict[str, Sight]) -> Told:
    families = {one: GaugeMetricFamily(one, table()[one].help, labels=table()[one].labels) for one in names()}
    found = locate(plant, sights)
    tell_cuts(found, {rider: [rider, "kantor", f"{rider}-rtr1", "sfp1"] for rider in plant.riders}, families)
    series = {
        one: [(dict(sample.labels), float(sample.value)) for sample in family.samples]
        for one, family in families.items()
    }
    return Told(name, found, series)


def spur(lengths: list[float]) -> Told:
    """A chain of segments with one dark office at its end, and nothing else to go by."""
    segments = {f"s{at:02}": (f"n{at}", f"n{at + 1}") for at in range(len(lengths))}
    riders = {"ujung": Rider(f"n{len(lengths)}", frozenset(segments))}
    plant = Riders("n0", segments, dict(zip(segments, lengths, strict=True)), riders)
    return told(f"spur of {lengths}", plant, {"ujung": Sight(Seen.DARK)})


def ring(count: int, dark: list[int], km: float = 3.0) -> Told:
    """A ring of `count` segments with an office at each node, of which some are dark and all others unknown."""
    segments = {f"r{at:02}": (f"n{at}", f"n{(at + 1) % count}") for at in range(count)}
    names_ = sorted(segments)
    riders = {f"o{at:02}": Rider(f"n{at}", frozenset(names_[:at])) for at in range(1, count)}
    plant = Riders("n0", segments, dict.fromkeys(segments, km), riders)
    return told(f"ring of {count} without {dark}", plant, {f"o{at:02}": Sight(Seen.DARK) for at in dark})


def wild(dice: random.Random) -> Told:
    """Up to 14 nodes as a tree with chords, some offices dark, on a detour, lit, or not seen."""
    count = dice.randint(2, 14)
    ends = [(dice.randrange(at), at) for at in range(1, count)]
    ends += [(one, other) for one, other in (dice.sample(range(count), 2) for _ in range(dice.randint(0, 3)))]
    segments = {f"s{at:02}": (f"n{one}", f"n{other}") for at, (one, other) in enumerate(ends)}
    up = {f"n{other}": (name, segments[name][0]) for name, (_, other) in zip(segments, ends[: count - 1], strict=False)}
    riders, sights = {}, {}
    for at in range(dice.randint(1, 8)):
        node = rode = f"n{dice.randrange(1, count)}"
        rides = set()
        while rode != "n0":
            name, rode = up[rode]
            rides.add(name)
        riders[f"o{at}"] = Rider(node, frozenset(rides), dice.random() < 0.8)
        seen = dice.choice([Seen.DARK, Seen.DARK, Seen.DETOUR, Seen.LIT, Seen.UNKNOWN, Seen.UNKNOWN])
        sights[f"o{at}"] = Sight(seen)
    plant = Riders("n0", segments, {name: dice.choice([0.4, 1, 3, 4, 12]) for name in segments}, riders)
    return told(f"wild {segments} {sights}", plant, sights)


def farm(seed: int, count: int) -> Iterator[Told]:
    """What once went untold (long spurs, a large ring), and `count` of each other sort."""
    yield from (spur([3.0] * 4), spur([4.0] * 5), spur([3.0] * 8), ring(16, [5, 11]))
    dice = random.Random(seed)
    for _ in range(count):
        yield spur([dice.uniform(0.2, 9) for _ in range(dice.randint(1, 12))])
        size = dice.randint(3, 20)
        yield ring(size, dice.sample(range(1, size), min(size - 1, dice.randint(1, 3))), dice.uniform(0.5, 6))
        yield wild(dice)
