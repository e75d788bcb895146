"""Words of the engine as people read them: states, kinds of jobs, acts of the audit chain. All marked texts."""

from __future__ import annotations

from collections.abc import Mapping

from ops.texts import Words, mark
from ops.web.page import Role

STATES: Mapping[str, str] = {
    "held": mark("needs a second person"), "waiting": mark("waits"), "running": mark("runs"), "done": mark("done"),
    "failed": mark("failed"), "cancelled": mark("cancelled"), "refused": mark("refused"),
}  # fmt: skip
SUBJECTS: Mapping[str, str] = {
    "ok": mark("good"), "changed": mark("changed"), "failed": mark("failed"), "": mark("not told"),
    "skipped": mark("left out"), "running": mark("runs"),
}  # fmt: skip
JOBS: Mapping[str, str] = {
    "apply": mark("Apply a plan"), "backup": mark("Backup"), "call-test": mark("Test call"),
    "config-backup": mark("Keep router configurations"), "demo": mark("Demonstration"), "drift": mark("Look for drift"),
    "drift-repair": mark("Repair drift"), "drill": mark("Restore drill"), "provision": mark("Build servers"),
    "report": mark("Report"), "retention": mark("Thin out old backups"), "prune": mark("Remove old backups"),
    "drill-failover": mark("Failover drill"), "drill-service": mark("Service drill"),
    "backup-collect": mark("Collect backup state"),
    "drill-inject": mark("Drill with planted damage"),
    "copy": mark("Copy backups to a second place"),
    "rot-scan": mark("Look for decay in backups"),
    "voip-check": mark("Check the telephone exchange"),
    "voip-restart": mark("Restart the telephone exchange"),
    "throughput": mark("Measure throughput"),
    "status-page": mark("Public status page"),
    "router-settings": mark("Apply router settings"),
    "silence": mark("Silence alerts"),
    "voip-rotate": mark("Change telephone passwords"),
    "call-records": mark("Collect call records"),
}  # fmt: skip
ROLES: Mapping[Role, tuple[str, str]] = {
    Role.OPD: (mark("OPD"), mark("sees the own office only")),
    Role.OPERATOR: (mark("Operator"), mark("asks for jobs, cancels, retries")),
    Role.APPROVER: (mark("Approver"), mark("agrees as the second person")),
    Role.AUDITOR: (mark("Auditor"), mark("reads everything, changes nothing")),
    Role.ADMIN: (mark("Admin"), mark("accounts and devices")),
}
ACTIONS: Mapping[str, str] = {"add": mark("add"), "change": mark("change"), "delete": mark("delete")}
ACTS: Mapping[str, str] = {
    "asked": mark("asked for a job"), "started": mark("job started"), "resumed": mark("job resumed"),
    "done": mark("job done"), "failed": mark("job failed"), "cancelled": mark("job cancelled"),
    "failed, will be tried again": mark("job failed, will be tried again"), "process died": mark("job's process died"),
    "asked to cancel": mark("asked to cancel"), "postponed": mark("job postponed"), "approved": mark("approved a job"),
    "refused": mark("refused a job"), "forgot": mark("forgot what is old"), "logged in": mark("logged in"),
    "logged out": mark("logged out"), "login failed": mark("login failed"), "web user added": mark("user added"),
    "web user changed": mark("user changed"), "web user reset": mark("user reset"),
    "web password changed": mark("password changed"), "web second factor set up": mark("second factor set up"),
    "web device added": mark("wall device added"), "web device removed": mark("wall device taken back"),
    "history exported": mark("history exported"), "ticks skipped": mark("times of the calendar skipped"),
    "could not be asked for": mark("could not be asked for"),
}  # fmt: skip


def job(kind: str) -> str:
    """The name of a kind of job, to be translated; of one that is new, its kind."""
    return JOBS.get(kind, kind)


def job_name(words: Words, kind: str) -> str:
    """The name of a kind of job in a language; of one that is new, its kind."""
    return words.text(JOBS[kind]) if kind in JOBS else kind


def act(words: Words, act: str) -> str:
    """An act of the audit chain in words; one that is new as it stands."""
    return words.text(ACTS[act]) if act in ACTS else act
