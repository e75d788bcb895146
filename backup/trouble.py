"""What restic's exit codes and sentences mean. Pure; measured with 0.18.0 and 0.19.1 (docs/backup-and-drills.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from ops.errors import OpsError
from ops.system.process import TIMED_OUT

_PANIC, _INCOMPLETE, _NO_REPOSITORY, _LOCKED, _WRONG_KEY = 2, 3, 10, 11, 12


class Trouble(StrEnum):
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed-out"
    NO_REPOSITORY = "no-repository"
    WRONG_KEY = "wrong-key"
    EMPTY_PASSWORD = "empty-password"  # noqa: S105 # a name
    REFUSED = "refused"
    LOCKED = "locked"
    NO_SPACE = "no-space"
    READ_ONLY = "read-only"
    NO_SNAPSHOT = "no-snapshot"
    JUNK = "junk"
    DAMAGED = "damaged"
    PANIC = "panic"
    INCOMPLETE = "incomplete"
    COMMAND_FAILED = "command-failed"
    INTERRUPTED = "interrupted"
    TOO_OLD = "too-old"
    UNKNOWN = "unknown"


_NEXT = {
    Trouble.UNREACHABLE: "is the vault up? look at `systemctl status kominfo-vault` there and at the way to it",
    Trouble.TIMED_OUT: "the vault answers the port but not the request: look at its disk and its log",
    Trouble.NO_REPOSITORY: "the repository is gone or was never made: `ops backup run` makes it on the first run",
    Trouble.WRONG_KEY: "wrong password, or the repository's keys/ folder is lost: restore keys/ from escrow",
    Trouble.EMPTY_PASSWORD: "the set's password file is empty: run `ops apply` again",
    Trouble.REFUSED: "the vault does not know this user or password: run `ops provision` again",
    Trouble.LOCKED: "another restic works on it; a lock older than 30 min of a dead process goes with `restic unlock`",
    Trouble.NO_SPACE: "make room on the vault's (or the target's) disk",
    Trouble.READ_ONLY: "the vault's disk is read-only: look at its kernel log before anything else",
    Trouble.NO_SNAPSHOT: "no such snapshot: was it ever taken, and by this host? see `ops backup list`",
    Trouble.JUNK: "a foreign file lies in the repository (a stolen credential?): look at keys/, index/ and snapshots/",
    Trouble.DAMAGED: "the repository's data is damaged: take the second copy; never prune before it is understood",
    Trouble.PANIC: "restic crashed on a foreign file in the repository: look at index/, snapshots/ and locks/",
    Trouble.INCOMPLETE: "the snapshot is saved but not complete: it is kept and not counted",
    Trouble.COMMAND_FAILED: "the dump command failed; nothing was saved",
    Trouble.INTERRUPTED: "run it again; restic goes on from what it has",
    Trouble.TOO_OLD: "install restic 0.18 or newer (Debian 13 has it)",
    Trouble.UNKNOWN: "",
}
# First match wins: the more special sentence stands first.
_SENTENCES = (
    ("an empty password is not allowed", Trouble.EMPTY_PASSWORD),
    ("unexpected http response (401", Trouble.REFUSED),
    ("unexpected http response (403", Trouble.REFUSED),
    ("401 unauthorized", Trouble.REFUSED),
    ("403 forbidden", Trouble.REFUSED),
    ("context canceled", Trouble.INTERRUPTED),
    ("signal interrupt received", Trouble.INTERRUPTED),
    ("signal terminated received", Trouble.INTERRUPTED),
    ("no space left", Trouble.NO_SPACE),
    ("read-only file system", Trouble.READ_ONLY),
    ("permission denied", Trouble.READ_ONLY),
    ("no snapshot found", Trouble.NO_SNAPSHOT),
    ("no matching id found", Trouble.NO_SNAPSHOT),
    ("slice bounds out of range", Trouble.PANIC),
    ("unmarshal: invalid character", Trouble.JUNK),
    ("wrong password or no key", Trouble.WRONG_KEY),
    ("repository does not exist", Trouble.NO_REPOSITORY),
    ("unable to open repository", Trouble.UNREACHABLE),
    ("repository is already locked", Trouble.LOCKED),
    ("connection refused", Trouble.UNREACHABLE),
    ("no route to host", Trouble.UNREACHABLE),
    ("x509:", Trouble.REFUSED),
    ("loadraw(<key/", Trouble.WRONG_KEY),
    ("loadraw(\\u003ckey/", Trouble.WRONG_KEY),  # the same in JSON, as Go writes it
    ("ciphertext verification failed", Trouble.DAMAGED),
    ("invalid data returned", Trouble.DAMAGED),
    ("not found in index", Trouble.DAMAGED),
    ("does not exist", Trouble.DAMAGED),
    ("failed to load snapshot", Trouble.DAMAGED),
    ("command failed", Trouble.COMMAND_FAILED),
    ("exited with", Trouble.COMMAND_FAILED),
    ("there were", Trouble.DAMAGED),
)
_CODES = {
    _PANIC: Trouble.PANIC,
    _INCOMPLETE: Trouble.INCOMPLETE,
    _NO_REPOSITORY: Trouble.NO_REPOSITORY,
    _LOCKED: Trouble.LOCKED,
    _WRONG_KEY: Trouble.WRONG_KEY,
    TIMED_OUT: Trouble.TIMED_OUT,
    130: Trouble.INTERRUPTED,
    137: Trouble.INTERRUPTED,
}


class ResticError(OpsError):
    """restic did not do what was asked. `trouble` says which way, `exit` is restic's code."""

    def __init__(self, trouble: Trouble, what: str, code: int = 1) -> None:
        super().__init__(what, _NEXT[trouble])
        self.trouble, self.code = trouble, code


def judge(done: Mapping[str, Any]) -> Trouble | None:
    """None when restic's answer may be used. Exit 0 with an unreadable snapshot on standard error is no success."""
    if done.get("unreachable"):
        return Trouble.UNREACHABLE
    said = str(done["err"]).lower()
    if done["code"] == 0:
        return Trouble.DAMAGED if "failed to load snapshot" in said else None
    if done["code"] == _INCOMPLETE and "403" in said and ("not removed" in said or "forget" in said):
        return Trouble.REFUSED  # 0.19 at an append-only door
    if done["code"] in _CODES and done["code"] != _NO_REPOSITORY:
        return _CODES[done["code"]]
    if found := next((trouble for sentence, trouble in _SENTENCES if sentence in said), None):
        return found
    return _CODES.get(done["code"], Trouble.UNKNOWN)


def reason(done: Mapping[str, Any]) -> str:
    """The one sentence worth showing: restic's own fatal message, without Go's stack."""
    if done.get("unreachable"):
        return str(done["unreachable"])
    messages = [found for line in str(done["err"]).splitlines() if (found := _message(line))]
    fatal = [message for message in messages if message.startswith("Fatal:")] or messages
    text = fatal[-1] if fatal else f"exit {done['code']}"
    return text.splitlines()[0].removeprefix("Fatal: ")[:300]


def errors(done: Mapping[str, Any]) -> list[str]:
    """Every error message that restic gave, in order."""
    found = []
    for message in objects(done["err"]):
        if message.get("message_type") == "error":
            where = message.get("item", "")
            found.append(f"{where}: {message.get('error', {}).get('message', '')}".strip(": "))
    return found


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that stands alone on a line; other lines are skipped."""
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value


def _message(line: str) -> str:
    for found in objects(line):
        return str(found.get("message") or found.get("error", {}).get("message", ""))
    return line.strip()
