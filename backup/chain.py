"""Append-only lines whose hashes hang together: a changed, removed or inserted line is seen. JSONL, fsynced.

A line's `hash` is the sha256 of its own canonical JSON without `hash`, which holds the hash of the line before as
`previous`. Cutting off the newest lines leaves no trace in the file itself: `heads.py` says elsewhere where the chain
of evidence ended. A last line without its end was being written when the power went: it never counted, and goes away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops.errors import OpsError

GENESIS = "0" * 64


class Chain:
    """One file of chained lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Add one line; returns it with `seq`, `previous` and `hash`. OpsError if the file was tampered with."""
        return self.append_after(lambda _before: entry)

    def append_after(self, make: Callable[[Sequence[Mapping[str, Any]]], Mapping[str, Any]]) -> dict[str, Any]:
        """Add the line that `make` makes of all before it; nobody else writes meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():
            before = self.read()
            line = {**make(before), "seq": len(before), "previous": before[-1]["hash"] if before else GENESIS}
            line["hash"] = _hash(line)
            whole = self._whole()
            if before and whole != self.path.read_text(encoding="utf-8"):
                fresh = self.path.with_suffix(".new")
                fresh.write_text(whole, encoding="utf-8")
                fresh.replace(self.path)
            with self.path.open("a" if before else "w", encoding="utf-8") as out:
                out.write(canonical(line) + "\n")
                out.flush()
                os.fsync(out.fileno())
        return line

    def last(self) -> str:
        """Hash of the newest line."""
        lines = self.read()
        return str(lines[-1]["hash"]) if lines else GENESIS

    def read(self) -> list[dict[str, Any]]:
        """All lines, oldest first. OpsError names the first line that does not fit."""
        lines: list[dict[str, Any]] = []
        for number, text in enumerate(self._whole().splitlines(), 1):
            line = _decoded(text)
            previous = lines[-1]["hash"] if lines else GENESIS
            if line is None or line.get("previous") != previous or line.get("hash") != _hash(line):
                raise OpsError(
                    f"{self.path}:{number}: the chain is broken here", "somebody changed this file; keep it as evidence"
                )
            lines.append(line)
        return lines

    def _whole(self) -> str:
        """Every line that was written to its end."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        body, end, tail = text.rpartition("\n")
        if not tail:
            return text
        return body + end if _decoded(tail) is None else text + "\n"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def canonical(value: Mapping[str, Any]) -> str:
    """One way to write a value: sorted keys, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _hash(line: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in line.items() if key != "hash"}
    return hashlib.sha256(canonical(kept).encode()).hexdigest()


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
