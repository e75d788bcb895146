"""The whole error tree: one exit code per class, and for each what the person can do next.

README holds the same table; tests/architecture compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class OpsError(Exception):
    """Something a person can mend. `exit_code` is the process's exit code, `next_step` one sentence of help."""

    exit_code = 1
    next_step = ""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step or type(self).next_step


class UsageError(OpsError):
    exit_code = 2
    next_step = "see --help"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a declaration: where, what, and what to do."""

    at: str  # file:line:column, the file relative to where the person stands
    what: str  # begins with the path of the key as the person wrote it
    hint: str = ""

    def __post_init__(self) -> None:
        """Keep to one line of sane length, whatever was found in a file."""
        object.__setattr__(self, "what", one_line(self.what))

    @property
    def rank(self) -> tuple[str, int, int, str]:
        """By file, then line and column as numbers."""
        file, line, column = self.at.rsplit(":", 2)
        return file, int(line), int(column), self.what

    def __str__(self) -> str:
        return f"{self.at} {self.what}" + (f"\n    {self.hint}" if self.hint else "")


def one_line(text: str, most: int = 300) -> str:
    """`text` as it may stand in a line that people read, whatever was found in a file or a file's name."""
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[:most])
    return shown + (" …" if len(text) > most else "")


class InventoryInvalidError(OpsError):
    """The declaration is wrong; nothing was changed. Holds every problem of every file."""

    exit_code = 3
    next_step = "mend the lines above and run `ops check` again; nothing was changed"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda problem: problem.rank)
        super().__init__(f"{len(self.problems)} problem(s) in the inventory")


class ChangesPendingError(OpsError):
    exit_code = 4
    next_step = "run `ops apply` with the plan's checksum"


class RefusedError(OpsError):
    """The gate refused, or the plan is no longer the one that was reviewed."""

    exit_code = 5
    next_step = "run `ops plan` again and review it; `--reason` records why a gate is passed"


class PartlyAppliedError(OpsError):
    exit_code = 6
    next_step = "mend the hosts named above and run `ops plan` again; it holds only what is left"


class DrillFailedError(OpsError):
    exit_code = 7
    next_step = "read the evidence page: it names every difference"


class InterruptedByUserError(OpsError):
    exit_code = 130
    next_step = "what was done stays done; run the same command again to go on"


class ToolMissingError(OpsError):
    """A program or right that this machine lacks; `next_step` is the command that mends it."""


class HostFailedError(OpsError):
    """One host or device could not be reached or refused; others go on."""

    def __init__(self, host: str, what: str, next_step: str = "") -> None:
        super().__init__(f"{host}: {what}", next_step)
        self.host = host
