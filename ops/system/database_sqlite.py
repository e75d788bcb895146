"""The job database as a SQLite file; see `ops.system.database`."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.system.database import DatabaseGoneError, Row, Transaction, plain

_BUSY_SECONDS = 60.0  # how long a writer waits for the others
_LOOK_SECONDS = 0.05  # how often the file is looked at for others' changes
# the file, its disk or its users are in the way; everything else is a mistake of ours
_GONE = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}  # fmt: skip
_ADDED = re.compile(r"ALTER TABLE (?P<table>\w+) ADD COLUMN IF NOT EXISTS (?P<name>\w+) ")
_CODE = 0xFF  # of an error code, the part that is no detail


class Sqlite:
    """A file in WAL mode, private to its owner. Not on a network file system: SQLite's locks do not work there."""

    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._looker: sqlite3.Connection | None = None
        self._looking = threading.Lock()
        self._mine = threading.local()

    def create(self, statements: Sequence[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.write() as tx:
            for statement in statements:
                statement = statement.replace("{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT")  # noqa: PLW2901
                if column := _ADDED.match(statement):
                    if any(row["name"] == column["name"] for row in tx.all(f"PRAGMA table_info({column['table']})")):
                        continue
                    statement = statement.replace("IF NOT EXISTS", "")  # noqa: PLW2901 # which it does not know here
                tx.do(statement)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction("BEGIN DEFERRED") as tx:
            yield tx

    @contextmanager
    def write(self, quiet: bool = False) -> Iterator[Transaction]:  # noqa: ARG002 # a file cannot tell one from another
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    def wait(self, seconds: float) -> bool:
        seen, end = getattr(self._mine, "seen", None), time.monotonic() + seconds
        while True:
            self._mine.seen = self._version()
            if self._mine.seen != seen:
                return True
            if (left := end - time.monotonic()) <= 0:
                return False
            time.sleep(min(_LOOK_SECONDS, left))

    def close(self) -> None:
        with self._looking:
            if self._looker:
                self._looker.close()
            self._looker = None
        while self._idle:
            self._idle.pop().close()

    def _version(self) -> int:
        """Another number whenever another connection, which all the writing ones are, has written."""
        with self._answering(), self._looking:
            if self._looker is None:
                self._looker = self._open()
            return int(self._looker.execute("PRAGMA data_version").fetchone()[0])

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        with self._answering():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._open()
            try:
                connection.execute(begin)
                yield _SqliteTransaction(connection)
                connection.execute("COMMIT")
            except sqlite3.Error:
                connection.close()  # which rolls back, whatever state it is in
                raise
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                self._idle.append(connection)
                raise
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        # Only ever to make it: closing a file that is in use would give back all locks that SQLite holds for us on it,
        # and the next process to leave would take itself for the last one and remove the write-ahead log.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        opened = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        opened.row_factory = sqlite3.Row
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                opened.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:  # it does not wait for the others by itself
                if error.sqlite_errorcode & _CODE != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    opened.close()
                    raise
                time.sleep(_LOOK_SECONDS)
        opened.execute("PRAGMA synchronous=FULL")  # a checkpoint that a power cut takes back would repeat a step
        return opened

    @contextmanager
    def _answering(self) -> Iterator[None]:
        hint = "is its disk full, or a network disk?"
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & _CODE not in _GONE:
                raise
            raise DatabaseGoneError(f"{self._path}: {error}", hint) from None
        except OSError as error:
            if error.filename != str(self._path):
                raise
            raise DatabaseGoneError(f"{self._path}: {error.strerror}", hint) from None


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, *values: object) -> list[Row]:
        return [dict(row) for row in self._execute(sql, values)]

    def one(self, sql: str, *values: object) -> Row | None:
        row = self._execute(sql, values).fetchone()
        return dict(row) if row else None

    def do(self, sql: str, *values: object) -> int:
        return self._execute(sql, values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(sql, [[plain(value) for value in row] for row in rows])

    def now(self) -> float:
        return time.time()

    def _execute(self, sql: str, values: Sequence[object]) -> sqlite3.Cursor:
        return self._connection.execute(sql, [plain(value) for value in values])
