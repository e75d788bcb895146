"""Questions to a restored service, and whether what it said is what was declared. Standard library only."""

from __future__ import annotations

import hashlib
import http.client
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from backup.hostside import pg

SECONDS = 15.0  # for one answer
MOST_BYTES = 16 * 1024 * 1024
MARK = "X-Kominfo-Standby"  # header by which a standby says which drill it belongs to
_SHOWN = 60  # characters of a query's value that are told
_READ_ONLY = "SET default_transaction_read_only = on; SET statement_timeout = '15s'; SET client_min_messages = warning;"


class UnixConnection(http.client.HTTPConnection):
    """HTTP through a socket file."""

    def __init__(self, path: str, name: str) -> None:
        super().__init__(name, timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def page(door: http.client.HTTPConnection, name: str, probe: Mapping[str, Any]) -> dict[str, Any]:
    """{status, bytes, sha256, holds, mark} of a page asked for by that host name, or {error}. The page is not told."""
    try:
        door.request("GET", probe["path"], headers={"Host": name, "Connection": "close"})
        answer = door.getresponse()
        body = answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        door.close()
    expected = probe.get("expect")
    return {
        "status": answer.status,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "holds": expected is None or expected.encode() in body,
        "mark": answer.getheader(MARK, ""),
    }


def value(run_as: str, where: Sequence[str], query: str) -> dict[str, Any]:
    """{value} of a query's first row and column, {value: None} of one that gives no row, or {error}."""
    session = pg.Session(run_as, where)
    try:
        session.tell(_READ_ONLY)
        lines = session.tell(f"{query.rstrip().rstrip(';')};")
    except RuntimeError as error:
        return {"error": str(error)}
    finally:
        session.close()
    return {"value": lines[0].partition("|")[0] if lines else None}


def epoch(query: str) -> str:
    """The query that gives another's time as seconds since the epoch; one without a zone is by the office's clock."""
    return f"SELECT extract(epoch FROM ({query.rstrip().rstrip(';')})::timestamptz)"  # noqa: S608 # as it was declared


def wrong(probe: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Why this is not the answer that was declared; empty when it is."""
    if answer.get("error"):
        return f"no answer: {answer['error']}"
    expected = probe.get("expect")
    if probe.get("path"):
        if answer["status"] != probe["status"]:
            return f"status {answer['status']}, {probe['status']} expected"
        return "" if answer["holds"] else f"the page does not hold {expected!r}"
    if not answer["value"]:
        return "the query gave nothing"
    if expected is not None and answer["value"] != expected:
        return f"the query gave {answer['value'][:_SHOWN]!r}, {expected!r} expected"
    return ""
