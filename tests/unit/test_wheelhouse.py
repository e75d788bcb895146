"""Packing the suite for a server without Internet: what is in the archives, and what happens without a registry."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from ops.errors import OpsError, ToolMissingError
from ops.system import bundle, wheelhouse
from ops.system.wheelhouse import Target

ROOT = Path(__file__).parents[2]
LOCK = """\
one==1.0 ; python_full_version < '3.12' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
one==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
two-three==1.5 \\
    --hash=sha256:dd
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, a cache of its own, and no registry in reach."""
    monkeypatch.setenv("OPS_CACHE", str(tmp_path / "cache"))
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    folder = tmp_path / "project"
    folder.mkdir()
    for name in bundle.CODE[:4]:
        (folder / name / "__pycache__").mkdir(parents=True)
        (folder / name / "code.py").write_text("1\n")
        (folder / name / "__pycache__/code.pyc").write_text("junk")
    for name in bundle.CODE[4:]:
        (folder / name).write_text("x\n")
    (folder / "ops/run.sh").write_text("#!/bin/sh\n")
    (folder / "ops/run.sh").chmod(0o755)
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\ndependencies = ["two-three"]\n')
    (folder / "requirements.lock").write_text(LOCK)
    return folder


def cached(project: Path, target: Target = Target()) -> Path:  # noqa: B008 # frozen
    """Wheels as an earlier run left them."""
    key = wheelhouse.key_of(project, target)
    folder = wheelhouse.cache_folder() / f"wheels-{key}"
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text("two-three==1.5 --hash=sha256:dd\n")
    (folder / "two_three-1.5-py3-none-any.whl").write_bytes(b"wheel")
    (folder / "key").write_text(key)
    return folder


def test_the_hashes_are_those_of_the_lock() -> None:
    assert list(wheelhouse.locked(LOCK, ["two-three==1.5", "one==2.0"])) == [
        "two-three==1.5 --hash=sha256:dd",
        "one==2.0 --hash=sha256:cc",
    ]


def test_a_version_that_the_lock_does_not_hold_is_refused() -> None:
    with pytest.raises(OpsError, match=r"one==3\.0 is not in it"):
        list(wheelhouse.locked(LOCK, ["one==3.0"]))


def test_every_entry_of_our_own_lock_is_read() -> None:
    text = (ROOT / "requirements.lock").read_text()
    pinned = [line.partition(";")[0].removesuffix("\\").strip() for line in text.splitlines() if "==" in line[:60]]
    pinned = [name for name in pinned if not name.startswith("-")]
    found = list(wheelhouse.locked(text, pinned))
    assert len(found) == len(pinned) > 40
    assert all("--hash=sha256:" in line and ";" not in line for line in found)


def test_without_a_registry_it_says_what_to_do(project: Path) -> None:
    if not (shutil.which("uv") or Path(sys.executable).with_name("uv").exists()):
        pytest.skip("uv is missing: run `make setup`")
    with pytest.raises(OpsError, match="cannot be fetched") as told:
        bundle.code(Target(), project)
    assert f"wheels-{wheelhouse.key_of(project, Target())}" in told.value.next_step
    assert list(wheelhouse.cache_folder().iterdir()) == [], "nothing half done stays"


def test_without_uv_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="uv"):
        bundle.code(Target(), project)


def test_what_was_fetched_once_is_used_again(project: Path) -> None:
    folder = cached(project)
    packed = bundle.code(Target(), project)
    with tarfile.open(packed.archive) as archive:
        names = archive.getnames()
        assert {entry.uid for entry in archive} == {0}
        assert archive.getmember("ops/run.sh").mode == 0o755
    assert "playbooks/code.py" in names
    assert {f"wheels/{path.name}" for path in folder.iterdir()} <= set(names)
    assert not [name for name in names if "pycache" in name]


def test_an_installed_suite_packs_itself_under_the_same_name_without_a_cache(project: Path) -> None:
    folder = cached(project)
    packed = bundle.code(Target(), project)
    there = project.with_name("installed")
    with tarfile.open(packed.archive) as archive:
        archive.extractall(there, filter="data")
    before = packed.archive.read_bytes()
    packed.archive.unlink()
    shutil.rmtree(folder)
    again = bundle.code(Target(), there)
    assert (again.name, again.archive.read_bytes()) == (packed.name, before)


@pytest.mark.parametrize("changed", ["ops/code.py", "playbooks/code.py", "requirements.lock", "pyproject.toml"])
def test_whatever_changes_gives_another_name(project: Path, changed: str) -> None:
    cached(project)
    before = bundle.code(Target(), project).name
    with (project / changed).open("a") as there:
        there.write("# more\n")
    if changed.endswith((".lock", ".toml")):
        cached(project)
    assert bundle.code(Target(), project).name != before


def test_another_python_needs_other_wheels(project: Path) -> None:
    assert wheelhouse.key_of(project, Target()) != wheelhouse.key_of(project, Target("3.12"))
    assert wheelhouse.key_of(project, Target()) != wheelhouse.key_of(project, Target(machine="aarch64"))


def test_an_inventory_is_packed_as_it_is(project: Path) -> None:
    folder = project / "region"
    (folder / "opd").mkdir(parents=True)
    (folder / "opd/dinkes.yml").write_text("code: dinkes\n")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("hidden")
    first = bundle.inventory(folder)
    with tarfile.open(first.archive) as archive:
        assert archive.getnames() == ["opd/dinkes.yml"]
    digest = hashlib.sha256(first.archive.read_bytes()).hexdigest()
    first.archive.unlink()
    again = bundle.inventory(folder)
    assert (again, hashlib.sha256(again.archive.read_bytes()).hexdigest()) == (first, digest)
    (folder / "opd/dinkes.yml").write_text("code: dinsos\n")
    assert bundle.inventory(folder).name != first.name


def test_old_archives_go(project: Path) -> None:
    cached(project)
    for number in range(6):
        (project / "ops/code.py").write_text(f"{number}\n")
        bundle.code(Target(), project)
    kept = list(wheelhouse.cache_folder().glob("suite-*.tar"))
    assert len(kept) == bundle.KEPT
    assert bundle.code(Target(), project).archive in kept
