"""What hosts tell while they work on a set (`programs.tell`), as events of the job: how far, and whether it waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ops.progress import Event, Progress, State

_UNITS = ("B", "kB", "MB", "GB", "TB")


def listener(progress: Progress, step: str, on: str) -> Callable[[Any], None]:
    """For `hostpython.heard`. Events that say nothing to people (signs of life, counters) are left out."""

    def hear(told: Any) -> None:
        text = said(told) if isinstance(told, dict) else ""
        if text:
            progress(Event(step, on, State.RUNNING, text))

    return hear


def said(told: Mapping[str, Any]) -> str:
    """One line for people; empty when there is nothing to say."""
    if told.get("unreachable"):
        return f"the vault does not answer ({told['unreachable']}); waiting for it"
    if "percent" not in told:
        return ""
    text = f"{told['percent']} %"
    if told.get("of"):
        text += f" of {size(float(told['of']))}"
    if told.get("left"):
        text += f", about {_span(float(told['left']))} left"
    return text


def size(number: float) -> str:
    """As `1.2 GB`."""
    for unit in _UNITS[:-1]:
        if number < 1000:  # noqa: PLR2004 # SI
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} {_UNITS[-1]}"


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"  # noqa: PLR2004 # below, minutes say little
