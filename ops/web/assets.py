"""Static files, addressed by their content: what has a hash in its address never changes and is kept for a year."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
KEEP = "public, max-age=31536000, immutable"
_SERVED = {".css", ".js", ".svg", ".png", ".ico", ".webmanifest"}
_HASH_LENGTH = 16
_COMPRESSED = {".css", ".js", ".svg", ".webmanifest"}


@dataclass(frozen=True)
class Asset:
    name: str
    digest: str
    media_type: str
    body: bytes
    packed: bytes | None  # by gzip; None where it would not help

    @property
    def url(self) -> str:
        return f"/static/{self.digest}/{self.name}"


@cache
def assets() -> dict[str, Asset]:
    """All static files by name (`app.css`, `vendor/htmx.min.js`), read and packed once."""
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in _SERVED)
    return {one.name: one for one in map(_read, files)}


def url(name: str) -> str:
    """Where a static file is fetched. KeyError when there is none."""
    return assets()[name].url


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]
    kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0] or "text/plain"
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSED else None
    return Asset(path.relative_to(FOLDER).as_posix(), digest, kind, body, packed)
