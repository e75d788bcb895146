"""Every table has the same number of rows and the same sum over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("postgresql", "postgresql-physical", "mariadb", "mariadb-physical", "sqlite")
TITLE = ("Setiap tabel kembali baris demi baris", "Every table is back row by row")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content["tables"], found.restored["tables"]
    if not wanted:
        yield Difference("empty", "database", "it has no tables")
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield Difference("missing", name, f"{wanted[name]['rows']} rows")
        elif name not in wanted:
            yield Difference("extra", name)
        elif wanted[name]["rows"] != there[name]["rows"]:
            yield Difference("differs", name, f"{there[name]['rows']} rows, was {wanted[name]['rows']}")
        elif wanted[name]["sum"] != there[name]["sum"]:
            yield Difference("differs", name, f"sum over {there[name]['rows']} rows is not the one at the source")
