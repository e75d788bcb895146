"""Sessions on the server: the browser holds a random token, the database its hash, until it is ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ops.runs import audit
from ops.system.database import Database, Row, Transaction
from ops.web.accounts import tokens
from ops.web.accounts.users import User

IDLE = 3600.0  # seconds without a sign of the person
LONGEST = 12 * 3600.0  # however busy: a shift
_UNFINISHED = 600.0  # to bring the second factor
_NOTED_EVERY = 60.0  # a sign of life is written so often at most
Stage = Literal["password", "enrol", "renew", "full"]


@dataclass(frozen=True, slots=True)
class Session:
    """`token` is what the browser holds. `note`: what is only known until the stage is over."""

    token: str
    name: str
    stage: Stage
    created: float
    note: str = ""

    @property
    def key(self) -> str:
        return tokens.kept(self.token)


def begin(database: Database, name: str, stage: Stage, address: str, note: str = "") -> Session:
    """A session under a token that nobody has seen before; the login is in the audit chain once it is `full`."""
    token = tokens.fresh()
    with database.write() as tx:
        now = tx.now()
        tx.do("DELETE FROM web_session WHERE created < ? OR seen < ?", now - LONGEST, now - IDLE)
        tx.do(
            "INSERT INTO web_session (hash, name, stage, created, seen, address, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
            tokens.kept(token), name, stage, now, now, address, note,
        )  # fmt: skip
        if stage == "full":
            audit.add(tx, name, "logged in", "", {"address": address})
    return Session(token, name, stage, now, note)


def step(database: Database, session: Session, stage: Stage, address: str, note: str = "") -> Session:
    """The next stage: always under another token, so that one which was planted or seen before is worth nothing."""
    end(database, session, quiet=True)
    return begin(database, session.name, stage, address, note)


def find(database: Database, token: str, lively: bool = True) -> tuple[Session, User] | None:
    """The session of a browser and its user; None when it has ended in whatever way.

    `lively`: this is a sign of the person.
    """
    with database.read() as tx:
        now, row = tx.now(), _row(tx, token)
    if row is None or _over(row, now) or row["disabled"]:
        return None
    if lively and now - row["seen"] > _NOTED_EVERY:
        with database.write(quiet=True) as tx:
            tx.do("UPDATE web_session SET seen = ? WHERE hash = ?", now, tokens.kept(token))
    return Session(token, row["name"], row["stage"], row["began"], row["note"]), User.of(row)


def alive(database: Database, token: str) -> bool:
    """Whether it goes on: for live streams, which end when the person logs out."""
    return find(database, token, lively=False) is not None


def end(database: Database, session: Session, quiet: bool = False) -> None:
    """`quiet`: it goes on under another token."""
    with database.write() as tx:
        gone = tx.do("DELETE FROM web_session WHERE hash = ?", session.key)
        if gone and session.stage == "full" and not quiet:
            audit.add(tx, session.name, "logged out", "", {})


def end_all(database: Database, name: str, but: str = "") -> int:
    """End a user's sessions but that of one token; how many."""
    with database.write() as tx:
        return tx.do("DELETE FROM web_session WHERE name = ? AND hash <> ?", name, tokens.kept(but))


def _row(tx: Transaction, token: str) -> Row | None:
    return tx.one(
        """SELECT u.*, s.stage, s.created AS began, s.seen, s.note FROM web_session s
           JOIN web_user u ON u.name = s.name WHERE s.hash = ?""",
        tokens.kept(token),
    )  # fmt: skip


def _over(row: Row, now: float) -> bool:
    longest = LONGEST if row["stage"] == "full" else _UNFINISHED
    return bool(now - row["began"] > longest or now - row["seen"] > IDLE)
