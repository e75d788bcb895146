"""The second person: a run that is held begins when somebody else agrees to exactly what was asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

from ops.errors import RefusedError
from ops.runs import audit, outbox, queue
from ops.runs.model import Run, RunState
from ops.system.database import Database, Transaction


def approve(database: Database, run: str, who: str, comment: str = "", approvers: Collection[str] = ()) -> Run:
    """Let a held run begin. `approvers`: the only ones who may agree; anybody but the asker when there is none.

    RefusedError when it is not held, `who` may not agree, or the run is not what was asked for any more.
    """
    with database.write() as tx:
        held = _held(tx, run, database.shared)
        if who == held.who:
            raise RefusedError(f"{who} asked for run {held.id} and may not approve it", "ask somebody else to approve")
        _may_decide(held, who, approvers)
        _unchanged(tx, held)
        _decide(tx, held, who, comment, "approved")
        tx.do("UPDATE run SET state = 'waiting' WHERE id = ?", held.id)
        outbox.put(tx, held.id, RunState.WAITING)
        return queue.get_in(tx, held.id, database.shared)


def refuse(database: Database, run: str, who: str, comment: str = "", approvers: Collection[str] = ()) -> Run:
    """End a held run; it never begins. The asker may do that too. RefusedError as `approve`."""
    with database.write() as tx:
        held = _held(tx, run, database.shared)
        if who != held.who:
            _may_decide(held, who, approvers)
        _decide(tx, held, who, comment, "refused")
        error = {"what": f"refused by {who}" + (f": {comment}" if comment else ""), "next_step": "", "exit_code": 5}
        text = json.dumps(error, ensure_ascii=False)
        tx.do("UPDATE run SET state = 'refused', ended = ?, error = ? WHERE id = ?", tx.now(), text, held.id)
        outbox.put(tx, held.id, RunState.REFUSED)
        return queue.get_in(tx, held.id, database.shared)


def checksum(asked: dict[str, Any]) -> str:
    """SHA-256 of what was asked for: the same text always gives the same one."""
    return hashlib.sha256(audit.canonical(asked).encode()).hexdigest()


def changed(asked_row: str, run: Run) -> list[str]:
    """Names of what differs between the audit row `asked` of a run and the run as it stands in the database."""
    text = audit.canonical(audit.asked(run))
    if text == asked_row:
        return []
    kept, now = json.loads(asked_row), json.loads(text)
    return sorted(name for name in kept.keys() | now.keys() if kept.get(name) != now.get(name))


def _held(tx: Transaction, run: str, shared: bool) -> Run:
    found = queue.get_in(tx, run, shared)
    if found.state is not RunState.HELD:
        raise RefusedError(f"run {run} is not held but {found.state}", f"ops jobs show {run}")
    return found


def _may_decide(held: Run, who: str, approvers: Collection[str]) -> None:
    if approvers and who not in approvers:
        raise RefusedError(
            f"{who} may not decide about run {held.id}", f"policies.approvers names {', '.join(sorted(approvers))}"
        )


def _unchanged(tx: Transaction, held: Run) -> None:
    """RefusedError unless the run is what its audit row says was asked for, and that row is as it was written."""
    rows = tx.all("SELECT * FROM audit WHERE run = ? AND act = 'asked'", held.id)
    differs = changed(rows[0]["about"], held) if len(rows) == 1 else ["audit row"]
    if not differs:
        after = tx.one("SELECT prev FROM audit WHERE seq = ?", rows[0]["seq"] + 1) or {"prev": rows[0]["hash"]}
        if {audit.digest(rows[0], rows[0]["prev"]), after["prev"]} != {rows[0]["hash"]}:
            differs = ["audit row"]
    if differs:
        raise RefusedError(
            f"run {held.id} is not what was asked for any more: {', '.join(differs)}",
            "refuse it, ask anew, and find out who changed the job database: ops history --verify",
        )


def _decide(tx: Transaction, held: Run, who: str, comment: str, verdict: str) -> None:
    tx.do(
        "INSERT INTO approval (run, who, at, verdict, comment) VALUES (?, ?, ?, ?, ?)",
        held.id, who, tx.now(), verdict, comment,
    )  # fmt: skip
    asked = audit.asked(held)
    about = {"comment": comment, "plan": held.plan, "args": held.args, "asked": checksum(asked)}
    audit.add(tx, who, verdict, held.id, about)
