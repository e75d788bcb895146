"""Text files whose every change is a commit. The only place that knows git.

Processes and threads take turns; one that is killed at any moment leaves a repository that the next one goes on with.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.system.process import Ask, Done, run

BRANCH = "main"
PATIENCE_SECONDS = 10.0  # no git of ours holds a lock for so long: what is older was left by one that was killed
_LOCKED = re.compile(r"\.lock'?: File exists|unable to lock|cannot lock ref", re.IGNORECASE)
_LOCKS = ("index.lock", "HEAD.lock", f"refs/heads/{BRANCH}.lock", "config.lock")
# A command may keep no process of its own running after its end, and nobody's hooks have a say.
_SETTINGS = ("core.hooksPath=/dev/null", "gc.autoDetach=false", "maintenance.autoDetach=false", "core.fsync=committed")


@dataclass(frozen=True)
class Commit:
    """One kept change. `at`: epoch seconds · `what`: the first line of its message."""

    id: str
    at: int
    what: str


@dataclass(frozen=True)
class Kept:
    """`commit` is empty when nothing changed; `before` is what was kept until then, None for a new file."""

    commit: str
    before: str | None


class GitFiles:
    """A folder of files and their history. `author` is who commits, whatever this machine's user configured."""

    def __init__(self, folder: Path, author: str, email: str) -> None:
        self.folder, self._git = folder.absolute(), folder.absolute() / ".git"
        who = {"NAME": author, "EMAIL": email}
        self._env = {
            **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()},
            "GIT_DIR": str(self._git),
            "GIT_INDEX_FILE": str(self._git / "index"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
        }

    def make(self) -> None:
        """Make the repository unless it is there. ToolMissingError without git."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OpsError(f"{self.folder}: {error.strerror}") from None
        with self._turn():
            if not (self._git / "HEAD").is_file():
                self._must("init", "--quiet", "--template=", f"--initial-branch={BRANCH}")

    def put(self, name: str, content: str, message: Callable[[str | None], str]) -> Kept:
        """Keep `content` as file `name`, with a commit unless it is what was kept last.

        `message` makes the commit's message of what was kept before. OpsError when git or the disk refuse.
        """
        with self._turn():
            before = self._last(name)
            self._write(name, content)  # also when it is kept: a person may have edited it, and its time says `seen`
            if before == content:
                return Kept("", before)
            self._must("add", "--", name)
            # `--only`: what another file's killed commit had added already stays out of this one.
            try:
                self._must("commit", "--quiet", "--file=-", "--only", "--", name, text=message(before))
            except OpsError:
                if self._last(name) != content:  # else the git of a killed process came first with the same
                    raise
                return Kept("", before)
            return Kept(self._must("rev-parse", "HEAD").out.strip(), before)

    def last(self, name: str) -> str | None:
        """What was kept last as `name`."""
        return self._last(name) if (self._git / "HEAD").is_file() else None

    def seen(self, name: str) -> float | None:
        """When the file was put last, changed or not, in epoch seconds."""
        try:
            return (self.folder / name).stat().st_mtime
        except FileNotFoundError:
            return None

    def commits(self, name: str, since: float = 0.0) -> list[Commit]:
        """The changes of one file, newest first. `since`: epoch seconds."""
        if not self._has(f"refs/heads/{BRANCH}"):
            return []
        only = [f"--since=@{int(since)}"] if since else []
        words = ["log", "--format=%H%x09%ct%x09%s", *only, BRANCH, "--", name]
        lines = [line.split("\t", 2) for line in self._must(*words).out.splitlines()]
        return [Commit(found, int(at), what) for found, at, what in lines]

    def message(self, commit: str) -> str:
        """The whole message of one commit."""
        return self._must("log", "-1", "--format=%B", commit, "--").out

    def _last(self, name: str) -> str | None:
        there = f"refs/heads/{BRANCH}:{name}"
        return self._must("cat-file", "blob", there).out if self._has(there) else None

    def _has(self, what: str) -> bool:
        return (self._git / "HEAD").is_file() and self._run("rev-parse", "--quiet", "--verify", what).ok

    def _write(self, name: str, content: str) -> None:
        path, fresh = self.folder / name, self.folder / f".{name}.new"
        try:
            if path.exists() and path.read_bytes() == content.encode():
                os.utime(path)
                return
            fresh.write_text(content, encoding="utf-8")
            fresh.replace(path)
        except OSError as error:
            raise OpsError(f"{path}: {error.strerror}") from None

    def _must(self, *words: str, text: str | None = None) -> Done:
        """Run git. Locks that a killed git left are waited for, then taken away: nobody else works here now."""
        end = time.monotonic() + PATIENCE_SECONDS
        done = self._run(*words, text=text)
        while not done.ok and _LOCKED.search(done.err):
            if time.monotonic() > end:
                self._unlock()
                done = self._run(*words, text=text)
                break
            time.sleep(0.1)
            done = self._run(*words, text=text)
        return done.must(f"git {words[0]} in {self.folder}")

    def _run(self, *words: str, text: str | None = None) -> Done:
        # root may work on a twin whose folder belongs to a user: git trusts it because we name it
        settings = [word for one in (*_SETTINGS, f"safe.directory={self.folder}") for word in ("-c", one)]
        return run(["git", "-C", str(self.folder), *settings, *words], Ask(input=text, env=self._env))

    def _unlock(self) -> None:
        for lock in _LOCKS:
            (self._git / lock).unlink(missing_ok=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One at a time; the turn of a process that ends, however it ends, is over."""
        with self.folder.with_name(f"{self.folder.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
