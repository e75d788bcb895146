"""Every state of a repository that a drill must tell apart: what to do with a copy, and the class that must be told."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repository_stock import CANARIES, DAY, DICE, HOST, HOUR, PASSWORD, Mutation, Stock, put, text

# --- what befalls a tree before it is backed up


def encrypt(root: Path, ending: str = "") -> None:
    for path in [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]:
        content = path.read_bytes()
        path.write_bytes(DICE.randbytes(len(content)))
        if ending:
            path.rename(path.with_name(path.name + ending))


def empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def nearly_empty(root: Path) -> None:
    empty(root)
    put(root / "a.txt", b"x\n")


def keeping_times(change: Mutation, name: str) -> Mutation:
    """The change with the file's own times, as rot or a clever hand leaves them."""

    def act(root: Path) -> None:
        path = root / name
        info = path.stat()
        change(path)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    return act


def one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def one_row_less(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:17] + lines[18:]))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# --- what befalls a repository


def _flip(at: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        spot = at % len(content)
        return content[:spot] + bytes([content[spot] ^ 0xFF]) + content[spot + 1 :]

    return change


def _swap(one: Stock) -> None:
    first, second = one.files("data")[:2]
    a, b = first.read_bytes(), second.read_bytes()
    one.spoil(first, lambda _: b)
    one.spoil(second, lambda _: a)


def _all(one: Stock, kind: str) -> None:
    for path in one.files(kind):
        path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dead() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def _backups(one: Stock, ages: list[float], change: Mutation) -> None:
    for age in ages:
        one.backup(age, change=change)


def _only(one: Stock, age: float, *words: str, change: Mutation | None = None) -> None:
    """That one snapshot and no other."""
    _all(one, "snapshots")
    one.backup(age, *words, change=change)


def _host(one: Stock, name: str) -> None:
    _all(one, "snapshots")
    one.backup(HOUR, host=name)


KINDS = ("keys", "index", "snapshots", "locks")
FAULTS: dict[str, tuple[str, Callable[[Stock], Any]]] = {
    "pack byte flip": ("corruption", lambda one: one.spoil(one.files("data")[0], _flip(500))),
    "pack header flip": ("corruption", lambda one: one.spoil(one.files("data")[0], _flip(-30))),
    "pack truncated": ("corruption", lambda one: one.spoil(one.files("data")[0], lambda b: b[: len(b) // 2])),
    "pack zeroed": ("corruption", lambda one: one.spoil(one.files("data")[0], lambda b: bytes(len(b)))),
    "pack missing": ("corruption", lambda one: one.files("data")[0].unlink()),
    "small pack missing": ("corruption", lambda one: one.files("data")[-1].unlink()),
    "pack is a folder": ("corruption", lambda one: _folder(one.files("data")[0])),
    "packs swapped": ("corruption", _swap),
    "all packs missing": ("corruption", lambda one: _all(one, "data")),
    "index flip": ("corruption", lambda one: [one.spoil(path, _flip(60)) for path in one.files("index")]),
    "index missing": ("corruption", lambda one: _all(one, "index")),
    "index truncated": ("corruption", lambda one: one.spoil(one.files("index")[0], lambda b: b[:100])),
    "snapshot flip": ("corruption", lambda one: [one.spoil(path, _flip(60)) for path in one.files("snapshots")]),
    "snapshot truncated": ("corruption", lambda one: one.spoil(one.files("snapshots")[0], lambda b: b[:-9])),
    "config flip": ("corruption", lambda one: one.spoil(one.repository / "config", _flip(60))),
    "config missing": ("repo", lambda one: (one.repository / "config").unlink()),
    "repository missing": ("repo", lambda one: shutil.rmtree(one.repository)),
    "repository empty": ("repo", lambda one: (shutil.rmtree(one.repository), one.repository.mkdir())),
    "keys missing": ("key", lambda one: _all(one, "keys")),
    "key file flip": ("key", lambda one: one.spoil(one.files("keys")[0], _flip(-20))),
    "wrong password": ("key", lambda one: one.password.write_text("salah\n")),
    "empty password": ("key", lambda one: one.password.write_text("")),
    "blank password": ("key", lambda one: one.password.write_text("\n")),
    "password with CRLF": ("key", lambda one: one.password.write_bytes(PASSWORD.encode() + b"\r\n")),
    "password lost": ("key", lambda one: one.password.unlink()),
    "stale exclusive lock": ("lock", lambda one: one.lock(age=26 * HOUR, exclusive=True)),
    "stale shared lock": ("lock", lambda one: one.lock(age=HOUR, exclusive=False)),
    "lock of a dead process": (
        "lock",
        lambda one: one.lock(age=60, exclusive=True, host=platform.node(), pid=_dead()),
    ),
    "no snapshots": ("rpo", lambda one: _all(one, "snapshots")),
    "stale": ("rpo", lambda one: _only(one, 3 * DAY)),
    "snapshots of another host only": ("rpo", lambda one: _host(one, "web2")),
    "near-empty from the future": ("clock", lambda one: one.backup(-2 * DAY, change=nearly_empty)),
    "whole from the future": ("clock", lambda one: one.backup(-2 * DAY)),
    "only from the future": ("clock", lambda one: _only(one, -30 * DAY)),
    "junk key": ("tamper", lambda one: [one.put("keys", b"junk %d" % n) for n in range(12)]),
    "short junk index": ("tamper", lambda one: one.put("index", b"abcd")),
    "short junk snapshot": ("tamper", lambda one: one.put("snapshots", b"abcd")),
    "short junk lock": ("tamper", lambda one: one.put("locks", b"abcd")),
    "long junk index": ("tamper", lambda one: one.put("index", DICE.randbytes(200))),
    "long junk snapshot": ("tamper", lambda one: one.put("snapshots", DICE.randbytes(200))),
    "long junk lock": ("tamper", lambda one: one.put("locks", DICE.randbytes(200))),
    "junk pack": ("tamper", lambda one: one.put("data", DICE.randbytes(2000))),
    "misnamed junk": ("tamper", lambda one: (one.repository / "index" / f"{7:064x}").write_text("junk")),
    "all kinds of junk": (
        "tamper",
        lambda one: [one.put(kind, DICE.randbytes(size)) for kind in KINDS for size in (4, 300)],
    ),
    "partial": ("incomplete", lambda one: one.backup(60, change=lambda root: (root / "foto/3.bin").unlink())),
    "folder excluded": ("incomplete", lambda one: one.backup(60, "--exclude", "surat")),
    "nothing but an empty folder": ("incomplete", lambda one: one.backup(60, change=empty)),
    "empty from the first": ("incomplete", lambda one: _only(one, 60, change=nearly_empty)),
    "empty dump": ("incomplete", lambda one: one.backup(60, change=lambda root: put(root / "db/layanan.sql", b""))),
    "truncated dump": ("incomplete", lambda one: one.backup(60, change=lambda root: half(root / "db/layanan.sql"))),
    "truncated file": ("incomplete", lambda one: one.backup(60, change=lambda root: half(root / "foto/1.bin"))),
    "silent byte": (
        "silent",
        lambda one: one.backup(60, "--force", change=keeping_times(one_byte, "foto/5.bin")),
    ),
    "silent byte in text": (
        "silent",
        lambda one: one.backup(60, "--force", change=keeping_times(one_byte, "catatan/7.txt")),
    ),
    "silent row": (
        "silent",
        lambda one: one.backup(60, "--force", change=keeping_times(one_row_less, "db/layanan.sql")),
    ),
    "silent mode": ("silent", lambda one: one.backup(60, change=lambda root: (root / "rahasia.key").chmod(0o644))),
    "one file more": ("silent", lambda one: one.backup(60, change=lambda root: put(root / "foto/x.sh", b"#!\n"))),
    "written over": (
        "silent",
        lambda one: one.backup(60, change=lambda root: put(root / "catatan/9.txt", b"diubah")),
    ),
    "flood": ("ransomware", lambda one: _backups(one, [1800.0 - 60 * n for n in range(6)], nearly_empty)),
    "encrypted in place": ("ransomware", lambda one: one.backup(60, change=encrypt)),
    "encrypted with an ending": ("ransomware", lambda one: one.backup(60, change=lambda root: encrypt(root, ".x"))),
    "encrypted twice": ("ransomware", lambda one: _backups(one, [300, 60], encrypt)),
    "canary touched": (
        "ransomware",
        lambda one: one.backup(60, change=lambda root: put(root / CANARIES[0], DICE.randbytes(3000))),
    ),
}  # fmt: skip


def _many(one: Stock) -> None:
    for number in range(12):
        one.backup(HOUR * (12 - number) / 13, change=lambda root, n=number: put(root / "catatan/0.txt", text(n, 40)))
    one.backup(30)


def _other_hosts(one: Stock) -> None:
    for number in range(3):
        one.backup(HOUR / (number + 2), host=f"lain{number}", change=nearly_empty)


def _other_paths(one: Stock) -> None:
    other = one.folder / "etc"
    put(other / "hosts", b"127.0.0.1 localhost\n")
    for _ in range(3):
        one.restic("backup", "--host", HOST, str(other))


GOOD: dict[str, Callable[[Stock], Any]] = {
    "fresh": lambda _one: None,
    "many snapshots": _many,
    "several hosts": _other_hosts,
    "other paths of the host": _other_paths,
    "live shared lock": lambda one: one.lock(age=60, exclusive=False),
    "live shared lock of this host": lambda one: one.lock(
        age=60, exclusive=False, host=platform.node(), pid=os.getpid()
    ),
    "a second key": lambda one: one.restic(
        "key", "add", "--new-password-file", str(_written(one.folder / "second", "lain\n"))
    ),
    "an upload that was cut off": lambda one: (one.repository / "data/00").mkdir(exist_ok=True)
    or (one.repository / f"data/00/{5:064x}-tmp-123").write_bytes(b"x"),
    "without the right to write": lambda one: subprocess.run(["chmod", "-R", "a-w", str(one.repository)], check=True),
}  # fmt: skip


def _written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path
