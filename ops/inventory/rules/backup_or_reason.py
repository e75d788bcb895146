"""An office has backup sets, or a signed reason for having none; not both. One service has either a set or a waiver."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ops.inventory.finding import Finding
from ops.inventory.model import NoBackup, Opd, Region


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        yield from _waivers(opd)
        if opd.no_backup is None:
            if not opd.backup and not opd.waivers:
                what = f"{opd.code} has neither backup nor no_backup"
                yield Finding(opd, "code", what, "declare a backup set, or no_backup with reason, until and signed_by")
            continue
        if opd.backup:
            yield Finding(opd, "no_backup", "there are backup sets as well", "keep one of the two")
        if opd.waivers:
            yield Finding(opd, "no_backup", "there are waivers as well", "keep one of the two")
        yield from _date(opd.no_backup)


def _waivers(opd: Opd) -> Iterable[Finding]:
    taken = {kept.name for kept in opd.backup}
    for waiver in opd.waivers:
        if waiver.service in taken:
            what = f"{waiver.service} has a backup set or a waiver already"
            yield Finding(waiver, "service", what, "keep one of the two")
        taken.add(waiver.service)
        yield from _date(waiver)


def _date(decided: NoBackup) -> Iterable[Finding]:
    if not _is_date(decided.until):
        yield Finding(decided, "until", f"{decided.until} is not a date", "write it as 2027-06-30")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
