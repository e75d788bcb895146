"""Every file is back, with the same bytes; and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backup.checks.contract import Difference, Found

KINDS = ("files",)
TITLE = ("Setiap berkas kembali dengan isi yang sama", "Every file is back with the same bytes")
SAME = ("kind", "size", "sha256", "target")
UNSTABLE_SHARE = 0.01  # more than this and the backup proves too little
ONE_OF = 10  # one entry may always change where there are so many


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content, found.restored
    unstable = set(found.manifest.unstable)
    if not wanted:
        yield Difference("empty", "backup", "its manifest names nothing")
    shaken = sum(_kind(wanted, name) != "folder" for name in unstable)
    if shaken > max(UNSTABLE_SHARE * len(wanted), len(wanted) >= ONE_OF):
        yield Difference("unproven", "backup", f"{shaken} of {len(wanted)} entries changed while they were read")
    for name in sorted((wanted.keys() | there.keys()) - unstable):
        if name not in there:
            yield Difference("missing", name)
        elif name not in wanted:
            yield Difference("extra", name)
        else:
            for field in SAME:
                if wanted[name].get(field) != there[name].get(field):
                    yield Difference(
                        "differs", name, f"{field} {there[name].get(field)}, was {wanted[name].get(field)}"
                    )
                    break


def _kind(wanted: Mapping[str, Any], name: str) -> str:
    """What was made while the rest was read is as little missed as the time of a folder that it was made in."""
    return str(wanted.get(name, {}).get("kind", "folder"))
