"""A throw-away PostgreSQL without any network: load a restored dump, tell what it holds, leave nothing behind.

The server lives in its own network and process namespaces and is killed by the kernel when this process ends, so a
restored database can never call home and never outlives the drill.
"""

# ruff: noqa: PTH103, PTH112, PTH118, PTH120, PTH123, PTH207 # names on hosts need not be text
from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

from backup.hostside import pg, programs

START_SECONDS = 60.0
GONE_SECONDS = 20.0  # a helper whose station is gone notices within a few seconds
SETTINGS = {  # speed only: the data is thrown away
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "256MB",
    "listen_addresses": "",
    "shared_buffers": "128MB",
    "jit": "off",
}


def prove(  # one call's whole description, sent as JSON
    *, folder: str, dump: str, run_as: str, roles: list[str], asked: dict[str, Any], timeout: float
) -> dict[str, Any]:
    """{steps: [{name, seconds}], facts}: RuntimeError tells what failed and why. `asked`: `pg.facts`' arguments."""
    binaries = newest_binaries()
    data, sockets = os.path.join(folder, "pg"), os.path.join(folder, "s")
    for path in (data, sockets):
        os.makedirs(path, mode=0o700)
        give(path, run_as)
    give(dump, run_as)
    steps: list[dict[str, Any]] = []
    with step(steps, "initdb"):
        must(_initdb(binaries, data, run_as), "initdb")
    with step(steps, "start"):
        server = start(binaries, data, sockets, run_as)
    try:
        where = ["-h", sockets, "-U", "drill"]
        with step(steps, "ready"):
            ready(server, run_as, where, os.path.join(folder, "pg.log"))
        with step(steps, "load"):
            _load(binaries, run_as, where, dump, roles, timeout)
        with step(steps, "query"):
            facts = _facts(run_as, where, asked)
    finally:
        programs.end(server)
    return {"steps": steps, "facts": facts}


def newest_binaries() -> str:
    """Folder of the newest PostgreSQL of this host."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed here")
    return found[-1]


def remove(*, folder: str) -> bool:
    """Take one drill's folder away; whether there was one. What an interrupted drill ran there may need a moment."""
    if not os.path.isdir(folder):
        return False
    until = time.monotonic() + GONE_SECONDS
    while time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return True
        time.sleep(0.3)
    shutil.rmtree(folder)
    return True


def _initdb(binaries: str, data: str, run_as: str) -> list[str]:
    words = ["-D", data, "-U", "drill", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    return [*pg.become(run_as), f"{binaries}/initdb", *words, "--no-instructions"]


def start(
    binaries: str, data: str, sockets: str, run_as: str, more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """PostgreSQL on `data`, alone in its own network, telling `pg.log`; `more`: settings beside those for speed."""
    settings = [word for name, value in {**SETTINGS, **(more or {})}.items() for word in ("-c", f"{name}={value}")]
    argv = [*pg.become(run_as), f"{binaries}/postgres", "-D", data, "-k", sockets, *settings]
    return programs.alone(argv, os.path.join(os.path.dirname(data), "pg.log"))


def ready(
    server: subprocess.Popen[bytes], run_as: str, where: list[str], log: str, seconds: float = START_SECONDS
) -> None:
    """Wait until it answers. RuntimeError with the last thing it said when it ended, or did not within `seconds`."""
    until = time.monotonic() + seconds
    argv = [*pg.become(run_as), "psql", "-X", "-d", "postgres", *where, "-c", "SELECT 1"]
    while programs.run(argv, timeout=10)["code"] != 0:
        if server.poll() is not None or time.monotonic() > until:
            with open(log, encoding="utf-8", errors="replace") as said:
                lines = said.read().strip().splitlines() or ["no output"]
            why = next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), lines[-1])
            raise RuntimeError(f"PostgreSQL did not start: {why}")
        time.sleep(0.1)


def _load(  # words of one command line
    binaries: str, run_as: str, where: list[str], dump: str, roles: list[str], timeout: float
) -> None:
    session = pg.Session(run_as, [*where, "-d", "postgres"])
    try:
        for role in roles:
            if role != "drill":
                session.tell(f"CREATE ROLE {_quoted(role)} NOLOGIN;")
        session.tell("CREATE DATABASE proven TEMPLATE template0;")
    finally:
        session.close()
    restore = [f"{binaries}/pg_restore", *where, "-d", "proven", "-j2", "--exit-on-error", dump]
    must([*pg.become(run_as), *restore], "pg_restore", timeout)


def _facts(run_as: str, where: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    session = pg.Session(run_as, [*where, "-d", "proven"])
    try:
        return pg.facts(session, **asked)
    finally:
        session.close()


def must(argv: list[str], what: str, timeout: float = 300.0) -> None:
    done = programs.run(argv, timeout=timeout)
    if done["code"] != 0:
        said = (done["err"].strip() or done["out"].strip() or "no output").splitlines()
        reason = next((line for line in said if "error" in line.lower()), said[-1])
        raise RuntimeError(f"{what}: exit {done['code']}: {reason}")


@contextlib.contextmanager
def step(steps: list[dict[str, Any]], name: str) -> Iterator[None]:
    begun = time.monotonic()
    programs.tell(step=name)
    yield
    steps.append({"name": name, "seconds": round(time.monotonic() - begun, 3)})


def give(path: str, user: str) -> None:
    if user and os.geteuid() == 0:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
