"""Programs that this machine needs: where they are and whether they are new enough.

Looked for in $OPS_TOOLS, then PATH, then the newest cached image of the twin (static programs such as restic run from
there on an older Debian as well).
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ops.errors import ToolMissingError
from ops.system.process import Ask, run

_VERSION = re.compile(r"(\d+(?:\.\d+)+)")
_INSTALL = {
    "restic": "apt-get install -t trixie restic    (0.18 or newer; or put it into $OPS_TOOLS)",
    "restic-rest-server": "apt-get install -t trixie restic-rest-server    (or put it into $OPS_TOOLS)",
}


@dataclass(frozen=True)
class Need:
    """A program that some part of the suite starts on this machine."""

    name: str
    package: str  # Debian's
    used_for: str
    at_least: tuple[int, ...] = ()
    ask: tuple[str, ...] = ("--version",)


NEEDS = (
    Need("restic", "restic", "backups and drills", (0, 18), ("version",)),
    Need("restic-rest-server", "restic-rest-server", "tests of the vault"),
    Need("promtool", "prometheus", "tests of alert rules"),
    Need("openssl", "openssl", "verifying evidence", ask=("version",)),
    Need("ssh", "openssh-client", "Ansible, ops twin ssh", ask=("-V",)),
    Need("snmpget", "snmp", "tests of the routers' agents"),
    Need("mmdebstrap", "mmdebstrap", "the twin's base images"),
    Need("systemd-nspawn", "systemd-container", "the twin's servers"),
    Need("ip", "iproute2", "the twin's network", ask=("-V",)),
    Need("tc", "iproute2", "the twin's line speeds", ask=("-V",)),
    Need("nft", "nftables", "the twin's packet loss"),
)


def images_folder() -> Path:
    """Where the twin keeps its base images, built once for every twin of this machine ($OPS_IMAGES moves it)."""
    return Path(os.environ.get("OPS_IMAGES", "/var/cache/kominfo-ops/images"))


def look() -> list[tuple[Need, str, str]]:
    """Every need with the path that serves it ("" for none) and its version or what is wrong with it."""
    found = []
    for need in NEEDS:
        try:
            path = find(need.name, need.at_least, need.ask)
            found.append((need, path, ".".join(map(str, version([path, *need.ask]))) or "of no known version"))
        except ToolMissingError as error:
            found.append((need, "", error.what))
    return found


def find(name: str, at_least: tuple[int, ...] = (), ask: tuple[str, ...] = ("version",)) -> str:
    """Path of the first `name` that is new enough (its version as `name version` tells). ToolMissingError otherwise."""
    too_old = []
    for path in _candidates(name):
        if not at_least:
            return path
        found = version([path, *ask])
        if found >= at_least:
            return path
        too_old.append(f"{path} is {'.'.join(map(str, found)) or 'of no known version'}")
    wanted = ".".join(map(str, at_least))
    what = f"{name} {wanted} or newer is needed: {'; '.join(too_old)}" if too_old else f"{name}: program not found"
    raise ToolMissingError(what, _INSTALL.get(name, f"apt-get install {name}"))


def version(argv: list[str]) -> tuple[int, ...]:
    """The first dotted number a program tells about itself; () if it tells none."""
    done = run(argv, Ask(timeout=10))
    found = _VERSION.search(done.out + done.err)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _candidates(name: str) -> list[str]:
    folders = [Path(own)] if (own := os.environ.get("OPS_TOOLS")) else []
    found = [str(folder / name) for folder in folders]
    if on_path := shutil.which(name):
        found.append(on_path)
    images = sorted(images_folder().glob("trixie-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    found += [str(image / "usr/bin" / name) for image in images]
    return [path for path in dict.fromkeys(found) if os.access(path, os.X_OK) and Path(path).is_file()]
