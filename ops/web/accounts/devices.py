"""Screens in the room: a device holds a token that only reads the wall, until somebody takes it back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.errors import UsageError
from ops.runs import audit
from ops.system.database import Database
from ops.web.accounts import tokens

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_NOTED_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    created: float
    seen: float | None
    made_by: str


def add(database: Database, name: str, by: str) -> str:
    """The new device's token, which nobody can read again. UsageError for a name that is taken or no name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name[:40]!r} is no name for a device", "up to 40 of a–z, 0–9, dot, dash")
    token = tokens.fresh()
    with database.write() as tx:
        if tx.one("SELECT 1 AS one FROM web_device WHERE name = ?", name):
            raise UsageError(f"there is a device {name} already", "ops web token list")
        tx.do(
            "INSERT INTO web_device (name, hash, created, made_by) VALUES (?, ?, ?, ?)",
            name, tokens.kept(token), tx.now(), by,
        )  # fmt: skip
        audit.add(tx, by, "web device added", "", {"device": name})
    return token


def find(database: Database, token: str) -> Device | None:
    with database.read() as tx:
        now, row = tx.now(), tx.one("SELECT * FROM web_device WHERE hash = ?", tokens.kept(token))
    if row is None:
        return None
    if now - (row["seen"] or 0) > _NOTED_EVERY:
        with database.write(quiet=True) as tx:
            tx.do("UPDATE web_device SET seen = ? WHERE name = ?", now, row["name"])
    return Device(row["name"], row["created"], row["seen"], row["made_by"])


def every(database: Database) -> list[Device]:
    with database.read() as tx:
        rows = tx.all("SELECT name, created, seen, made_by FROM web_device ORDER BY name")
    return [Device(**row) for row in rows]


def revoke(database: Database, name: str, by: str) -> None:
    """UsageError when there is none."""
    with database.write() as tx:
        if not tx.do("DELETE FROM web_device WHERE name = ?", name):
            raise UsageError(f"there is no device {name!r}", "ops web token list")
        audit.add(tx, by, "web device removed", "", {"device": name})
