"""What is there on a host, told compactly: sent there by `ops.system.hostpython`, standard library only.

One look, nothing changed, nothing left behind. Three programs are started at most (systemctl, dpkg-query, nft): on a
host, starting programs is what costs.
"""

from __future__ import annotations

import base64
import glob
import grp
import hashlib
import json
import os
import pwd
import re
import socket
import stat
import subprocess
import zlib

BIGGEST = 16 << 20  # bytes of a file that is hashed; of a larger one the size is told
PRIVILEGED = ("adm", "disk", "docker", "lxd", "root", "shadow", "sudo", "wheel")  # groups whose members matter
NO_LOGIN = ("nologin", "false", "sync", "")
UNIT = "LoadState", "ActiveState", "UnitFileState", "DropInPaths"
Told = dict[str, object]


def state(asked: dict[str, list[str]]) -> Told:
    """All that is asked for, by kind: names → values, None for what is not there.

    Accounts that can log in, privileged groups, listening ports and firewall tables are told without being asked.
    `fixed`: settings that nobody can change here, as in a container those of the machine's kernel. `cannot`: kind → why
    nothing is known of it.
    """
    cannot: dict[str, str] = {}
    logins = accounts(asked["accounts"])
    return {
        "files": {path: entry(path) for path in asked["files"]},
        "links": {path: link(path) for path in asked["links"]},
        "folders": {path: names(path) for path in asked["folders"]},
        "sysctls": {name: sysctl(name) for name in asked["sysctls"]},
        "fixed": [name for name in asked["sysctls"] if not os.access(setting(name), os.W_OK)],
        "units": units(asked["units"], cannot),
        "packages": packages(asked["packages"], cannot),
        "accounts": logins,
        "groups": groups(asked["groups"]),
        "keys": {name: digest(f"{one[1]}/.ssh/authorized_keys") for name, one in logins.items() if one and one[4]},
        "ports": ports(),
        "tables": tables(asked["tables"], cannot),
        "cannot": cannot,
    }


def packed(asked: dict[str, list[str]]) -> str:
    """The same as one short word."""
    return base64.b85encode(zlib.compress(json.dumps(state(asked)).encode())).decode()


def unpacked(word: str) -> Told:
    """What `packed` told."""
    told: Told = json.loads(zlib.decompress(base64.b85decode(word)))
    return told


def entry(path: str) -> list[object] | None:
    """[type, mode, owner, group, digest]; the digest of plain files only. A link is followed."""
    try:
        found = os.stat(path)  # noqa: PTH116 # pathlib would cost a host 20 ms to load
    except OSError:
        return None
    kind = "d" if stat.S_ISDIR(found.st_mode) else "f" if stat.S_ISREG(found.st_mode) else "?"
    about: list[object] = [kind, f"{found.st_mode & 0o7777:04o}", user_name(found.st_uid), group_name(found.st_gid)]
    return [*about, digest(path)] if kind == "f" else about


def digest(path: str) -> str | None:
    """sha256 in hex; None when there is no such file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
            return hashlib.sha256(file.read()).hexdigest() if size <= BIGGEST else f"{size} bytes"
    except OSError:
        return None


def link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115
    except OSError:
        return None


def names(path: str) -> list[str] | None:
    """What a folder holds, but for what editors, packages and a running apply leave beside a file."""
    try:
        found = os.listdir(path)  # noqa: PTH208
    except OSError:
        return None
    return sorted(name for name in found if not name.startswith(".") and not name.endswith(("~", ".dpkg-new")))


def setting(name: str) -> str:
    return "/proc/sys/" + name.replace(".", "/")


def sysctl(name: str) -> str | None:
    try:
        with open(setting(name)) as file:  # noqa: PTH123
            return " ".join(file.read().split())
    except OSError:
        return None


def user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def accounts(asked: list[str]) -> dict[str, list[object] | None]:
    """[uid, home, shell, groups, whether it can log in]: of those asked for and of all that can log in."""
    member: dict[str, list[str]] = {}
    for group in grp.getgrall():
        for name in group.gr_mem:
            member.setdefault(name, []).append(group.gr_name)
    found: dict[str, list[object] | None] = dict.fromkeys(asked)
    for one in pwd.getpwall():
        able = one.pw_uid == 0 or one.pw_shell.rpartition("/")[2] not in NO_LOGIN
        if able or one.pw_name in found:
            joined = sorted({*member.get(one.pw_name, ()), group_name(one.pw_gid)})
            found[one.pw_name] = [one.pw_uid, one.pw_dir, one.pw_shell, joined, able]
    return found


def groups(asked: list[str]) -> dict[str, list[str] | None]:
    """Members of the groups asked for and of those with rights."""
    found: dict[str, list[str] | None] = dict.fromkeys(asked)
    for one in grp.getgrall():
        if one.gr_name in PRIVILEGED or one.gr_name in found:
            found[one.gr_name] = sorted(one.gr_mem)
    return found


def said(argv: list[str], kind: str, cannot: dict[str, str]) -> str:
    """What a program wrote; its absence or failure without a word stands in `cannot`."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        cannot[kind] = f"{argv[0]}: {type(error).__name__}"
        return ""
    if done.returncode and not done.stdout:
        cannot[kind] = f"{argv[0]}: {(done.stderr.strip() or str(done.returncode)).splitlines()[-1]}"
    return done.stdout


def units(asked: list[str], cannot: dict[str, str]) -> dict[str, list[str]]:
    """LoadState, ActiveState, UnitFileState, DropInPaths of each."""
    if not asked:
        return {}
    blocks = said(["systemctl", "show", f"--property={','.join(UNIT)}", "--", *asked], "unit", cannot).strip()
    told = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks.split("\n\n")]
    return {name: [one.get(key, "") for key in UNIT] for name, one in zip(asked, told) if one}  # noqa: B905


def packages(asked: list[str], cannot: dict[str, str]) -> dict[str, str | None]:
    """Version of each that is installed."""
    found: dict[str, str | None] = dict.fromkeys(asked)
    if asked:
        form = "${Package}\\t${db:Status-Status}\\t${Version}\\n"
        known: dict[str, str] = {}
        text = said(["dpkg-query", "--show", f"--showformat={form}", *asked], "package", known)
        if known and "no packages found" not in known["package"]:
            cannot.update(known)
        for line in text.splitlines():
            name, status, version = line.split("\t")
            if status == "installed":
                found[name] = version
    return found


def ports() -> list[list[object]]:
    """[protocol, address, port, program, unit] of every socket that listens."""
    listening: dict[str, tuple[str, str, int]] = {}
    for protocol, wanted in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        try:
            with open(f"/proc/net/{protocol}") as file:  # noqa: PTH123
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == wanted:
                address, _, port = row[1].partition(":")
                listening[row[9]] = (protocol[:3], decoded(address), int(port, 16))
    owner = owners(set(listening))
    return sorted([*one, *owner.get(inode, ("", ""))] for inode, one in listening.items())


def decoded(text: str) -> str:
    """An address as the kernel writes it: words of 32 bit, each in this machine's order of bytes."""
    raw = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)  # noqa: PLR2004


def owners(wanted: set[str]) -> dict[str, tuple[str, str]]:
    """Program and systemd unit by the socket's inode."""
    found: dict[str, tuple[str, str]] = {}
    for pid in sorted(int(path[6:]) for path in glob.glob("/proc/[0-9]*")):  # noqa: PTH207
        try:
            handles = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
        except OSError:
            continue
        for handle in handles:
            target = link(f"/proc/{pid}/fd/{handle}") or ""
            inode = target[8:-1] if target.startswith("socket:[") else ""
            if inode in wanted and inode not in found:
                found[inode] = about(pid)
    return found


def about(pid: int) -> tuple[str, str]:
    try:
        with open(f"/proc/{pid}/comm") as file:  # noqa: PTH123
            program = file.read().strip()
        with open(f"/proc/{pid}/cgroup") as file:  # noqa: PTH123
            unit = re.findall(r"[^/\n]+\.(?:service|scope|socket)", file.read())
    except OSError:
        return "", ""
    return program, unit[-1] if unit else ""


def tables(asked: list[str], cannot: dict[str, str]) -> dict[str, list[str]]:
    """The rules of the tables asked for, a line each without counters; of other tables only that they are there."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in said(["nft", "--stateless", "list", "ruleset"], "firewall", cannot).splitlines():
        if line.startswith("table "):
            current = line[6:].rstrip(" {")
            found[current] = []
        elif line.strip() not in ("", "}") and current in asked:
            found[current].append(line.strip())
    return found
