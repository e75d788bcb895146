"""The drill of the drill: every fault that a copy can bear is seen under its name, and only copies are touched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from backup_rig import restic_program
from repository_stock import HOST, Stock, stock

from backup.verify import copies, inject, plant
from backup.verify.run import Request
from ops.errors import OpsError, RefusedError, UsageError
from ops.progress import silent


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return stock(tmp_path_factory.mktemp("stock"), restic_program())


def asked(base: Stock, copy: Path, **other: object) -> Request:
    known = {"repo": str(copy), "password": base.password, "host": HOST, "root": str(base.root), "target": copy}
    return Request(**{**known, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", plant.PLANTERS)
def test_a_planted_fault_is_seen_under_its_name(base: Stock, tmp_path: Path, fault: str) -> None:
    before = base.stamp()
    found = inject.inject(str(fault), asked(base, tmp_path / "copy"), base.repository, silent)
    assert found["before"]["verdict"] == "green"
    assert found["seen"], found["after"]
    assert base.stamp() == before


def test_only_a_fresh_copy_of_its_own_is_touched(base: Stock, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(base.repository, copy)
    with pytest.raises(RefusedError):
        inject.inject("repo", asked(base, copy), None, silent)
    with pytest.raises(UsageError):
        inject.inject("repo", asked(base, copy), base.repository, silent)
    with pytest.raises(UsageError):
        inject.inject("nonsense", asked(base, copy), None, silent)
    made = tmp_path / "made"
    copies.make(base.repository, made)
    shutil.copyfile(made / copies.MARK, copy / copies.MARK)
    (copy / copies.MARK).write_text(json.dumps({"of": str(copy)}))
    with pytest.raises(RefusedError):
        inject.inject("repo", asked(base, copy), None, silent)
    inject.inject("lock", asked(base, made), None, silent)
    with pytest.raises(RefusedError):
        inject.inject("repo", asked(base, made), None, silent)
    assert (copy / "config").exists()


def test_what_is_not_green_before_proves_nothing(base: Stock, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="rpo"):
        inject.inject("repo", asked(base, tmp_path / "copy", rpo=1.0), base.repository, silent)
    assert (tmp_path / "copy/config").exists()


def test_the_command_line_says_whether_it_was_seen(base: Stock, tmp_path: Path) -> None:
    argv = [str(Path(sys.executable).parent / "ops"), "drill", "inject", "tamper", "--of", str(base.repository)]
    argv += ["--repo", str(tmp_path / "copy"), "--password-file", str(base.password), "--host", HOST]
    argv += ["--root", str(base.root), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["after"]["class"] == "tamper"
