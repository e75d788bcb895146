"""What makes a server out of the shared image: a thin read-only layer with its name, identity, user and keys."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from ops.inventory.model import Region, Server
from ops.twin.keys import ensure_pair

_UID = 1000


@dataclass(frozen=True, slots=True)
class Seed:
    """`image`: the root folder below · `folder`: where the layer is made · `login`: public line of the twin's key."""

    region: Region
    server: Server
    image: Path
    folder: Path
    login: str
    host_key: Path


def plant(seed: Seed) -> None:
    """Make the layer. The machine-id of a server stays the same over restarts (an empty one would mean first boot)."""
    user = str(seed.server.variables.get("ansible_user", seed.region.access.user))
    etc = seed.folder / "etc"
    _write(etc / "hostname", seed.server.name)
    _write(etc / "hosts", _hosts(seed.region))
    _write(etc / "machine-id", uuid.uuid5(uuid.NAMESPACE_DNS, f"{seed.server.name}.{seed.region.domain}").hex)
    _write(etc / "resolv.conf", _resolver(seed.region))
    for updated in (etc / ".updated", seed.folder / "var/.updated"):
        _write(updated, "")  # newer than the image's /usr: no first-boot caches to rebuild
    _write(etc / "timezone", seed.region.timezone)
    _link(etc / "localtime", f"/usr/share/zoneinfo/{seed.region.timezone}")
    public = ensure_pair(seed.host_key)
    _write(etc / "ssh/ssh_host_ed25519_key", seed.host_key.read_text(encoding="ascii"), 0o600)
    _write(etc / "ssh/ssh_host_ed25519_key.pub", public)
    home = _user(seed, user)
    _write(etc / f"sudoers.d/{user}", f"{user} ALL=(ALL) NOPASSWD: ALL", 0o440)
    _write(seed.folder / home / ".ssh/authorized_keys", seed.login, 0o600)
    if user != "root":
        for path in (home, f"{home}/.ssh", f"{home}/.ssh/authorized_keys"):
            os.chown(seed.folder / path, _UID, _UID)
    (seed.folder / home / ".ssh").chmod(0o700)


def _user(seed: Seed, user: str) -> str:
    """Give the server its login user, as one more line of the image's own accounts; the home folder without its /."""
    if user == "root":
        return "root"
    added = {
        "passwd": f"{user}:x:{_UID}:{_UID}::/home/{user}:/bin/bash",
        "group": f"{user}:x:{_UID}:",
        "shadow": f"{user}:*:20000:0:99999:7:::",
    }
    for name, line in added.items():
        old = seed.image / "etc" / name
        _write(seed.folder / "etc" / name, old.read_text(encoding="utf-8") + line)
        state = old.stat()
        os.chown(seed.folder / "etc" / name, state.st_uid, state.st_gid)
        (seed.folder / "etc" / name).chmod(state.st_mode & 0o777)
    return f"home/{user}"


def _hosts(region: Region) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", f"{region.station.address} station"]
    for server in region.servers:
        names = f"{server.name}.{region.domain} {server.name}"
        lines.append(f"{server.address} {names}")
    return "\n".join(lines)


def _resolver(region: Region) -> str:
    lines = [f"search {region.domain}", *(f"nameserver {server.address}" for server in region.group("dns"))]
    return "\n".join([*lines, "options timeout:1 attempts:1"])  # the twin has no other resolver to wait for


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    path.chmod(mode)


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
