"""Real restic repositories in every state that a drill must tell apart, small and made in a second.

The key file is sealed anew with a scrypt of no cost, so that restic needs 0.03 s a call instead of 0.4; with the master
key in hand locks of any age and owner can be made as well.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from backup.verify.run import Request, verify
from backup.verify.verdict import Verdict
from ops.progress import silent

PASSWORD = "kanari-9Zq7-rahasia"
HOST = "web1"
HOUR, DAY = 3600.0, 86400.0
DICE = random.Random(20240620)
Mutation = Callable[[Path], None]


@dataclass
class Stock:
    """A repository with three snapshots of one tree, and what a verification is given about it."""

    folder: Path
    program: str

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def gold(self) -> Path:
        """The tree as it must come back; the production's own folder is gone again after every backup."""
        return self.folder / "gold"

    @property
    def root(self) -> Path:
        return self.folder / "srv/app"

    @property
    def password(self) -> Path:
        return self.folder / "password"

    @property
    def manifest(self) -> Path:
        return self.folder / "MANIFEST"

    @property
    def canaries(self) -> Path:
        return self.folder / "CANARIES"

    def copy(self, folder: Path) -> Stock:
        """The same stock elsewhere, with the source's path as it was. Its gold is shared."""
        shutil.copytree(self.repository, folder / "repository")
        for path in (self.password, self.manifest, self.canaries):
            shutil.copyfile(path, folder / path.name)
        return Copy(folder, self.program, self)

    def restic(self, *words: str, code: int | None = 0, given: str | None = None) -> str:
        argv = [self.program, "--repo", str(self.repository), "--no-cache", "--quiet", *words]
        env = {"PATH": os.environ["PATH"], "RESTIC_PASSWORD": PASSWORD, "GOMAXPROCS": "2"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, input=given, check=False)
        assert code is None or done.returncode == code, done.stderr
        return done.stdout

    def backup(self, age: float, *words: str, change: Mutation | None = None, host: str = HOST, code: int = 0) -> None:
        """One snapshot `age` seconds ago of the tree, changed first; production is gone afterwards."""
        shutil.copytree(self.gold, self.root, symlinks=True, copy_function=shutil.copy2)
        _link(self.root)
        if change:
            change(self.root)
        at = datetime.fromtimestamp(time.time() - age, UTC).strftime("%Y-%m-%d %H:%M:%S")
        try:
            stamp = ("--time", at, "--host", host)
            self.restic("backup", *stamp, *words, str(self.root), code=code)
        finally:
            shutil.rmtree(self.root)

    def master(self) -> dict[str, bytes]:
        (path,) = (self.repository / "keys").iterdir()
        return _opened(json.loads(path.read_bytes()))

    def lock(self, *, age: float, exclusive: bool, host: str = "other", pid: int = 4711) -> Path:
        """An authentic lock."""
        at = datetime.fromtimestamp(time.time() - age, UTC).isoformat()
        told = {"time": at, "exclusive": exclusive, "hostname": host, "username": "root", "pid": pid}
        return self.put("locks", _sealed(self.master(), json.dumps(told).encode()))

    def put(self, kind: str, content: bytes) -> Path:
        """A file under its right name, as anybody may POST it to an append-only server."""
        path = self.repository / kind / hashlib.sha256(content).hexdigest()
        if kind == "data":
            path = self.repository / kind / path.name[:2] / path.name
            path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def files(self, kind: str) -> list[Path]:
        """Files of one kind, the largest first."""
        found = [path for path in (self.repository / kind).rglob("*") if path.is_file()]
        return sorted(found, key=lambda path: (-path.stat().st_size, path.name))

    def spoil(self, path: Path, change: Callable[[bytes], bytes]) -> None:
        path.chmod(0o600)
        path.write_bytes(change(path.read_bytes()))

    def stamp(self) -> list[tuple[str, int, str]]:
        """Every name, change time and content of the repository: whether a byte was written shows."""
        return [
            (
                str(path),
                path.lstat().st_mtime_ns,
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            )
            for path in sorted(self.repository.rglob("*"))
        ]


class Copy(Stock):
    def __init__(self, folder: Path, program: str, of: Stock) -> None:
        super().__init__(folder, program)
        self.of = of

    @property
    def gold(self) -> Path:
        return self.of.gold

    @property
    def root(self) -> Path:
        return self.of.root


def stock(folder: Path, program: str) -> Stock:
    """Three good snapshots: two days, a day and an hour old."""
    made = Stock(folder, program)
    made.password.write_text(PASSWORD + "\n")
    tree(made.gold)
    made.restic("init")
    cheapen(made.repository)
    made.backup(2 * DAY, change=lambda root: (root / "catatan/1.txt").write_text("lebih lama\n"))
    made.backup(DAY, change=lambda root: (root / "catatan/2.txt").unlink())
    made.backup(HOUR)
    made.manifest.write_bytes(manifest(made.gold))
    sums = [sha256(made.gold / name) + b"  " + name.encode() for name in CANARIES]
    made.canaries.write_bytes(b"\n".join(sums) + b"\n")
    return made


def judged(there: Stock, **changed: object) -> Verdict:
    """What `ops drill verify` says of it; `changed`: fields of the request that are otherwise."""
    asked = {
        "repo": str(there.repository),
        "password": there.password,
        "host": HOST,
        "root": str(there.root),
        "target": there.folder / "out",
        "expect": there.manifest,
        "canaries": there.canaries,
    }
    return verify(Request(**{**asked, **changed}), silent)  # type: ignore[arg-type]


CANARIES = ("surat/00-kenari.docx", "surat/zz-kenari.txt", "peta/kenari.csv")


def tree(root: Path) -> None:
    """Some fifty files of every sort: text, packed, random, empty, twice named, links, and names that are hard."""
    for number in range(20):
        put(root / f"catatan/{number}.txt", text(number, 40 + 30 * number))
    for number in range(10):
        put(root / f"surat/arsip {number}/surat ü{number}.csv", text(100 + number, 100))
    for number in range(8):
        put(root / f"foto/{number}.bin", DICE.randbytes(3000 + 500 * number))
    for name in CANARIES:
        put(root / name, text(len(name), 60))
    dump = b"--\n-- PostgreSQL database dump\n--\n" + text(7, 3000) + b"--\n-- PostgreSQL database dump complete\n--\n"
    put(root / "db/layanan.sql", dump)
    put(root / "db/kosong.csv", b"")
    put(root / "rahasia.key", b"kunci\n", 0o600)
    put(root / "alat/jalan.sh", b"#!/bin/sh\necho hai\n", 0o755)
    put(root / "aneh/baris\nbaru.txt", b"satu\n")
    put(root / "aneh/garis\\miring *[x]?.txt", b"dua\n")
    put(root / "aneh/ spasi di depan", b"tiga\n")
    put(root / "aneh/日本語 é.txt", b"empat\n")
    (root / "aneh/kosong").mkdir()
    (root / "tautan").symlink_to("catatan/1.txt")
    (root / "putus").symlink_to("tidak/ada")
    put(root / "sama-1", text(5, 50))
    _link(root)


def _link(root: Path) -> None:
    other = root / "sama-2"
    other.unlink(missing_ok=True)
    os.link(root / "sama-1", other)


def put(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def text(seed: int, lines: int) -> bytes:
    dice = random.Random(seed)
    words = ["dinas", "surat", "layanan", "warga", "kecamatan", "nomor", "tanggal", "batubara"]
    return "".join(
        f"{n},{dice.choice(words)},{dice.choice(words)},{dice.randrange(10**6)}\n" for n in range(lines)
    ).encode()


def manifest(root: Path) -> bytes:
    """`sha256  size  mode  path`; names that hold a line's end or a backslash as sha256sum writes them."""
    lines = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            info, name = path.lstat(), os.fsencode(path.relative_to(root))
            plain = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
            mark = b"\\" if plain != name else b""
            lines.append(b"%s%s  %d  %o  %s\n" % (mark, sha256(path), info.st_size, info.st_mode & 0o7777, plain))
    return b"".join(lines)


def sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).hexdigest().encode()


def cheapen(repository: Path) -> None:
    """Seal the key file anew with the least scrypt that restic takes."""
    (path,) = (repository / "keys").iterdir()
    told = json.loads(path.read_bytes())
    inner = _plain(told)
    told |= {"N": 1024, "r": 1, "p": 1}
    told["data"] = base64.b64encode(_sealed(_derived(told), inner)).decode()
    path.chmod(0o600)
    path.unlink()
    content = json.dumps(told).encode()
    (path.parent / hashlib.sha256(content).hexdigest()).write_bytes(content)


def _derived(told: dict[str, Any]) -> dict[str, bytes]:
    salt = base64.b64decode(told["salt"])
    how = {"n": told["N"], "r": told["r"], "p": told["p"], "maxmem": 1 << 28, "dklen": 64}
    made = hashlib.scrypt(PASSWORD.encode(), salt=salt, **how)
    return {"encrypt": made[:32], "k": made[32:48], "r": made[48:]}


def _plain(told: dict[str, Any]) -> bytes:
    content = base64.b64decode(told["data"])
    key = _derived(told)["encrypt"]
    return Cipher(algorithms.AES(key), modes.CTR(content[:16])).decryptor().update(content[16:-16])


def _opened(told: dict[str, Any]) -> dict[str, bytes]:
    inner = json.loads(_plain(told))
    return {name: base64.b64decode(text) for name, text in {"encrypt": inner["encrypt"], **inner["mac"]}.items()}


def _sealed(key: dict[str, bytes], plain: bytes) -> bytes:
    nonce = os.urandom(16)
    content = Cipher(algorithms.AES(key["encrypt"]), modes.CTR(nonce)).encryptor().update(plain)
    once = Cipher(algorithms.AES(key["k"]), modes.ECB()).encryptor().update(nonce)
    return nonce + content + Poly1305.generate_tag(key["r"] + once, content)
