"""Back one database up: facts and dump come from the same exported snapshot; the dump streams into restic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import memory, pg, restic_call


def backup(  # one database's whole description, sent as JSON
    *, database: str, run_as: str, where: list[str], timezone: str, call: Mapping[str, Any], remembered: str = ""
) -> dict[str, Any]:
    """{facts, done, figures}: `call` is what `restic_call.restic` takes; its words get the dump command added.

    -Z0: gzip would hide equal data from restic (a 1 % change made it send everything again); restic compresses itself.
    """
    session = pg.Session(run_as, [*where, "-d", database])
    try:
        session.tell("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")
        snapshot = session.tell("SELECT pg_export_snapshot();")[0]
        facts = pg.facts(session, timezone)
        dump = [*pg.become(run_as), "pg_dump", *where, "-Fc", "-Z0", f"--snapshot={snapshot}", "-d", database]
        words = [*call["words"], "--stdin-from-command", "--", *dump]
        done = restic_call.restic(**{**call, "words": words})
        session.tell("COMMIT;")
    finally:
        session.close()
    rows = {name: table["rows"] for name, table in facts["tables"].items()}
    return {"facts": facts, "done": done, "figures": memory.of_rows(remembered, rows, saved=done["code"] == 0)}
