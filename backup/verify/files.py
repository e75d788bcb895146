"""The files of a repository, each for itself: whole, broken, or put there by somebody who has no key.

restic names every file but `config` by the sha256 of its bytes, so that rot shows without a key. A file with the right
name that the repository's key did not seal was put in by somebody who may write but not read: a stolen client.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backup.verify import seal
from backup.verify.seal import Master
from backup.verify.verdict import Fault, Finding

SEALED = ("index", "snapshots", "locks")  # folders of small files that the master key seals
TRIED = 20  # key files that are tried, as restic does
_NAME = re.compile(r"\A[0-9a-f]{64}\Z")
_LENGTH = 4  # bytes at a pack's end that say how long its header is
_PRINTABLE = frozenset(range(32, 127)) | {9, 10, 13}


@dataclass(frozen=True, slots=True)
class File:
    kind: str
    name: str
    path: Path


@dataclass
class Key:
    """How a repository opens. `master` is None where no key file does; `content` is the key file that did."""

    master: Master | None = None
    content: bytes = b""
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Sorted:
    """The small files by kind, those that may be used, and what is wrong with the others."""

    whole: dict[str, list[File]] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def of(repository: Path, kind: str) -> tuple[list[File], list[Finding]]:
    """Files of one kind by name, and names that no restic gives. Files still being written (-tmp-) are left out."""
    found, strange = [], []
    for path in sorted(_inside(repository / kind)):
        if _NAME.match(path.name):
            found.append(File(kind, path.name, path))
        elif "-tmp-" not in path.name and not path.name.startswith("."):
            strange.append(Finding(Fault.TAMPER, f"{kind}/{path.name}: no file of restic's"))
    return found, strange


def key(repository: Path, password: str) -> Key:
    """The key file that the password opens; key files that are none, or no longer."""
    keys, strange = of(repository, "keys")
    made = Key(findings=strange)
    told = {}
    for one in keys:
        try:
            told[one] = one.path.read_bytes()
        except OSError as error:
            made.findings.append(_unreadable(Fault.KEY, one, error))
    for one, content in told.items():
        if wrong := _key_problem(one, content):
            made.findings.append(wrong)
    if len(told) > TRIED:
        what = f"keys/: {len(told)} key files; restic tries {TRIED} at most and may never come to the right one"
        made.findings.append(Finding(Fault.TAMPER, what))
    usable = [one for one in told if seal.described(told[one])]
    usable.sort(key=lambda one: (not _named(one, told[one]), one.path.stat().st_mtime))
    for one in usable[:TRIED]:
        made.master, made.content = seal.opens(told[one], password), told[one]
        if made.master:
            return made
    how = f"none of {len(keys)} key files opens with this password" if keys else "the repository has no key file"
    made.findings.append(Finding(Fault.KEY, how))
    return made


def sort(repository: Path, master: Master) -> Sorted:
    """Every index, snapshot and lock file, judged."""
    made = Sorted()
    for kind in SEALED:
        files, strange = of(repository, kind)
        made.findings += strange
        made.whole[kind], made.broken[kind] = [], 0
        for one in files:
            try:
                wrong = _problem(one, one.path.read_bytes(), master)
            except OSError as error:
                if kind == "locks" and isinstance(error, FileNotFoundError):
                    continue  # it was given back meanwhile
                wrong = _unreadable(Fault.LOCK if kind == "locks" else Fault.CORRUPTION, one, error)
            if wrong:
                made.findings.append(wrong)
                made.broken[kind] += wrong.fault is Fault.CORRUPTION
            else:
                made.whole[kind].append(one)
    return made


def packs(repository: Path) -> Iterator[Path]:
    """Every pack; what an interrupted upload left is none."""
    for folder in sorted(_inside(repository / "data")):
        yield from (path for path in sorted(_inside(folder)) if _NAME.match(path.name))


def scan(repository: Path, master: Master) -> list[Finding]:
    """Every pack's bytes hashed against its name, and its header against the key."""
    return [found for path in packs(repository) if (found := _pack_problem(path, master))]


def _pack_problem(path: Path, master: Master) -> Finding | None:
    try:
        with path.open("rb", buffering=0) as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            header = _header(source, path.stat().st_size)
    except OSError as error:
        return _unreadable(Fault.CORRUPTION, File("data", path.name, path), error)
    if digest != path.name:
        return Finding(Fault.CORRUPTION, f"data/{path.name[:12]}: its bytes are not what they were")
    if not master.sealed(header):
        return Finding(Fault.TAMPER, f"data/{path.name[:12]}: not made with this repository's key")
    return None


def _unreadable(fault: Fault, one: File, error: OSError) -> Finding:
    """A folder or a link to nothing under a file's name, or a disk that does not give it."""
    return Finding(fault, f"{one.kind}/{one.name[:12]}: cannot be read: {error.strerror}")


def _header(source: object, size: int) -> bytes:
    """The sealed header at a pack's end; empty where there can be none."""
    handle = source.fileno()  # type: ignore[attr-defined]
    length = int.from_bytes(os.pread(handle, _LENGTH, max(0, size - _LENGTH)), "little")
    return os.pread(handle, length, size - _LENGTH - length) if 0 < length <= size - _LENGTH else b""


def _problem(one: File, content: bytes, master: Master) -> Finding | None:
    name = f"{one.kind}/{one.name[:12]}"
    if _named(one, content):
        if master.sealed(content):
            return None
        return Finding(Fault.TAMPER, f"{name}: {len(content)} bytes that this repository's key did not seal")
    if _foreign(content):
        return Finding(Fault.TAMPER, f"{name}: {len(content)} bytes that restic never wrote")
    if one.kind == "locks":
        return Finding(Fault.LOCK, f"{name}: a lock that was not written to its end")
    return Finding(Fault.CORRUPTION, f"{name}: its bytes are not what they were")


def _key_problem(one: File, content: bytes) -> Finding | None:
    name = f"keys/{one.name[:12]}"
    told, named = seal.described(content), _named(one, content)
    if told and named:
        return (
            None if seal.bearable(told) else Finding(Fault.TAMPER, f"{name}: a key of measures that restic never takes")
        )
    if not named and (told or b'"kdf"' in content or b'"scrypt"' in content or not content):
        return Finding(Fault.KEY, f"{name}: a key file whose bytes are not what they were")
    return Finding(Fault.TAMPER, f"{name}: {len(content)} bytes that are no key")


def _named(one: File, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == one.name


def _foreign(content: bytes) -> bool:
    """Whether a wrongly named file cannot be what is left of one of restic's: too short, or plain text."""
    return 0 < len(content) < seal.SMALLEST or (bool(content) and _PRINTABLE.issuperset(content))


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
