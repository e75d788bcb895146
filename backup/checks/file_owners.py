"""Every entry is back with its mode, owner and time: a tree that nobody may read is not restored."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("files",)
TITLE = ("Hak akses, pemilik dan waktu sama", "Same modes, owners and times")
SAME = ("mode", "owner", "mtime_ns")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content, found.restored
    for name in sorted((wanted.keys() & there.keys()) - set(found.manifest.unstable)):
        for field in SAME:
            if wanted[name][field] != there[name][field]:
                yield Difference("differs", name, f"{field} {there[name][field]}, was {wanted[name][field]}")
