"""What the last nightly scan found wrong in a set's repository, or in its copy: of packs a restore reads only a part.

A header, or a pack that no restored file needs, may be rotten while everything comes back; the scan hashes all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backup.verify.verdict import Fault

_CLASSES = {"rotten": Fault.CORRUPTION, "vanished": Fault.CORRUPTION, "strange": Fault.TAMPER}


def faults(state: Path, key: str, place: str) -> list[tuple[str, str]]:
    """[(class, what)] by the file that job `rot-scan` left; nothing where it never ran, or found all as it was."""
    try:
        told = json.loads((state / "rot" / f"{key}@{place}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError as error:
        return [(str(Fault.TAMPER), f"the last scan's result cannot be read: {error}")]
    return [(str(fault), _text(told, word)) for word, fault in _CLASSES.items() if told.get(word)]


def _text(told: Mapping[str, Any], word: str) -> str:
    named = ", ".join(str(name)[:17] for name in told.get("named", ())[:3])
    return f"the nightly scan found {told[word]} {word} files: {named}"
