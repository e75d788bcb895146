"""A server that came back as its files: every file, page and index is in order, and it is that very server."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("postgresql-physical", "mariadb-physical")
TITLE = ("Berkas server basis data utuh", "The database server's files are whole")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content, found.restored
    for what, name, detail in there["broken"]:
        yield Difference(what, name, detail)
    if not there["broken"] and there.get("system") != wanted.get("system"):
        yield Difference("differs", "server", f"system identifier {there.get('system')}, was {wanted.get('system')}")
