"""Programs of the field for the tests: this machine's, else those in the image of the twin's servers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.system.tools import images_folder


def image(name: str) -> Path:
    """The newest image of servers with the program `name`; skips the test where there is none."""
    found = [one for one in sorted(images_folder().glob("trixie-*"), reverse=True) if (one / "usr/bin" / name).exists()]
    if not found:
        pytest.skip(f"no {name} on PATH nor in an image below {images_folder()} (ops tools --images makes it)")
    return found[0]


def program(name: str) -> list[str]:
    """The words that start it; one out of an image is started by the image's own loader."""
    if found := shutil.which(name):
        return [found]
    within = image(name)
    loader, libraries = next((within / "usr/lib64").glob("ld-*")), next((within / "usr/lib").glob("*-linux-gnu"))
    return [str(loader), "--library-path", str(libraries), str(within / "usr/bin" / name)]
