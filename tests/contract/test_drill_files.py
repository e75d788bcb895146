"""A drill of documents with the real tools: proven when good, red and by name for every damage that is planted."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from drill_stage import Stage, needs_root, one

from backup import places
from backup.checks.contract import Found, checks
from backup.drilled import Drill
from backup.hostside import tree
from backup.sources import contract
from backup.verify import of_drill
from ops.inventory.model import BackupSet

pytestmark = needs_root


def test_every_kind_that_can_be_declared_has_a_source() -> None:
    kinds = set(get_args(BackupSet.model_fields["kind"].annotation))
    assert kinds == set(contract.kinds())


def test_files_are_proven(documents: Stage, seen: Drill) -> None:
    assert (seen.failure, documents.differences(seen), seen.proven) == ("", set(), True)
    assert of_drill.judge(seen).fault == "none"
    assert set(seen.checked) == set(checks("files"))
    assert seen.restored
    assert seen.restored.content == tree.manifest(documents.item.set.source), (
        "the second reader sees what the first saw"
    )
    assert list((documents.rig.folder / "d").iterdir()) == []


def append(path: Path) -> None:
    before = path.stat()
    with path.open("ab") as out:
        out.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def silently(path: Path) -> None:
    """Same size, same time, other bytes: what restic's own --verify of a skipped file does not see."""
    before = path.stat()
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def parted(path: Path) -> None:
    """A copy in the place of one of a file's two names."""
    subprocess.run(["cp", "-a", str(path), str(path.with_name("x"))], check=True)
    stamp = path.parent.stat()
    path.with_name("x").replace(path)
    os.utime(path.parent, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


FILE_DAMAGES = {
    "silent change": (lambda d: silently(one(d)), {("file_contents", "differs")}),
    "longer": (lambda d: append(one(d)), {("file_contents", "differs")}),
    "missing": (lambda d: one(d).unlink(), {("file_contents", "missing"), ("file_owners", "differs")}),
    "extra": (lambda d: (d / "READ_ME.txt").write_text("x"), {("file_contents", "extra")}),
    "mode": (lambda d: one(d).chmod(0o666), {("file_owners", "differs")}),
    "access list": (
        lambda d: os.removexattr(d / "satu", "system.posix_acl_access"),
        {("file_owners", "differs")},
    ),
    "a name of its own": (lambda d: parted(d / "satu"), {("file_owners", "differs")}),
    "owner": (lambda d: shutil.chown(one(d), 33, 33), {("file_owners", "differs")}),
}


@pytest.mark.parametrize("damage", FILE_DAMAGES)
def test_planted_damage_to_files_is_seen(documents: Stage, good: Found, damage: str, tmp_path: Path) -> None:
    action, wanted = FILE_DAMAGES[damage]
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", documents.item.set.source, str(copy)], check=True)
    action(copy)
    place = contract.Place(str(tmp_path), str(copy), "Asia/Jakarta")
    seen = contract.source("files").look(documents.rig.restic(), place, good.manifest.content)
    after = dataclasses.replace(good, restored=seen.content)
    named = {(name, one.what) for name, check in checks("files").items() for one in check.differences(after)}
    assert named == wanted


def test_a_drill_of_damaged_files_is_not_proven(documents: Stage) -> None:
    seen = documents.drill(lambda folder: silently(one(folder)))
    assert documents.differences(seen) == {("file_contents", "differs")}
    assert (seen.proven, seen.cleaned) == (False, True)


def test_a_stale_backup_misses_its_rpo_and_a_slow_one_its_rto(documents: Stage) -> None:
    late = documents.drill(rpo=0.001)
    assert documents.differences(late) == {("rpo", "late")}
    slow = documents.drill(rto=0.001)
    assert documents.differences(slow) == {("rto", "late")}


def test_the_ledger_knows_the_key(documents: Stage) -> None:
    (current,) = (key["id"] for key in documents.rig.restic().key_list())
    assert places.key_of(documents.places, documents.item) == current
