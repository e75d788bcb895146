"""What a backup must give back: written and signed when it is taken, compared when a drill restores it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from backup.chain import canonical
from backup.signing import Signer, verify
from ops.errors import OpsError

FILE = "/manifest.json"  # its name inside the manifest's own snapshot
TAG = "manifest"


@dataclass(frozen=True)
class Manifest:
    """One backup as it must come back.

    content   for files {path: entry}, for a database the facts of `hostside/pg.py`
    taken     epoch seconds of the station's clock, when the set began to be read
    unstable  paths that changed while they were being read; they prove nothing
    canaries  path below the source → sha256 that nobody has a reason to change
    run       of a backup that the host took by itself: {mark, unfinished, key, bytes, added}
    figures   shares (0 to 1) against the backup before: changed, newly looking encrypted; canaries that changed
    """

    opd: str
    set: str
    kind: str
    server: str
    source: str
    snapshot: str
    path: str  # where the data lies inside the snapshot
    taken: float
    content: Mapping[str, Any]
    unstable: tuple[str, ...] = ()
    canaries: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        return canonical(asdict(self))


def sealed(manifest: Manifest, signer: Signer) -> str:
    """The manifest with its signature: one JSON document."""
    text = manifest.text()
    return json.dumps({"manifest": text, "signature": signer.sign(text.encode())}) + "\n"


def digest(sealed_text: str) -> str:
    return hashlib.sha256(sealed_text.encode()).hexdigest()


def opened(sealed_text: str, public_pem: str) -> tuple[Manifest, bool]:
    """(manifest, whether the holder of that key signed it). OpsError when it is no manifest at all."""
    text, signature = outer(sealed_text)
    try:
        inner = json.loads(text)
        manifest = Manifest(**{**inner, "unstable": tuple(inner["unstable"])})
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(error) from None
    return manifest, verify(public_pem, text.encode(), signature)


def outer(sealed_text: str) -> tuple[str, str]:
    """(the text that was signed, its signature). OpsError when it is no manifest at all."""
    try:
        found = json.loads(sealed_text)
        return str(found["manifest"]), str(found["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> OpsError:
    return OpsError(f"the backup's manifest cannot be read: {error}", "take a new backup of this set")


def expected(manifest: Manifest) -> str:
    """The list that `ops drill verify --expect` reads: `sha256  size  mode  path`, one file a line, sorted.

    Files that changed while they were read or that only grew prove nothing there and are left out.
    """
    lines = []
    for path, entry in sorted(manifest.content.items()) if manifest.kind == "files" else ():
        if entry["kind"] == "file" and not entry.get("grows") and path not in manifest.unstable:
            lines.append(_line(f"{entry['sha256']}  {entry['size']}  {entry['mode']}", path))
    return "".join(lines)


def canary_list(manifest: Manifest) -> str:
    """The list that `ops drill verify --canaries` reads: `sha256  path`."""
    return "".join(_line(digest, path) for path, digest in sorted(manifest.canaries.items()))


def _line(fields: str, path: str) -> str:
    """As sha256sum writes a name: one with a backslash or a line's end is escaped, and the line begins with one."""
    plain = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if plain == path else chr(92)}{fields}  {plain}\n"
