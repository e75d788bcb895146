"""Checkpoints: a step that has ended is never done again, its output is given back. Large ones live in files."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ops.errors import OpsError, UsageError
from ops.runs.model import Run
from ops.runs.queue import fence
from ops.system.database import Database, Row

MOST_BYTES = 64 * 1024  # of an output that stands in the database itself
_DIGEST, _BYTES = "artefact", "bytes"
_COPIED = ("name", "number", "begun", "started", "ended", "output")


class Steps:
    """The steps of all runs. `artefacts`: folder of outputs that are too large for the database, by SHA-256."""

    def __init__(self, database: Database, artefacts: Path) -> None:
        self._database, self._artefacts = database, artefacts

    def begin(self, run: Run, name: str) -> tuple[bool, Any]:
        """(True, output) when the step has ended before; else it is noted as begun. FencedError when not ours."""
        with self._database.write() as tx:
            fence(tx, run.id, run.token)
            row = tx.one("SELECT ended, output FROM step WHERE run = ? AND name = ?", run.id, name)
            if row and row["ended"] is not None:
                return True, self._whole(row["output"])
            if row:
                tx.do(
                    "UPDATE step SET begun = begun + 1, started = ? WHERE run = ? AND name = ?", tx.now(), run.id, name
                )
                return False, None
            number = int((tx.one("SELECT count(*) AS n FROM step WHERE run = ?", run.id) or {"n": 0})["n"]) + 1
            tx.do(
                "INSERT INTO step (run, name, number, begun, started) VALUES (?, ?, ?, 1, ?)",
                run.id, name, number, tx.now(),
            )  # fmt: skip
            return False, None

    def end(self, run: Run, name: str, output: Any) -> None:
        """Keep the output of a step that has just ended. FencedError when the run is not ours any more."""
        text = self._kept(output)
        with self._database.write() as tx:
            fence(tx, run.id, run.token)
            tx.do("UPDATE step SET ended = ?, output = ? WHERE run = ? AND name = ?", tx.now(), text, run.id, name)

    def of(self, run: str) -> list[Row]:
        """Steps of a run in the order in which they were first begun."""
        with self._database.read() as tx:
            return tx.all("SELECT * FROM step WHERE run = ? ORDER BY number", run)

    def inherit(self, old: str, fresh: str, before: str | None) -> int:
        """Give a new run the outputs of an old one's ended steps, those before the step `before`; how many."""
        steps = self.of(old)
        names = [row["name"] for row in steps]
        if before is not None and before not in names:
            raise UsageError(f"run {old} has no step {before!r}", f"its steps: {', '.join(names) or 'none'}")
        limit = names.index(before) if before is not None else len(names)
        kept = [row for row in steps[:limit] if row["ended"] is not None]
        with self._database.write() as tx:
            tx.many(
                "INSERT INTO step (run, name, number, begun, started, ended, output) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(fresh, *(row[key] for key in _COPIED)) for row in kept],
            )
        return len(kept)

    def result(self, value: Any) -> Any:
        """A run's result as it may stand in the database: itself, or where its file is."""
        return json.loads(self._kept(value))

    def whole(self, value: Any) -> Any:
        """The result itself, wherever it was kept."""
        return self._whole(json.dumps(value))

    def _kept(self, output: Any) -> str:
        text = json.dumps(output, ensure_ascii=False, default=str)
        body = text.encode(errors="replace")
        if len(body) <= MOST_BYTES and not _is_reference(output):
            return text
        digest = hashlib.sha256(body).hexdigest()
        try:
            self._write(self._artefacts / digest, body)
        except OSError as error:
            raise OpsError(f"{self._artefacts}: {error.strerror}", "is the disk full?") from None
        return json.dumps({_DIGEST: digest, _BYTES: len(body)})

    def _write(self, path: Path, body: bytes) -> None:
        """All of it or nothing, and for good, before the database says that it is there."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, fresh = tempfile.mkstemp(prefix=".", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _whole(self, text: str) -> Any:
        value = json.loads(text)
        if not _is_reference(value):
            return value
        path = self._artefacts / value[_DIGEST]
        try:
            body = path.read_bytes()
        except OSError as error:
            raise OpsError(f"{path}: {error.strerror}", "machines that share work share this folder too") from None
        if hashlib.sha256(body).hexdigest() != value[_DIGEST]:
            raise OpsError(f"{path} is not what the step left", "retry the run from the step that made it")
        return json.loads(body)


def _is_reference(value: Any) -> bool:
    """Whether a value looks like one that stands in a file; a real one of that look is kept in a file itself."""
    return isinstance(value, dict) and set(value) == {_DIGEST, _BYTES}


def append_events(database: Database, run: Run, events: Sequence[tuple[str, str, str, str]]) -> None:
    """Keep what a run told: (step, subject, state, text). Not fenced: what happened, happened."""
    with database.write() as tx:
        now = tx.now()
        tx.many(
            "INSERT INTO event (run, at, step, subject, state, text) VALUES (?, ?, ?, ?, ?, ?)",
            [(run.id, now, *event) for event in events],
        )


def subject_result(database: Database, run: Run, about: Iterable[tuple[str, str, str, str]]) -> None:
    """Keep how it went for offices and hosts: (type, name, state, text)."""
    with database.write() as tx:
        fence(tx, run.id, run.token)
        for kind, name, state, text in about:
            if not tx.do(
                "UPDATE subject SET state = ?, text = ? WHERE run = ? AND type = ? AND name = ?",
                state, text, run.id, kind, name,
            ):  # fmt: skip
                tx.do("INSERT INTO subject VALUES (?, ?, ?, ?, ?)", run.id, kind, name, state, text)


def events_after(database: Database, run: str, after: int = 0) -> list[Row]:
    """What a run told since event number `after`, oldest first."""
    with database.read() as tx:
        return tx.all("SELECT * FROM event WHERE run = ? AND id > ? ORDER BY id LIMIT 1000", run, after)
