"""What stands beside the routers on the dashboards: a backup and a drill that went well, and an exchange in use."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from backup import keycheck
from backup.chain import Chain
from backup.metrics import Backups
from exporters import exchange
from exporters.exchange_seen import Offices, Seen
from exporters.exchange_watch import Now
from exporters.metrics import family
from ops.world import World

SET = "dinkes.simpus"


def backed_up(state: Path) -> None:
    """One counted backup and one green drill of one set, as ledger and evidence hold them."""
    figures = {"canaries_changed": 0, "changed_ratio": 0.01, "encrypted_ratio": 0.0}
    ledger = Chain(state / "ledger" / "backup.jsonl")
    ledger.append({"event": "backup", "of": SET, "taken": time.time() - 60, "figures": figures})
    keycheck.save(state, {SET: []})
    span = {"target": 3600.0, "reached": 60.0}
    opd, service = SET.split(".")
    now = time.gmtime(time.time() - 30)
    record = {
        "opd": opd,
        "service": service,
        "class": "none",
        "verdict": "proven",
        "declared": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", now),
        "differences_total": 0,
        "objectives": {"rto": span, "rpo": span},
        "restore": {"bytes_per_second": 1e6},
    }
    name, text = f"{time.strftime('%Y%m%dT%H%M%SZ', now)}-{SET}-abcd.json", json.dumps(record)
    evidence = Chain(state / "evidence" / "index.jsonl")
    evidence.append({"file": name, "sha256": hashlib.sha256(text.encode()).hexdigest(), "verdict": "proven"})
    (state / "evidence" / name).write_text(text)


class Exchange(Collector):
    """What the exporter tells of an exchange at which one telephone is registered and calls; AMI is not there."""

    def __init__(self, world: Callable[[], World]) -> None:
        self._world, self._seen = world, Seen()

    def collect(self) -> Iterator[Metric]:
        found = {name: exchange._family(name) for name in exchange.table() if name.startswith(exchange.OURS)}
        region = self._world().region
        offices = Offices.declared(region)
        number = next(iter(offices.of))
        for message in _happened(number):
            self._seen.event(message, offices, time.monotonic())
        contact = {"Aor": number, "Status": "Reachable", "RoundtripUsec": "2500"}
        release = {"release": "3e72aaba3a1f", "staged": "3e72aaba3a1f", "since": time.time() - 3600}
        exchange.tell(found, self._seen, offices, {region.numbering.pbx: Now([contact], [], release)})
        yield from found.values()


def collectors(world: Callable[[], World]) -> list[Collector]:
    """For `exporters.service.Service(more=…)`, in place of what `ops exporter serve` puts there."""
    return [Backups(world, family), Exchange(world)]


def _happened(number: str) -> list[dict[str, Any]]:
    channel = f"PJSIP/{number}-0000001f"
    report = {"Report0IAJitter": "16", "Report0FractionLost": "0", "MES": "88.1"}
    return [
        {"Event": "Hangup", "Channel": channel, "ChannelState": "6", "Uniqueid": "1", "Linkedid": "1"},
        {"Event": "RTCPReceived", "Channel": channel, **report},
        {"Event": "RTCPSent", "Channel": channel, **report},
    ]
