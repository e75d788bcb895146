"""restic, driven: argument lists in, typed results out. It runs where its Exec runs (this machine or a host)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backup import trouble
from backup.hostside import limits, programs, restic_call
from backup.trouble import ResticError, Trouble
from ops.system import hostpython
from ops.system.process import Ask, Exec

AT_LEAST = (0, 18)
MODULES = (programs, limits, restic_call)
NAMED = 5  # of restic's own errors that a message repeats
QUICK = 60.0  # seconds for calls that only read the repository's lists
LONG = 6 * 3600.0  # seconds for calls that move data; the declared RTO is the caller's own limit


@dataclass(frozen=True)
class Secret:
    """Where a secret is: its value (travels on standard input only), or a root-only file on the host."""

    value: str = field(default="", repr=False)
    file: str = ""
    key: str = ""  # the key inside, when the file is JSON

    def spec(self) -> dict[str, str]:
        if not self.file:
            return {"value": self.value}
        return {"file": self.file, "key": self.key} if self.key else {"file": self.file}


@dataclass(frozen=True)
class Repository:
    """`url` holds no secret. `user` and `user_password` open the rest-server, `password` the repository."""

    url: str
    password: Secret
    user: str = ""
    user_password: Secret = Secret()
    ca: str = ""  # certificate file on the host that restic runs on
    key_hint: str = ""  # id of the registered key: foreign key files are then never tried
    limits: tuple[Mapping[str, Any], ...] = ()  # see `hostside/limits.py`
    timezone: str = "UTC"  # that the hours of `limits` are of

    def spec(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "password": self.password.spec(),
            "user": self.user,
            "user_password": self.user_password.spec(),
            "ca": self.ca,
            "limits": list(self.limits),
            "timezone": self.timezone,
        }


@dataclass(frozen=True, slots=True)
class Saved:
    """What one `restic backup` left. `complete` is False for exit 3: kept, but not to be counted."""

    snapshot: str
    files: int
    bytes: int
    added: int  # bytes that the repository grew by, packed
    seconds: float
    complete: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    id: str
    time: str  # as the source host said: never trust it for the RPO
    host: str
    tags: tuple[str, ...]
    paths: tuple[str, ...]
    bytes: int


class Restic:
    """One repository, seen from one place."""

    def __init__(self, where: Exec, repository: Repository, program: str = "restic") -> None:
        self.where, self.repository, self.program = where, repository, program
        self.mark = ""  # a tag that every backup from now on bears

    def version(self) -> tuple[int, ...]:
        """Of the restic on that host. ResticError(TOO_OLD) below 0.18: its exit codes cannot be told apart."""
        done = self.where.run([self.program, "version"], Ask(timeout=15))
        words = done.out.split()
        if not done.ok or len(words) < 2:  # noqa: PLR2004 # «restic 0.18.0 compiled …»
            raise ResticError(Trouble.TOO_OLD, f"{self.where.name}: restic is missing", done.code)
        found = tuple(int(part) for part in words[1].partition("-")[0].split(".") if part.isdigit())
        if found < AT_LEAST:
            raise ResticError(Trouble.TOO_OLD, f"{self.where.name}: restic is {words[1]}, 0.18 is needed")
        return found

    def ensure(self) -> str:
        """Make the repository if there is none. Returns the id of the key that opens it."""
        done = self._ask(["cat", "config"], QUICK)
        if done["code"] != 0 and trouble.judge(done) is Trouble.NO_REPOSITORY:
            self.must(["init"], QUICK)
        return next((key["id"] for key in self.key_list() if key["current"]), "")

    def unlock(self) -> int:
        """Take away what a killed restic of this host left locked; how many locks there were. Never a living one's."""
        arguments = self.call([], QUICK)
        return int(hostpython.call(self.where, hostpython.Call(MODULES, "unlock", arguments, QUICK + 15)))

    def key_list(self) -> list[dict[str, Any]]:
        """Every key that the repository holds: [{id, current, …}]."""
        done = self.must(["key", "list", "--no-lock"], QUICK)
        return list(json.loads(done["out"] or "[]"))

    def add_key(self, password: Secret, role: str) -> str:
        """Let another password open the repository too; the id of its key. `role` stands in the key as its user."""
        before = {key["id"] for key in self.key_list()}
        call = self.call(["key", "add", "--user", role], QUICK)
        call["repository"]["files"] = {"--new-password-file": password.spec()}
        done = dict(hostpython.call(self.where, hostpython.Call(MODULES, "restic", call, QUICK + 15)))
        if wrong := trouble.judge(done):
            raise self._error(done, wrong)
        added = {key["id"] for key in self.key_list()} - before
        if len(added) != 1:  # somebody else adds keys at this moment
            raise ResticError(Trouble.UNKNOWN, f"{self.where.name}: {len(added)} new keys instead of one", done["code"])
        return str(added.pop())

    def snapshots(self, host: str = "", tag: str = "") -> list[Snapshot]:
        """All snapshots, or those of one host with a tag, oldest first. ResticError(DAMAGED) if any is unreadable."""
        chosen = [*(["--host", host] if host else []), *(["--tag", tag] if tag else [])]
        done = self.must(["snapshots", "--no-lock", *chosen], QUICK)
        return [_snapshot(entry) for entry in json.loads(done["out"] or "[]")]

    def backup_words(self, host: str, tags: Sequence[str]) -> list[str]:
        tags = [*tags, *([self.mark] if self.mark else [])]
        return ["backup", "--host", host, *(word for tag in tags for word in ("--tag", tag))]

    def backup(self, words: Sequence[str], given: str | None = None) -> Saved:
        """Run `backup_words(…)` plus what to back up; `given` is what `--stdin` reads."""
        return self.saved(self._ask(words, LONG, given))

    def saved(self, done: Mapping[str, Any]) -> Saved:
        """The result of a backup, wherever it ran. An incomplete one is returned; anything else wrong raises."""
        wrong = trouble.judge(done)
        if wrong not in (None, Trouble.INCOMPLETE):
            raise self._error(done, wrong)
        found = [one for one in trouble.objects(done["out"]) if one.get("message_type") == "summary"]
        if not found or not found[-1].get("snapshot_id"):
            raise ResticError(wrong or Trouble.UNKNOWN, f"{self.where.name}: restic told no snapshot", done["code"])
        told = found[-1]
        return Saved(
            told["snapshot_id"],
            told.get("total_files_processed", 0),
            told.get("total_bytes_processed", 0),
            told.get("data_added_packed", told.get("data_added", 0)),
            float(done.get("seconds", 0.0)),
            wrong is None,
        )

    def dump(self, snapshot: str, path: str) -> str:
        """The text of one small file of a snapshot."""
        return str(self.must(["dump", "--no-lock", snapshot, path], QUICK)["out"])

    def restore(self, snapshot: str, path: str, target: str, limit: float = LONG) -> dict[str, Any]:
        """Restore a snapshot's `path` into the empty folder `target` (seconds at most `limit`).

        ResticError on any doubt: after one the target may hold wrong bytes under right names and must be thrown away.
        """
        done = self.must(["restore", "--no-lock", f"{snapshot}:{path}", "--target", target], limit)
        if told := trouble.errors(done):
            raise ResticError(Trouble.DAMAGED, f"{self.where.name}: restore: {told[0]}", done["code"])
        summary = [one for one in trouble.objects(done["out"]) if one.get("message_type") == "summary"]
        return {**(summary[-1] if summary else {}), "seconds": done["seconds"]}

    def must(self, words: Sequence[str], timeout: float) -> dict[str, Any]:
        """Run restic; ResticError unless its answer may be used."""
        done = self._ask(words, timeout)
        if wrong := trouble.judge(done):
            raise self._error(done, wrong)
        return done

    def ask(self, words: Sequence[str], timeout: float) -> dict[str, Any]:
        """Run restic; whatever came of it (see `restic_call.restic`), for those who judge it themselves."""
        return self._ask(words, timeout)

    def call(self, words: Sequence[str], timeout: float, given: str | None = None) -> dict[str, Any]:
        """Arguments of `restic_call.restic` for one call."""
        hint = ["--key-hint", self.repository.key_hint] if self.repository.key_hint else []
        return {
            "program": self.program,
            "words": [*hint, *words],
            "repository": self.repository.spec(),
            "timeout": timeout,
            "given": given,
        }

    def _ask(self, words: Sequence[str], timeout: float, given: str | None = None) -> dict[str, Any]:
        arguments = self.call(words, timeout, given)
        done = hostpython.call(self.where, hostpython.Call(MODULES, "restic", arguments, timeout + 15))
        return dict(done)

    def _error(self, done: Mapping[str, Any], wrong: Trouble) -> ResticError:
        named = "; ".join(trouble.errors(done)[:NAMED])
        what = f"{self.where.name}: {wrong}: {trouble.reason(done)}{f' ({named})' if named else ''}"
        return ResticError(wrong, f"{what} [{self.repository.url}]", int(done["code"]))


def _snapshot(entry: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        entry["id"],
        entry["time"],
        entry.get("hostname", ""),
        tuple(entry.get("tags") or ()),
        tuple(entry.get("paths") or ()),
        (entry.get("summary") or {}).get("total_bytes_processed", 0),
    )
