"""The job database on a PostgreSQL server; see `ops.system.database`."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from ops.system.database import DatabaseGoneError, Row, Transaction, plain

_LOCK = 0x6B6F6D69  # number of our advisory lock ("komi")
_CHANNEL = "kominfo_ops"
_CONNECT: dict[str, Any] = {
    "connect_timeout": 5, "tcp_user_timeout": 8000,  # a server that is gone without a word is gone
    "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
}  # fmt: skip
# Writers wait for each other. One that hangs in the middle (a stopped process) must let go before the leases of the
# others run out (`ops.runs.leases.GIVE_UP`); one that waits too long says so instead of waiting for ever.
_SETTINGS = "SET idle_in_transaction_session_timeout = '3s'; SET lock_timeout = '20s'"
_AGAIN = 0.5  # seconds
_MOST = 8  # connections of one process at a time; a server has 100 for all
_GONE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)


class Postgres:
    """A server that several machines share."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"PostgreSQL at {urlsplit(url).hostname or 'the local socket'}"  # never the url: passwords
        self._idle: list[Any] = []
        self._news: _News | None = None
        self._starting = threading.Lock()
        self._turns = threading.BoundedSemaphore(_MOST)  # what beats does not wait for it

    def create(self, statements: Sequence[str]) -> None:
        with self.write() as tx:
            for statement in statements:
                tx.do(statement.replace("{serial}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._turns, self._transaction() as connection:
            yield _PostgresTransaction(connection)

    @contextmanager
    def write(self, quiet: bool = False) -> Iterator[Transaction]:
        with contextlib.nullcontext() if quiet else self._turns, self._transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            tx = _PostgresTransaction(connection)
            yield tx
            if tx.touched and not quiet:
                connection.execute(f"NOTIFY {_CHANNEL}")

    def wait(self, seconds: float) -> bool:
        with self._starting:
            if self._news is None:
                self._news = _News(self._open)
        return self._news.wait(seconds)

    def close(self) -> None:
        with self._starting:
            if self._news:
                self._news.close()
            self._news = None
        self._drop()

    def _drop(self) -> None:
        while self._idle:
            with contextlib.suppress(psycopg.Error, IndexError):
                self._idle.pop().close()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            connection = self._borrow()
            try:
                with connection.transaction():
                    yield connection
            finally:
                if connection.broken or connection.closed:
                    connection.close()
                else:
                    self._idle.append(connection)
        except _GONE as error:
            self._drop()  # most likely all of them are broken
            said = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise DatabaseGoneError(f"{self._name}: {said}") from None

    def _borrow(self) -> Any:
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return self._open()
            if not select.select([idle], [], [], 0)[0]:
                return idle
            idle.close()  # it says something without being asked: most likely that the server has ended

    def _open(self) -> Any:
        opened = psycopg.connect(self._url, autocommit=True, row_factory=dict_row, **_CONNECT)
        opened.execute(_SETTINGS)
        return opened


class _News:
    """A thread that hears of others' changes, for all threads that wait for some."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._heard = 0
        self._changed = threading.Condition()
        self._mine = threading.local()
        self._closed = False
        threading.Thread(target=self._listen, name="database news", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        with self._changed:
            seen = getattr(self._mine, "seen", -1)
            news = self._changed.wait_for(lambda: self._heard != seen, seconds)
            self._mine.seen = self._heard
            return news

    def close(self) -> None:
        self._closed = True

    def _listen(self) -> None:
        while not self._closed:
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._tell()  # what happened before we listened
                    while not self._closed:
                        for _ in connection.notifies(timeout=_AGAIN, stop_after=1):
                            self._tell()
            except _GONE:
                time.sleep(_AGAIN)

    def _tell(self) -> None:
        with self._changed:
            self._heard += 1
            self._changed.notify_all()


class _PostgresTransaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._now: float | None = None
        self.touched = 0

    def all(self, sql: str, *values: object) -> list[Row]:
        return list(self._execute(sql, values).fetchall())

    def one(self, sql: str, *values: object) -> Row | None:
        row: Row | None = self._execute(sql, values).fetchone()
        return row

    def do(self, sql: str, *values: object) -> int:
        rows = int(self._execute(sql, values).rowcount)
        self.touched += abs(rows)
        return rows

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self.touched += len(rows)
        with self._connection.cursor() as cursor:
            cursor.executemany(_own(sql), [[plain(value) for value in row] for row in rows])

    def now(self) -> float:
        if self._now is None:  # one moment for the whole transaction, taken when its turn has come
            row = self.one("SELECT extract(epoch FROM clock_timestamp())::double precision AS now")
            self._now = float(row["now"]) if row else 0.0
        return self._now

    def _execute(self, sql: str, values: Sequence[object]) -> Any:
        if not values:
            return self._connection.execute(sql)
        return self._connection.execute(_own(sql), [plain(value) for value in values])


def _own(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
