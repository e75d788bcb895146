"""What a person sees: lines, tables and live progress on standard error; results on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any

from ops.progress import Event, State

_MARK = {State.RUNNING: "…", State.OK: "✓", State.CHANGED: "✓", State.FAILED: "✗", State.SKIPPED: "–"}


class Screen:
    """`as_json`: results are one JSON document on standard output; progress stays on standard error."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json, self.quiet = as_json, quiet
        self._one_at_a_time = Lock()

    def say(self, text: str = "") -> None:
        """A line of the result. Nothing in JSON mode."""
        if not self.as_json:
            print(text, flush=True)

    def note(self, text: str) -> None:
        """A line beside the result (standard error)."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def data(self, value: Any) -> None:
        """The result as JSON. Nothing unless JSON was asked for."""
        if self.as_json:
            print(json.dumps(value, indent=2, ensure_ascii=False, default=str), flush=True)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """A table of the result. Nothing in JSON mode."""
        if self.as_json:
            return
        from rich.console import Console  # noqa: PLC0415 # 0.1 s that only tables need
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(*headers, title=title or None, title_justify="left")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        console = Console(width=None if sys.stdout.isatty() else 140)
        console.print(table)

    def progress(self, event: Event) -> None:
        """One event of long work, as a line. Use it as the `progress` of any job."""
        if not self.quiet:
            on = f" [{event.on}]" if event.on else ""
            line = f"{_MARK[event.state]} {event.step}{on} {event.text}".rstrip()
            with self._one_at_a_time:  # hosts are worked on in threads
                sys.stderr.write(line + "\n")
                sys.stderr.flush()
