"""System images for the twin's servers: built once by mmdebstrap, kept unpacked, the lower layer of overlays."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError, ToolMissingError
from ops.progress import Event, Progress, State
from ops.system.process import Ask, run
from ops.system.tools import images_folder
from ops.twin import claim
from ops.twin.recipes import EXCLUDED, SETTLE, Recipe

NEEDED_BYTES = 3_000_000_000
BUILD_SECONDS = 1200.0
_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "setpriv": "util-linux",
    "unshare": "mount util-linux",
    "dpkg-deb": "dpkg",
    "gpgv": "gpgv",
}


def ensure(recipes: set[Recipe], progress: Progress) -> dict[Recipe, Path]:
    """The root folder of every recipe, built where it is missing. Two at once: a build is half download, half disk."""
    ordered = sorted(recipes, key=lambda recipe: recipe.name)
    with ThreadPoolExecutor(max_workers=max(1, len(ordered))) as pool:
        return dict(zip(ordered, pool.map(lambda recipe: ensure_one(recipe, progress), ordered), strict=True))


def ensure_one(recipe: Recipe, progress: Progress) -> Path:
    """The root folder of one recipe. Several processes may ask at once: one builds, the others wait."""
    image = images_folder() / recipe.name
    if image.is_dir():
        return image
    _check_programs()
    images_folder().mkdir(parents=True, exist_ok=True)
    with _alone(recipe, progress):
        if not image.is_dir():
            _check_space()
            _build(recipe, image, progress)
    return image


def forget(progress: Progress) -> None:
    """Remove every image; the next `up` builds them again. OpsError while a twin of this machine stands on one."""
    if up := claim.standing():
        raise OpsError(f"the images are in use by: {', '.join(up)}", "ops twin down --name NAME for each of them")
    if images_folder().exists():
        shutil.rmtree(images_folder())
        progress(Event("images", "", State.CHANGED, f"{images_folder()} removed"))


def _build(recipe: Recipe, image: Path, progress: Progress) -> None:
    """Build beside the final place, then rename: an image that exists is whole."""
    started = time.monotonic()
    fresh = image.with_name(f".building-{image.name}")
    _remove(fresh)

    def tell(line: str) -> None:
        if line.startswith("I: "):
            took = f"{time.monotonic() - started:.0f} s"
            progress(Event("image", recipe.name, State.RUNNING, f"{line[3:].strip()} ({took})"))

    progress(Event("image", recipe.name, State.RUNNING, f"building {len(recipe.packages)} packages, about a minute"))
    try:
        done = run(_argv(recipe, fresh), Ask(timeout=BUILD_SECONDS, env=_environment(), on_line=tell))
        if not done.ok:
            raise OpsError(f"image {recipe.name}: mmdebstrap exit {done.code}: {_reason(done.out)}", _hint(done.out))
        fresh.rename(image)
    finally:
        _remove(fresh)
    took = time.monotonic() - started
    progress(Event("image", recipe.name, State.CHANGED, f"built in {took:.0f} s at {image}"))


def _argv(recipe: Recipe, root: Path) -> list[str]:
    """mmdebstrap in namespaces of its own: whatever happens to it or to us, no mount and no child outlives it."""
    return [
        *("sh", "-c", 'exec "$@" 2>&1', "mmdebstrap"),
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
        '--aptopt=Acquire::Check-Valid-Until "false"',  # a slow mirror or clock; signatures are still checked
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        f"--include={','.join(recipe.packages)}",
        f"--customize-hook={SETTLE}",
        recipe.suite,
        str(root),
        *mirror(),
    ]


def mirror() -> list[str]:
    """The Debian mirror that this machine's own apt uses, if it is a Debian; else none and mmdebstrap picks one."""
    release = Path("/etc/os-release")
    words = dict(line.partition("=")[::2] for line in release.read_text().splitlines()) if release.exists() else {}
    codename = words.get("VERSION_CODENAME", "").strip('"')
    if words.get("ID", "").strip('"') != "debian" or not codename:
        return []
    listed = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    for line in listed.out.splitlines():
        site, release_name, component = ([*line.split(), "", "", ""])[:3]
        if (release_name, component) == (codename, "main") and site.startswith("http"):
            return [site]
    return []


def _environment() -> dict[str, str]:
    """A proxy that this machine's apt is set to use, for the build only."""
    found = run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"]).out.strip()
    value = found.partition("=")[2].strip("'\"")
    return {"LC_ALL": "C.UTF-8", **({"http_proxy": value} if value else {})}


def _check_programs() -> None:
    missing = sorted({package for program, package in _PROGRAMS.items() if not shutil.which(program)})
    if missing:
        raise ToolMissingError("programs that build images are missing", f"apt-get install -y {' '.join(missing)}")


def _check_space() -> None:
    free = shutil.disk_usage(images_folder()).free
    if free < NEEDED_BYTES:
        raise OpsError(
            f"{images_folder()}: {free / 1e9:.1f} GB free, an image needs {NEEDED_BYTES / 1e9:.0f} GB",
            "free some space, or name a folder on another disk in OPS_IMAGES",
        )


@contextmanager
def _alone(recipe: Recipe, progress: Progress) -> Iterator[None]:
    with (images_folder() / f".{recipe.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(Event("image", recipe.name, State.RUNNING, "another ops is building it, waiting"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reason(out: str) -> str:
    said = [line for line in out.splitlines() if line.startswith(("E:", "W:"))] or out.splitlines()[-1:]
    return " · ".join(said[:2]) if said else "no output"


def _hint(out: str) -> str:
    if "Could not resolve" in out or "Failed to fetch" in out or "Unable to connect" in out:
        return "the Debian mirror cannot be reached: see `apt-get update` on this machine"
    if "No space left" in out:
        return "free some space, or name a folder on another disk in OPS_IMAGES"
    return "apt-get install -y mmdebstrap debian-archive-keyring, then run it again"


def _remove(root: Path) -> None:
    if root.exists():
        shutil.rmtree(root, ignore_errors=True)
