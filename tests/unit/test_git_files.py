"""Files with a history: whoever runs it, however many at once, and whatever the last one left when it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.system import git
from ops.system.git import GitFiles

ROOT = Path(__file__).parents[2]
NOBODY = 65534
# What each of several processes does: its own file, five times, and one that all of them share
MANY = """
import sys
from pathlib import Path
from ops.system.git import GitFiles
files = GitFiles(Path(sys.argv[1]), "kominfo-ops", "ops@example")
files.make()
for turn in range(5):
    for name in (f"router{sys.argv[2]}.cfg", "shared.cfg"):
        files.put(name, f"{sys.argv[2]} {turn}\\n", lambda before: name)
"""


def said(_before: str | None) -> str:
    return "what changed"


@pytest.fixture
def files(tmp_path: Path) -> GitFiles:
    made = GitFiles(tmp_path / "configs", "kominfo-ops", "ops@example")
    made.make()
    return made


def asked(files: GitFiles, *words: str, env: Mapping[str, str] | None = None) -> str:
    argv = ["git", "-c", "safe.directory=*", "-C", str(files.folder), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, **(env or {})}).stdout


def test_a_commit_per_change_and_none_without(files: GitFiles) -> None:
    first = files.put("a.cfg", "one\n", said)
    again = files.put("a.cfg", "one\n", said)
    second = files.put("a.cfg", "two\n", said)
    assert (first.before, again.commit, again.before, second.before) == (None, "", "one\n", "one\n")
    assert [commit.id for commit in files.commits("a.cfg")] == [second.commit, first.commit]
    assert files.last("a.cfg") == "two\n"
    assert (
        asked(files, "log", "-1", "--format=%an <%ae>|%cn|%s").strip()
        == "kominfo-ops <ops@example>|kominfo-ops|what changed"
    )
    assert asked(files, "status", "--porcelain") == ""


def test_before_the_first_there_is_nothing(tmp_path: Path) -> None:
    files = GitFiles(tmp_path / "configs", "x", "x@example")
    assert (files.commits("a.cfg"), files.last("a.cfg"), files.seen("a.cfg")) == ([], None, None)
    files.make()
    files.make()
    assert (files.commits("a.cfg"), files.last("a.cfg"), files.seen("a.cfg")) == ([], None, None)


def test_commits_since_a_time(files: GitFiles) -> None:
    files.put("a.cfg", "one\n", said)
    (commit,) = files.commits("a.cfg")
    assert files.commits("a.cfg", commit.at - 10) == [commit]
    assert files.commits("a.cfg", commit.at + 10) == []


def test_an_unchanged_file_was_seen(files: GitFiles) -> None:
    files.put("a.cfg", "one\n", said)
    os.utime(files.folder / "a.cfg", (1, 1))
    files.put("a.cfg", "one\n", said)
    assert (files.seen("a.cfg") or 0) > time.time() - 3600


def test_a_file_that_a_person_edited_is_put_right(files: GitFiles) -> None:
    files.put("a.cfg", "one\n", said)
    (files.folder / "a.cfg").write_text("edited\n", encoding="utf-8")
    assert files.put("a.cfg", "one\n", said).commit == ""
    assert (files.folder / "a.cfg").read_text(encoding="utf-8") == "one\n"


def test_lines_that_look_like_comments_stay_in_the_message(files: GitFiles) -> None:
    kept = files.put("a.cfg", "one\n", lambda _before: "title\n\n-#\n# odd\n")
    assert files.message(kept.commit).strip() == "title\n\n-#\n# odd"


def test_what_another_killed_commit_had_added_stays_out(files: GitFiles) -> None:
    files.put("a.cfg", "one\n", said)
    (files.folder / "b.cfg").write_text("half done\n", encoding="utf-8")
    asked(files, "add", "b.cfg")
    commit = files.put("a.cfg", "two\n", said).commit
    assert asked(files, "show", "--format=", "--name-only", commit).split() == ["a.cfg"]
    assert files.put("b.cfg", "half done\n", said).commit, "what was written but never committed is committed now"


@pytest.mark.parametrize("lock", ["index.lock", "refs/heads/main.lock", "HEAD.lock"])
def test_a_lock_that_a_killed_git_left_is_no_end(files: GitFiles, lock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files.put("a.cfg", "one\n", said)
    monkeypatch.setattr(git, "PATIENCE_SECONDS", 0.3)
    (files.folder / ".git" / lock).touch()
    assert files.put("a.cfg", "two\n", said).commit
    assert not (files.folder / ".git" / lock).exists()


def test_a_lock_that_goes_away_is_waited_for(files: GitFiles) -> None:
    files.put("a.cfg", "one\n", said)
    lock = files.folder / ".git/index.lock"
    lock.touch()
    timer = threading.Timer(0.5, lock.unlink)
    timer.start()
    assert files.put("a.cfg", "two\n", said).commit
    timer.join()


def test_many_processes_at_once(tmp_path: Path) -> None:
    """Four processes, two files each: every change is one commit, none is lost, the repository is whole."""
    folder = tmp_path / "configs"
    argv = [sys.executable, "-c", MANY, str(folder)]
    running = [subprocess.Popen([*argv, str(number)], cwd=ROOT) for number in range(4)]
    assert [one.wait(120) for one in running] == [0] * 4
    files = GitFiles(folder, "kominfo-ops", "ops@example")
    for number in range(4):
        assert len(files.commits(f"router{number}.cfg")) == 5
        assert files.last(f"router{number}.cfg") == f"{number} 4\n"
    assert len(files.commits("shared.cfg")) == 20
    asked(files, "fsck", "--strict")
    assert asked(files, "status", "--porcelain") == ""


def test_a_kill_at_any_moment_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    files = GitFiles(folder, "kominfo-ops", "ops@example")
    for turn in range(8):
        child = subprocess.Popen([sys.executable, "-c", MANY, str(folder), "0"], cwd=ROOT)
        time.sleep(0.15 + turn * 0.02)
        child.kill()
        child.wait(30)
    files.make()
    files.put("last.cfg", "x\n", said)
    asked(files, "fsck", "--strict")
    assert files.last("last.cfg") == "x\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give the folder away")
def test_a_folder_of_another_user_is_worked_on(files: GitFiles) -> None:
    files.put("a.cfg", "one\n", said)
    for path in (files.folder, *files.folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    assert files.put("a.cfg", "two\n", said).commit
    assert len(files.commits("a.cfg")) == 2


def test_settings_of_the_user_and_of_a_git_around_us_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As inside a git hook, with a user who signs everything and a hook that refuses."""
    other = tmp_path / "other.git"
    subprocess.run(["git", "init", "-q", "--bare", str(other)], check=True)
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[user]\n\tname = Somebody\n", encoding="utf-8")
    for name, value in {
        "HOME": str(tmp_path),
        "GIT_DIR": str(other),
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_AUTHOR_NAME": "Somebody",
    }.items():
        monkeypatch.setenv(name, value)
    files = GitFiles(tmp_path / "configs", "kominfo-ops", "ops@example")
    files.make()
    hook = files.folder / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    assert files.put("a.cfg", "one\n", said).commit
    assert not (other / "index").exists()
    env = {"GIT_DIR": str(files.folder / ".git"), "GIT_INDEX_FILE": str(files.folder / ".git/index")}
    assert asked(files, "log", "--format=%an", env=env).strip() == "kominfo-ops"


def test_a_disk_that_refuses_is_an_error_a_person_can_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OpsError, match="Not a directory"):
        GitFiles(tmp_path / "file/configs", "x", "x@example").make()
