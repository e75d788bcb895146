"""Archives that carry the suite and its inventory to a server: equal content, equal name, equal bytes."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops import __version__
from ops.system import wheelhouse
from ops.system.wheelhouse import Target, cache_folder

ROOT = Path(__file__).parents[2]
CODE = ("ops", "exporters", "backup", "playbooks", "ansible.cfg", "LICENSE", wheelhouse.LOCK, wheelhouse.PROJECT)
KEPT = 3  # archives of each kind that stay in the cache
_STAMP = 1_700_000_000  # of every file inside


@dataclass(frozen=True, slots=True)
class Packed:
    """`name` changes whenever the content does."""

    name: str
    archive: Path


def code(target: Target, root: Path = ROOT) -> Packed:
    """The suite itself with the wheels it needs on that target. OpsError when they cannot be fetched."""
    files = [file for entry in CODE for file in _below(root / entry, root)]
    key = wheelhouse.key_of(root, target)
    name = f"{__version__}-{_digest(files, key)}"
    archive = cache_folder() / f"suite-{name}.tar"
    if not archive.exists():
        wheels = wheelhouse.wheels(root, target)
        _write(archive, [*files, *((f"wheels/{path.name}", path) for path in sorted(wheels.iterdir()))])
    return Packed(name, archive)


def inventory(folder: Path) -> Packed:
    """An inventory as it is now: everything in its folder but hidden files."""
    folder = folder.resolve()
    files = _below(folder, folder)
    name = _digest(files, folder.name)
    archive = cache_folder() / f"inventory-{folder.name}-{name}.tar"
    if not archive.exists():
        _write(archive, files)
    return Packed(name, archive)


def _below(path: Path, root: Path) -> list[tuple[str, Path]]:
    """(name in the archive, file) of a file or of all files of a folder, sorted."""
    found = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    names = [(one.relative_to(root), one) for one in found]
    return [(str(name), one) for name, one in names if not any(_left_out(part) for part in name.parts)]


def _left_out(part: str) -> bool:
    return part.startswith(".") or part == "__pycache__" or part.endswith(("~", ".pyc"))


def _digest(files: Iterable[tuple[str, Path]], more: str) -> str:
    sums = hashlib.sha256(more.encode())
    for name, path in files:
        sums.update(f"\0{name}\0{path.stat().st_mode & 0o100:o}\0{path.stat().st_size}\0".encode())
        sums.update(path.read_bytes())
    return sums.hexdigest()[:12]


def _write(archive: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Beside, then renamed; older ones of the same kind are removed."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    fresh = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        with tarfile.open(fresh, "w") as out:
            for name, path in files:
                out.addfile(*_entry(name, path))
        fresh.replace(archive)
    finally:
        fresh.unlink(missing_ok=True)
    for old in _older(archive):
        old.unlink(missing_ok=True)


def _entry(name: str, path: Path) -> tuple[tarfile.TarInfo, io.BytesIO]:
    content = path.read_bytes()
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(content), _STAMP
    info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    info.uname = info.gname = "root"
    return info, io.BytesIO(content)


def _older(archive: Path) -> Iterator[Path]:
    kind = archive.name.partition("-")[0]
    yield from sorted(archive.parent.glob(f"{kind}-*.tar"), key=lambda path: path.stat().st_mtime)[:-KEPT]
