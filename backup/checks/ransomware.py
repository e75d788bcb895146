"""What came back was not encrypted before it was backed up, and the canaries in it are as they were planted."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found
from backup.hostside import canaries
from backup.verify import compare
from backup.verify.tree import Seen
from backup.verify.verdict import Fault

KINDS = ("files",)
TITLE = ("Tidak ada tanda data disandera", "No sign of ransomware")


def differences(found: Found) -> Iterator[Difference]:
    for what in found.attacked:
        yield Difference(str(Fault.RANSOMWARE), "backup", what)
    planted = _planted(found)
    for one in compare.canaries(planted, _seen(found), "") if planted else ():
        yield Difference(str(one.fault), "canary", one.what)


def _planted(found: Found) -> dict[str, str]:
    """Canaries by name → sha256. What those of this set must hold is known here, whatever the source host says."""
    ours = canaries.expected(str(found.entry.get("of", "")))
    return {name: ours.get(name, digest) for name, digest in found.manifest.canaries.items()}


def _seen(found: Found) -> dict[str, Seen]:
    """Regular files; a link where a canary was is no canary."""
    files = ((path, one) for path, one in found.restored.items() if one["kind"] == "file")
    return {path: Seen(one["size"], int(one["mode"], 8), one["sha256"]) for path, one in files}
