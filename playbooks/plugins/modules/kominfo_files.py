#!/usr/bin/python
"""Several files as one change: all written, checked and taken into service, or all as before."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kominfo_files
short_description: Write several files as one change
description:
  - Writes files atomically (beside, flushed, renamed), removes others, then runs O(validate) and O(reload).
  - When a command fails, everything is put back as it was and the command's last line is the message; services that
    had been told of the new files are told again.
  - A reload that was due but never came (power cut, killed run) is noted, with the files that wait for it, below
    /run/kominfo-pending and made up for by the next run that has the same first directory (or else file) and O(reload).
options:
  directories:
    type: list
    elements: dict
    default: []
    description: "path, mode, owner, group, keep (one that is there is left alone)"
  links: {type: list, elements: dict, default: [], description: "symbolic links: path, target"}
  files:
    type: list
    elements: dict
    default: []
    description: >-
      path, content, mode, owner, group, check (a command; %s is the new file), reload (as below, its own).
      Instead of content: der_of, a PEM certificate of this host; the file is its DER, or left while there is none.
  absent: {type: list, elements: path, default: [], description: files to remove}
  validate: {type: list, elements: list, default: [], description: commands that must succeed with the new files}
  reload: {type: list, elements: list, default: [], description: commands that take the new files into service}
  secrets: {type: list, elements: str, default: [], description: values that no output may show}
author: [kominfo-ops]
"""
EXAMPLES = """
- kominfo_files:
    files: [{path: /etc/nginx/conf.d/a.conf, content: "…"}]
    validate: [[nginx, -t]]
    reload: [[systemctl, try-reload-or-restart, nginx.service]]
"""
RETURN = """
paths: {type: list, returned: always, description: what was or would be changed}
reloaded: {type: bool, returned: always, description: whether O(reload) ran}
"""

NEW = ".kominfo-new-"  # how a file that is not yet in place is called
PENDING = Path(os.environ.get("KOMINFO_PENDING", "/run/kominfo-pending"))


class StepError(Exception):
    """A command refused."""


class Kept:
    """One path as it was before: content, mode and owner, or nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: bytes | None = None
        with contextlib.suppress(FileNotFoundError):
            self.content = path.read_bytes()
            self.stat = path.stat()

    def differs(self, content: bytes, mode: int, uid: int, gid: int) -> bool:
        return self.content != content or (self.stat.st_mode & 0o7777, self.stat.st_uid, self.stat.st_gid) != (
            mode,
            uid,
            gid,
        )

    def put_back(self) -> None:
        now = Kept(self.path)
        if self.content == now.content and (self.content is None or self.stat == now.stat):
            return  # never written; on a full disk nothing could be
        if self.content is None:
            self.path.unlink(missing_ok=True)
        else:
            write(self.path, self.content, self.stat.st_mode & 0o7777, self.stat.st_uid, self.stat.st_gid)


def write(path: Path, content: bytes, mode: int, uid: int, gid: int, check: list[str] | None = None) -> None:
    """Replace `path` in one step; nobody ever sees half a file or a secret with the wrong mode."""
    handle, fresh = tempfile.mkstemp(prefix=NEW, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            os.fchown(out.fileno(), uid, gid)
            os.fchmod(out.fileno(), mode)
            out.flush()
            os.fsync(out.fileno())
        if check:
            command([word.replace("%s", fresh) for word in check])
        os.replace(fresh, path)  # noqa: PTH105 # the name is a str here
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)  # noqa: PTH108
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def command(argv: list[str]) -> None:
    """Run it; StepError with the last line it said when it refuses."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=60, check=False)
    except FileNotFoundError:
        raise StepError(f"{argv[0]}: not installed") from None
    except subprocess.TimeoutExpired:
        raise StepError(f"{' '.join(argv)}: no answer within 60 s") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        told = next((line for line in said if "error" in line.lower() or "emerg" in line), said[-1])
        raise StepError(f"{' '.join(argv[:3])}: {told.strip()}")


def owner_of(item: dict[str, Any]) -> tuple[int, int]:
    """uid and gid; KeyError when the host has no such user or group."""
    return pwd.getpwnam(item.get("owner") or "root").pw_uid, grp.getgrnam(item.get("group") or "root").gr_gid


def mode_of(item: dict[str, Any], usual: str) -> int:
    return int(str(item.get("mode") or usual), 8)


def content_of(item: dict[str, Any]) -> bytes | None:
    """The bytes to write; None for the DER of a certificate that is not there (yet)."""
    if not item.get("der_of"):
        return str(item["content"]).encode()
    try:
        return ssl.PEM_cert_to_DER_cert(Path(item["der_of"]).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StepError(f"{item['der_of']}: no certificate in PEM: {error}") from None


class Run:
    """One invocation. `changed`: the paths; `kept`: how they were."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.kept: list[Kept] = []
        self.changed: list[str] = []
        self.diff: list[dict[str, str]] = []
        self.owed: list[list[str]] = []  # reloads that have to come
        self.waiting: list[str] = []  # the paths that wait for them
        self.serving = False  # whether the first reload was begun
        paths = sorted(item["path"] for item in self.params["files"])
        place = ([item["path"] for item in self.params["directories"]] or paths)[:1]
        self.mark = PENDING / hashlib.sha256(repr((place, self.params["reload"])).encode()).hexdigest()[:16]

    def go(self) -> None:
        due = self.mark.exists()
        if due:
            noted = json.loads(self.mark.read_text(encoding="utf-8"))
            self.owed, self.waiting = noted["reload"], noted["paths"]
        before = list(self.owed), list(self.waiting)
        try:
            self.directories()
            self.links()
            self.files()
            self.removals()
            if (self.changed or due) and not self.module.check_mode:
                self.serve()
        except (StepError, OSError, KeyError) as error:
            text = f"no such user or group: {error}" if isinstance(error, KeyError) else str(error)
            lost = self.back(*before)
            text += f"; and could not be put back: {', '.join(lost)}" if lost else ""
            self.module.fail_json(msg=text, rolled_back=[str(kept.path) for kept in self.kept])
        extra = {"diff": self.diff} if self.module._diff else {}  # noqa: SLF001 # there is no public name
        self.module.exit_json(changed=bool(self.changed or due), paths=self.changed, reloaded=due, **extra)

    def back(self, owed: list[list[str]], waiting: list[str]) -> list[str]:
        """Everything as before, also in services that had begun to take the new files up; what could not be."""
        lost = []
        for kept in reversed(self.kept):
            try:
                kept.put_back()
            except OSError as error:
                lost.append(f"{kept.path}: {error.strerror}")
        for argv in self.owed if self.serving else []:
            with contextlib.suppress(StepError, OSError):
                command(argv)
        if not lost:
            self.owe(owed, waiting)
        return lost

    def directories(self) -> None:
        for item in self.params["directories"]:
            path, mode = Path(item["path"]), mode_of(item, "0755")
            if path.is_dir() and item.get("keep"):
                continue
            if path.is_dir() and self.account_exists(item):
                stat = path.stat()
                if (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (mode, *owner_of(item)):
                    continue
            self.changed.append(str(path))
            if not self.module.check_mode:
                path.mkdir(parents=True, exist_ok=True)
                os.chown(path, *owner_of(item))
                path.chmod(mode)

    def links(self) -> None:
        for item in self.params["links"]:
            path = Path(item["path"])
            if path.is_symlink() and str(path.readlink()) == item["target"]:
                continue
            self.changed.append(str(path))
            if not self.module.check_mode:
                fresh = path.with_name(f"{NEW}{path.name}")
                fresh.unlink(missing_ok=True)
                fresh.symlink_to(item["target"])
                fresh.replace(path)

    def account_exists(self, item: dict[str, Any]) -> bool:
        try:
            owner_of(item)
        except KeyError:
            return False
        return True

    def files(self) -> None:
        for item in self.params["files"]:
            path, content, mode = Path(item["path"]), content_of(item), mode_of(item, "0644")
            if content is None:
                continue
            kept = Kept(path)
            if self.module.check_mode and not self.account_exists(item):
                self.note(kept, content)  # a run for real would have made the account by now
                continue
            uid, gid = owner_of(item)
            if kept.content is not None and not kept.differs(content, mode, uid, gid):
                continue
            self.note(kept, content)
            if not self.module.check_mode:
                self.begin(kept, item.get("reload") or [])
                write(path, content, mode, uid, gid, item.get("check"))

    def removals(self) -> None:
        for name in self.params["absent"]:
            kept = Kept(Path(name))
            if kept.content is None:
                continue
            self.note(kept, b"")
            if not self.module.check_mode:
                self.begin(kept, [])
                kept.path.unlink()
                sync(kept.path.parent)

    def note(self, kept: Kept, content: bytes) -> None:
        self.changed.append(str(kept.path))
        before = (kept.content or b"").decode(errors="replace")
        header = {"before_header": str(kept.path), "after_header": str(kept.path)}
        self.diff.append({**header, "before": before, "after": content.decode(errors="replace")})

    def begin(self, kept: Kept, reload: list[list[str]]) -> None:
        """From here on a reload is due, and the old content is wanted back if anything fails."""
        kept.path.parent.mkdir(parents=True, exist_ok=True)
        for stray in kept.path.parent.glob(f"{NEW}*"):
            stray.unlink(missing_ok=True)
        owed = self.owed + [argv for argv in [*reload, *self.params["reload"]] if argv not in self.owed]
        self.owe(owed, sorted({*self.waiting, str(kept.path)}))
        self.kept.append(kept)

    def owe(self, reloads: list[list[str]], waiting: list[str]) -> None:
        """Note on disk which reloads have to come, so that the next run makes up for a run that dies."""
        if reloads:
            PENDING.mkdir(exist_ok=True)
            fresh = self.mark.with_suffix(".new")
            fresh.write_text(json.dumps({"reload": reloads, "paths": waiting}), encoding="utf-8")
            fresh.replace(self.mark)
        else:
            self.mark.unlink(missing_ok=True)
        self.owed, self.waiting = reloads, waiting

    def serve(self) -> None:
        for argv in self.params["validate"]:
            command([str(word) for word in argv])
        self.serving = True
        for argv in self.owed:
            command([str(word) for word in argv])
        self.owe([], [])


def main() -> None:
    several = {"type": "list", "default": []}
    module = AnsibleModule(
        argument_spec={
            "directories": {**several, "elements": "dict"},
            "links": {**several, "elements": "dict"},
            "files": {**several, "elements": "dict"},
            "absent": {**several, "elements": "path"},
            "validate": {**several, "elements": "list"},
            "reload": {**several, "elements": "list"},
            "secrets": {**several, "elements": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    Run(module).go()


if __name__ == "__main__":
    main()
