"""Back a whole PostgreSQL server up as its files, with sums over every row at one exact point in its log.

pg_basebackup streams the files; then a restore point is set at a moment when nothing is being committed, snapshots of
that very moment are taken in every database, and the log up to it follows in the same stream. A copy that is recovered
to the point must hold exactly the rows that the snapshots see. Nothing lies on the source's disk meanwhile.
"""

# ruff: noqa: PTH118, PTH207, PTH208 # names on hosts need not be text; names are quoted by format(%I)
from __future__ import annotations

import glob
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from backup.hostside import memory, pg, pg_server, piped, programs

QUIET_SECONDS, HELD_SECONDS = 15.0, 120.0  # that we look for a quiet moment; that we then try to make one
_PAUSE = 0.02
_SNAPSHOT = "SELECT pg_current_snapshot();"
# A commit stands in the log shortly before others see it: until then its transaction holds the lock on itself.
_COMMITTING = """
SELECT count(*) FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND coalesce(a.state, '') !~ '^idle in transaction';
"""
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_END = re.compile(r"log end point: ([0-9A-F]+/[0-9A-F]+)")


def backup(  # one server's whole description, sent as JSON
    *, cluster: str, run_as: str, where: list[str], timezone: str, call: Mapping[str, Any], remembered: str = ""
) -> dict[str, Any]:
    """{facts, done, figures}. `cluster`: as in /etc/postgresql/17/<cluster>, unless `where` says how to reach it."""
    words = where or ["--cluster", _known(cluster)]

    def produce(out: int) -> dict[str, Any]:
        return _stream(out, run_as, words, timezone)

    done, facts = piped.saved(call, produce)
    rows = {name: table["rows"] for name, table in facts.get("tables", {}).items()}
    return {"facts": facts, "done": done, "figures": memory.of_rows(remembered, rows, saved=done["code"] == 0)}


def _known(cluster: str) -> str:
    """«17/main»: the newest cluster of that name."""
    found = sorted(glob.glob(f"/etc/postgresql/*/{cluster}"), key=lambda path: float(path.split("/")[3]))
    if not found:
        raise RuntimeError(f"there is no PostgreSQL cluster {cluster} here")
    return f"{found[-1].split('/')[3]}/{cluster}"


def _stream(out: int, run_as: str, where: Sequence[str], timezone: str) -> dict[str, Any]:
    control = pg.Session(run_as, [*where, "-d", "template1"])
    sessions: dict[str, pg.Session] = {}
    try:
        # Keeps the log since now, and goes with the session: what is not copied yet cannot be recycled.
        control.tell(f"SELECT pg_create_physical_replication_slot('kominfo_{os.getpid()}', true, true);")
        end = _files(out, run_as, where)
        sessions |= {name: pg.Session(run_as, [*where, "-d", name]) for name in pg_server.databases(control)}
        # They go on meanwhile: what a copy of a later point may not be behind of.
        stood = {base: pg.sequences(session) for base, session in sessions.items()}
        point, at = _point(control, sessions, run_as, where)
        _log(out, control, end, at)
        found = pg_server.facts(sessions, timezone)
        for base, known in stood.items():
            found["objects"] |= {f"{name} in {base}": value for name, value in known.items()}
        return {**found, **pg_server.identity(control), "point": point}
    finally:
        for session in (control, *sessions.values()):
            session.close()


def _files(out: int, run_as: str, where: Sequence[str]) -> str:
    """Stream the server's files; where their own part of the log ends."""
    argv = [*pg.become(run_as), "pg_basebackup", *where, "-D", "-", "-Ft", "-X", "fetch", "-c", "fast", "-v"]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        preexec_fn=programs.die_with_parent,  # this process has one thread
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    found = _END.search(said)
    if done.returncode or not found:
        why = next((line for line in said.splitlines() if "error" in line), said.strip()[-200:])
        raise RuntimeError(f"pg_basebackup: exit {done.returncode}: {why}")
    return found[1]


def _point(
    control: pg.Session, sessions: Mapping[str, pg.Session], run_as: str, where: Sequence[str]
) -> tuple[str, str]:
    """(name of a restore point, its place in the log): the sessions' snapshots see what was committed before it.

    A server that is never quiet for a moment is held for one: its tables take no writes for some milliseconds.
    """
    begun, name = time.monotonic(), f"kominfo-{os.getpid()}"
    number = 0
    while time.monotonic() < begun + QUIET_SECONDS:
        if at := _tried(control, sessions, f"{name}-{number}"):
            return f"{name}-{number}", at
        number += 1
        time.sleep(_PAUSE)
    while time.monotonic() < begun + QUIET_SECONDS + HELD_SECONDS:
        number += 1
        with _Held(sessions, run_as, where) as held:
            if held.all and (at := _tried(control, sessions, f"{name}-{number}", held=True)):
                return f"{name}-{number}", at
    raise RuntimeError("some transaction writes all the time: there is no moment at which the copy could be compared")


def _tried(control: pg.Session, sessions: Mapping[str, pg.Session], name: str, *, held: bool = False) -> str:
    """The restore point's place in the log; empty when anything was committed around it."""
    for session in sessions.values():
        session.tell("SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")
    seen = set(control.tell(_SNAPSHOT))
    seen |= {session.tell(_SNAPSHOT)[0] for session in sessions.values()}
    at = control.tell(f"SELECT pg_create_restore_point('{name}');")[0]
    committing = control.tell(_COMMITTING)[0]  # before the last look: one that ends in between changes what is seen
    seen |= set(control.tell(_SNAPSHOT))
    if held or (committing == "0" and len(seen) == 1):
        return at
    for session in sessions.values():
        session.tell("ROLLBACK;")
    return ""


class _Held:
    """No writes to any table of the databases, while inside. `all`: whether every lock was given within a second."""

    def __init__(self, sessions: Mapping[str, pg.Session], run_as: str, where: Sequence[str]) -> None:
        self._bases, self._run_as, self._where = sessions, run_as, where
        self._locks: list[pg.Session] = []
        self.all = False

    def __enter__(self) -> Self:
        try:
            for base, session in self._bases.items():
                lock = pg.Session(self._run_as, [*self._where, "-d", base])
                self._locks.append(lock)
                names = pg_server.tables(session)
                lock.tell("SET lock_timeout = '1s'; BEGIN;")
                if names:
                    lock.tell(f"LOCK TABLE {', '.join(names)} IN SHARE MODE;")
            self.all = True
        except RuntimeError:
            time.sleep(_PAUSE)  # a writer did not end within a second
        return self

    def __exit__(self, *_: object) -> None:
        for lock in self._locks:
            lock.close()


def _log(out: int, control: pg.Session, since: str, until: str) -> None:
    """Stream the log's files from `since` to `until`, as a second archive after the first."""
    control.tell("SELECT pg_switch_wal();")  # writes the log out as far as it goes
    (names,) = control.ask(f"SELECT pg_walfile_name('{since}') AS first, pg_walfile_name('{until}') AS last")
    folder = os.path.join(control.tell("SHOW data_directory;")[0], "pg_wal")
    found = [name for name in sorted(os.listdir(folder)) if _SEGMENT.fullmatch(name)]
    wanted = [name for name in found if names["first"] <= name <= names["last"]]
    if wanted[-1:] != [names["last"]]:
        raise RuntimeError(f"{names['last']} of the server's log is not there")
    with open(out, "wb", closefd=False) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for name in wanted:
            archive.add(os.path.join(folder, name), f"pg_wal/{name}")
