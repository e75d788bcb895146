"""Facts about all databases of one PostgreSQL server, told as one, and which server it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import pg

_BASES = "SELECT datname AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_UNLOGGED = f"{_TABLES} AND c.relpersistence = 'u'"  # empty in every copy, as after a crash


def databases(session: pg.Session) -> list[str]:
    return [row["name"] for row in session.ask(_BASES)]


def tables(session: pg.Session) -> list[str]:
    """Every table that holds rows of its own, as SQL names it."""
    return [row["name"] for row in session.ask(_TABLES)]


def facts(sessions: Mapping[str, pg.Session], timezone: str, read: float | None = None) -> dict[str, Any]:
    """Of all databases as one: tables as `<database>.<schema>.<table>`, objects as `<object> in <database>`."""
    tables: dict[str, Any] = {}
    objects: dict[str, str] = {}
    newest: dict[str, Any] = {}
    whole: dict[str, Any] = {"bytes": 0, "read": read}
    for base, session in sessions.items():
        unlogged = {row["name"] for row in session.ask(_UNLOGGED)}
        found = pg.facts(session, timezone, whole["read"])
        tables |= {f"{base}.{name}": table for name, table in found["tables"].items() if name not in unlogged}
        objects |= {f"{name} in {base}": text for name, text in found["objects"].items()}
        objects |= {f"role {name}": "" for name in found["roles"]}
        if found["newest"].get("epoch", 0) > newest.get("epoch", 0):
            newest = {**found["newest"], "column": f"{base}.{found['newest']['column']}"}
        whole |= {"version": found["version"], "read": found["read"], "bytes": whole["bytes"] + found["bytes"]}
    return {**whole, "tables": tables, "objects": objects, "newest": newest, "databases": list(sessions)}


def identity(session: pg.Session) -> dict[str, str]:
    """Which server it is, by a number that its copies share, and who may do all in it."""
    (found,) = session.ask(
        "SELECT system_identifier::text AS system, current_user AS superuser FROM pg_catalog.pg_control_system()"
    )
    return dict(found)
