"""One SQLite file: a consistent copy while others go on writing, backed up; and what such a file holds.

A file in WAL mode is more than one file on disk, so it is copied by SQLite itself. That is done as the file's owner:
root would leave a `-wal` or `-shm` behind that the owner cannot write any more.
"""

# ruff: noqa: PTH110, PTH113, PTH116, PTH118, PTH202, PTH207, S608 # names on hosts need not be text; quoted
from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from backup.hostside import memory, programs, restic_call

COPIES = "/var/tmp"  # noqa: S108 # a folder of our own inside, readable by the owner alone
PREFIX = "kominfo-sqlite-"
BUSY_SECONDS = 60.0
SETTINGS = ("application_id", "user_version", "encoding", "page_size", "auto_vacuum")
_VIRTUAL = "create virtual table"
_ROWS = 1000  # read at a time
Account = tuple[int, int]  # uid, gid


def backup(*, database: str, call: Mapping[str, Any], remembered: str = "") -> dict[str, Any]:
    """{facts, done, figures}: `call` is what `restic_call.restic` takes; its words get the command for the copy."""
    with _copy(database) as (copy, owner):
        with _as(owner):
            found = _facts(copy)
        words = [*call["words"], "--stdin-from-command", "--", "cat", copy]
        done = restic_call.restic(**{**call, "words": words})
    rows = {name: table["rows"] for name, table in found["tables"].items()}
    return {"facts": found, "done": done, "figures": memory.of_rows(remembered, rows, saved=done["code"] == 0)}


def facts(*, database: str, run_as: str) -> dict[str, Any]:
    """What a file at rest holds; read as `run_as` when we are root. RuntimeError when it is no SQLite file."""
    account = pwd.getpwnam(run_as) if run_as and os.geteuid() == 0 else None
    with _as((account.pw_uid, account.pw_gid) if account else None):
        return _facts(database)


@contextlib.contextmanager
def _copy(database: str) -> Iterator[tuple[str, Account | None]]:
    """A copy of this moment and who owns it; gone afterwards, also those of processes that were killed."""
    if not os.path.isfile(database):
        raise FileNotFoundError(f"{database}: no such file")
    for left in glob.glob(f"{COPIES}/{PREFIX}*"):
        if not os.path.exists(f"/proc/{left.rpartition(PREFIX)[2].partition('-')[0]}"):
            shutil.rmtree(left, ignore_errors=True)
    there = os.stat(database)
    owner = (there.st_uid, there.st_gid) if os.geteuid() == 0 else None
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=COPIES)
    try:
        if owner:
            os.chown(folder, *owner)
        copy = os.path.join(folder, "copy")
        with _as(owner):
            _fill(database, copy)
        yield copy, owner
    finally:
        shutil.rmtree(folder)


def _fill(database: str, copy: str) -> None:
    """All pages in one step: in WAL mode a reader holds up no writer."""
    try:
        with contextlib.closing(_open(database, "mode=rw")) as there, contextlib.closing(sqlite3.connect(copy)) as here:
            there.backup(here)
    except sqlite3.Error as error:
        raise RuntimeError(f"{database}: {error}") from None


def _facts(database: str) -> dict[str, Any]:
    """Rows, row sums, definitions and integrity; the file is not touched, nothing is left beside it.

    A damaged file is read as far as it goes, and what SQLite says of the rest stands under `integrity`.
    """
    wrong: list[str] = []
    with contextlib.closing(_open(database, "mode=ro&immutable=1")) as opened:
        opened.text_factory = bytes

        def part(read: Callable[..., Any], otherwise: Any, *about: str) -> Any:
            try:
                return read(opened, *about)
            except sqlite3.Error as error:
                wrong.append(" ".join([*about, str(error)]))
                return otherwise

        names = part(_tables, [])
        found = {
            "version": sqlite3.sqlite_version,
            "bytes": os.path.getsize(database),
            "sha256": _sha256(database),
            "orphans": part(_orphans, ""),
            "tables": {name: part(_sums, {"rows": -1, "sum": ""}, name) for name in names},
            "objects": {**part(_objects, {}), **part(_settings, {})},
        }
        return {**found, "integrity": [*part(_integrity, []), *wrong]}


def _integrity(opened: sqlite3.Connection) -> list[str]:
    """["ok"], or what is wrong with pages and indexes."""
    return [_text(row[0]) for row in opened.execute("PRAGMA integrity_check(20)")]


def _orphans(opened: sqlite3.Connection) -> str:
    """How many rows point to rows that are not there: an application's own matter, but a restore must not add any."""
    try:
        return str(opened.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()[0])
    except sqlite3.OperationalError as error:
        return str(error)  # a foreign key that fits no table


def _open(database: str, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{urllib.parse.quote(database)}?{how}", uri=True, timeout=BUSY_SECONDS)


def _tables(opened: sqlite3.Connection) -> list[str]:
    """Tables that hold rows; a virtual one keeps its rows in others."""
    found = opened.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    return [_text(name) for name, sql in found if not _text(sql).lower().startswith(_VIRTUAL)]


def _sums(opened: sqlite3.Connection, table: str) -> dict[str, Any]:
    """How many rows, and a sum over them that does not depend on their order. Text and bytes are told apart."""
    quoted = '"' + table.replace('"', '""') + '"'
    columns = [_text(row[1]) for row in opened.execute(f"PRAGMA table_xinfo({quoted})")]
    kinds = ", ".join('typeof("' + name.replace('"', '""') + '")' for name in columns)
    rows, total = 0, 0
    cursor = opened.execute(f"SELECT {kinds}, * FROM {quoted}")
    while some := cursor.fetchmany(_ROWS):
        rows += len(some)
        for row in some:
            total += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest(), "big")
        programs.tell(table=table, rows=rows)
    return {"rows": rows, "sum": f"{total % 2**128:032x}"}


def _objects(opened: sqlite3.Connection) -> dict[str, str]:
    found = opened.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
    return {f"{_text(kind)} {_text(name)}": _text(sql) or f"of {_text(table)}" for kind, name, table, sql in found}


def _settings(opened: sqlite3.Connection) -> dict[str, str]:
    return {f"setting {name}": _text(opened.execute(f"PRAGMA {name}").fetchone()[0]) for name in SETTINGS}


def _sha256(path: str) -> str:
    """By sha256sum(1): a second reader of what was copied and of what came back."""
    done = subprocess.run(["sha256sum", "--", path], capture_output=True, text=True, errors="replace", check=True)
    return done.stdout.lstrip("\\")[:64]


def _text(value: object) -> str:
    """As it can be told in JSON; names need not be UTF-8."""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    return "" if value is None else str(value)


@contextlib.contextmanager
def _as(account: Account | None) -> Iterator[None]:
    """Act as this account for a while; without one as we are."""
    if account is None or account[0] == 0:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(account[1])
    os.seteuid(account[0])
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
