"""Marks of backups that began and were never counted: what they left in the vault is nobody else's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def marks(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of a set's ledger lines. The mark of a counted backup excuses nothing: every client can read it as a tag."""
    counted = {line.get("run") for line in lines if line["event"] == "backup"}
    return [str(line["run"]) for line in lines if line["event"] == "begun" and line["run"] not in counted]
