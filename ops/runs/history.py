"""What was done: find runs, tell all of one run, export it for auditors, and prove that nothing was changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.runs import audit, proof, queue
from ops.runs.model import Run, RunState
from ops.runs.steps import Steps
from ops.system.database import Database, Row

_PART = 200  # runs read at a time
_OPD = "EXISTS (SELECT 1 FROM subject s WHERE s.run = r.id AND s.type = 'opd' AND s.name = ?)"
_HOST = "EXISTS (SELECT 1 FROM subject s WHERE s.run = r.id AND s.type = 'host' AND s.name = ?)"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs; None is any. `since` and `until` (not included): when they were asked for, seconds since the epoch.

    `limit`: at most so many, the newest. `before`: only what is older than this run, to turn pages.
    """

    opd: str | None = None
    host: str | None = None
    kind: str | None = None
    state: RunState | None = None
    who: str | None = None
    since: float | None = None
    until: float | None = None
    limit: int | None = None
    before: Run | None = None

    def sql(self) -> tuple[str, list[object]]:
        """A condition on runs `r`, and its values."""
        named: dict[str, object] = {
            _OPD: self.opd, _HOST: self.host, "r.kind = ?": self.kind, "r.state = ?": self.state, "r.who = ?": self.who,
            "r.created >= ?": self.since, "r.created < ?": self.until,
        }  # fmt: skip
        wanted = {text: value for text, value in named.items() if value is not None}
        texts, values = list(wanted), list(wanted.values())
        if self.before:
            texts.append("(r.created < ? OR (r.created = ? AND r.id < ?))")
            values += [self.before.created, self.before.created, self.before.id]
        return " AND ".join(texts) or "1 = 1", values


def search(database: Database, wanted: Filter = Filter()) -> list[Run]:
    """The runs that a person looks for, newest first."""
    where, values = wanted.sql()
    limited = [] if wanted.limit is None else [wanted.limit]
    order = "ORDER BY r.created DESC, r.id DESC" + (" LIMIT ?" if limited else "")
    with database.read() as tx:
        return queue.read_runs(tx, database.shared, f"{where} {order}", *values, *limited)


def story(database: Database, steps: Steps, run: str) -> dict[str, Any]:
    """Everything of one run as JSON values: who, what, why, when, how it went for whom, and every row about it."""
    found = queue.get(database, run)
    return {**_told(database, found), "result": _whole(steps, found.result), "steps": _steps(steps, found.id)}


def export(database: Database, steps: Steps, wanted: Filter = Filter()) -> Iterator[str]:
    """Stories as JSON lines, newest first. The last line tells how many, their SHA-256 and the newest audit row.

    A file without that line was cut off.
    """
    count, seen = 0, hashlib.sha256()
    for run in _every(database, wanted):
        line = json.dumps(story(database, steps, run.id), ensure_ascii=False, default=str)
        count += 1
        seen.update(line.encode())
        yield line
    yield json.dumps({"end": {"runs": count, "sha256": seen.hexdigest(), "audit": proof.newest(database)}})


def export_problems(lines: Iterable[str]) -> list[str]:
    """What is wrong with an export: cut off, or not what was written."""
    count, seen, last = 0, hashlib.sha256(), ""
    for line in (text.rstrip("\n") for text in lines):
        if last:
            count += 1
            seen.update(last.encode())
        last = line
    try:
        end = json.loads(last or "{}").get("end")
    except ValueError:
        end = None
    if not end:
        return ["the last line is missing: it was cut off"]
    if (end["runs"], end["sha256"]) != (count, seen.hexdigest()):
        return [f"it is not what was written: {count} runs of {end['runs']}"]
    return []


def verify(database: Database, state: Path | None = None) -> list[str]:
    """What was changed by other hands in the job database; nothing when all is as it was written.

    `state`: folder with the note of the newest audit row, by which the loss of the newest rows is seen.
    """
    lost = proof.lost(database, state) if state else []
    return [*audit.problems(database), *lost, *proof.contradictions(database)]


def _every(database: Database, wanted: Filter) -> Iterator[Run]:
    left = wanted.limit
    while left is None or left > 0:
        part = search(database, replace(wanted, limit=_PART if left is None else min(left, _PART)))
        yield from part
        if len(part) < _PART:
            return
        left = None if left is None else left - len(part)
        wanted = replace(wanted, before=part[-1])


def _told(database: Database, run: Run) -> dict[str, Any]:
    with database.read() as tx:
        subjects = tx.all("SELECT type, name, state, text FROM subject WHERE run = ? ORDER BY type, name", run.id)
        events = tx.all("SELECT at, step, subject, state, text FROM event WHERE run = ? ORDER BY id", run.id)
        approvals = tx.all("SELECT who, at, verdict, comment FROM approval WHERE run = ? ORDER BY at", run.id)
        rows = tx.all("SELECT * FROM audit WHERE run = ? ORDER BY seq", run.id)
        told = tx.all("SELECT body, tries, sent, lost FROM outbox WHERE run = ? ORDER BY id", run.id)
    opds, hosts = _by_name(subjects, "opd"), _by_name(subjects, "host")
    about = {"approvals": approvals, "audit": _decoded(rows, "about"), "notifications": _decoded(told, "body")}
    return {**asdict(run), "locks": list(run.locks), "opds": opds, "hosts": hosts, "events": events, **about}


def _by_name(subjects: list[Row], kind: str) -> dict[str, dict[str, str]]:
    return {row["name"]: {"state": row["state"], "text": row["text"]} for row in subjects if row["type"] == kind}


def _decoded(rows: list[Row], name: str) -> list[Row]:
    return [{**row, name: json.loads(row[name])} for row in rows]


def _steps(steps: Steps, run: str) -> list[dict[str, Any]]:
    return [
        {
            "name": row["name"], "number": row["number"], "begun": row["begun"], "started": row["started"],
            "ended": row["ended"], "output": _whole(steps, json.loads(row["output"])) if row["output"] else None,
        }
        for row in steps.of(run)
    ]  # fmt: skip


def _whole(steps: Steps, kept: Any) -> Any:
    """An output, from its file where it was kept in one; where that is and what is wrong when it is not there."""
    try:
        return steps.whole(kept)
    except OpsError as error:
        return {**kept, "missing": error.what}
