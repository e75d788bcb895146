"""Verify one repository that may be anybody's, with production gone: open, choose, check, restore, compare, judge.

Everything that is wrong is told, also where the restore went round it: it succeeded *and* somebody must act.
"""

from __future__ import annotations

import errno
import json
import os
import posixpath
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from backup import manifest as own
from backup import trouble
from backup.restic import AT_LEAST, LONG, QUICK, Restic
from backup.trouble import ResticError, Trouble
from backup.verify import choose, compare, history, locks, opened, target, tree, verdict, wanted
from backup.verify.choose import Choice, Snapshot
from backup.verify.since import Since, literal
from backup.verify.verdict import Fault, Finding, Verdict
from backup.verify.wanted import Entry
from ops.errors import UsageError
from ops.progress import Event, Progress, State
from ops.system import tools

ROOM = 1.02  # free space wanted, as a multiple of what will lie there
TOLD = 5  # of restic's own messages
_DISKS = {  # what a disk says that holds the repository, or the copies made of it
    errno.ENOSPC: Fault.SPACE,
    errno.EDQUOT: Fault.SPACE,
    errno.EIO: Fault.CORRUPTION,
    errno.EUCLEAN: Fault.CORRUPTION,
    errno.ESTALE: Fault.NETWORK,
    errno.ETIMEDOUT: Fault.NETWORK,
}


@dataclass(frozen=True)
class Request:
    """What to verify. `rpo`, `rto` are seconds; `expect` and `canaries` lists of what must come back."""

    repo: str
    password: Path
    host: str
    root: str
    target: Path
    expect: Path | None = None
    canaries: Path | None = None
    rpo: float = 26 * 3600.0
    rto: float = 3600.0


@dataclass
class _Case:
    asked: Request
    target: str
    private: Path
    listed: dict[str, Entry]
    canaries: dict[str, str]
    progress: Progress
    program: str
    begun: float
    findings: list[Finding] = field(default_factory=list)
    waiting: bool = False
    proven: bool = False

    def note(self, fault: Fault, what: str) -> None:
        self.findings.append(Finding(fault, what))

    def tell(self, step: str, text: str = "") -> None:
        self.progress(Event("verify", self.asked.host, State.RUNNING, f"{step} {text}".strip()))


def verify(asked: Request, progress: Progress) -> Verdict:
    """UsageError where the question is wrong, ToolMissingError without a restic; all else is a verdict."""
    begun = time.monotonic()
    asked = replace(asked, root=posixpath.normpath("/" + asked.root.lstrip("/")))
    repository = opened.local(asked.repo)
    real = target.check(asked.target, asked.root, repository)
    listed = wanted.manifest(_read(asked.expect), str(asked.expect), asked.root) if asked.expect else {}
    canaries = wanted.canaries(_read(asked.canaries), str(asked.canaries), asked.root) if asked.canaries else {}
    program = tools.find("restic", AT_LEAST)
    near = _standing(real) if repository is None else None  # where a private copy has room
    with tempfile.TemporaryDirectory(prefix="kominfo-verify-", dir=near) as private:
        case = _Case(asked, str(real), Path(private), listed, canaries, progress, program, begun)
        try:
            _prove(case)
        except ResticError as error:
            case.note(verdict.of_restic(error.trouble), error.what)
        except OSError as error:
            case.note(_disk(case, error), f"{error.filename or 'disk'}: {error.strerror}")
    taken = time.monotonic() - begun
    if taken > asked.rto:
        case.note(Fault.RTO, f"{taken:.1f} s from declared to compared, {asked.rto:.0f} s agreed")
    case.note(Fault.NONE, f"{taken:.1f} s from declared to the verdict")
    return verdict.judge(case.findings, waiting=case.waiting, proven=case.proven)


def _disk(case: _Case, error: OSError) -> Fault:
    """What cannot be read is damage; what cannot be written at the target is no room."""
    place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    at_target = place.startswith(case.target) or case.target.startswith(place or "\0")
    return _DISKS.get(error.errno or 0, Fault.SPACE if at_target else Fault.CORRUPTION)


def _prove(case: _Case) -> None:
    door = _open(case)
    if door is None or door.restic is None:
        return
    every = _snapshots(case, door.restic)
    _own_list(case, door.restic, every)
    choice = _choose(case, every)
    _check(case, door.restic, whole=door.view is None)
    if choice.snapshot and _room(case, choice.snapshot) and _restore(case, door.restic, choice.snapshot):
        _compare(case, door.restic, choice)


def _open(case: _Case) -> opened.Opened | None:
    """The repository, if its key opens it and nobody works on it alone."""
    password = _password(case)
    if not password:
        return None
    door = opened.open_(opened.Door(case.asked.repo, password, case.program, case.private, case.tell))
    case.findings += door.findings
    if door.restic and door.locks:
        held = locks.look(door.restic, door.locks, time.time())
        case.findings += held.findings
        case.waiting = held.waiting
    if case.waiting:
        return None
    opened.mend(door)
    return door


def _password(case: _Case) -> str:
    """As restic reads it: without blanks around it. A CR in it is told even where it does not matter."""
    try:
        content = case.asked.password.read_bytes()
    except OSError as error:
        case.note(Fault.KEY, f"password file: {error.strerror}")
        return ""
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff").strip()
    if not text:
        case.note(Fault.KEY, "the password file is empty")
    if b"\r" in content:
        case.note(
            Fault.KEY, "the password file has a CR (CRLF line ends), which others take for a part of the password"
        )
    return text


def _snapshots(case: _Case, restic: Restic) -> list[Snapshot]:
    case.tell("choose")
    done = restic.ask(["snapshots", "--no-lock"], QUICK)
    wrong = trouble.judge(done)
    if wrong and done["code"] != 0:
        raise ResticError(wrong, trouble.reason(done), done["code"])
    if wrong:
        case.note(Fault.CORRUPTION, f"a snapshot cannot be read: {trouble.reason(done)}")
    return [choose.snapshot(one) for one in json.loads(done["out"] or "[]")]


def _choose(case: _Case, every: list[Snapshot]) -> Choice:
    asked = case.asked
    wish = choose.Wish(asked.host, asked.root, time.time(), asked.rpo)
    if case.listed:
        wish = replace(wish, files=len(case.listed), bytes=wanted.total(case.listed))
    choice = choose.choose([one for one in every if own.TAG not in one.tags], wish)
    case.findings += choice.findings
    if one := choice.snapshot:
        case.note(Fault.NONE, f"snapshot {one.id} of {one.host}, {wish.now - one.at:.0f} s old, {one.bytes} bytes")
    return choice


def _own_list(case: _Case, restic: Restic, every: list[Snapshot]) -> None:
    """The manifest that this suite's own backup left, where no list was given."""
    made = [one for one in every if own.TAG in one.tags and one.host == case.asked.host and one.at <= time.time()]
    if case.listed or not made:
        return
    newest = max(made, key=lambda one: one.at)
    try:
        told = json.loads(json.loads(restic.dump(newest.id, own.FILE))["manifest"])
    except (ValueError, KeyError, TypeError, ResticError) as error:
        case.note(Fault.CORRUPTION, f"the backup's own manifest cannot be read: {error}")
        return
    entries = history.own_manifest(told, case.asked.root)
    case.listed = {path: Entry(one["sha256"], one["size"], int(one["mode"], 8)) for path, one in entries.items()}
    if case.listed:
        case.note(Fault.NONE, f"compared with the backup's own manifest {newest.id[:8]} (signature: `ops drill run`)")


def _check(case: _Case, restic: Restic, *, whole: bool) -> None:
    """Every snapshot's trees and packs are there; of a store that we cannot read ourselves, their bytes too."""
    case.tell("check")
    done = restic.ask(["check", "--no-lock", *(["--read-data"] if whole else [])], LONG)
    if done["code"] == 0:
        return
    said = [text for one in trouble.objects(done["err"] + "\n" + done["out"]) if (text := _message(one))]
    wrong = trouble.judge(done) or Trouble.DAMAGED
    for text in (said or [trouble.reason(done)])[:TOLD]:
        case.note(verdict.of_restic(wrong), f"restic check: {text}")


def _message(one: Mapping[str, object]) -> str:
    error = one.get("error")
    text = error.get("message", "") if isinstance(error, dict) else one.get("message", "")
    return " ".join(str(text).split())[:300]


def _room(case: _Case, chosen: Snapshot) -> bool:
    """Whether the target's disk holds it; restic would leave wrong bytes under right names."""
    need = wanted.total(case.listed) or (chosen.bytes if case.asked.root in chosen.paths else 0)
    free, names = target.room(Path(case.target))
    if need * ROOM > free or 0 <= names < len(case.listed):
        case.note(Fault.SPACE, f"{case.target}: {need} bytes are needed, {free} are free")
        return False
    return True


def _restore(case: _Case, restic: Restic, chosen: Snapshot) -> bool:
    """Restore by id into the target. After a failure nothing is left there: right names may hold wrong bytes."""
    root = "/" + case.asked.root.strip("/")
    case.tell("restore", f"{chosen.id[:8]}:{root}")
    Path(case.target).mkdir(parents=True, exist_ok=True, mode=0o700)
    extra = [] if case.listed else ["--verify"]
    limit = max(600.0, 4 * case.asked.rto)
    words = ["restore", "--no-lock", "--target", case.target, *extra]
    done = restic.ask([*words, f"{chosen.id}:{root}"], limit)
    if "not a directory" in done["err"]:
        above, _, name = root.rpartition("/")
        done = restic.ask([*words, f"{chosen.id}:{above or '/'}", "--include", literal(name)], limit)
        if len(case.listed) == 1:
            case.listed = dict(zip([name], case.listed.values(), strict=True))
    if done["code"] == 0 and not trouble.errors(done):
        return True
    case.note(*_failed(done, root))
    _empty(case.target)
    return False


def _failed(done: Mapping[str, object], root: str) -> tuple[Fault, str]:
    said = f"{trouble.reason(done)}; {'; '.join(trouble.errors(done)[:TOLD])}"
    if "no space left" in str(done["err"]).lower() or "disk quota exceeded" in str(done["err"]).lower():
        return Fault.SPACE, f"restore: {said}"
    if f"path {root.strip('/')}: not found" in str(done["err"]):
        return Fault.INCOMPLETE, f"{root} is not in the snapshot"
    wrong = trouble.judge(done) or Trouble.DAMAGED
    return (Fault.RTO if wrong is Trouble.TIMED_OUT else verdict.of_restic(wrong)), f"restore: {said}"


def _compare(case: _Case, restic: Restic, choice: Choice) -> None:
    case.tell("compare", "every file")
    assert choice.snapshot  # noqa: S101 # it was restored
    seen = tree.look(case.target)
    root = "/" + case.asked.root.strip("/")
    since = Since(restic, case.target, case.private, root, choice.snapshot, choice.before)
    files = {path: one for path, one in seen.items() if not one.link}
    case.note(Fault.NONE, f"{len(files)} files, {sum(one.size for one in files.values())} bytes restored and hashed")
    if case.listed:
        found = _aged(case, compare.judge(case.listed, seen, case.target, since.newest))
        case.findings += found or [Finding(Fault.NONE, f"all {len(case.listed)} files of the list are as they must be")]
    case.findings += compare.canaries(case.canaries, seen, case.target) if case.canaries else []
    case.findings += history.dumps(files, case.target)
    case.findings += [] if case.listed else history.hollow(files, alone=not choice.before)
    if choice.before and not (case.listed and history.settled(choice.snapshot, choice.before)):
        case.findings += since.judge(files, listed=bool(case.listed))
    case.proven = True


def _aged(case: _Case, found: list[Finding]) -> list[Finding]:
    """A snapshot older than agreed is no longer what the list of today says: that is its age, and told as such."""
    if all(one.fault is not Fault.RPO for one in case.findings):
        return found
    by_age = {Fault.INCOMPLETE, Fault.SILENT}
    return [Finding(Fault.RPO, f"in that old snapshot: {one.what}") if one.fault in by_age else one for one in found]


def _empty(folder: str) -> None:
    with os.scandir(folder) as inside:
        for one in inside:
            if one.is_dir(follow_symlinks=False):
                if one.name != "lost+found":
                    shutil.rmtree(one.path)
            else:
                os.unlink(one.path)  # noqa: PTH108 # any name


def _standing(folder: Path) -> Path:
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    return path.read_bytes()
