"""What long work tells while it runs: one small event at a time, to whoever listens (terminal, log, later the web)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    RUNNING = "running"
    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Event:
    """`step`: what is being done · `on`: host or office, "" for the whole · `text`: one line, never a secret."""

    step: str
    on: str
    state: State
    text: str = ""


Progress = Callable[[Event], None]


def silent(_event: Event) -> None:
    """A listener for callers that want none."""
