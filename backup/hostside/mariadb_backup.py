"""Back one MariaDB database up as SQL: facts and dump see the same moment; the dump streams into restic.

The two connections begin while nobody may commit, which is for as long as mariadb-dump needs to start.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from backup.hostside import mariadb, memory, piped, programs

_BEGUN = b"\nCREATE DATABASE"  # of the dump's text: only what stands above it was said before its snapshot
_DUMP = ("--single-transaction", "--quick", "--routines", "--events", "--triggers", "--hex-blob", "--databases")
_HOLD = "BACKUP STAGE START; BACKUP STAGE FLUSH; BACKUP STAGE BLOCK_DDL; BACKUP STAGE BLOCK_COMMIT;"
CHUNK = 1 << 20


def backup(  # one database's whole description, sent as JSON
    *, database: str, where: list[str], timezone: str, call: Mapping[str, Any], remembered: str = ""
) -> dict[str, Any]:
    """{facts, done, figures}: `where` are the words by which MariaDB's programs reach the server."""
    done, facts = piped.saved(call, lambda out: _stream(out, database, where, timezone))
    rows = {name: table["rows"] for name, table in facts.get("tables", {}).items()}
    return {"facts": facts, "done": done, "figures": memory.of_rows(remembered, rows, saved=done["code"] == 0)}


def put(out: int, data: bytes) -> None:
    """All of it: a pipe may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


def _stream(out: int, database: str, where: Sequence[str], timezone: str) -> dict[str, Any]:
    reader, holder = mariadb.Session(where), mariadb.Session(where)
    argv = ["mariadb-dump", *where, *_DUMP, database]
    try:
        mariadb.ready(reader)
        if database not in mariadb.databases(reader):
            raise RuntimeError(f"there is no database {database} here")
        holder.tell(_HOLD)
        reader.tell(mariadb.SNAPSHOT)
        dump = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            preexec_fn=programs.die_with_parent,  # noqa: PLW1509 # this process has one thread
        )
        _pump(dump, out, holder)
        return mariadb.facts(reader, [database], timezone)
    finally:
        reader.close()
        holder.close()


def _pump(dump: subprocess.Popen[bytes], out: int, holder: mariadb.Session) -> None:
    """Hand the dump on. The hold on commits ends with the first words that came out of the dump's own snapshot."""
    assert dump.stdout and dump.stderr  # noqa: S101, PT018 # Popen was given PIPE
    head, held = b"", True
    while data := os.read(dump.stdout.fileno(), CHUNK):
        if held:
            head += data
            if _BEGUN in head:
                holder.tell("BACKUP STAGE END;")
                held = False
        put(out, data)
    said = dump.stderr.read().decode(errors="replace").strip()
    if code := dump.wait():
        raise RuntimeError(f"mariadb-dump: exit {code}: {(said.splitlines() or ['no output'])[-1]}")
