"""What the job database tells Prometheus: when each kind of job last went well, what waits, and who works.

Register `JobRuns(world.state)` with a registry. Runs that have ended are read once and remembered, so that a scrape
costs little however long the history is. An office has one series per kind of job that concerns it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.metrics import table
from ops.runs.leases import DEAD
from ops.runs.model import RunState
from ops.runs.tables import is_there, open_database
from ops.system.database import Database, DatabaseGoneError, Transaction

_OVERLAP = 300.0  # seconds that are read again: clocks of machines that share a database may differ
_LEFT = (RunState.HELD, RunState.WAITING, RunState.RUNNING)
_PERSONS = "cli-%"  # executors that are commands in the foreground: they take no other work
Families = Mapping[str, GaugeMetricFamily]


class JobRuns(Collector):
    """Asks the job database at every scrape. Without one there is nothing to tell, not even that it is away."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._database: Database | None = None
        self._ended = Ended()
        self._one_at_a_time = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        found = {name: _family(name) for name in table() if name.startswith("opd_job_")}
        with self._one_at_a_time:
            if self._database is None and not is_there(self._state):
                return
            up = True
            try:
                self._ask(found)
            except DatabaseGoneError:
                up = False
            found["opd_job_database_up"].add_metric([], up)
        yield from found.values()

    def close(self) -> None:
        """Let go of the database; the next scrape opens it again."""
        with self._one_at_a_time:
            if self._database:
                self._database.close()
                self._database = None

    def _ask(self, found: Families) -> None:
        self._database = self._database or open_database(self._state)
        with self._database.read() as tx:
            _now(tx, found)
            self._ended.read(tx)
        self._ended.tell(found)


class Ended:
    """The last success and the last result of each kind, and the last success for each office. Times in seconds."""

    def __init__(self) -> None:
        self._success: dict[tuple[str, ...], float] = {}
        self._office: dict[tuple[str, ...], float] = {}
        self._result: dict[tuple[str, ...], tuple[float, bool]] = {}
        self._read = 0.0

    def read(self, tx: Transaction) -> None:
        """What has ended since it was read last."""
        since = self._read - _OVERLAP
        for row in tx.all("SELECT kind, state, max(ended) AS at FROM run WHERE ended >= ? GROUP BY kind, state", since):
            key, at, done = (row["kind"],), float(row["at"]), row["state"] == RunState.DONE
            if done:
                self._success[key] = max(at, self._success.get(key, 0.0))
            if done or row["state"] == RunState.FAILED:
                self._result[key] = max((at, done), self._result.get(key, (0.0, False)))
            self._read = max(self._read, at)
        # CROSS and CASE have SQLite begin with the few runs that have ended since
        for row in tx.all(
            """SELECT r.kind, s.name, max(r.ended) AS at FROM run r CROSS JOIN subject s
               WHERE r.ended >= ? AND s.run = r.id AND s.type = 'opd'
                   AND CASE r.state WHEN 'done' THEN s.state <> 'failed' WHEN 'failed' THEN s.state IN ('ok', 'changed')
                       ELSE FALSE END
               GROUP BY r.kind, s.name""",
            since,
        ):  # fmt: skip
            office = (row["kind"], row["name"])
            self._office[office] = max(float(row["at"]), self._office.get(office, 0.0))

    def tell(self, found: Families) -> None:
        for name, kept in (("", self._success), ("_office", self._office)):
            for key, at in sorted(kept.items()):
                found[f"opd_job{name}_last_success_timestamp_seconds"].add_metric(list(key), at)
        for key, (_, done) in sorted(self._result.items()):
            found["opd_job_last_result"].add_metric(list(key), done)


def _now(tx: Transaction, found: Families) -> None:
    """What waits, what runs and who works at this moment."""
    now = tx.now()
    for state in _LEFT:
        counted = tx.one("SELECT count(*) AS n FROM run WHERE state = ?", state)
        found["opd_job_runs"].add_metric([state], (counted or {"n": 0})["n"])
    due = tx.one("SELECT min(due) AS due FROM run WHERE state = 'waiting' AND due <= ?", now) or {"due": None}
    found["opd_job_oldest_waiting_seconds"].add_metric([], 0 if due["due"] is None else now - due["due"])
    alive = tx.one("SELECT count(*) AS n FROM executor WHERE seen > ? AND id NOT LIKE ?", now - DEAD, _PERSONS)
    found["opd_job_workers"].add_metric([], (alive or {"n": 0})["n"])
    left = tx.one("SELECT count(*) AS n FROM outbox WHERE sent IS NULL AND lost IS NULL")
    found["opd_job_messages_left"].add_metric([], (left or {"n": 0})["n"])
    newest = tx.one("SELECT max(seq) AS seq FROM audit")
    found["opd_job_audit_rows"].add_metric([], (newest or {})["seq"] or 0)


def _family(name: str) -> GaugeMetricFamily:
    metric = table()[name]
    return GaugeMetricFamily(name, metric.help, labels=list(metric.labels))
