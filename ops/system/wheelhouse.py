"""The suite's packages for a server without Internet: fetched once on the station, held to requirements.lock.

`wheels-<key>` below the cache folder holds the wheels of one Python on one kind of machine, `requirements.txt` with
their hashes (those of the lock), and its own key. An installed suite carries that folder as `wheels` beside its code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError, ToolMissingError
from ops.system.process import Ask, Done, run

LOCK, PROJECT, LIST, KEY = "requirements.lock", "pyproject.toml", "requirements.txt", "key"
FETCH_SECONDS = 600.0
KEPT = 4  # folders of wheels that stay in the cache
_GLIBC = range(5, 42)  # 2.5 … 2.41, which Debian 13 has


@dataclass(frozen=True, slots=True)
class Target:
    """The Python of the server, as `3.13`, and its processor, as `uname -m` tells."""

    python: str = "3.13"
    machine: str = "x86_64"


def cache_folder() -> Path:
    """What can be fetched or made again: $OPS_CACHE, else /var/cache for root and the user's own for others."""
    if chosen := os.environ.get("OPS_CACHE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/cache/kominfo-ops")
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kominfo-ops"


def key_of(root: Path, target: Target) -> str:
    """Changes with the lock, what is asked for, and the target."""
    parts = [(root / LOCK).read_bytes(), (root / PROJECT).read_bytes(), repr(target).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def wheels(root: Path, target: Target) -> Path:
    """The folder of wheels for the suite in `root`, fetched unless it is there. OpsError when it cannot be."""
    key = key_of(root, target)
    kept = cache_folder() / f"wheels-{key}"
    for folder in (root / "wheels", kept):
        if (folder / KEY).is_file() and (folder / KEY).read_text(encoding="ascii") == key:
            return folder
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".wheels-", dir=kept.parent))
    try:
        _fetch(root, target, fresh, kept)
        (fresh / KEY).write_text(key, encoding="ascii")
        fresh.chmod(0o755)
        if not kept.exists():  # another process may have been faster
            fresh.rename(kept)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    for old in sorted(kept.parent.glob("wheels-*"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return kept


def locked(lock: str, wanted: Iterable[str]) -> Iterator[str]:
    """The lock's entries (with their hashes) of these `name==version`, without markers. OpsError if one has none."""
    entries: dict[str, list[str]] = {}
    for line in lock.splitlines():
        if line and not line[0].isspace():
            pinned = line.partition(";")[0].removesuffix("\\").strip()
            entries[pinned] = []
        elif line:
            entries[pinned].append(line.strip().removesuffix("\\").strip())
    for pinned in wanted:
        if not entries.get(pinned):
            raise OpsError(f"{LOCK}: {pinned} is not in it", "run `make lock`")
        yield f"{pinned} {' '.join(entries[pinned])}"


def _fetch(root: Path, target: Target, folder: Path, kept: Path) -> None:
    """Ask uv what is needed without the developers' tools, then let pip fetch just that."""
    asked = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", target.python]
    asked += ["--python-platform", f"{target.machine}-unknown-linux-gnu", "--constraint", str(root / LOCK)]
    retries = os.environ.get("UV_HTTP_RETRIES", "6")  # a registry may be busy for a minute
    patient = {"UV_SYSTEM_CERTS": "1", "UV_HTTP_RETRIES": retries}
    done = run([_uv(), *asked, str(root / PROJECT)], Ask(timeout=FETCH_SECONDS, env=patient))
    _check(done, kept)
    wanted = [line.partition(";")[0].strip() for line in done.out.splitlines() if "==" in line]
    listed = folder / LIST
    listed.write_text("\n".join(locked((root / LOCK).read_text(encoding="utf-8"), wanted)) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    pip += ["--retries", retries]
    pip += ["--disable-pip-version-check", "--dest", str(folder), "--requirement", str(listed), *_tags(target)]
    _check(run(pip, Ask(timeout=FETCH_SECONDS)), kept)


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    if found := str(beside) if beside.is_file() else shutil.which("uv"):
        return found
    raise ToolMissingError("uv: program not found", "run this on a station that `make setup` made ready")


def _tags(target: Target) -> Iterator[str]:
    """pip's words for what runs there: wheels of every glibc up to that of Debian 13."""
    yield from ("--implementation", "cp", "--python-version", target.python)
    for abi in (f"cp{target.python.replace('.', '')}", "abi3", "none"):
        yield from ("--abi", abi)
    for name in (
        *(f"manylinux_2_{minor}" for minor in reversed(_GLIBC)),
        "manylinux2014",
        "manylinux2010",
        "manylinux1",
    ):
        yield from ("--platform", f"{name}_{target.machine}")


def _check(done: Done, kept: Path) -> None:
    if not done.ok:
        said = [line for line in (done.err or done.out).splitlines() if line.strip() and "WARNING" not in line]
        raise OpsError(
            f"the suite's packages cannot be fetched: {(said or ['no output'])[0].strip()}",
            f"connect this station to the package registry once, or copy {kept} from a station that was",
        )
