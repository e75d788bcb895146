"""One SQL for two databases: a SQLite file (WAL) on one machine, PostgreSQL where several machines share.

Placeholders are `?`. Writing transactions are serialised, so "look, then write" is always safe: SQLite has one writer
anyway, PostgreSQL takes an advisory lock for the length of the transaction. Each thread has a connection of its own.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ops.errors import OpsError

Row = dict[str, Any]
_BUSY_SECONDS = 60.0  # how long a writer waits for the others
_LOOK_SECONDS = 0.05  # how often a SQLite file is looked at for others' changes
_LOCK = 0x6B6F6D69  # number of our advisory lock in PostgreSQL ("komi")
_CHANNEL = "kominfo_ops"


class DatabaseGoneError(OpsError):
    """The database does not answer; what was not committed did not happen."""

    next_step = "see that it runs and can be reached; workers try again by themselves"


class Transaction(Protocol):
    """What runs inside `with db.read()` or `with db.write()`."""

    def all(self, sql: str, *values: object) -> list[Row]: ...

    def one(self, sql: str, *values: object) -> Row | None: ...

    def do(self, sql: str, *values: object) -> int:
        """How many rows were touched."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None: ...

    def now(self) -> float:
        """Seconds since the epoch by the database's clock: the same for all who share it."""
        ...


class Database(Protocol):
    """`shared`: whether several machines may use it at once."""

    shared: bool

    def create(self, statements: Sequence[str]) -> None:
        """Make what is not there yet. `{serial}` stands for the type of an auto-numbered primary key."""
        ...

    def read(self) -> contextlib.AbstractContextManager[Transaction]: ...

    def write(self) -> contextlib.AbstractContextManager[Transaction]: ...

    def wait(self, seconds: float) -> bool:
        """Sleep until somebody else has written something, at most so long. Whether somebody has."""
        ...

    def close(self) -> None: ...


def connect(url: str) -> Database:
    """`sqlite:///<path>` or `postgresql://…` (its password belongs into ~/.pgpass). OpsError for anything else."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return Sqlite(Path(url.removeprefix("sqlite://")))
    if scheme in {"postgresql", "postgres"}:
        return Postgres(url)
    raise OpsError(
        f"job database: {scheme or url!r} is not known", "write sqlite:///path/to/file or postgresql://host/name"
    )


class Sqlite:
    """A file in WAL mode. Not on a network file system: SQLite's locks do not work there."""

    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []

    def create(self, statements: Sequence[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.write() as tx:
            for statement in statements:
                tx.do(statement.replace("{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT"))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction("BEGIN DEFERRED") as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    def wait(self, seconds: float) -> bool:
        look = self._connection().execute
        seen = getattr(self._mine, "seen", None)
        end = time.monotonic() + seconds
        while True:
            self._mine.seen = look("PRAGMA data_version").fetchone()[0]
            if self._mine.seen != seen:
                return True
            if (left := end - time.monotonic()) <= 0:
                return False
            time.sleep(min(_LOOK_SECONDS, left))

    def close(self) -> None:
        while self._all:
            self._all.pop().close()
        self._mine = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        try:
            connection = self._connection()
            connection.execute(begin)
            try:
                yield _SqliteTransaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise DatabaseGoneError(
                f"{self._path}: {error}", "is its disk full, or a network disk?"
            ) from None

    def _connection(self) -> sqlite3.Connection:
        mine: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if mine is None:
            mine = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            mine.row_factory = sqlite3.Row
            mine.execute("PRAGMA journal_mode=WAL")
            mine.execute("PRAGMA synchronous=FULL")  # a checkpoint that a power cut takes back would repeat a step
            self._mine.connection = mine
            self._all.append(mine)
        return mine


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, *values: object) -> list[Row]:
        return [dict(row) for row in self._connection.execute(sql, values)]

    def one(self, sql: str, *values: object) -> Row | None:
        row = self._connection.execute(sql, values).fetchone()
        return dict(row) if row else None

    def do(self, sql: str, *values: object) -> int:
        return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(sql, [tuple(row) for row in rows])

    def now(self) -> float:
        return time.time()


class Postgres:
    """A server that several machines share."""

    shared = True

    def __init__(self, url: str) -> None:
        import psycopg  # noqa: PLC0415 # 0.1 s that one machine alone never needs

        self._url, self._psycopg = url, psycopg
        self._name = f"PostgreSQL at {urlsplit(url).hostname or 'the local socket'}"  # never the url: passwords
        self._mine = threading.local()
        self._all: list[Any] = []

    def create(self, statements: Sequence[str]) -> None:
        with self.write() as tx:
            for statement in statements:
                tx.do(statement.replace("{serial}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction() as connection:
            yield _PostgresTransaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield _PostgresTransaction(connection)
            connection.execute(f"NOTIFY {_CHANNEL}")

    def wait(self, seconds: float) -> bool:
        with self._answering():
            listening = getattr(self._mine, "listening", None)
            if listening is None or listening.broken or listening.closed:
                listening = self._open()
                listening.execute(f"LISTEN {_CHANNEL}")
                self._mine.listening = listening
                return True  # what happened before we listened
            return any(True for _ in listening.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        while self._all:
            with contextlib.suppress(self._psycopg.Error):
                self._all.pop().close()
        self._mine = threading.local()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._answering():
            connection = getattr(self._mine, "connection", None)
            if connection is None or connection.broken or connection.closed:
                connection = self._mine.connection = self._open()
            with connection.transaction():
                yield connection

    def _open(self) -> Any:
        rows = self._psycopg.rows.dict_row
        opened = self._psycopg.connect(self._url, autocommit=True, row_factory=rows, connect_timeout=5)
        opened.execute("SET idle_in_transaction_session_timeout = '60s'")  # one who hangs must not hold up the others
        self._all.append(opened)
        return opened

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except self._psycopg.OperationalError as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise DatabaseGoneError(f"{self._name}: {said}") from None


class _PostgresTransaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def all(self, sql: str, *values: object) -> list[Row]:
        return list(self._execute(sql, values).fetchall())

    def one(self, sql: str, *values: object) -> Row | None:
        row: Row | None = self._execute(sql, values).fetchone()
        return row

    def do(self, sql: str, *values: object) -> int:
        return int(self._execute(sql, values).rowcount)

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_own(sql), [tuple(row) for row in rows])

    def now(self) -> float:
        row = self.one("SELECT extract(epoch FROM clock_timestamp())::double precision AS now")
        return float(row["now"]) if row else 0.0

    def _execute(self, sql: str, values: Sequence[object]) -> Any:
        return self._connection.execute(_own(sql), values) if values else self._connection.execute(sql)


def _own(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
