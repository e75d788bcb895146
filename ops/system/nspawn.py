"""Start and end systemd containers: each in a cgroup and a mount namespace of its own, so that nothing outlives it.

Guests that share a cgroup remove each other's service groups, so every launcher moves into its own one before it
becomes systemd-nspawn. Mounts are made inside the guest's mount namespace: when its last process is gone, so are they.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError, ToolMissingError

CGROUPS = Path("/sys/fs/cgroup")
_FAMILY = "kominfo-ops"

# net.* parameters belong to the guest's own namespace, so it may set them
_ENVIRONMENT = {
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
    "LC_ALL": "C.UTF-8",
}

# $1 root · $2 lower layers · $3 disk image or "" · $4 folder for the upper layer · $5… cgroup folders · -- · argv
_LAUNCH = """
set -eu
root=$1 lower=$2 disk=$3 upper=$4; shift 4
while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift
if [ -n "$disk" ]; then
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -z "$(losetup --noheadings -j "$disk")" ] && break; sleep 0.2
    done
    mount -o loop,noatime,nobarrier "$disk" "$upper"
fi
mkdir -p "$upper/upper" "$upper/work" /run/systemd/nspawn
mount -t tmpfs -o mode=755,size=1m tmpfs /run/systemd/nspawn  # its lock files and folders go with the guest
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper/upper,workdir=$upper/work" "$root"
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Guest:
    """`name`: unique on this machine · `group`: `<twin>/<server>`, its cgroup · `layers`: read-only folders, top first.

    `disk`: a file with an ext4 system that holds what the guest writes; None: the plain folder `writes` does.
    """

    name: str
    hostname: str
    group: str
    namespace: str
    layers: tuple[Path, ...]
    root: Path
    writes: Path
    disk: Path | None
    log: Path


def launch(guest: Guest) -> int:
    """Boot it and return at once; the launcher's process id. Its console goes to `guest.log`."""
    folders = [_make_group(top, guest.group) for top in _hierarchies()]
    for folder in (guest.root, guest.writes, Path("/run/systemd")):
        folder.mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(layer) for layer in guest.layers)
    argv = [
        *("unshare", "--mount", "--propagation", "slave"),
        *("sh", "-c", _LAUNCH, "launch", str(guest.root), lower, str(guest.disk or ""), str(guest.writes)),
        *(str(folder) for folder in folders),
        "--",
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
        *(f"--machine={guest.name}", f"--hostname={guest.hostname}", f"--directory={guest.root}"),
        f"--network-namespace-path=/run/netns/{guest.namespace}",
        *("--capability=CAP_NET_ADMIN", "--resolv-conf=off", "--timezone=off", "--link-journal=no"),
        "--console=read-only",
    ]
    try:
        with guest.log.open("ab") as log:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **_ENVIRONMENT},
                start_new_session=True,
            )
    except FileNotFoundError as error:
        raise ToolMissingError(f"{error.filename}: program not found", "apt-get install -y systemd-container") from None
    for folder in folders:  # it does so itself too; now nobody can look before it has
        with contextlib.suppress(OSError):
            (folder / "cgroup.procs").write_text(str(child.pid))
    return child.pid


def alive(group: str) -> bool:
    """Whether any process of that guest (or of any guest below the group) is there."""
    return bool(pids(group))


def pids(group: str) -> list[int]:
    """Every process of a guest, or of all guests below a twin's group."""
    found: set[int] = set()
    for top in _hierarchies():
        for listing in _below(top / _FAMILY / group):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in (listing / "cgroup.procs").read_text().split())
    return sorted(found)


def stop(group: str, seconds: float = 10.0) -> None:
    """End every process of the group at once, as a power cut would, and remove the group. Fine when there is none."""
    end = time.monotonic() + seconds
    while pids(group):
        _kill(group)
        if time.monotonic() > end:
            raise OpsError(f"{group}: processes {pids(group)} cannot be ended", "look at them with ps, then try again")
        time.sleep(0.05)
    for top in _hierarchies():
        for folder in reversed(_below(top / _FAMILY / group)):
            with contextlib.suppress(OSError):  # the kernel lets go of an emptied group a moment later
                folder.rmdir()
        with contextlib.suppress(OSError):  # not empty: another twin is up
            (top / _FAMILY).rmdir()


def wait_released(folder: Path, seconds: float = 10.0) -> None:
    """Until no loop device holds a file below `folder` (they go a moment after the last mount)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(_backing(path).startswith(f"{folder}/") for path in Path("/sys/block").glob("loop*")):
            return
        time.sleep(0.05)


def _backing(block: Path) -> str:
    try:
        return (block / "loop/backing_file").read_text(encoding="utf-8")
    except OSError:
        return ""


def _kill(group: str) -> None:
    for top in _hierarchies():
        with contextlib.suppress(OSError):  # cgroup v1 has no such file
            (top / _FAMILY / group / "cgroup.kill").write_text("1")
    for pid in pids(group):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def _below(folder: Path) -> list[Path]:
    """The folder and all below it, parents first."""
    if not folder.is_dir():
        return []
    return sorted(Path(parent) for parent, _, _ in os.walk(folder))


def _hierarchies() -> Sequence[Path]:
    """Where groups are made: the one tree of cgroup v2, or both `systemd` and `unified` on a hybrid machine."""
    if (CGROUPS / "cgroup.controllers").exists():
        return (CGROUPS,)
    return tuple(CGROUPS / name for name in ("systemd", "unified") if (CGROUPS / name / "cgroup.procs").exists())


def _make_group(top: Path, group: str) -> Path:
    folder = top / _FAMILY / group
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolMissingError(
            f"{folder}: {error.strerror}", "run it as root where /sys/fs/cgroup is writable"
        ) from None
    return folder


def check_machine(programs: Sequence[tuple[str, str]]) -> None:
    """ToolMissingError when this machine cannot run guests. `programs`: (program, its Debian package)."""
    import shutil  # noqa: PLC0415 # only here

    missing = sorted({package for program, package in programs if not shutil.which(program)})
    if missing:
        raise ToolMissingError("programs that the twin needs are missing", f"apt-get install -y {' '.join(missing)}")
    if not _hierarchies():
        raise ToolMissingError(
            "/sys/fs/cgroup holds no systemd or unified hierarchy",
            "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
        )
