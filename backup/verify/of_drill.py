"""The same judgement for a drill of our own: its checks and its end, as one class of fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backup.checks.contract import Difference
from backup.drilled import Drill
from backup.steps import step_of
from backup.trouble import ResticError, Trouble
from backup.verify import compare, verdict
from backup.verify.verdict import Fault, Finding, Verdict
from ops.errors import HostFailedError, OpsError

# What a check's difference means; one that stands here with "" is of that class whatever it says.
_CHECKS: dict[str, dict[str, Fault]] = {
    "manifest": {"": Fault.TAMPER},
    "snapshots": {"": Fault.TAMPER, "missing": Fault.RPO, "flood": Fault.RANSOMWARE, "future": Fault.CLOCK},
    "keys": {"": Fault.TAMPER},
    "size": {"": Fault.INCOMPLETE, "flood": Fault.RANSOMWARE},
    "repository": {str(fault): fault for fault in Fault},
    "ransomware": {str(fault): fault for fault in Fault},
    "locks": {str(fault): fault for fault in Fault},
    "rot": {str(fault): fault for fault in Fault},
    "file_contents": {"missing": Fault.INCOMPLETE, "empty": Fault.INCOMPLETE, "unproven": Fault.INCOMPLETE},
    "database_copy": {"missing": Fault.INCOMPLETE, "broken": Fault.CORRUPTION},
    "rpo": {"late": Fault.RPO, "future": Fault.CLOCK},
    "rto": {"": Fault.RTO},
}
# Where a drill stopped, if restic did not say why.
_STEPS = {
    "ledger": Fault.RPO,
    "choose": Fault.INCOMPLETE,
    "manifest": Fault.TAMPER,
    "quarantine": Fault.SPACE,
    "room": Fault.SPACE,
    "restore": Fault.SPACE,  # its folder could not be made: what restic says has a class of its own
    "look": Fault.INCOMPLETE,
    "attack": Fault.INCOMPLETE,
    "compare": Fault.INCOMPLETE,
    "clean up": Fault.SPACE,
}


def judge(drill: Drill) -> Verdict:
    """The drill's verdict; `proven` is the drill's own. `wait` where somebody's lock lives: it was left alone."""
    findings = [*_stopped(drill), *_differences(drill.checked)]
    return verdict.judge(findings, waiting=drill.waiting, proven=drill.proven)


def of_difference(check: str, one: Difference) -> Fault:
    """A difference in what came back that no list names otherwise is a silent one."""
    known = _CHECKS.get(check, {})
    return known.get(one.what, known.get("", Fault.SILENT))


def _differences(checked: Mapping[str, Sequence[Difference]]) -> Iterator[Finding]:
    for check, found in checked.items():
        for one in found:
            yield Finding(of_difference(check, one), f"{check}: {one.what} {compare.printable(one.name)} {one.detail}")
    files = checked.get("file_contents", ())
    missing, extra = ([one.name for one in files if one.what == what] for what in ("missing", "extra"))
    away = compare.renamed(missing, extra)
    if len(away) >= compare.RENAMED[0]:
        yield Finding(Fault.RANSOMWARE, f"{len(away)} files have a new ending")


def _stopped(drill: Drill) -> Iterator[Finding]:
    if not drill.failure:
        return
    step = step_of(drill.failure)
    yield Finding(_why(drill.error, step), drill.failure)
    for fault, what in drill.left_out:
        yield Finding(Fault(fault), what)


def _why(error: OpsError | None, step: str) -> Fault:
    if isinstance(error, ResticError):
        if step == "restore" and error.trouble is Trouble.TIMED_OUT:
            return Fault.RTO
        return verdict.of_restic(error.trouble)
    if isinstance(error, HostFailedError) and step != "look":
        return Fault.NETWORK
    return _STEPS.get(step, Fault.CORRUPTION)
