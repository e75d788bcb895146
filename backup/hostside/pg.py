"""Facts about one PostgreSQL database, taken inside one snapshot: rows, row sums, objects, newest timestamp."""

# ruff: noqa: S608 # names come from the catalogue, quoted by format(%I)
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from backup.hostside import programs

_END = "@end"
_SETTINGS = """
SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
SET timezone = 'UTC'; SET search_path = ''; SET statement_timeout = 0; SET client_encoding = 'UTF8';
"""
_USER = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_TABLES = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND {_USER} ORDER BY 1
"""
# The sum of two 64-bit halves of every row's md5: independent of the rows' order, and of how a table is stored.
_SUMS = """
SELECT count(*) AS rows, coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0)::text || ':' ||
coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0)::text AS sum
FROM (SELECT md5(t::text) AS h FROM ONLY {table} t) rows
"""
_OBJECTS = f"""
SELECT 'column ' || format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name,
  format_type(a.atttypid, a.atttypmod) || a.attnotnull::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS is
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'v') AND {_USER}
UNION ALL SELECT 'index ' || format('%I.%I', n.nspname, c.relname), pg_get_indexdef(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' AND {_USER}
UNION ALL SELECT 'constraint ' || format('%s %I', k.conrelid::regclass, k.conname), pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace WHERE {_USER}
UNION ALL SELECT 'view ' || format('%I.%I', n.nspname, c.relname), pg_get_viewdef(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND {_USER}
UNION ALL SELECT 'function ' || p.oid::regprocedure::text, pg_get_functiondef(p.oid)
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p') AND {_USER}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')
UNION ALL SELECT 'trigger ' || format('%s %I', t.tgrelid::regclass, t.tgname), pg_get_triggerdef(t.oid)
FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
UNION ALL SELECT 'sequence ' || format('%I.%I', schemaname, sequencename), coalesce(last_value::text, 'unused')
FROM pg_catalog.pg_sequences
UNION ALL SELECT 'owner ' || format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S') AND {_USER}
"""
_STAMPS = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS table, a.attname AS column,
  format('SELECT extract(epoch FROM max(%I)) AS newest FROM ONLY %I.%I WHERE %I <= now()',
         a.attname, n.nspname, c.relname, a.attname) AS query
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND {_USER}
  AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype) ORDER BY 1, 2
"""
_ROLES = "SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"


class Session:
    """One psql that stays open; every query is answered as a list of JSON objects."""

    def __init__(self, run_as: str, where: Sequence[str]) -> None:
        self._psql = subprocess.Popen(
            [*become(run_as), "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            text=True,
            encoding="utf-8",
            start_new_session=True,
            preexec_fn=programs.die_with_parent,  # noqa: PLW1509 # this process has one thread
        )

    def ask(self, query: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.tell(f"SELECT row_to_json(q) FROM ({query}) q;")]

    def tell(self, statement: str) -> list[str]:
        """Run a statement; the lines it gave. RuntimeError with what psql said when it failed."""
        assert self._psql.stdin and self._psql.stdout and self._psql.stderr  # noqa: S101, PT018 # Popen was given PIPE
        try:
            self._psql.stdin.write(f"{statement}\n\\echo {_END}\n")
            self._psql.stdin.flush()
        except BrokenPipeError:
            pass  # what psql said is read below
        lines: list[str] = []
        for line in self._psql.stdout:
            if line.rstrip("\n") == _END:
                return lines
            lines.append(line.rstrip("\n"))
        said = (self._psql.stderr.read().strip() or "psql ended").splitlines()
        raise RuntimeError(next((line for line in said if "ERROR" in line or "FATAL" in line), said[-1]))

    def close(self) -> None:
        for pipe in (self._psql.stdin, self._psql.stdout, self._psql.stderr):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        programs.end(self._psql)


def become(user: str) -> list[str]:
    """Words that run a program as another user without a login session; none when no user is named or we are not root.

    Changing the user clears the kernel's «die with your parent»; setpriv sets it again.
    """
    words = [f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all", "--pdeathsig=KILL"]
    return ["setpriv", *words] if user and os.geteuid() == 0 else []


def facts(session: Session, timezone: str) -> dict[str, Any]:
    """All that a restored copy must equal. Call it inside a REPEATABLE READ transaction to match a dump's snapshot."""
    session.tell(_SETTINGS)
    tables = {}
    for row in session.ask(_TABLES):
        (sums,) = session.ask(_SUMS.format(table=row["name"]))
        tables[row["name"]] = {"rows": int(sums["rows"]), "sum": sums["sum"]}
        programs.tell(table=row["name"], rows=tables[row["name"]]["rows"])
    objects = {row["name"]: row["is"] for row in session.ask(_OBJECTS)}
    return {
        "version": session.tell("SHOW server_version;")[0],
        "bytes": int(session.tell("SELECT pg_database_size(current_database());")[0]),
        "tables": tables,
        "objects": objects,
        "roles": [row["name"] for row in session.ask(_ROLES)],
        "newest": _newest(session, timezone),
    }


def _newest(session: Session, timezone: str) -> dict[str, Any]:
    """The newest point in time that any row speaks of and that is not in the future: {column, epoch} or {}."""
    session.tell(f"SET timezone = {_literal(timezone)};")  # a timestamp without zone is the office's wall clock
    found: dict[str, Any] = {}
    for row in session.ask(_STAMPS):
        (value,) = session.ask(row["query"])
        if value["newest"] is not None and float(value["newest"]) > found.get("epoch", float("-inf")):
            found = {"column": f"{row['table']}.{row['column']}", "epoch": float(value["newest"])}
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
