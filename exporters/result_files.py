"""What jobs leave in the state folder for the exporter: one JSON object a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def told(path: Path) -> dict[str, Any]:
    """What the file holds; nothing where it is gone, unreadable or no object: one file must not cost all the others."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
