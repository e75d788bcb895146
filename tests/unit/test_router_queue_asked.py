"""Whom a plan asks: an office's plan waits for its own routers, not for one that is down elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ops.targets import router_queue
from ops.world import World


def test_a_plan_of_one_office_asks_only_its_own_routers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Path
) -> None:
    asked: list[str] = []

    def each(_world: World, routers: Sequence[str], _work: Any) -> list[Any]:
        asked.extend(routers)
        return []

    monkeypatch.setattr(router_queue, "_each", each)
    world = World("x", root / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known")
    router_queue.TARGET.read(world, [], ("dinkes",))
    assert asked == ["dinkes-rtr1"]
    router_queue.TARGET.read(world, [])
    assert len(asked) == 1 + sum(len(opd.routers) for opd in world.region.opds)
