"""Alerts for people outside: Alertmanager's webhook → short messages through gateways (region.yml alerting.gateways).

What comes in is kept in the job database before it is answered, once for each recipient, however often Alertmanager
repeats it; a thread sends what is due: at most one message a recipient in `every` seconds, which holds all that came
meanwhile. An office's name and its state leave, nothing else: no host, no address, no number.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import HostFailedError
from ops.inventory.gateways import Gateway
from ops.inventory.model import Region
from ops.system.database import Database, DatabaseGoneError, Row
from ops.system.gateways import DRIVERS, Post, RefusedByGatewayError
from ops.world import World

EVERY = 2.0  # seconds between turns
FIRST, LONGEST = 30.0, 3600.0  # seconds until the next try, doubled each time
KEPT = 86_400.0  # seconds after which a message is no news any more
MOST_LINES = 12
TABLE = (
    """CREATE TABLE IF NOT EXISTS notice (key TEXT PRIMARY KEY, gateway TEXT NOT NULL, recipient TEXT NOT NULL,
        line TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, due DOUBLE PRECISION NOT NULL, tries BIGINT NOT NULL,
        sent DOUBLE PRECISION, lost TEXT)""",
    "CREATE INDEX IF NOT EXISTS notice_left ON notice (gateway, recipient) WHERE sent IS NULL AND lost IS NULL",
)
STATES = {  # by how an alert's name begins: what is wrong, in words that give nothing away
    "OfficeUnreachable": "tidak terjangkau",
    "OfficeFibreDark": "fiber padam",
    "OfficeLinkDown": "jaringan putus",
    "OfficeLight": "sinyal fiber lemah",
    "OfficeLinkLossy": "jaringan terganggu",
    "OfficeLineBelowContract": "jaringan lebih lambat dari kontrak",
    "OfficeNotMeasured": "pemantauan terhenti",
    "OfficeWithoutTelephones": "telepon terganggu",
    "Office": "jaringan terganggu",
    "Fibre": "gangguan kabel fiber",
    "TestCall": "telepon terganggu",
    "Calls": "telepon terganggu",
    "Telephones": "telepon terganggu",
    "MeasuringStopped": "pemantauan terhenti",
    "Backup": "cadangan data terlambat",
}
OTHER, WELL = "gangguan layanan", "pulih"


@dataclass(frozen=True)
class Notices:
    """The queue of messages in a job database."""

    database: Database
    world: World
    drivers: Mapping[str, Callable[[Post], None]]

    @classmethod
    def of(cls, database: Database, world: World) -> Notices:
        database.create(TABLE)
        return cls(database, world, DRIVERS)

    def take(self, body: Mapping[str, Any]) -> int:
        """Keep what Alertmanager says; how many messages are new."""
        region, new = self.world.region, 0
        with self.database.write(quiet=True) as tx:
            for gateway in region.alerting.gateways:
                for recipient in gateway.to:
                    for identity, line in lines(region, body.get("alerts", ())):
                        key = hashlib.sha256("\0".join((gateway.name, recipient, *identity)).encode()).hexdigest()
                        if tx.one("SELECT 1 AS one FROM notice WHERE key = ?", key) is None:
                            new += tx.do(
                                """INSERT INTO notice (key, gateway, recipient, line, at, due, tries)
                                   VALUES (?, ?, ?, ?, ?, ?, 0)""",
                                key, gateway.name, recipient, line, tx.now(), tx.now(),
                            )  # fmt: skip
            tx.do("DELETE FROM notice WHERE at < ?", tx.now() - 7 * KEPT)
        return new

    def serve(self, stop: threading.Event) -> None:
        """Send until `stop` is set."""
        while not stop.wait(EVERY):
            self.turn()

    def turn(self) -> int:
        """Send what is due; how many messages. What cannot be sent now is tried again, for a day."""
        sent = 0
        try:
            for gateway in self.world.region.alerting.gateways:
                sent += sum(self._send(gateway, recipient) for recipient in gateway.to)
        except DatabaseGoneError:
            pass  # what was taken is due again later
        return sent

    def _send(self, gateway: Gateway, recipient: str) -> bool:
        rows = self._due(gateway, recipient)
        if not rows:
            return False
        token = self.world.secrets.get(gateway.secret) if gateway.kind != "smtp" else ""
        post = Post(gateway.name, gateway.url, recipient, text(row["line"] for row in rows), token, gateway.sender)
        try:
            self.drivers[gateway.kind](post)
        except RefusedByGatewayError as error:
            return self._lose(rows, error.what)
        except HostFailedError as error:
            return self._later(rows, error.what)
        with self.database.write(quiet=True) as tx:
            tx.many("UPDATE notice SET sent = ? WHERE key = ?", [(tx.now(), row["key"]) for row in rows])
        return True

    def _due(self, gateway: Gateway, recipient: str) -> list[Row]:
        """All that waits for a recipient, if the oldest is due and the last message is long enough ago."""
        with self.database.write(quiet=True) as tx:
            now = tx.now()
            last = tx.one(
                "SELECT max(sent) AS at FROM notice WHERE gateway = ? AND recipient = ?", gateway.name, recipient
            )
            rows = tx.all(
                """SELECT * FROM notice WHERE gateway = ? AND recipient = ? AND sent IS NULL AND lost IS NULL
                   ORDER BY at, key""",
                gateway.name, recipient,
            )  # fmt: skip
            if not rows or rows[0]["due"] > now or ((last or {})["at"] or 0) > now - gateway.every:
                return []
            # nobody else takes them up while they are being sent
            tx.many(
                "UPDATE notice SET due = ?, tries = tries + 1 WHERE key = ?", [(now + FIRST, r["key"]) for r in rows]
            )
            return rows

    def _later(self, rows: list[Row], why: str) -> bool:
        with self.database.write(quiet=True) as tx:
            now = tx.now()
            for row in rows:
                if now - row["at"] >= KEPT:
                    tx.do("UPDATE notice SET lost = ? WHERE key = ?", f"not sent for a day: {why}"[:500], row["key"])
                else:
                    wait = min(FIRST * 2 ** row["tries"], LONGEST)
                    tx.do("UPDATE notice SET due = ? WHERE key = ?", now + wait, row["key"])
        return False

    def _lose(self, rows: list[Row], why: str) -> bool:
        with self.database.write(quiet=True) as tx:
            tx.many("UPDATE notice SET lost = ? WHERE key = ?", [(why[:500], row["key"]) for row in rows])
        return False


def lines(region: Region, alerts: Iterable[Mapping[str, Any]]) -> list[tuple[tuple[str, ...], str]]:
    """What identifies each alert, and the line that people get: an office's name (or the network) and its state."""
    names = {opd.code: opd.name for opd in region.opds}
    found: list[tuple[tuple[str, ...], str]] = []
    for alert in alerts:
        labels, status = alert.get("labels", {}), str(alert.get("status", "firing"))
        opd = labels.get("opd") or labels.get("from_opd") or ""
        who = names.get(opd, "Jaringan " + region.name)
        wrong = next(
            (words for begins, words in STATES.items() if str(labels.get("alertname")).startswith(begins)), OTHER
        )
        state = wrong if status == "firing" else f"{wrong}: {WELL}"
        identity = (str(labels.get("alertname")), opd, wrong, status, str(alert.get("startsAt", "")))
        found.append((identity, f"{who}: {state}"))
    return found


def text(rows: Iterable[str]) -> str:
    """One message of many lines, each once."""
    told = list(dict.fromkeys(rows))
    more = len(told) - MOST_LINES
    return "\n".join([*told[:MOST_LINES], *([f"dan {more} lainnya"] if more > 0 else [])])
