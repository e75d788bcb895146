"""A folder of static files, put in place as a whole: nobody ever sees half of an old and half of a new one.

The folder that is served is a symbolic link to the newest of several folders beside it; renaming a link is atomic.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from ops.errors import OpsError, UsageError
from ops.system.process import Ask, Exec

THERE = "/srv/status"  # on web servers; role web serves `page` in it
KEPT = 2  # folders: the one that is shown, and the one before, from which somebody may still read


def publish(files: Mapping[str, bytes], to: Path, stamp: str) -> Path:
    """Write them beside `to` and turn `to` to them. UsageError when `to` is something else; OpsError when it fails.

    `stamp`: unique for this publication and sorted by time.
    """
    to = to.absolute()
    if to.exists() and not to.is_symlink():
        raise UsageError(f"{to} is there already and no published page", "name a folder that does not exist yet")
    fresh = to.with_name(f".{to.name}-{stamp}")
    try:
        _write(files, fresh)
        link = to.with_name(f".{to.name}.link")
        link.unlink(missing_ok=True)
        link.symlink_to(fresh.name)
        link.replace(to)
        _forget(to, fresh)
    except OSError as error:
        raise OpsError(f"{error.filename or to}: {error.strerror}") from None
    return to


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o755)


def _forget(to: Path, fresh: Path) -> None:
    older = sorted(path for path in to.parent.glob(f".{to.name}-*") if path.is_dir() and path != fresh)
    for path in older[: len(older) - (KEPT - 1)] if len(older) >= KEPT else []:
        shutil.rmtree(path, ignore_errors=True)


def push(files: Mapping[str, bytes], host: Exec, stamp: str) -> None:
    """The same on a server, over its own connection. OpsError when it fails there, HostFailedError when unreachable."""
    packed = base64.b64encode(_packed(files)).decode()
    host.run(["sh", "-ec", _PLACE, "sh", THERE, stamp], Ask(input=packed)).must(f"{host.name}: status page")


_PLACE = """
new="$1/.page-$2"
mkdir -p "$1" && rm -rf "$new" && mkdir "$new"
base64 -d | tar -xzf - -C "$new"
chmod -R u=rwX,go=rX "$1"
ln -sfn ".page-$2" "$1/.link" && mv -T "$1/.link" "$1/page"
find "$1" -maxdepth 1 -name '.page-*' ! -name ".page-$2" -mmin +10 -exec rm -rf {} +
"""


def _packed(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            one = tarfile.TarInfo(name)
            one.size, one.mode = len(content), 0o644
            archive.addfile(one, io.BytesIO(content))
    return made.getvalue()
