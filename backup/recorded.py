"""Drills' records read back: what was signed, or nothing. Whose drill it was stands in the chain, beside the record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backup.signing import verify

_STAMP_LENGTH = 15  # of 20270101T000000, with which a drill's id begins


def key_of(line: Mapping[str, Any]) -> str:
    """The set (or service) that a line of the index is about, by the record's name; empty where it does not tell."""
    stamp, _, rest = str(line.get("file", "")).removesuffix(".json").partition("-")
    return rest.rpartition("-")[0] if len(stamp) == _STAMP_LENGTH else ""


def read(folder: Path, line: Mapping[str, Any], pem: str = "") -> dict[str, Any] | None:
    """The record that a line of the index names; None when it is gone or other bytes than were written (and signed).

    `pem`: the public key that must have signed it; not looked at when empty.
    """
    try:
        content = (folder / str(line["file"])).read_bytes()
    except (OSError, KeyError):
        return None
    if hashlib.sha256(content).hexdigest() != line.get("sha256"):
        return None
    if pem and not verify(pem, content, str(line.get("signature", ""))):
        return None
    try:
        told = json.loads(content)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
