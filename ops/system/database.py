"""One SQL for two databases: a SQLite file (WAL) on one machine, PostgreSQL where several machines share.

Placeholders are `?`. Writing transactions are serialised, so "look, then write" is always safe: SQLite has one writer
anyway, PostgreSQL takes an advisory lock for the length of the transaction. Any thread may use a database; a
transaction belongs to the thread that opened it. Text that a database cannot hold (NUL, lone surrogates) is replaced.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ops.errors import OpsError

Row = dict[str, Any]


class DatabaseGoneError(OpsError):
    """The database does not answer; unless it broke off at the very end, what was to be written was not."""

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
        """Make what is not there yet: CREATE … IF NOT EXISTS, ALTER TABLE t ADD COLUMN IF NOT EXISTS c ….

        `{serial}` stands for the type of an auto-numbered primary key.
        """
        ...

    def read(self) -> contextlib.AbstractContextManager[Transaction]: ...

    def write(self, quiet: bool = False) -> contextlib.AbstractContextManager[Transaction]:
        """`quiet`: nobody has to wake up for it."""
        ...

    def wait(self, seconds: float) -> bool:
        """Sleep until somebody has written something, at most so long. Whether somebody may have."""
        ...

    def close(self) -> None: ...


def connect(url: str) -> Database:
    """`sqlite:///<path>` or `postgresql://…` (its password belongs into ~/.pgpass). OpsError for anything else."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        from ops.system.database_sqlite import Sqlite  # noqa: PLC0415

        return Sqlite(Path(url.removeprefix("sqlite://")))
    if scheme in {"postgresql", "postgres"}:
        from ops.system.database_postgres import Postgres  # noqa: PLC0415 # 0.1 s that one machine alone never needs

        return Postgres(url)
    raise OpsError(
        f"job database: {scheme or url!r} is not known", "write sqlite:///path/to/file or postgresql://host/name"
    )


def plain(value: object) -> object:
    """A value as both databases can hold it: text without NUL and without halves of characters."""
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
