"""Write-ahead steps of one drill: on disk before they begin, so that a killed drill can be resumed or cleaned up."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Step:
    """One step of a drill; `exit` is 0 when it held. `did`: the words it ran, free of secrets."""

    name: str
    begun: float
    ended: float = 0.0
    exit: int | None = None
    did: str = ""
    text: str = ""

    @property
    def seconds(self) -> float:
        return round(self.ended - self.begun, 3)


class Journal:
    """One drill's file, locked while the drill lives. `gone`: another drill has taken away what this one had left."""

    def __init__(self, path: Path, **what: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self.steps: list[Step] = []
        self._file = path.open("a", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        before = _lines(path)
        self.gone = any(line.get("cleaned") for line in before)
        self.resumed = sum("resumed" in line for line in before) + bool(before)
        self._write({"resumed": time.time()} if before else {"drill": path.stem, **what})

    @contextmanager
    def step(self, name: str, did: str = "") -> Iterator[Step]:
        """Record a step before and after; what went wrong inside goes on to the caller."""
        step = Step(name, time.time(), did=did)
        self.steps.append(step)
        self._write({"step": name, "begun": step.begun, "did": did})
        try:
            yield step
            step.exit = step.exit or 0
        except BaseException as error:
            step.exit, step.text = getattr(error, "code", 1) or 1, step.text or str(error)
            raise
        finally:
            step.ended = time.time()
            self._write({"step": name, "ended": step.ended, "exit": step.exit})

    def close(self, cleaned: bool = True) -> None:
        """The drill is over. What was not cleaned up stays `abandoned`, so that the next drill tries again."""
        self._write({"closed": time.time()} if cleaned else {"left": time.time()})
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def abandoned(folder: Path) -> list[dict[str, Any]]:
    """First lines of journals whose drill is no longer alive and was never closed; each with its `path`."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # that drill is running
            lines = _lines(path)
            if lines and not any("closed" in line for line in lines):
                found.append({**lines[0], "path": str(path)})
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every line that was written to its end."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.startswith("{") and line.endswith("}\n")]


def close_abandoned(path: str) -> None:
    """Note that an abandoned drill was cleaned up."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps({"closed": time.time(), "cleaned": True}) + "\n")
