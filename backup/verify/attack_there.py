"""On the drill server: which files of a restored tree look encrypted. Standard library only."""

# ruff: noqa: PTH113, PTH118, PTH123 # names on hosts need not be text
from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any

from backup.verify import encrypted

PACKS = 0.9  # of its size: a beginning that packs so well is worth no closer look, unless its name is a packed file's
_FIRST = 1024  # bytes that are packed to see it: a tenth of what counting all bytes costs


def look(*, root: str, paths: Sequence[str]) -> dict[str, Any]:
    """{there: those paths that are regular files, hits: those of them that look encrypted, disguised: of the hits}."""
    there = [path for path in paths if os.path.isfile(os.path.join(root, path))]
    hits = [path for path in there if _looks(os.path.join(root, path))]
    disguised = [path for path in hits if encrypted.disguised(os.path.join(root, path))]
    return {"there": there, "hits": hits, "disguised": disguised}


def _looks(path: str) -> bool:
    """As `encrypted.looks`, which is asked only where packing the beginning leaves a doubt."""
    with open(path, "rb") as source:
        head = source.read(_FIRST)
    if not path.lower().endswith((*encrypted.TEXT, *encrypted.MARKED)) and (
        len(zlib.compress(head, 1)) < PACKS * len(head)
    ):
        return False
    return encrypted.looks(path)
