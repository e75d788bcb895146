"""Tells the alert channels what became of runs: sends the outbox to Alertmanager, in order, whatever fails meanwhile.

A row is sent again only if the sender died between Alertmanager's answer and the note of it; that changes nothing
there, because equal labels are one alert.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from ops.errors import HostFailedError, UsageError
from ops.inventory.model import Region
from ops.runs import queue
from ops.runs.alerts import Alert, Told, alerts
from ops.runs.model import RunState
from ops.system import http
from ops.system.database import Database, DatabaseGoneError, Row, Transaction

EVERY = 1.0  # seconds between turns
PORT = 9093
_AT_ONCE = 20  # most messages of one turn
_TIMEOUT = 5.0  # seconds for one message
_LEASE = 60.0  # seconds after which another sender may take a message up: well over the timeout
_FIRST, _LONGEST = 5.0, 600.0  # seconds until the next try, doubled each time
_KEPT = 86400.0  # seconds after which a message is no news any more
_COME_AGAIN = {408, 429}
_LONGEST_WHY = 500


def address(region: Region) -> str | None:
    """Alertmanager's URL on the region's monitoring server; None when none is declared."""
    servers = [server for server in region.servers if "monitoring" in server.groups]
    return f"http://{servers[0].address}:{PORT}" if servers else None


class Notifier:
    """`url`: of Alertmanager · `scrub`: takes secrets out of a text. Several on one database never send in between."""

    def __init__(self, database: Database, url: str, scrub: Callable[[str], str] = str) -> None:
        self._database, self._url, self._scrub = database, url, scrub

    def serve(self, stop: threading.Event) -> None:
        """Send until `stop` is set. In a thread of its own: an Alertmanager that is away takes seconds to say so."""
        while not stop.wait(EVERY):
            self.turn()

    def turn(self) -> int:
        """Send what is due, oldest first; how many messages. Never raises for what is away: it is tried again."""
        sent = 0
        try:
            while sent < _AT_ONCE and (row := self._take()) is not None and self._send(row):
                sent += 1
        except DatabaseGoneError:
            pass  # what was taken is due again later
        return sent

    def _take(self) -> Row | None:
        """The oldest message that is left, if it is due; nobody else takes it for a while."""
        with self._database.read() as tx:
            if _due(tx) is None:
                return None
        with self._database.write(quiet=True) as tx:
            if row := _due(tx):
                tx.do("UPDATE outbox SET due = ?, tries = tries + 1 WHERE id = ?", tx.now() + _LEASE, row["id"])
            return row

    def _send(self, row: Row) -> bool:
        """Whether it is off our hands."""
        try:
            message = self._message(row)
            if message:
                http.post_json(f"{self._url}/api/v2/alerts", message, _TIMEOUT)
        except http.HttpStatusError as error:
            if 400 <= error.status < 500 and error.status not in _COME_AGAIN:  # noqa: PLR2004 # HTTP's own classes
                return self._lose(row, self._scrub(error.what)[:_LONGEST_WHY])
            return self._later(row, error)
        except HostFailedError as error:
            return self._later(row, error)
        except UsageError:
            return self._lose(row, "its run is gone")
        with self._database.write(quiet=True) as tx:
            tx.do("UPDATE outbox SET sent = ? WHERE id = ?", tx.now(), row["id"])
        return True

    def _later(self, row: Row, error: HostFailedError) -> bool:
        with self._database.write(quiet=True) as tx:
            wait = min(_FIRST * 2 ** row["tries"], _LONGEST)
            if tx.now() - json.loads(row["body"])["at"] < _KEPT:
                tx.do("UPDATE outbox SET due = ? WHERE id = ?", tx.now() + wait, row["id"])
                return False
        return self._lose(row, f"it could not be sent for a day: {error.what}"[:_LONGEST_WHY])

    def _lose(self, row: Row, why: str) -> bool:
        with self._database.write(quiet=True) as tx:
            tx.do("UPDATE outbox SET lost = ? WHERE id = ?", why, row["id"])
        return True

    def _message(self, row: Row) -> list[Alert]:
        body = json.loads(row["body"])
        with self._database.read() as tx:
            run = queue.get_in(tx, row["run"], self._database.shared)
            subjects = tx.all("SELECT name, state FROM subject WHERE run = ? AND type = 'opd'", run.id)
        opds = {one["name"]: one["state"] for one in subjects}
        return alerts(Told(run, RunState(body["state"]), body["error"], body["at"], opds), self._scrub)


def _due(tx: Transaction) -> Row | None:
    """The oldest message that is left, unless it is not yet due: those after it wait for it."""
    row = tx.one("SELECT * FROM outbox WHERE sent IS NULL AND lost IS NULL ORDER BY id LIMIT 1")
    return row if row and row["due"] <= tx.now() else None
