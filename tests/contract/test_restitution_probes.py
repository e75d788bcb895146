"""Whether an upstream is up, by real echo: the samples that restitution rests on."""

from __future__ import annotations

from pathlib import Path

from exporters.upstreams import UP, Upstreams
from ops.inventory.load import load
from ops.inventory.model import Region

ANSWERS, SILENT = "127.0.0.1", "240.0.0.1"  # nothing is routed to the second


def told(**probes: list[str]) -> dict[str, float]:
    region: Region = load(Path(__file__).parents[2] / "inventories/batubara")
    upstreams = tuple(one.model_copy(update={"probes": tuple(probes.get(one.name, ()))}) for one in region.upstreams)
    served = Upstreams(lambda: region.model_copy(update={"upstreams": upstreams})).collect()
    return {one.labels["upstream"]: one.value for family in served if family.name == UP for one in family.samples}


def test_an_upstream_is_up_while_any_of_its_probes_answers() -> None:
    assert told(astinet=[SILENT, ANSWERS], iconplus=[SILENT]) == {"astinet": 1.0, "iconplus": 0.0}


def test_without_probes_nothing_is_told() -> None:
    assert told(iconplus=[ANSWERS]) == {"iconplus": 1.0}
