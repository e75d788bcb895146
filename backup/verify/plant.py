"""One planter for every class of fault that can lie in a repository: the drill of the drill plants it and wants red."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backup.verify import files
from backup.verify.copies import Marked, stamp
from backup.verify.verdict import Fault

_DAY = 86400.0


@dataclass(frozen=True)
class Spot:
    """Where to plant: the copy, whose snapshots, and an empty folder to work in."""

    copy: Marked
    host: str
    root: str
    work: Path


def corruption(spot: Spot) -> None:
    """One byte of the largest pack."""
    path = max(files.packs(spot.copy.folder), key=lambda one: one.stat().st_size)
    path.chmod(0o600)
    with path.open("r+b") as pack:
        pack.seek(path.stat().st_size // 2)
        byte = pack.read(1)
        pack.seek(-1, os.SEEK_CUR)
        pack.write(bytes([byte[0] ^ 0xFF]))


def repo(spot: Spot) -> None:
    (spot.copy.folder / "config").unlink()


def key(spot: Spot) -> None:
    for path in spot.copy.names("keys"):
        path.unlink()


def lock(spot: Spot) -> None:
    """An exclusive lock of yesterday."""
    told = {"time": stamp(time.time() - _DAY), "exclusive": True, "hostname": spot.host, "username": "root", "pid": 1}
    spot.copy.forge("locks", told)


def rpo(spot: Spot) -> None:
    for path in spot.copy.names("snapshots"):
        path.unlink()


def clock(spot: Spot) -> None:
    """The newest snapshot once more, dated in two days."""
    told = spot.copy.newest(spot.host)
    told.pop("id")
    spot.copy.forge("snapshots", {**told, "time": stamp(time.time() + 2 * _DAY)})


def tamper(spot: Spot) -> None:
    """What a stolen client may POST to an append-only server."""
    spot.copy.put("index", secrets.token_bytes(4))
    spot.copy.put("snapshots", secrets.token_bytes(200))


def incomplete(spot: Spot) -> None:
    """A snapshot that lacks every second file."""

    def change(tree: Path) -> None:
        for path in _files(tree)[::2]:
            path.unlink()

    spot.copy.again(spot.host, spot.root, change, spot.work)


def silent(spot: Spot) -> None:
    """A snapshot with one byte of one file changed under its old time."""

    def change(tree: Path) -> None:
        path = max(_files(tree), key=lambda one: one.stat().st_size)
        info, content = path.stat(), bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    spot.copy.again(spot.host, spot.root, change, spot.work)


def ransomware(spot: Spot) -> None:
    """A snapshot of the tree as an attacker leaves it."""

    def change(tree: Path) -> None:
        for path in _files(tree):
            path.write_bytes(secrets.token_bytes(max(256, path.stat().st_size)))
            path.rename(f"{path}.terkunci")

    spot.copy.again(spot.host, spot.root, change, spot.work)


def _files(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())


PLANTERS: dict[Fault, Callable[[Spot], None]] = {
    Fault.CORRUPTION: corruption,
    Fault.REPO: repo,
    Fault.KEY: key,
    Fault.LOCK: lock,
    Fault.RPO: rpo,
    Fault.CLOCK: clock,
    Fault.TAMPER: tamper,
    Fault.INCOMPLETE: incomplete,
    Fault.SILENT: silent,
    Fault.RANSOMWARE: ransomware,
}
