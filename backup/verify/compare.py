"""What came back against what had to come back: every file, and which class of fault a difference is."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backup.verify import attack
from backup.verify.attack import ENCRYPTED, Earlier, many
from backup.verify.tree import Seen, sha256
from backup.verify.verdict import Fault, Finding
from backup.verify.wanted import Entry

NAMED = 100  # differences of one class that are named; all are counted
RENAMED = (3, 0.2)  # files, share of all: so many with a new ending are an encryption
MASS = (10, 0.8)  # files, share of all that hold anything: so many written anew, whatever they look like
_CUT_LEAST = 1 / 16  # of its size: what is left of a file that was cut; less was written anew
_MUCH = (4096, 0.1)  # bytes, share: so much less is no row that somebody took out
_NOTE = re.compile(r"decrypt|ransom|how.?to.?(restore|recover)|restore.?(my.?)?files|brain.?cipher", re.IGNORECASE)


@dataclass(frozen=True)
class Differences:
    """Paths by what is wrong with them."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    modes: tuple[str, ...]
    extra: tuple[str, ...]


def differences(wanted: Mapping[str, Entry], seen: Mapping[str, Seen], root: str) -> Differences:
    """All that differs. Links may stand in a list as themselves or as the file that they point to."""
    changed, modes = [], []
    for path in wanted.keys() & seen.keys():
        entry, there = wanted[path], seen[path]
        if there.link and not there.is_(entry):
            there = _followed(f"{root}/{path}", there)
        if (there.sha256, there.size) != (entry.sha256, entry.size):
            changed.append(path)
        elif there.mode != entry.mode and not there.link:
            modes.append(path)
    extra = [path for path in seen.keys() - wanted.keys() if not seen[path].link]
    return Differences(*(tuple(sorted(one)) for one in (wanted.keys() - seen.keys(), changed, modes, extra)))


def judge(
    wanted: Mapping[str, Entry], seen: Mapping[str, Seen], root: str, earlier: Earlier = lambda _paths: ""
) -> list[Finding]:
    """Findings of a comparison. `earlier`: paths → folder with earlier contents of some of them, "" without any."""
    found = differences(wanted, seen, root)
    short = [path for path in found.changed if 0 < seen[path].size < wanted[path].size]
    folder = earlier(short) if short else ""
    cut = [path for path in found.changed if _cut(path, wanted[path], seen[path], root, folder)]
    written = set(found.changed) - set(cut)
    hits = attack.hits(attack.Case(wanted, seen, root, earlier), sorted(written), found.extra)
    findings = list(_attacked(found, len(wanted), hits))
    if len(written) >= max(MASS[0], MASS[1] * sum(one.size > 0 for one in wanted.values())):
        findings.append(Finding(Fault.RANSOMWARE, f"{len(written)} of {len(wanted)} files were written anew"))
    findings += named(Fault.INCOMPLETE, "missing", found.missing)
    findings += named(Fault.INCOMPLETE, "empty or cut off", cut)
    other = sorted(set(found.changed) - set(cut))
    findings += named(Fault.SILENT, "differs", other)
    findings += [
        Finding(Fault.SILENT, f"mode {seen[path].mode:04o}, was {wanted[path].mode:04o}: {printable(path)}")
        for path in found.modes[:NAMED]
    ]
    return findings + named(Fault.SILENT, "not in the list", found.extra)


def canaries(listed: Mapping[str, str], seen: Mapping[str, Seen], root: str) -> list[Finding]:
    """Files that nobody has a reason to change. An emptied one, or one lost among others, is a broken backup."""
    findings = []
    gone = [path for path in listed if path not in seen]
    for path, digest in listed.items():
        there = seen.get(path)
        if there is None:
            renamed = any(other.startswith(path + ".") for other in seen)
            alone = len(gone) < len(listed) or len(listed) == 1
            fault = Fault.RANSOMWARE if renamed or (alone and _beside(path, seen)) else Fault.INCOMPLETE
            findings.append(Finding(fault, f"canary missing: {printable(path)}"))
        elif digest != (there := _followed(f"{root}/{path}", there) if there.link else there).sha256:
            fault = Fault.RANSOMWARE if there.size else Fault.INCOMPLETE
            findings.append(Finding(fault, f"canary changed: {printable(path)}"))
    return findings


def renamed(missing: Sequence[str], extra: Sequence[str]) -> list[str]:
    """Of what is missing, what is there under its name with one more ending."""
    there = {base for path in extra for base in _bases(path)}
    return [path for path in missing if path in there]


def named(fault: Fault, what: str, paths: Sequence[str]) -> list[Finding]:
    """A finding a path, the first ones; then how many more."""
    found = [Finding(fault, f"{what}: {printable(path)}") for path in paths[:NAMED]]
    if len(paths) > NAMED:
        found.append(Finding(fault, f"{what}: {len(paths) - NAMED} more, {len(paths)} in all"))
    return found


def printable(path: str) -> str:
    """A file's name for people and JSON, whatever its bytes are."""
    return path.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")


def notes(paths: Sequence[str]) -> list[str]:
    """Names as blackmailers give their letters."""
    return [path for path in paths if _NOTE.search(os.path.basename(path))]  # noqa: PTH119 # any name


def _attacked(found: Differences, total: int, hits: Sequence[str]) -> Iterator[Finding]:
    away = renamed(found.missing, found.extra)
    if many(len(away), total, RENAMED):
        yield Finding(Fault.RANSOMWARE, f"{len(away)} of {total} files have a new ending, as {printable(away[0])}")
    if many(len(hits), total, ENCRYPTED):
        yield Finding(Fault.RANSOMWARE, f"{len(hits)} of {total} files changed and look encrypted")
    if (letters := notes(found.extra)) and (len(found.changed) + len(found.missing)) >= ENCRYPTED[0]:
        yield Finding(Fault.RANSOMWARE, f"a letter lies there: {printable(letters[0])}")


def _cut(path: str, entry: Entry, there: Seen, root: str, earlier: str) -> bool:
    """Whether a file lost its end rather than that somebody wrote into it."""
    if there.size >= entry.size:
        return False
    if there.size == 0:
        return True
    before = f"{earlier}/{path}"
    if earlier and os.path.isfile(before) and sha256(before) == entry.sha256:  # noqa: PTH113 # any name
        return begins(before, there)
    with open(f"{root}/{path}", "rb") as source:  # noqa: PTH123
        source.seek(max(0, there.size - 4096))
        tail = source.read()
    much = entry.size - there.size >= max(_MUCH[0], _MUCH[1] * entry.size)
    midway = much or b"\0" in tail or not tail.endswith(b"\n")
    return midway and there.size >= _CUT_LEAST * entry.size


def begins(path: str, there: Seen) -> bool:
    """Whether a file, if it is there, begins with all that `there` holds."""
    if not os.path.isfile(path):  # noqa: PTH113 # any name
        return False
    sums, size = hashlib.sha256(), there.size
    with open(path, "rb") as source:  # noqa: PTH123 # any name
        while size > 0 and (chunk := source.read(min(1 << 20, size))):
            sums.update(chunk)
            size -= len(chunk)
    return sums.hexdigest() == there.sha256


def _followed(path: str, there: Seen) -> Seen:
    """The file that a link points to, if it came back too."""
    if not os.path.isfile(path):  # noqa: PTH113 # any name
        return there
    info = os.stat(path)  # noqa: PTH116
    return Seen(info.st_size, stat.S_IMODE(info.st_mode), sha256(path), there.link)


def _bases(path: str) -> Iterator[str]:
    """`a/b.doc.x.y` → `a/b.doc.x`, `a/b.doc`."""
    for _ in range(2):
        path, dot, ending = path.rpartition(".")
        if not dot or "/" in ending:
            return
        yield path


def _beside(path: str, seen: Mapping[str, Seen]) -> bool:
    """Whether other files of the same folder are there."""
    folder = path.rpartition("/")[0]
    return any(other.rpartition("/")[0] == folder for other in seen)
