"""Routers of offices, devices of the backbone → what Prometheus asks the exporter for (file_sd)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ops.inventory.model import Region
from ops.inventory.watched import backbone_groups, probe_groups
from ops.plan.change import Artifact

KIND = "monitoring-target"


def artifacts(region: Region) -> Iterable[Artifact]:
    for monitor in region.group("monitoring"):
        for opd in region.opds:
            groups = probe_groups([opd])
            if groups:
                declared = opd.routers[0] if opd.routers else opd
                yield Artifact(KIND, f"{monitor.name}/{opd.code}.json", _text(groups), declared.line)
        if groups := backbone_groups(region):
            yield Artifact(KIND, f"{monitor.name}/_region.json", _text(groups), region.plant.devices[0].line)


def _text(groups: list[dict[str, object]]) -> str:
    text = json.dumps(groups, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return text.replace("{{", "{\\u007b")  # the same to JSON; a declared name must not name a secret
