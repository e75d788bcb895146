"""The second copy is restored from and proven too, under a name of its own, and read only; the vault's red names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backup_rig import rig
from drill_stage import Stage, needs_root, small_stage

from backup import copies, coverage, drill, evidence, second_copy
from backup.chain import Chain
from backup.places import COPY, Places
from backup.restic import Repository, Secret
from backup.verify import of_drill
from ops.errors import UsageError
from ops.inventory.model import CopyPlan
from ops.progress import silent
from ops.system.process import Local

pytestmark = needs_root


@pytest.fixture
def small() -> Iterator[Stage]:
    with rig() as made:
        stage = small_stage(made)
        copies.copy(Local(), Repository(str(made.repository), Secret()), str(copied(stage)))
        yield stage


def copied(stage: Stage) -> Path:
    return stage.rig.folder / "copy" / "localhost" / stage.item.key


def world(stage: Stage) -> Any:
    plan = CopyPlan.model_construct(server="localhost", folder=str(stage.rig.folder / "copy"))
    recovery = SimpleNamespace(copy_to=plan)
    fleet = SimpleNamespace(on=lambda _name: Local())
    return SimpleNamespace(region=SimpleNamespace(recovery=recovery), loopback=False, fleet=fleet)


def reading(stage: Stage) -> Places:
    return second_copy.reading(stage.places, world(stage))


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_copy_restores_although_the_vault_does_not(small: Stage) -> None:
    for pack in (small.rig.repository / "data").rglob("*"):
        if pack.is_file():
            pack.chmod(0o600)
            pack.write_bytes(bytes(pack.stat().st_size))
    before = content(copied(small))
    vault, second = drill.run(small.places, small.item, silent), drill.run(reading(small), small.item, silent)
    assert not vault.proven
    assert (second.failure, second.differences, second.proven) == ("", 0, True)
    assert content(copied(small)) == before
    fault = str(of_drill.judge(vault).fault)
    red = second_copy.advice(world(small).region, [(small.item.key, fault), ("dinkes.lain", "silent")])
    assert red.endswith("ops drill run --from copy --set dinkes.contoh")
    assert second_copy.advice(world(small).region, [(small.item.key, "silent")]) == ""
    kept = evidence.write(small.places, vault), evidence.write(reading(small), second)
    told = [json.loads(one.record.read_text()) for one in kept]
    assert [one["repository"]["place"] for one in told] == ["vault", "copy"]
    assert [one["type"] for one in told] == ["restore", "copy"]
    assert "salinan kedua" in kept[1].page.read_text()
    greens = coverage.greens(small.places.evidence)
    assert (small.item.key in greens, f"{small.item.key}@{COPY}" in greens) == (False, True), "no green of the vault's"
    assert [line["verdict"] for line in Chain(small.places.evidence / "index.jsonl").read()] == ["not proven", "proven"]


def test_damage_in_the_copy_is_red_there(small: Stage) -> None:
    (copied(small) / "config").unlink()
    seen = drill.run(reading(small), small.item, silent)
    assert of_drill.judge(seen).fault == "repo", seen.failure
    assert drill.run(small.places, small.item, silent).proven


def test_what_was_never_declared_is_told(small: Stage) -> None:
    nowhere = world(small)
    nowhere.region.recovery.copy_to = None
    assert second_copy.advice(nowhere.region, [(small.item.key, "repo")]) == ""
    with pytest.raises(UsageError, match="no second place is declared"):
        second_copy.reading(small.places, nowhere)
