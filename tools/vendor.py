"""Fetch the few files of others that pages need, by `npm pack`, and write down what they are. Development only.

    .venv/bin/python tools/vendor.py

Writes ops/web/static/vendor/ with MANIFEST.json (file → name, version, licence, sha256). Running it again gives the
same bytes. No script of a package is ever run: `npm pack` only fetches.
"""  # noqa: INP001 # a tool, not a package

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "ops/web/static/vendor"


@dataclass(frozen=True)
class Wanted:
    """`files`: path inside of the package → name here. `licence`: where the package's own words lack it."""

    name: str
    version: str
    files: dict[str, str]
    licence: str = ""


WANTED = (
    # 2.0: 4.x sends neither inherited headers nor forms as pages here expect
    Wanted("htmx.org", "2.0.11", {"package/dist/htmx.min.js": "htmx.min.js"}),
    Wanted("htmx-ext-sse", "2.2.4", {"package/dist/sse.min.js": "htmx-sse.min.js"}, "0BSD"),
    Wanted(
        "uplot", "1.6.32",
        {"package/dist/uPlot.iife.min.js": "uplot.min.js", "package/dist/uPlot.min.css": "uplot.min.css"},
    ),
)  # fmt: skip


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest: dict[str, dict[str, str]] = {}
    for wanted in WANTED:
        manifest |= take(wanted)
    (FOLDER / "MANIFEST.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def take(wanted: Wanted) -> dict[str, dict[str, str]]:
    """Fetch one package; what was taken from it."""
    with tempfile.TemporaryDirectory() as folder:
        argv = ["npm", "pack", "--silent", "--ignore-scripts", f"{wanted.name}@{wanted.version}"]
        packed = subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(Path(folder) / packed) as archive:
            about = json.loads(read(archive, "package/package.json"))
            licence = str(about.get("license") or wanted.licence)
            (FOLDER / f"{wanted.name.removesuffix('.org')}.LICENSE.txt").write_bytes(read(archive, "package/LICENSE"))
            return {
                name: keep(name, read(archive, path), {"name": wanted.name, "version": wanted.version}, licence)
                for path, name in wanted.files.items()
            }


def keep(name: str, body: bytes, what: dict[str, str], licence: str) -> dict[str, str]:
    (FOLDER / name).write_bytes(body)
    return {**what, "licence": licence, "sha256": hashlib.sha256(body).hexdigest()}


def read(archive: tarfile.TarFile, path: str) -> bytes:
    file = archive.extractfile(path)
    if file is None:
        raise SystemExit(f"{archive.name}: no {path}")
    return file.read()


if __name__ == "__main__":
    main()
