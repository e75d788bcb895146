"""A throw-away MariaDB without any network: a dump is loaded, or a server's files prepared; it tells what it holds.

It lives in its own network and process namespaces and is killed by the kernel when this process ends. It reads no
settings of the copy but those that its files have to be opened with, starts no events and writes no binary log.
"""

# ruff: noqa: PTH103, PTH118, PTH123 # names on hosts need not be text
from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backup.hostside import mariadb, pg, pg_prove, programs

NAMED = 20  # broken things that are told by name
SETTINGS = {  # speed only: the data is thrown away
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-buffer-pool-size": "256M",
    "max-allowed-packet": "1G",
    "event-scheduler": "OFF",
    "skip-networking": "1",
    "skip-log-bin": "1",
    "skip-slave-start": "1",
}
_OF_FILES = ("innodb_page_size", "innodb_data_file_path", "innodb_undo_tablespaces")
_END_OF_DUMP, _TAIL = b"-- Dump completed", 4096  # bytes in which a dump's end must stand
_VERSION = re.compile(r"\b(\d+\.\d+)\.\d+")


@dataclass
class Trial:
    """One drill's server: `folder` is the drill's own, `run_as` the account it runs as, `timeout` seconds a step."""

    folder: str
    run_as: str
    timeout: float
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def data(self) -> str:
        return os.path.join(self.folder, "pg")  # by that name every drill's server is taken away

    @property
    def where(self) -> list[str]:
        return ["--no-defaults", f"--socket={self.folder}/s/m.sock", "--user=root"]

    def room(self, dump: str) -> None:
        for path in (self.data, os.path.join(self.folder, "s")):
            os.makedirs(path, mode=0o700)
            pg_prove.give(path, self.run_as)
        pg_prove.give(dump, self.run_as)

    def must(self, *argv: str) -> None:
        pg_prove.must([*pg.become(self.run_as), *argv], argv[0], self.timeout)

    def fed(self, path: str, *argv: str) -> str:
        """Run a program on a file; what it complained of, when it ended badly."""
        with open(path, "rb") as given:
            done = subprocess.run(
                [*pg.become(self.run_as), *argv],
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                timeout=self.timeout,
                preexec_fn=programs.die_with_parent,
                check=False,
            )
        said = done.stderr.decode(errors="replace").strip()
        return (
            f"{argv[0]}: exit {done.returncode}: {(said.splitlines() or ['no output'])[0][:300]}"
            if done.returncode
            else ""
        )

    @contextlib.contextmanager
    def server(self, more: Mapping[str, str]) -> Iterator[mariadb.Session]:
        words = [f"--{name}={value}" for name, value in {**SETTINGS, **more}.items()]
        argv = ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.folder}/s/m.sock", *words]
        log = os.path.join(self.folder, "mariadb.log")
        with pg_prove.step(self.steps, "start"):
            child = programs.alone([*pg.become(self.run_as), *argv, f"--pid-file={self.folder}/s/m.pid"], log)
        try:
            with pg_prove.step(self.steps, "ready"):
                self._ready(child, log)
            session = mariadb.Session(self.where)
            try:
                mariadb.ready(session)
                yield session
            finally:
                session.close()
        finally:
            programs.end(child)

    def _ready(self, child: subprocess.Popen[bytes], log: str) -> None:
        until = time.monotonic() + self.timeout
        while programs.run(["mariadb", *self.where, "-e", "SELECT 1"], timeout=10)["code"] != 0:
            if child.poll() is not None or time.monotonic() > until:
                with open(log, encoding="utf-8", errors="replace") as said:
                    lines = said.read().strip().splitlines() or ["no output"]
                why = next((line for line in lines if "[ERROR]" in line), lines[-1])
                raise RuntimeError(f"MariaDB did not start: {why[:300]}")
            time.sleep(0.1)


def load(  # one call's whole description, sent as JSON
    *, folder: str, dump: str, run_as: str, bases: Sequence[str], asked: dict[str, Any], timeout: float
) -> dict[str, Any]:
    """{steps: [{name, seconds}], facts} of a dump. RuntimeError tells what failed. `asked`: see `mariadb.facts`."""
    with open(dump, "rb") as text:
        text.seek(max(0, text.seek(0, os.SEEK_END) - _TAIL))
        if _END_OF_DUMP not in text.read():
            raise RuntimeError("the dump was cut off: it does not say that it is completed")
    trial = Trial(folder, run_as, timeout)
    trial.room(dump)
    with pg_prove.step(trial.steps, "install"):
        words = (f"--datadir={trial.data}", "--auth-root-authentication-method=normal", "--skip-test-db")
        trial.must("mariadb-install-db", "--no-defaults", *words, "--skip-name-resolve")
    with trial.server({}) as session:
        with pg_prove.step(trial.steps, "load"):
            if why := trial.fed(dump, "mariadb", *trial.where, "--init-command=SET SESSION foreign_key_checks = 0"):
                raise RuntimeError(why)
        with pg_prove.step(trial.steps, "query"):
            session.tell(mariadb.SNAPSHOT)
            there = set(mariadb.databases(session))
            facts = mariadb.facts(session, [base for base in bases if base in there], **asked)
    return {"steps": trial.steps, "facts": facts}


def prepare(  # one call's whole description, sent as JSON
    *, folder: str, dump: str, run_as: str, version: str, asked: dict[str, Any], timeout: float
) -> dict[str, Any]:
    """The same of a server's files. facts["broken"]: [what, name, detail] of files and tables that are not in order."""
    _same_version(version)
    trial = Trial(folder, run_as, timeout)
    trial.room(dump)
    with pg_prove.step(trial.steps, "unpack"):
        why = trial.fed(dump, "mbstream", "-x", "-C", trial.data)
    if "checksum" in why.lower():
        whole = {"broken": [["broken", "copy", why]], "tables": {}, "objects": {}, "version": version}
        return {"steps": trial.steps, "facts": whole}
    if why:
        raise RuntimeError(why)
    with pg_prove.step(trial.steps, "prepare"):
        trial.must("mariadb-backup", "--no-defaults", "--prepare", f"--target-dir={trial.data}", "--use-memory=256M")
    with trial.server({"skip-grant-tables": "1", **_of_files(trial.data)}) as session:
        with pg_prove.step(trial.steps, "query"):
            session.tell(mariadb.SNAPSHOT)
            facts = mariadb.facts(session, mariadb.databases(session), **asked)
            session.tell("COMMIT;")
        with pg_prove.step(trial.steps, "indexes"):
            broken = list(_checked(session, sorted(facts["tables"])))
    return {"steps": trial.steps, "facts": {**facts, "broken": broken[:NAMED]}}


def _checked(session: mariadb.Session, tables: Sequence[str]) -> Iterator[list[str]]:
    """What the server finds in tables' pages and indexes. `tables`: <database>.<table>."""
    for name in tables:
        for line in session.tell(f"CHECK TABLE {mariadb.quoted(*name.split('.', 1))};"):
            _, _, kind, text = line.split("\t", 3)
            if kind.lower() in ("error", "warning") or (kind == "status" and text != "OK"):
                yield ["broken", name, text[:200]]


def _of_files(data: str) -> dict[str, str]:
    """Settings without which these files cannot be opened; all others that came along are left alone."""
    with open(os.path.join(data, "backup-my.cnf"), encoding="utf-8", errors="replace") as text:
        pairs = [line.strip().partition("=") for line in text]
    return {name: value for name, _, value in pairs if name in _OF_FILES and re.fullmatch(r"[\w:;.]+", value)}


def _same_version(version: str) -> None:
    """RuntimeError where this host's MariaDB is of another release: it would not read the files, or change them."""
    try:
        here = programs.run(["mariadbd", "--version"], timeout=20)["out"]
    except FileNotFoundError:
        here = ""
    wanted, there = (_VERSION.search(text) for text in (version, here))
    if not wanted or not there or wanted[1] != there[1]:
        has = f"MariaDB {there[1]}" if there else "no MariaDB"
        raise RuntimeError(
            f"the copy is of MariaDB {version}, here is {has}: apt-get install mariadb-server mariadb-backup"
        )
