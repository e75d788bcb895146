"""A throw-away PostgreSQL on the files of a copy: checked file by file, recovered to its point, asked for every row.

Like `pg_prove` it has no network and dies with this process. Nothing that the copy's own settings say is done: not its
archive command, not its access list, not its addresses.
"""

# ruff: noqa: PTH103, PTH118, PTH123, PTH207 # names on hosts need not be text
from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from backup.hostside import pg, pg_prove, pg_server, programs

_SETTINGS = {
    "hot_standby": "off",
    "archive_mode": "off",
    "restore_command": "false",  # all of the log lies in the copy
    "recovery_target_action": "promote",
    "max_prepared_transactions": "100",
    "shared_preload_libraries": "",
    "ssl": "off",
}
_NAMED = re.compile(r'error: .*?"([^"]+)"')
NAMED = 20  # broken things that are told by name


def prove(  # one call's whole description, sent as JSON
    *, folder: str, dump: str, run_as: str, wanted: dict[str, Any], asked: dict[str, Any], timeout: float
) -> dict[str, Any]:
    """{steps: [{name, seconds}], facts}; RuntimeError tells what failed and why.

    `wanted`: of the manifest {version, superuser, point} · `asked`: `pg_server.facts`' arguments. facts["broken"]:
    [what, name, detail] of files, pages and indexes that are not in order; a copy with such files is not started.
    """
    binaries = of_version(str(wanted["version"]))
    data, sockets = os.path.join(folder, "pg"), os.path.join(folder, "s")
    for path in (data, sockets):
        os.makedirs(path, mode=0o700)
        pg_prove.give(path, run_as)
    pg_prove.give(dump, run_as)
    steps: list[dict[str, Any]] = []
    with pg_prove.step(steps, "unpack"):  # -i: two archives lie one after the other
        pg_prove.must([*pg.become(run_as), "tar", "-x", "-i", "-f", dump, "-C", data], "tar", timeout)
    with pg_prove.step(steps, "files"):
        broken = list(_files(binaries, data, run_as, timeout))
    if broken:
        return {"steps": steps, "facts": {"broken": broken, "tables": {}, "objects": {}, "version": wanted["version"]}}
    settings = _own(folder, data, run_as) | {"recovery_target_name": str(wanted["point"])}
    with pg_prove.step(steps, "start"):
        server = pg_prove.start(binaries, data, sockets, run_as, settings)
    try:
        where = ["-h", sockets, "-U", str(wanted["superuser"])]
        with pg_prove.step(steps, "recover"):
            pg_prove.ready(server, run_as, [*where, "-d", "template1"], os.path.join(folder, "pg.log"), timeout)
        with pg_prove.step(steps, "query"):
            facts = _facts(run_as, where, asked)
        with pg_prove.step(steps, "indexes"):
            broken = list(_indexes(binaries, run_as, where, timeout))
    finally:
        programs.end(server)
    return {"steps": steps, "facts": {**facts, "broken": broken}}


def of_version(version: str) -> str:
    """Folder of the programs of that major version: files of another one cannot be opened."""
    major = version.partition(".")[0].split()[0]
    there = sorted(path.split("/")[4] for path in glob.glob("/usr/lib/postgresql/*/bin"))
    if major not in there:
        has = f"PostgreSQL {', '.join(there)}" if there else "no PostgreSQL"
        raise RuntimeError(f"the copy is of PostgreSQL {major}, here is {has}: apt-get install postgresql-{major}")
    return f"/usr/lib/postgresql/{major}/bin"


def _files(binaries: str, data: str, run_as: str, timeout: float) -> Iterator[list[str]]:
    """What pg_verifybackup finds: every file by its checksum, and whether the log of the copy itself is whole."""
    argv = [*pg.become(run_as), f"{binaries}/pg_verifybackup", "-q", data]
    done = programs.run(argv, timeout=timeout, env={"PATH": f"{binaries}:{os.environ['PATH']}"})
    told = [line for line in done["err"].splitlines() if "error:" in line]
    for line in told[:NAMED]:
        named = _NAMED.search(line)
        lacks = "not on disk" in line or "could not find" in line or "WAL parsing failed" in line
        yield ["missing" if lacks else "broken", named[1] if named else "copy", line.partition("error: ")[2][:200]]
    if done["code"] and not told:
        yield ["broken", "copy", f"pg_verifybackup: exit {done['code']}: {done['err'].strip()[-200:]}"]


def _own(folder: str, data: str, run_as: str) -> dict[str, str]:
    """Settings of ours in the place of all that the copy brought along."""
    texts = {"own.conf": "", "hba.conf": "local all all trust\n", "ident.conf": ""}
    for name, text in texts.items():
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        pg_prove.give(path, run_as)
    for name, text in {"postgresql.auto.conf": "", "recovery.signal": ""}.items():
        path = os.path.join(data, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        pg_prove.give(path, run_as)
    places = {"config_file": "own.conf", "hba_file": "hba.conf", "ident_file": "ident.conf"}
    return _SETTINGS | {setting: os.path.join(folder, name) for setting, name in places.items()}


def _facts(run_as: str, where: list[str], asked: Mapping[str, Any]) -> dict[str, Any]:
    control = pg.Session(run_as, [*where, "-d", "template1"])
    sessions: dict[str, pg.Session] = {}
    try:
        sessions |= {name: pg.Session(run_as, [*where, "-d", name]) for name in pg_server.databases(control)}
        return {**pg_server.facts(sessions, **asked), **pg_server.identity(control)}
    finally:
        for session in (control, *sessions.values()):
            session.close()


def _indexes(binaries: str, run_as: str, where: list[str], timeout: float) -> Iterator[list[str]]:
    """What pg_amcheck finds in tables' pages and in the order of their indexes."""
    argv = [
        *pg.become(run_as),
        f"{binaries}/pg_amcheck",
        *where,
        "--all",
        "--install-missing",
        "-j2",
        "--no-strict-names",
    ]
    done = programs.run(argv, timeout=timeout)
    if done["code"] == 0:
        return
    said = [line for line in (done["out"] + done["err"]).splitlines() if line and not line.startswith(" ")]
    for line in said[:NAMED]:
        yield ["broken", line.partition(":")[0][:200], line.partition(":")[2].strip()[:200]]
