"""An office has backup sets, or a signed reason for having none; not both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        if opd.no_backup is None:
            if not opd.backup:
                what = f"{opd.code} has neither backup nor no_backup"
                yield Finding(opd, "code", what, "declare a backup set, or no_backup with reason, until and signed_by")
            continue
        if opd.backup:
            yield Finding(opd, "no_backup", "there are backup sets as well", "keep one of the two")
        if not _is_date(opd.no_backup.until):
            what = f"{opd.no_backup.until} is not a date"
            yield Finding(opd.no_backup, "until", what, "write it as 2027-06-30")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
