"""A real Kea and a real dnsmasq for tests: taken from Debian's packages into a folder, nothing is installed."""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = ("kea-dhcp4", "dnsmasq")
_PACKAGES = ("kea-dhcp4-server", "dnsmasq-base")
_ENDS, _COOKIE = 255, bytes([99, 130, 83, 99])
_RELAY = "127.0.0.1"


@dataclass(frozen=True)
class Programs:
    """`root`: the packages' files, "" when the machine has the programs itself."""

    root: str

    def run(self, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        words = self.argv(*argv)
        return subprocess.run(words, env=self.env(folder), capture_output=True, text=True, timeout=60, check=False)

    def argv(self, name: str, *words: str) -> list[str]:
        return [f"{self.root}/usr/sbin/{name}" if self.root else str(shutil.which(name)), *words]

    def env(self, folder: Path) -> dict[str, str]:
        libraries = ":".join(str(path) for path in Path(self.root or "/nothing").glob("usr/lib/*-linux-gnu"))
        own = {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
        return {**os.environ, **own, "LD_LIBRARY_PATH": libraries}


def programs(folder: Path) -> Programs:
    """The machine's own, or Debian's packages unpacked below `folder`; skips the test with the reason."""
    if all(shutil.which(name) for name in PROGRAMS):
        return Programs("")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("neither Kea nor dnsmasq on this machine, and no root or no apt-get to fetch them")
    (folder / "partial").mkdir(parents=True)
    fetch = ["apt-get", "install", "-y", "--download-only", "--no-install-recommends", "--reinstall"]
    options = [f"-oDir::Cache::archives={folder}", "-oDebug::NoLocking=1", "-oAPT::Sandbox::User=root"]
    done = subprocess.run([*fetch, *options, *_PACKAGES], capture_output=True, text=True, timeout=300, check=False)
    packages = sorted(folder.glob("*.deb"))
    if done.returncode or not packages:
        pytest.skip(f"Debian's packages of Kea and dnsmasq: {(done.stderr.strip() or 'nothing came')[-200:]}")
    for package in packages:
        subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    return Programs(str(folder / "root"))


@contextmanager
def serving(one: Programs, folder: Path, *argv: str) -> Iterator[None]:
    """A server in the foreground while the block runs."""
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(one.argv(*argv), env=one.env(folder), stdout=log, stderr=log)
    try:
        yield
    finally:
        child.terminate()
        child.wait(30)


def offered(mac: str, server: int, own: int) -> dict[int, bytes]:
    """Options of the offer that the server at that port gives a client, asked by way of a relay at port `own`."""
    number = random.Random(mac).randrange(1 << 32)  # a transaction's number
    head = struct.pack("!BBBBIHH4s4s4s4s", 1, 1, 6, 1, number, 0, 0x8000, *[bytes(4)] * 3, socket.inet_aton(_RELAY))
    wanted = bytes([55, 6, 1, 3, 43, 66, 150, 160])
    asked = head + bytes.fromhex(mac.replace(":", "")) + bytes(202) + _COOKIE + bytes([53, 1, 1]) + wanted + b"\xff"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((_RELAY, own))
        door.settimeout(2)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            door.sendto(asked, (_RELAY, server))
            try:
                answer = door.recv(4096)
            except TimeoutError:
                continue
            if answer[4:8] == head[4:8]:
                return dict(_options(answer[240:]))
    raise AssertionError(f"no offer for {mac} within 60 s")


def _options(rest: bytes) -> Iterator[tuple[int, bytes]]:
    while rest and rest[0] != _ENDS:
        if rest[0]:
            yield rest[0], rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :] if rest[0] else rest[1:]
