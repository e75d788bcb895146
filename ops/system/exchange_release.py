"""Releases of an exchange's configuration: `releases/<id>/`, the link `current`, swapped in one step.

Asterisk sees that a file has changed by its size and time alone. So a file that is as before is the same file (a hard
link), and one that is not gets a time that no release before it had: nothing is overlooked, nothing is read in vain.
Standard library only: this runs on the exchange (role pbx).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

KEPT = 5  # releases that stay, the one in force among them
LINK = "current"
_MODE = 0o640


class Releases:
    """Those below `etc` (/etc/asterisk). `group`: who may read them beside root."""

    def __init__(self, etc: Path, gid: int = -1) -> None:
        self.etc, self.gid = etc, gid
        self.folder, self.link = etc / "releases", etc / LINK

    def current(self) -> str:
        """The release in force; "" when there is none."""
        try:
            return self.link.readlink().name
        except OSError:
            return ""

    def files(self, name: str) -> dict[str, str]:
        """What a release holds."""
        folder = self.folder / name
        found = sorted(folder.glob("*.conf")) if name and folder.is_dir() else []
        return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in found}

    def make(self, files: Mapping[str, str]) -> str:
        """Write a release, complete and flushed, beside the others; its id follows from what it holds."""
        name = identity(files)
        if (self.folder / name).is_dir() and self.files(name) == dict(files):
            return name
        fresh = self.folder / f".new-{name}"
        aside = self.folder / f".old-{name}"
        for left in (fresh, aside):
            shutil.rmtree(left, ignore_errors=True)
        self._folder(self.folder)
        self._folder(fresh)
        before = self.files(self.current())
        for part, text in files.items():
            if before.get(part) == text:
                os.link(self.link / part, fresh / part)
            else:
                self._write(fresh / part, text)
        _flush(fresh)
        if (self.folder / name).exists():  # one that was changed by hand: gone for as long as a rename takes
            (self.folder / name).rename(aside)
        fresh.rename(self.folder / name)
        _flush(self.folder)
        shutil.rmtree(aside, ignore_errors=True)
        return name

    def swap(self, name: str) -> None:
        """Put a release in force: from one moment to the next, for every reader."""
        fresh = self.etc / f".{LINK}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases") / name)
        fresh.replace(self.link)
        _flush(self.etc)

    def tidy(self, keep: Collection[str]) -> None:
        """Forget the oldest ones."""
        found = sorted(self._all(), key=lambda path: path.stat().st_mtime_ns)
        for path in found[:-KEPT]:
            if path.name not in {*keep, self.current()}:
                shutil.rmtree(path, ignore_errors=True)

    def _all(self) -> list[Path]:
        return [path for path in self.folder.glob("[0-9a-f]*") if path.is_dir()]

    def _folder(self, path: Path) -> None:
        path.mkdir(mode=0o750, exist_ok=True)
        os.chown(path, -1, self.gid)

    def _write(self, path: Path, text: str) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            os.fchown(out.fileno(), -1, self.gid)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        time = self.free_time(path, path.name)
        os.utime(path, ns=(time, time))

    def free_time(self, path: Path, name: str) -> int:
        """The time of `path`, or the next one that no release has for a file of that name; nanoseconds."""
        taken = {other.stat().st_mtime_ns for other in self.folder.glob(f"[0-9a-f]*/{name}")}
        time = path.stat().st_mtime_ns
        while time in taken:
            time += 1_000_003
        return time


def identity(files: Mapping[str, str]) -> str:
    """12 hexadecimal digits that follow from names and contents."""
    made_of = "".join(f"{name}\0{len(text)}\0{text}" for name, text in sorted(files.items()))
    return hashlib.sha256(made_of.encode()).hexdigest()[:12]


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Names of files that two releases do not share."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
