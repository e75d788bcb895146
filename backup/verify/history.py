"""What a repository tells about its newest snapshot where nobody kept a list: by the snapshots before it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup import trouble
from backup.verify import attack, compare, encrypted
from backup.verify.choose import Snapshot
from backup.verify.tree import Seen
from backup.verify.verdict import Fault, Finding

LOST = (3, 0.25)  # files, share of all: so many gone at once are a backup that lacks something
SHRUNK = 0.9  # of the bytes before: a file that is empty now was worth something
UNMISTAKABLE = (10, 0.9)  # files, share: rewritten at once into what looks encrypted, whatever they were before
SAMPLE = 8  # earlier contents that are looked at
CALM = 0.3  # share of new and changed files up to which nobody looks further
DUMPS = (".sql", ".dump")  # what names of dumps end with
_DUMPS = (  # what a dump begins with, what it must end with
    (re.compile(rb"^-- (PostgreSQL database|PostgreSQL database cluster) dump\s*$", re.MULTILINE), b"dump complete"),
    (re.compile(rb"^(/\*M!.*\*/; ?\s*)?-- (MySQL|MariaDB) dump ", re.MULTILINE), b"-- Dump completed"),
)


@dataclass(frozen=True)
class Changes:
    """Files by what became of them since an earlier snapshot, by path below the root."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    modified: tuple[str, ...]
    rotten: tuple[str, ...]  # other bytes under the same size and times


def changes(told: str) -> Changes:
    """What `restic diff --json` printed."""
    found: dict[str, list[str]] = {"+": [], "-": [], "M": [], "?": []}
    for line in trouble.objects(told):
        if line.get("message_type") == "change" and not str(line["path"]).endswith("/"):
            for sign in str(line["modifier"]):
                if sign in found:
                    found[sign].append(str(line["path"]).lstrip("/"))
    return Changes(*(tuple(found[sign]) for sign in ("+", "-", "M", "?")))


def suspicious(one: Changes, seen: Mapping[str, Seen], root: str) -> list[str]:
    """Files that changed and look encrypted, if they are enough to look at what they were before."""
    return enough(one, [path for path in (*one.modified, *one.added) if encrypted.looks(f"{root}/{path}")], len(seen))


def enough(one: Changes, hits: list[str], files: int) -> list[str]:
    """The hits, if they are enough to look at what those files were before. `files`: that the tree holds now."""
    return hits if attack.many(_instead(one, hits), before_count(one, files), attack.ENCRYPTED) else []


def before_count(one: Changes, files: int) -> int:
    """How many files the tree held before, if it holds `files` now."""
    return files - len(one.added) + len(one.removed)


def judge(one: Changes, seen: Mapping[str, Seen], chosen: Snapshot, before: Snapshot) -> list[Finding]:
    """What lacks or rotted; encryption is judged by `encryption`."""
    total = before_count(one, len(seen))
    away = set(compare.renamed(one.removed, one.added))
    lost = [path for path in one.removed if path not in away]
    findings = []
    fresh = sorted(set(chosen.excludes) - set(before.excludes))
    if lost and fresh:
        findings.append(Finding(Fault.INCOMPLETE, f"{len(lost)} files are gone since {' '.join(fresh)} is excluded"))
    if attack.many(len(lost), total, LOST):
        findings += compare.named(Fault.INCOMPLETE, f"gone since {before.id[:8]}", lost)
    empty = [path for path in one.modified if path in seen and seen[path].size == 0]
    if not 0 <= chosen.bytes < SHRUNK * before.bytes:  # small ones may be emptied for a reason, dumps not
        empty = [path for path in empty if path.lower().endswith(DUMPS)]
    if empty:
        findings += compare.named(Fault.INCOMPLETE, "empty now", empty)
    return findings + compare.named(Fault.SILENT, "other bytes under the same size and time", one.rotten)


def looked(hits: Sequence[str], earlier: str) -> dict[str, bool]:
    """Of the hits that the folder `earlier` holds as they were: whether they looked encrypted then already."""
    were = [path for path in hits if os.path.isfile(f"{earlier}/{path}")]  # noqa: PTH113 # any name
    return {path: encrypted.looks(f"{earlier}/{path}") for path in were}


def encryption(one: Changes, total: int, hits: Sequence[str], were: Mapping[str, bool]) -> list[Finding]:
    """`hits`: changed files that look encrypted · `were`: what `looked` tells of them, as far as it is known."""
    away = compare.renamed(one.removed, one.added)
    if attack.many(len(away), total, compare.RENAMED) and hits:
        return [Finding(Fault.RANSOMWARE, f"{len(away)} of {total} files have a new ending and look encrypted")]
    plain = [path for path, was in were.items() if not was]
    if (were and 2 * len(plain) >= len(were)) or _instead(one, hits) >= max(UNMISTAKABLE[0], UNMISTAKABLE[1] * total):
        return [Finding(Fault.RANSOMWARE, f"{len(hits)} of {total} files changed at once and look encrypted")]
    return []


def _instead(one: Changes, hits: Sequence[str]) -> int:
    """Of the hits, those that stand where another file was: what is only new took nothing away."""
    added = len(set(hits) & set(one.added))
    return len(hits) - added + min(added, len(one.removed))


def dumps(seen: Mapping[str, Seen], root: str) -> list[Finding]:
    """SQL dumps that do not end as their program ends them."""
    cut = [path for path in seen if path.lower().endswith(DUMPS) and _cut_dump(f"{root}/{path}")]
    return compare.named(Fault.INCOMPLETE, "a dump without its end", sorted(cut))


def hollow(seen: Mapping[str, Seen], *, alone: bool) -> list[Finding]:
    """What is no backup although nobody kept a list: not a byte, or an empty dump where no snapshot before tells more.

    `alone`: whether there is none before.
    """
    if not any(one.size for one in seen.values()):
        return [Finding(Fault.INCOMPLETE, f"{len(seen)} files came back, and not a byte in them")]
    empty = [path for path, one in seen.items() if not one.size and path.lower().endswith(DUMPS)]
    return compare.named(Fault.INCOMPLETE, "an empty dump", sorted(empty)) if alone else []


def settled(chosen: Snapshot, before: Sequence[Snapshot]) -> bool:
    """Whether so little changed since the snapshot before that no mass change can hide in it."""
    return bool(before) and chosen.new_share <= CALM and chosen.bytes >= SHRUNK * before[-1].bytes


def own_manifest(told: Any, root: str) -> dict[str, Any]:
    """Files of a manifest that the suite's own backup left, below `root`; {} when it is for something else."""
    if not isinstance(told, dict) or told.get("kind") != "files":
        return {}
    above = str(told.get("path", "")).rstrip("/")
    if root.rstrip("/") != above:
        return {}
    unstable = set(told.get("unstable", ()))
    return {
        path: entry
        for path, entry in dict(told.get("content", {})).items()
        if entry.get("kind") == "file" and path not in unstable and not entry.get("grows")
    }


def _cut_dump(path: str) -> bool:
    try:
        with open(path, "rb") as source:  # noqa: PTH123 # any name
            head = source.read(2048)
            source.seek(0, os.SEEK_END)
            source.seek(max(0, source.tell() - 4096))
            tail = source.read()
    except OSError:
        return False
    return any(begins.search(head) and end not in tail for begins, end in _DUMPS)
