"""Which of the files that differ from the list were encrypted, and which were never anything but even bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backup.verify import encrypted
from backup.verify.tree import Seen, sha256
from backup.verify.wanted import Entry

ENCRYPTED = (5, 0.3)  # files, share of all: so many changed ones that look encrypted
FEWEST = 5  # files below which the others of the same kind say nothing
LOOKED_AT = 200  # untouched files that are looked at to learn what is usual here
Earlier = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class Case:
    """`earlier`: paths → folder with earlier contents of some of them, "" without any."""

    wanted: Mapping[str, Entry]
    seen: Mapping[str, Seen]
    root: str
    earlier: Earlier


def many(count: int, total: int, limit: tuple[int, float]) -> bool:
    """Whether so many of so many are past a limit of (files, share)."""
    return count > 0 and count >= min(total, max(limit[0], limit[1] * total))


def hits(case: Case, changed: Sequence[str], extra: Sequence[str]) -> list[str]:
    """Files that look encrypted and did not always."""
    found = [path for path in changed if encrypted.looks(f"{case.root}/{path}")]
    more = [path for path in extra if encrypted.looks(f"{case.root}/{path}")]
    if not many(len(found) + len(more), len(case.wanted), ENCRYPTED):
        return found + more
    before = case.earlier(found) if found else ""
    if known := [path for path in found if _is_listed(case, path, before)]:
        was_plain = [path for path in known if not encrypted.looks(f"{before}/{path}")]
        return found + more if 2 * len(was_plain) >= len(known) else more
    usual = _usual_endings(case, set(changed))
    return [path for path in found if not _always(case, path, usual)] + more


def _is_listed(case: Case, path: str, before: str) -> bool:
    """Whether an earlier snapshot holds the very content that the list wants: then it says what the file was."""
    there = f"{before}/{path}"
    return bool(before) and os.path.isfile(there) and sha256(there) == case.wanted[path].sha256  # noqa: PTH113 # any name


def _always(case: Case, path: str, usual: set[str]) -> bool:
    """Whether a file of the size that it had may well have looked so before."""
    if case.seen[path].size != case.wanted[path].size or path.lower().endswith(encrypted.TEXT):
        return False
    return _ending(path) in usual or len(case.wanted) < FEWEST


def _usual_endings(case: Case, changed: set[str]) -> set[str]:
    """Endings of untouched files that look encrypted."""
    untouched = [path for path in case.wanted if path in case.seen and path not in changed][:LOOKED_AT]
    return {_ending(path) for path in untouched if encrypted.looks(f"{case.root}/{path}")}


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 # any name
