"""Every office's routers → what Prometheus asks the exporter for (file_sd; servers stand in its own file)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ops.inventory.model import Opd, Region
from ops.inventory.watched import probe_groups
from ops.plan.change import Artifact

KIND = "monitoring-target"


def artifacts(region: Region) -> Iterable[Artifact]:
    for monitor in region.group("monitoring"):
        for opd in region.opds:
            groups = probe_groups(region, opd.code)
            if groups:
                yield Artifact(KIND, f"{monitor.name}/{opd.code}.json", _text(groups), _because(opd))


def _because(opd: Opd) -> str:
    return _line(opd.routers[0].at if opd.routers else opd.at)


def _line(at: str) -> str:
    return at.rsplit(":", 1)[0]


def _text(groups: list[dict[str, object]]) -> str:
    return json.dumps(groups, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
