"""Every entry is back with mode, owner, time, access list and its other names: what nobody may read is not restored."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("files",)
TITLE = ("Hak akses, pemilik dan waktu sama", "Same modes, access lists, owners and times")
SAME = ("mode", "owner", "mtime_ns", "attributes", "same_as")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content, found.restored
    for name in sorted((wanted.keys() & there.keys()) - set(found.manifest.unstable)):
        for field in SAME:
            had, has = wanted[name].get(field), there[name].get(field)
            if had != has:
                yield Difference("differs", name, f"{field} {has}, was {had}")
