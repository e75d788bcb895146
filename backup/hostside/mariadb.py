"""Facts about MariaDB databases, read in one snapshot: rows, row sums, objects, newest timestamp."""

# ruff: noqa: S608 # names come from information_schema and are quoted here
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from backup.hostside import programs

_SETTINGS = """
SET SESSION time_zone = '+00:00', sql_mode = '', max_statement_time = 0, group_concat_max_len = 1048576;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
"""
SNAPSHOT = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;"
_OWN = "('mysql', 'information_schema', 'performance_schema', 'sys')"  # databases of the server itself
_BASES = f"SELECT JSON_OBJECT('name', SCHEMA_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN {_OWN}"
_COLUMNS = """
SELECT JSON_OBJECT('table', c.TABLE_NAME, 'column', c.COLUMN_NAME, 'type', c.DATA_TYPE, 'engine', t.ENGINE)
FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
WHERE c.TABLE_SCHEMA = {base} AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION;
"""
# The sum of 64 bits of every row's md5: independent of the rows' order. `broken`: rows that could not be read as text.
_SUMS = """
SELECT JSON_OBJECT('rows', COUNT(*), 'sum', CAST(COALESCE(SUM(CAST(CONV(LEFT(MD5({row}), 16), 16, 10) AS UNSIGNED)), 0)
AS CHAR)) FROM {table};
"""
_LONG = ("mediumtext", "longtext", "mediumblob", "longblob")  # by their own md5: together they may exceed a packet
_TIMES = ("datetime", "timestamp")
_OBJECTS = """
SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('column ', TABLE_SCHEMA), TABLE_NAME, COLUMN_NAME), 'is',
  CONCAT_WS(' ', COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, COLLATION_NAME, GENERATION_EXPRESSION))
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('index ', TABLE_SCHEMA), TABLE_NAME, INDEX_NAME), 'is',
  CONCAT_WS(' ', IF(NON_UNIQUE, '', 'unique'), INDEX_TYPE, GROUP_CONCAT(CONCAT_WS(':', COLUMN_NAME, SUB_PART)
  ORDER BY SEQ_IN_INDEX)))
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {base} GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('constraint ', CONSTRAINT_SCHEMA), TABLE_NAME,
  CONSTRAINT_NAME), 'is', CONCAT_WS(' ', REFERENCED_TABLE_NAME, UPDATE_RULE, DELETE_RULE))
FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('check ', CONSTRAINT_SCHEMA), TABLE_NAME, CONSTRAINT_NAME),
  'is', CHECK_CLAUSE) FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('view ', TABLE_SCHEMA), TABLE_NAME), 'is', VIEW_DEFINITION)
FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('trigger ', TRIGGER_SCHEMA), TRIGGER_NAME), 'is',
  CONCAT_WS(' ', ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_STATEMENT))
FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT(LOWER(type), ' ', db), name), 'is',
  CONVERT(CONCAT_WS(' ', param_list, returns, body, definer) USING utf8mb4)) FROM mysql.proc WHERE db = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('event ', db), name), 'is',
  CONVERT(CONCAT_WS(' ', interval_value, interval_field, body, definer) USING utf8mb4))
FROM mysql.event WHERE db = {base}
UNION ALL SELECT JSON_OBJECT('name', CONCAT_WS('.', CONCAT('table ', TABLE_SCHEMA), TABLE_NAME), 'is',
  CONCAT_WS(' ', TABLE_TYPE, ENGINE, TABLE_COLLATION)) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {base};
"""
_BYTES = """
SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {base};
"""


class Session(programs.Client):
    """One mariadb(1) that stays open. `where`: its words for a server that is not the host's own."""

    def __init__(self, where: Sequence[str]) -> None:
        form = ["--batch", "--raw", "--skip-column-names", "--unbuffered", "--default-character-set=utf8mb4"]
        super().__init__(["mariadb", *where, *form], f"SELECT '{programs.END}';")

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Of a query that selects one JSON object a row."""
        return [json.loads(line) for line in self.tell(query)]


def ready(session: Session) -> None:
    """Before its snapshot: settings under which a value is always told in the same words."""
    session.tell(_SETTINGS)


def databases(session: Session) -> list[str]:
    return sorted(str(row["name"]) for row in session.ask(f"{_BASES};"))


def facts(session: Session, bases: Sequence[str], timezone: str, read: float | None = None) -> dict[str, Any]:
    """All that a restored copy must equal, tables as `<database>.<table>`; inside a snapshot, after `ready`.

    `read`: when the source was read (epoch seconds by its own clock): now, unless a copy is looked at later.
    """
    read = read or float(session.tell("SELECT UNIX_TIMESTAMP(NOW(6));")[0])
    tables: dict[str, Any] = {}
    objects: dict[str, str] = {}
    newest: dict[str, Any] = {}
    size = 0
    for base in bases:
        named = _text(base)
        objects |= {row["name"]: row["is"] for row in session.ask(_OBJECTS.replace("{base}", named))}
        size += int(session.tell(_BYTES.format(base=named))[0])
        for table, columns in _tables(session.ask(_COLUMNS.format(base=named))):
            name = f"{base}.{table}"
            tables[name] = _sums(session, f"{_name(base)}.{_name(table)}", columns)
            programs.tell(table=name, rows=tables[name]["rows"])
            times = _times(session, (base, table), columns, timezone, read)
            newest = max([newest, *times], key=lambda one: one.get("epoch", float("-inf")))
    version = session.tell("SELECT VERSION();")[0]
    whole = {"version": version, "bytes": size, "read": read, "newest": newest, "databases": list(bases)}
    return {**whole, "tables": tables, "objects": objects}


def _tables(columns: Sequence[dict[str, str]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each table with its columns and their types; those in memory hold nothing after any restart."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in columns:
        if one["engine"] != "MEMORY":
            found.setdefault(one["table"], []).append((one["column"], one["type"].lower()))
    yield from found.items()


def _sums(session: Session, table: str, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    parts = [
        f"COALESCE(MD5({_name(name)}), '-')" if kind in _LONG else f"QUOTE(CAST({_name(name)} AS BINARY))"
        for name, kind in columns
    ]
    (told,) = session.ask(_SUMS.format(row=f"CONCAT_WS(',', {', '.join(parts)})", table=table))
    return {"rows": int(told["rows"]), "sum": str(told["sum"])}


def _times(
    session: Session, place: tuple[str, str], columns: Sequence[tuple[str, str]], timezone: str, read: float
) -> Iterator[dict[str, Any]]:
    """The newest point in time up to `read` of each column; what is later is a plan."""
    for name, kind in columns:
        if kind not in _TIMES:
            continue
        zone = UTC if kind == "timestamp" else ZoneInfo(timezone)  # a datetime is the office's wall clock
        until = datetime.fromtimestamp(read, zone).replace(tzinfo=None).isoformat(" ")
        table = f"{_name(place[0])}.{_name(place[1])}"
        (found,) = session.tell(f"SELECT MAX({_name(name)}) FROM {table} WHERE {_name(name)} <= {_text(until)};")
        if found != "NULL" and not found.startswith("0000"):
            epoch = datetime.fromisoformat(found).replace(tzinfo=zone).timestamp()
            yield {"column": ".".join((*place, name)), "epoch": epoch}


def quoted(*names: str) -> str:
    """A name as SQL wants it, with the names that it lies in."""
    return ".".join(map(_name, names))


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
