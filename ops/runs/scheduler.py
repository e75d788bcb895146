"""Asks for what the calendar says. One worker of all does it; another takes over when that one is gone.

A tick has a name (schedule, instant, office), and a run of that name is asked for once only: a worker that dies in the
middle, or two that both believe it is their turn, leave neither a gap nor a double.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ops.errors import OpsError
from ops.inventory.model import Region, Schedule
from ops.runs import audit
from ops.runs.calendar import due
from ops.runs.foreground import Desk
from ops.runs.model import Job, Order, named

LOOK = 1.0  # seconds between looks at the calendar
_FILES = 5.0  # seconds between looks at the inventory's files
_log = logging.getLogger(__name__)


class Scheduler:
    """`executor`: the worker it belongs to."""

    def __init__(self, desk: Desk, find: Callable[[str], Job], executor: str) -> None:
        self._desk, self._find, self._executor = desk, find, executor
        self._looked = self._read = -_FILES
        self._stamp: object = None

    def turn(self) -> None:
        """Ask for what has become due, if it is this worker's turn to."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        region = self._region(now)
        if region is None or not self._leads():
            return
        for schedule in region.schedules:
            self._look(region, schedule)

    def _leads(self) -> bool:
        """The worker with the first name does it. Commands in the foreground never do."""
        with self._desk.database.read() as tx:
            row = tx.one("SELECT min(id) AS first FROM executor WHERE id NOT LIKE 'cli-%'")
        return row is not None and row["first"] == self._executor

    def _look(self, region: Region, schedule: Schedule) -> None:
        database = self._desk.database
        with database.read() as tx:
            row = tx.one("SELECT last FROM tick WHERE schedule = ?", schedule.name)
            moment = tx.now()
        if row is None:  # what was due before the schedule became known is not made up for
            with database.write() as tx:
                tx.do("INSERT INTO tick (schedule, last) VALUES (?, ?) ON CONFLICT DO NOTHING", schedule.name, moment)
            return
        last = float(row["last"])
        found = due(schedule, datetime.fromtimestamp(last, UTC), datetime.fromtimestamp(moment, UTC))
        if not found.ticks and not found.skipped:
            return
        for tick in found.ticks:
            self._fire(region, schedule, tick)
        with database.write() as tx:
            tx.do(
                "UPDATE tick SET last = ? WHERE schedule = ? AND last = ?", found.mark.timestamp(), schedule.name, last
            )
            if found.skipped:
                audit.add(tx, self._executor, "ticks skipped", "", {"schedule": schedule.name, "count": found.skipped})

    def _fire(self, region: Region, schedule: Schedule, tick: datetime) -> None:
        """A run for the tick, or one per office or server. What cannot be asked for stands in the history."""
        job = self._find(schedule.job)
        for suffix, args in expanded(region, schedule):
            name = f"{schedule.name}@{tick.isoformat()}{suffix}"
            order = Order(job.kind, args, f"schedule {schedule.name}", tick=name)
            try:
                self._desk.ask(job, order)
            except OpsError as error:
                _log.warning("schedule %s: %s", schedule.name, error.what)
                with self._desk.database.write() as tx:
                    about = {"schedule": schedule.name, "tick": name, "error": error.what}
                    audit.add(tx, self._executor, "could not be asked for", "", about)

    def _region(self, now: float) -> Region | None:
        """What is declared now. A broken edit leaves all as it was."""
        if now - self._read >= _FILES:
            self._read = now
            folder = self._desk.world.inventory
            stamp = tuple(sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*.yml")))
            if stamp != self._stamp:
                fresh = replace(self._desk.world)  # without what the old one has read
                try:
                    fresh.region  # noqa: B018 # reads the files
                except OpsError as error:
                    _log.warning("the inventory is not read again: %s", error.what)
                else:
                    self._desk = replace(self._desk, world=fresh)
                self._stamp = stamp
        try:
            return self._desk.world.region
        except OpsError:
            return None


def _args(schedule: Schedule) -> list[tuple[str, Any]]:
    return [(name, value if isinstance(value, str) else list(value)) for name, value in schedule.args.items()]


def expanded(region: Region, schedule: Schedule) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The runs of one tick: what makes each one's name its own, and its arguments."""
    args = dict(_args(schedule))
    if schedule.each == "opd":
        chosen = named(args, "opd") or [opd.code for opd in region.opds]
        yield from ((f" {code}", {**args, "opd": [code]}) for code in chosen)
    elif schedule.each == "host":
        yield from ((f" {server.name}", {**args, "limit": [server.name]}) for server in region.servers)
    else:
        yield "", args
