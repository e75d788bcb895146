"""Every office's routers → what Prometheus asks the exporter for; every server → what it scrapes there itself."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ops.inventory.model import Opd, Region
from ops.inventory.watched import probe_groups
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "monitoring-target"
NODE_EXPORTER = 9100


def artifacts(region: Region) -> Iterable[Artifact]:
    for monitor in region.group("monitoring"):
        yield Artifact(KIND, f"{monitor.name}/{REGION_SCOPE}.json", _text(_servers(region)), _line(monitor.at))
        for opd in region.opds:
            groups = probe_groups(region, opd.code)
            if groups:
                yield Artifact(KIND, f"{monitor.name}/{opd.code}.json", _text(groups), _because(opd))


def _servers(region: Region) -> list[dict[str, object]]:
    return [
        {
            "targets": [f"{server.address}:{NODE_EXPORTER}"],
            "labels": {"server": server.name, "groups": ",".join(sorted(server.groups))},
        }
        for server in region.servers
    ]


def _because(opd: Opd) -> str:
    return _line(opd.routers[0].at if opd.routers else opd.at)


def _line(at: str) -> str:
    return at.rsplit(":", 1)[0]


def _text(groups: list[dict[str, object]]) -> str:
    return json.dumps(groups, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
