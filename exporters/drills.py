"""What the drills, the pruner, the scan, the copies and the planted faults have left in the state, for Prometheus.

Register `Drills(world.state)` with a registry. A record of a drill is read again only when its file changed. One that
is not what was written (or gone) is counted as broken, and where it is a set's newest its class is `unreadable`: the
one before, which may be green, does not take its place. An ended series would alarm nobody.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.metrics import table

SETS = "restore"  # type of a record about one set; others are about a whole service
BEFORE = 5  # green drills whose median speed the newest is compared with
UNREADABLE = "unreadable"  # in the place of a class: the record was changed, or is gone
_STAMP_LENGTH = 15  # of 20270101T000000, with which a record's name begins
_KINDS = ("service", "failover")  # stand before the name of a service in its records' names
_OWN = ("opd_drill_", "opd_service_drill_", "opd_prune_", "opd_repo_scan_", "opd_repo_rotten", "opd_repo_vanished",
        "opd_repo_strange", "opd_backup_copy_")  # fmt: skip
Families = Mapping[str, GaugeMetricFamily]


class Drills(Collector):
    """Small files of the state, read at every scrape; records of drills only when there is a new one."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._records: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {}

    def collect(self) -> Iterator[Metric]:
        found = {name: _family(name) for name in table() if name.startswith(_OWN)}
        by_set: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for told in self._drills():
            by_set.setdefault((f"{told['opd']}.{told['service']}", told["opd"], told["type"]), []).append(told)
        for (name, opd, kind), records in sorted(by_set.items()):
            if kind == SETS:
                _one_set(found, [name, opd], records)
            else:
                _one_service(found, [name, opd, kind], records)
        _broken(found, itertools.chain.from_iterable(by_set.values()))
        self._files(found)
        _pruned(found, _lines(self._state / "ledger" / "prune.jsonl"))
        _injected(found, _lines(self._state / "inject" / "told.jsonl"))
        yield from found.values()

    def _drills(self) -> Iterator[dict[str, Any]]:
        for line in _lines(self._state / "evidence" / "index.jsonl"):
            path, digest = self._state / "evidence" / str(line.get("file")), str(line.get("sha256"))
            stamp = _stamp(path)
            if digest not in self._records or self._records[digest][0] != stamp:
                self._records[digest] = stamp, _record(path, digest) or _lost(path.name)
            yield self._records[digest][1]

    def _files(self, found: Families) -> None:
        for told in _whole(self._state / "rot"):
            where = [str(told["service"]), str(told["opd"]), str(told["place"])]
            found["opd_repo_scan_timestamp_seconds"].add_metric(where, told["at"])
            for what in ("rotten", "vanished", "strange"):
                found[f"opd_repo_{what}_files"].add_metric(where, told[what])
        for told in _whole(self._state / "copies"):
            where = [str(told["service"]), str(told["opd"])]
            found["opd_backup_copy_timestamp_seconds"].add_metric(where, told["at"])
            found["opd_backup_copy_left_out_files"].add_metric(where, told["refused_total"] + told["differs_total"])


def _one_set(found: Families, labels: list[str], records: list[dict[str, Any]]) -> None:
    """`records`: of one set's drills, oldest first."""
    newest, green = records[-1], [one for one in records if one["class"] == "none"]
    found["opd_drill_state"].add_metric([*labels, newest["class"]], 1)
    if newest["class"] != UNREADABLE:
        _reached(found, labels, newest)
    if green:
        found["opd_drill_last_green_timestamp_seconds"].add_metric(labels, green[-1]["at"])
    speeds = [one["speed"] for one in green if one["speed"]]
    if speeds:
        found["opd_drill_restore_bytes_per_second"].add_metric(labels, speeds[-1])
    if len(speeds) > 1:
        usual = statistics.median(speeds[-1 - BEFORE : -1])
        found["opd_drill_restore_speed_ratio"].add_metric(labels, speeds[-1] / usual)


def _reached(found: Families, labels: list[str], newest: dict[str, Any]) -> None:
    found["opd_drill_files_differ"].add_metric(labels, newest["differences"])
    for what in ("rto", "rpo"):
        found[f"opd_drill_{what}_target_seconds"].add_metric(labels, newest[what]["target"])
        if newest[what]["reached"] is not None:
            found[f"opd_drill_{what}_seconds"].add_metric(labels, newest[what]["reached"])


def _one_service(found: Families, labels: list[str], records: list[dict[str, Any]]) -> None:
    """`records`: of one service's drills of one kind, oldest first."""
    newest, green = records[-1], [one for one in records if one["class"] == "none"]
    found["opd_service_drill_state"].add_metric([*labels, newest["class"]], 1)
    if newest["class"] != UNREADABLE and newest["rto"]["reached"] is not None:
        found["opd_service_drill_rto_seconds"].add_metric(labels, newest["rto"]["reached"])
    if green:
        found["opd_service_drill_last_green_timestamp_seconds"].add_metric(labels, green[-1]["at"])


def _broken(found: Families, records: Iterable[dict[str, Any]]) -> None:
    """How many records of each set or service are lost, nought where all are whole."""
    count: dict[tuple[str, str], int] = {}
    for one in records:
        key = f"{one['opd']}.{one['service']}", one["opd"]
        count[key] = count.get(key, 0) + (one["class"] == UNREADABLE)
    for (name, opd), lost in sorted(count.items()):
        found["opd_drill_records_broken"].add_metric([name, opd], lost)


def _lost(name: str) -> dict[str, Any]:
    """What the name of a record still tells: `<stamp>-[<kind>.]<office>.<set>-<four letters>.json`."""
    stamp, _, rest = name.removesuffix(".json").partition("-")
    of = rest.rpartition("-")[0] if len(stamp) == _STAMP_LENGTH else ""
    first, _, below = of.partition(".")
    kind, of = (first, below) if first in _KINDS and "." in below else (SETS, of)
    opd, _, service = of.partition(".")
    return {"opd": opd, "service": service, "type": kind, "class": UNREADABLE}


def _record(path: Path, digest: str) -> dict[str, Any]:
    """What is told of one record; nothing when it is gone or not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    if hashlib.sha256(content).hexdigest() != digest:
        return {}
    told = json.loads(content)
    return {
        "opd": told["opd"],
        "service": told["service"],
        "type": told.get("type", SETS),
        "class": told.get("class", "none" if told["verdict"] == "proven" else "incomplete"),
        "at": datetime.fromisoformat(told["declared"]).timestamp(),
        "rto": told["objectives"]["rto"],
        "rpo": told["objectives"]["rpo"],
        "differences": told["differences_total"],
        "speed": told.get("restore", {}).get("bytes_per_second"),
    }


def _pruned(found: Families, lines: list[dict[str, Any]]) -> None:
    reasons = [str(line["reason"]) for line in lines if line.get("event") == "refused"]
    for reason in sorted(set(reasons)):
        found["opd_prune_refused_total"].add_metric([reason], reasons.count(reason))
    for of in sorted({str(line["of"]) for line in lines if line.get("event") == "pruned"}):
        at = [line["at"] for line in lines if line.get("event") == "pruned" and line["of"] == of]
        found["opd_prune_last_timestamp_seconds"].add_metric([of, of.partition(".")[0]], at[-1])


def _injected(found: Families, lines: list[dict[str, Any]]) -> None:
    if lines:
        newest = lines[-1]
        found["opd_drill_inject_timestamp_seconds"].add_metric([], newest["at"])
        found["opd_drill_inject_seen"].add_metric([str(newest["fault"]), str(newest["service"])], bool(newest["seen"]))


def _stamp(path: Path) -> tuple[int, ...]:
    """Of a file's bytes: ctime as well, which no call sets as utime(2) sets mtime."""
    try:
        seen = path.stat()
    except OSError:
        return ()
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def _family(name: str) -> GaugeMetricFamily:
    metric = table()[name]
    return GaugeMetricFamily(name, metric.help, labels=list(metric.labels))


def _whole(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found.append(told)
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a file of JSON lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
