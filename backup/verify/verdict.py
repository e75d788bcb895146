"""What a verification says: one class of fault, and everything that was seen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backup.trouble import Trouble


class Fault(StrEnum):
    """The classes, in their order of precedence: of several at once the first one names the verdict.

    First what stops everything, then what somebody did, then what broke, then what lacks, then what is late.
    """

    NETWORK = "network"
    REPO = "repo"
    KEY = "key"
    SPACE = "space"
    RANSOMWARE = "ransomware"
    TAMPER = "tamper"
    CORRUPTION = "corruption"
    CLOCK = "clock"
    INCOMPLETE = "incomplete"
    SILENT = "silent"
    LOCK = "lock"
    RPO = "rpo"
    RTO = "rto"
    NONE = "none"


class Colour(StrEnum):
    GREEN = "green"
    RED = "red"
    WAIT = "wait"  # somebody's live exclusive lock, left alone


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen. `NONE`: a fact that belongs to the proof and is no fault."""

    fault: Fault
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    colour: Colour
    fault: Fault
    proof: tuple[Finding, ...]

    @property
    def proven(self) -> bool:
        return self.colour is Colour.GREEN

    def told(self) -> dict[str, Any]:
        """The verdict as plain values."""
        proof = [{"class": str(one.fault), "what": one.what} for one in self.proof]
        return {"verdict": str(self.colour), "class": str(self.fault), "proof": proof}


def judge(findings: Sequence[Finding], *, waiting: bool = False, proven: bool = True) -> Verdict:
    """One verdict of all findings. `waiting`: a live exclusive lock · `proven`: the restore was compared to the end.

    A restore that was never compared is no proof, even if nothing is known against it.
    """
    order = list(Fault)
    named = min((one.fault for one in findings), key=order.index, default=Fault.NONE)
    proof = tuple(sorted(findings, key=lambda one: order.index(one.fault)))
    if waiting:
        return Verdict(Colour.WAIT, Fault.LOCK, proof)
    if named is Fault.NONE and not proven:
        named = Fault.INCOMPLETE
    return Verdict(Colour.GREEN if named is Fault.NONE else Colour.RED, named, proof)


_OF_RESTIC = {
    Trouble.UNREACHABLE: Fault.NETWORK,
    Trouble.TIMED_OUT: Fault.NETWORK,
    Trouble.NO_REPOSITORY: Fault.REPO,
    Trouble.WRONG_KEY: Fault.KEY,
    Trouble.EMPTY_PASSWORD: Fault.KEY,
    Trouble.REFUSED: Fault.KEY,
    Trouble.LOCKED: Fault.LOCK,
    Trouble.NO_SPACE: Fault.SPACE,
    Trouble.READ_ONLY: Fault.SPACE,
    Trouble.NO_SNAPSHOT: Fault.RPO,
    Trouble.JUNK: Fault.TAMPER,
    Trouble.PANIC: Fault.TAMPER,
}


def of_restic(trouble: Trouble) -> Fault:
    """The class of what restic said; what it cannot explain is taken for damage."""
    return _OF_RESTIC.get(trouble, Fault.CORRUPTION)
