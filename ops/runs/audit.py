"""Who did what, when and why: rows that each carry the hash of the one before, so that no row can be changed unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from ops.runs.model import Run
from ops.system.database import Database, Row, Transaction, plain

FIRST = "0" * 64  # what the first row follows
FORGOT = "forgot"  # runs that ended `before` a time, which its row names
_CHUNK = 1000


def add(tx: Transaction, who: str, act: str, run: str, about: dict[str, Any]) -> None:
    """Append a row, in the transaction of what it tells of: neither is ever there without the other."""
    last = tx.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    seq, prev = (int(last["seq"]) + 1, str(last["hash"])) if last else (1, FIRST)
    texts = {"who": who, "act": act, "run": run, "about": canonical(about)}
    row = {"seq": seq, "at": round(tx.now(), 3), **{name: plain(text) for name, text in texts.items()}}
    tx.do(
        "INSERT INTO audit (seq, at, who, act, run, about, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *row.values(), prev, digest(row, prev),
    )  # fmt: skip


def asked(run: Run) -> dict[str, Any]:
    """What was asked for: what the row `asked` holds, and what an approval is for."""
    shown = {name: getattr(run, name) for name in ("kind", "args", "world", "reason", "plan")}
    return {**shown, "hold": run.hold or ""}


def digest(row: Row, prev: str) -> str:
    """SHA-256 over the row before's hash and this row's text in canonical JSON."""
    kept = [row["seq"], f"{row['at']:.3f}", row["who"], row["act"], row["run"], row["about"]]
    return hashlib.sha256((prev + canonical(kept)).encode()).hexdigest()


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def problems(database: Database) -> list[str]:
    """What is wrong with the chain; nothing when every row is as it was written and none is missing."""
    found: list[str] = []
    prev, expected = "", 0
    for row in rows(database):
        if not prev:  # what is older was removed after its time; the oldest row left is taken as it says
            prev, expected = str(row["prev"]), int(row["seq"])
        if row["seq"] != expected:
            found.append(f"rows {expected} to {row['seq'] - 1} are missing")
        if row["prev"] != prev or digest(row, str(row["prev"])) != row["hash"]:
            found.append(f"row {row['seq']} is not as it was written")
        prev, expected = str(row["hash"]), int(row["seq"]) + 1
    return found


def rows(database: Database) -> Iterable[Row]:
    """All rows, oldest first, read in parts."""
    seq = 0
    while True:
        with database.read() as tx:
            part = tx.all("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", seq, _CHUNK)
        yield from part
        if len(part) < _CHUNK:
            return
        seq = int(part[-1]["seq"])
