"""What is to be told outside of what became of a run; `ops.runs.notify` sends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ops.runs.model import RunState
from ops.system.database import Transaction


def put(tx: Transaction, run: str, state: RunState, error: Mapping[str, Any] | None = None) -> None:
    """Leave it for the alert channels, in the same transaction as the change itself. `error`: its `what` is told."""
    asked = tx.one("SELECT kind, who FROM run WHERE id = ?", run)
    if asked:
        told = {"kind": asked["kind"], "state": state, "who": asked["who"], "at": tx.now()}
        body = json.dumps({**told, "error": (error or {}).get("what", "")})
        tx.do("INSERT INTO outbox (run, body, due, tries) VALUES (?, ?, ?, 0)", run, body, told["at"])
