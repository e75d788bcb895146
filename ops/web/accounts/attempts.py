"""How often somebody may try to log in: counted per account and per address, before anything is checked.

An attempt counts as failed until it has succeeded, so that many at once are no way around the limit.
"""

from __future__ import annotations

from ops.errors import OpsError
from ops.runs import audit
from ops.system.database import Database, Transaction

WINDOW = 900.0  # seconds
MOST = {"account": 10, "address": 40}  # failures within it
_LONGEST_NAME = 64


class TooManyAttemptsError(OpsError):
    """Nothing was checked. `wait`: seconds until it may be tried again."""

    next_step = "wait, or ask an admin to reset the account"

    def __init__(self, wait: float) -> None:
        super().__init__("too many attempts")
        self.wait = max(1.0, wait)


def begin(database: Database, account: str, address: str) -> list[int]:
    """Note an attempt; its numbers, for `succeed`. TooManyAttemptsError when there were too many of late."""
    with database.write() as tx:
        now = tx.now()
        tx.do("DELETE FROM web_attempt WHERE at < ?", now - WINDOW)
        tried = {"account": account[:_LONGEST_NAME], "address": address}
        wait = max(_wait(tx, kind, name, now) for kind, name in tried.items())
        if wait <= 0:
            return [_note(tx, kind, name, now) for kind, name in tried.items()]
    raise TooManyAttemptsError(wait)


def succeed(database: Database, noted: list[int], forgive: str = "") -> None:
    """It was no failure. `forgive`: the account that is all the way in, whose earlier failures are forgotten.

    Not before: who has the password alone must not win new attempts at the second factor with it.
    """
    with database.write() as tx:
        for number in noted:
            tx.do("DELETE FROM web_attempt WHERE id = ?", number)
        if forgive:
            tx.do("DELETE FROM web_attempt WHERE kind = 'account' AND name = ?", forgive[:_LONGEST_NAME])


def failed(database: Database, account: str, address: str, what: str) -> None:
    """Into the audit chain; at most as many as attempts are let through."""
    with database.write() as tx:
        audit.add(tx, account[:_LONGEST_NAME] or "?", "login failed", "", {"address": address, "at": what})


def _wait(tx: Transaction, kind: str, name: str, now: float) -> float:
    """Seconds until the oldest of the last `MOST` failures is out of the window."""
    rows = tx.all(
        "SELECT at FROM web_attempt WHERE kind = ? AND name = ? ORDER BY at DESC LIMIT ?", kind, name, MOST[kind]
    )
    return rows[-1]["at"] + WINDOW - now if len(rows) >= MOST[kind] else 0.0


def _note(tx: Transaction, kind: str, name: str, now: float) -> int:
    tx.do("INSERT INTO web_attempt (kind, name, at) VALUES (?, ?, ?)", kind, name, now)
    return int((tx.one("SELECT max(id) AS id FROM web_attempt") or {"id": 0})["id"])
