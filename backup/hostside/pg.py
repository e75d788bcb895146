"""Facts about one PostgreSQL database, taken inside one snapshot: rows, row sums, objects, newest timestamp."""

# ruff: noqa: S608 # names come from the catalogue, quoted by format(%I)
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from backup.hostside import programs

SETTINGS = """
SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
SET timezone = 'UTC'; SET search_path = ''; SET statement_timeout = 0; SET client_encoding = 'UTF8';
"""
# A server works on for a client that is gone, unless it looks for it now and then (PostgreSQL 14 and newer can).
_LOOK_FOR_US = """
SELECT set_config(name, '1s', false) FROM pg_catalog.pg_settings WHERE name = 'client_connection_check_interval';
"""
_USER = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_TABLES = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {_USER} ORDER BY 1
"""  # what a materialized view holds is no data of its own: a restore fills it anew, its definition is an object
# The sum of two 64-bit halves of every row's md5: independent of the rows' order, and of how a table is stored.
# The time beside it keeps the planner from computing the md5 once for each half.
SUMS = """
SELECT count(*) AS rows, coalesce(sum(('x' || left(h, 16))::bit(64)::bigint), 0)::text || ':' ||
coalesce(sum(('x' || right(h, 16))::bit(64)::bigint), 0)::text AS sum
FROM (SELECT md5({row}) AS h, clock_timestamp() FROM {table} t) rows
"""
_ROW = "(t.*)::text"  # not `t::text`: in a table with a column t that is the column alone
# Pages of large objects without the zeros that a sparse one may or may not hold. They belong to the superuser.
_LARGE_NAME = "large objects"
_LARGE = "(SELECT * FROM pg_catalog.pg_largeobject WHERE encode(data, 'hex') ~ '[1-9a-f]')"
_LARGE_ROW = "t.loid || ':' || t.pageno || ':' || regexp_replace(encode(t.data, 'hex'), '(00)+$', '')"
_LARGE_COUNT = "SELECT count(*) AS objects FROM pg_catalog.pg_largeobject_metadata"
_SEQUENCES = """SELECT 'sequence ' || format('%I.%I', schemaname, sequencename) AS name,
  coalesce((CASE WHEN increment_by < 0 THEN -last_value ELSE last_value END)::text, 'unused') AS is
FROM pg_catalog.pg_sequences
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
UNION ALL SELECT 'constraint ' || format('%s %I',
  CASE WHEN k.contypid = 0 THEN k.conrelid::regclass::text ELSE format_type(k.contypid, NULL) END, k.conname),
  pg_get_constraintdef(k.oid)
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
UNION ALL {_SEQUENCES}UNION ALL SELECT 'definition of sequence ' || format('%I.%I', schemaname, sequencename),
  concat_ws(' ', data_type, start_value, min_value, max_value, increment_by, cycle) FROM pg_catalog.pg_sequences
UNION ALL SELECT 'policy ' || format('%I.%I %I', schemaname, tablename, policyname),
  concat_ws(' ', permissive, roles, cmd, qual, with_check) FROM pg_catalog.pg_policies
UNION ALL SELECT 'enum ' || format_type(enumtypid, NULL), string_agg(enumlabel, ', ' ORDER BY enumsortorder)
FROM pg_catalog.pg_enum GROUP BY enumtypid
UNION ALL SELECT 'extension ' || extname, '' FROM pg_catalog.pg_extension
UNION ALL SELECT 'rights ' || format('%I.%I', n.nspname, c.relname),
  (SELECT string_agg(CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r.grantee) END || ' ' || r.privilege_type,
     ', ' ORDER BY r.grantee = 0, pg_get_userbyid(r.grantee)::text COLLATE "C", r.privilege_type)
   FROM aclexplode(coalesce(c.relacl,
     acldefault((CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", c.relowner))) r
   WHERE r.privilege_type <> 'MAINTAIN')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S') AND {_USER}
UNION ALL SELECT 'owner ' || format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S') AND {_USER}
"""
_STAMPS = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS table, a.attname AS column,
  format('SELECT extract(epoch FROM max(%I)) AS newest FROM ONLY %I.%I WHERE %I <= to_timestamp(@read)',
         a.attname, n.nspname, c.relname, a.attname) AS query
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND {_USER}
  AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype) ORDER BY 1, 2
"""
_ROLES = "SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"


class Session(programs.Client):
    """One psql that stays open; every query is answered as a list of JSON objects."""

    def __init__(self, run_as: str, where: Sequence[str]) -> None:
        words = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *where]
        super().__init__([*become(run_as), *words], f"\\echo {programs.END}")

    def ask(self, query: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.tell(f"SELECT row_to_json(q) FROM ({query}) q;")]


def become(user: str) -> list[str]:
    """Words that run a program as another user without a login session; none when no user is named or we are not root.

    Changing the user clears the kernel's «die with your parent»; setpriv sets it again.
    """
    words = [f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all", "--pdeathsig=KILL"]
    return ["setpriv", *words] if user and os.geteuid() == 0 else []


def facts(session: Session, timezone: str, read: float | None = None) -> dict[str, Any]:
    """All that a restored copy must equal. Call it inside a REPEATABLE READ transaction to match a dump's snapshot.

    `read`: when the source was read (epoch seconds by its own clock): now, unless a copy is looked at later.
    """
    session.tell(SETTINGS + _LOOK_FOR_US)
    read = read or float(session.tell("SELECT extract(epoch FROM now());")[0])
    wanted = [(row["name"], f"ONLY {row['name']}", _ROW) for row in session.ask(_TABLES)]
    if session.ask(_LARGE_COUNT)[0]["objects"]:
        wanted.append((_LARGE_NAME, _LARGE, _LARGE_ROW))
    tables = {}
    for name, table, row in wanted:
        (sums,) = session.ask(SUMS.format(table=table, row=row))
        tables[name] = {"rows": int(sums["rows"]), "sum": sums["sum"]}
        programs.tell(table=name, rows=tables[name]["rows"])
    objects = {row["name"]: row["is"] for row in session.ask(_OBJECTS)}
    return {
        "version": session.tell("SHOW server_version;")[0],
        "bytes": int(session.tell("SELECT pg_database_size(current_database());")[0]),
        "tables": tables,
        "objects": objects,
        "roles": [row["name"] for row in session.ask(_ROLES)],
        "read": read,
        "newest": _newest(session, timezone, read),
    }


def sequences(session: Session) -> dict[str, str]:
    """How far each sequence is, now: they know no snapshot."""
    return {row["name"]: row["is"] for row in session.ask(_SEQUENCES)}


def _newest(session: Session, timezone: str, read: float) -> dict[str, Any]:
    """The newest point in time up to `read` that any row speaks of: {column, epoch} or {}.

    What a row says of a later time is a plan (an appointment), however much later the copy is looked at.
    """
    session.tell(f"SET timezone = {_literal(timezone)};")  # a timestamp without zone is the office's wall clock
    found: dict[str, Any] = {}
    for row in session.ask(_STAMPS):
        (value,) = session.ask(row["query"].replace("@read", repr(read)))
        if value["newest"] is not None and float(value["newest"]) > found.get("epoch", float("-inf")):
            found = {"column": f"{row['table']}.{row['column']}", "epoch": float(value["newest"])}
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
