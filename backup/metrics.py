"""What ledger and evidence say of the backups, for Prometheus: coverage, age, canaries, mass changes, unknown keys.

`ops exporter serve` registers a `Backups`. Ledger and evidence are read again only when their files changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backup import escrow_tests, heads, keycheck
from backup.chain import Chain
from backup.coverage import coverage, failed_over, greens
from backup.escrow_tests import OwnDrills
from backup.layout import items
from ops.errors import OpsError
from ops.inventory.model import Region
from ops.world import World

_NAMES = (
    "opd_backup_ledger_up",
    "opd_evidence_heads_owed",
    "opd_backup_services_declared",
    "opd_backup_services_proven",
    "opd_backup_service_proven",
    "opd_service_failover_proven",
    "opd_backup_first_success_timestamp_seconds",
    "opd_backup_last_success_timestamp_seconds",
    "opd_backup_rpo_target_seconds",
    "opd_backup_copy_wanted",
    "opd_escrow_declared",
    "opd_escrow_test_ok",
    "opd_escrow_test_last_green_timestamp_seconds",
    "opd_repo_unknown_keys",
    "opd_repo_keys_check_timestamp_seconds",
)
_FIGURES = {
    "canaries_changed": "opd_backup_canaries_changed",
    "changed_ratio": "opd_backup_changed_ratio",
    "encrypted_ratio": "opd_backup_encrypted_ratio",
}
Families = Mapping[str, GaugeMetricFamily]
Family = Callable[[str], GaugeMetricFamily]  # an empty one with the name, help and labels of exporters/metrics.yml


class Backups(Collector):
    """Tells nothing where no backup was ever taken: such a station has no vault, or is another one's neighbour."""

    def __init__(self, world: Callable[[], World], family: Family) -> None:
        self._world, self._family = world, family
        self._stamp: tuple[int, ...] = ()
        self._newest: dict[str, dict[str, Any]] = {}
        self._first: dict[str, float] = {}
        self._greens: dict[str, float] = {}
        self._escrow = OwnDrills()
        self._owed = 0

    def collect(self) -> Iterator[Metric]:
        found = {name: self._family(name) for name in (*_NAMES, *_FIGURES.values())}
        state = self._world().state
        if not (state / "ledger" / "backup.jsonl").exists():
            return
        try:
            self._read(state)
            region = self._world().region
        except OpsError:
            found["opd_backup_ledger_up"].add_metric([], 0)
        else:
            found["opd_backup_ledger_up"].add_metric([], 1)
            self._tell(region, found)
            _keys(state, found)
        yield from found.values()

    def _read(self, state: Path) -> None:
        """The newest counted backup of each set, and each set's newest green drill."""
        ledger, evidence = state / "ledger" / "backup.jsonl", state / "evidence"
        stamp = (*_stamp(ledger), *_stamp(evidence / "index.jsonl"), *_stamp(state / heads.SENT))
        if stamp != self._stamp:
            lines = Chain(ledger).read()
            self._newest = {line["of"]: line for line in lines if line["event"] == "backup"}
            self._first = {line["of"]: float(line["taken"]) for line in reversed(lines) if line["event"] == "backup"}
            self._greens = greens(evidence)
            self._escrow = escrow_tests.of(lines)
            self._owed = max(0, len(Chain(evidence / "index.jsonl").read()) - heads.sent(state))
            self._stamp = stamp

    def _tell(self, region: Region, found: Families) -> None:
        ages = {key: float(line["taken"]) for key, line in self._newest.items()}
        whole = coverage(region, ages, self._greens, time.time())
        found["opd_backup_services_declared"].add_metric([], whole.declared)
        found["opd_backup_services_proven"].add_metric([], len(whole.proven))
        for one in whole.services:
            found["opd_backup_service_proven"].add_metric([one.name, one.opd, str(one.state)], one.counts)
        for (name, opd), proven in failed_over(region, self._greens, time.time()).items():
            found["opd_service_failover_proven"].add_metric([name, opd], proven)
        found["opd_evidence_heads_owed"].add_metric([], self._owed)
        _escrow(region, self._escrow, found)
        for item in items(region):
            labels = [item.key, item.opd.code]
            found["opd_backup_rpo_target_seconds"].add_metric(labels, item.set.rpo)
            found["opd_backup_copy_wanted"].add_metric(labels, region.recovery.copy_to is not None)
            if line := self._newest.get(item.key):
                found["opd_backup_last_success_timestamp_seconds"].add_metric(labels, float(line["taken"]))
                found["opd_backup_first_success_timestamp_seconds"].add_metric(labels, self._first[item.key])
                for figure, name in _FIGURES.items():
                    if figure in line.get("figures", {}):
                        found[name].add_metric(labels, line["figures"][figure])


def _escrow(region: Region, done: OwnDrills, found: Families) -> None:
    """Whether shares alone have opened a repository. An escrow that is declared and was never made is not tested."""
    is_wanted = region.recovery.escrow is not None or done.made is not None
    found["opd_escrow_declared"].add_metric([], is_wanted)
    if done.newest is not None:
        found["opd_escrow_test_ok"].add_metric([], not done.failure)
    if done.green is not None:
        found["opd_escrow_test_last_green_timestamp_seconds"].add_metric([], done.green)


def _keys(state: Path, found: Families) -> None:
    """What `ops backup keys check` found last; nothing where it never ran."""
    try:
        told = json.loads((state / keycheck.FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    found["opd_repo_keys_check_timestamp_seconds"].add_metric([], told["at"])
    for key, unknown in sorted(told["unknown"].items()):
        found["opd_repo_unknown_keys"].add_metric([key, key.partition(".")[0]], len(unknown))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_size
