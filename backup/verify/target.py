"""Where a verification may restore to: an empty folder that cannot be a running service's."""

from __future__ import annotations

import os
from pathlib import Path

from ops.errors import UsageError

_SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
)
_FREE = ("/var/tmp", "/var/cache", "/run/user", "/dev/shm")  # noqa: S108 # places below them that may be used
_EXACT = ("/", "/home", "/root", "/srv", "/opt", "/mnt", "/media", "/tmp", *_FREE)  # noqa: S108 # never these themselves
_ALLOWED = {"lost+found"}  # what a fresh disk holds
_NEXT = "name an empty folder, or one that is not there yet, that no service uses"


def check(target: Path, root: str, repository: Path | None) -> Path:
    """The folder's real path. UsageError where restoring would reach anything that is in use."""
    real = Path(os.path.realpath(target))
    if str(real) in _EXACT or (_below(real, _SYSTEM) and not _below(real, _FREE)):
        raise UsageError(f"{target}: a folder of the system", _NEXT)
    if real.exists() and not real.is_dir():
        raise UsageError(f"{target}: not a folder", _NEXT)
    if real.is_dir() and set(os.listdir(real)) - _ALLOWED:  # noqa: PTH208 # names only
        raise UsageError(f"{target}: holds data; nothing is restored over it", _NEXT)
    source = Path(os.path.realpath(root))
    if source.is_absolute() and source != Path("/") and _below(real, (str(source),)):
        raise UsageError(f"{target}: lies in {root}, where the data comes from", _NEXT)
    if repository and (_below(real, (str(repository),)) or _below(repository, (str(real),))):
        raise UsageError(f"{target}: lies in the repository, or holds it", _NEXT)
    return real


def room(folder: Path) -> tuple[int, int]:
    """(bytes, files) that are free where a folder is or will be; -1 files where the file system does not count."""
    while not folder.exists():
        folder = folder.parent
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize, told.f_favail if told.f_files else -1


def full(folder: Path) -> bool:
    """Whether nothing more can be written there. A read-only file system has no room by design."""
    told = os.statvfs(folder)
    if told.f_flag & os.ST_RDONLY:
        return False
    return told.f_bavail * told.f_frsize < 1 << 20 or (told.f_files > 0 and told.f_favail == 0)


def _below(path: Path, above: tuple[str, ...]) -> bool:
    return any(path == Path(one) or Path(one) in path.parents for one in above)
