"""New passwords: who gets them, whose old ones may end, and that nobody is left with none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ops.errors import RefusedError, UsageError
from ops.inventory.load import load
from ops.inventory.model import Phone, Region
from ops.jobs import voip_fetched, voip_rotate
from ops.system.process import Ask, Done, run
from ops.system.secrets import Secrets

WHOLE = load(Path(__file__).parents[2] / "inventories/batubara")


def region() -> Region:
    """dinkes with a softphone, and nobody else."""
    opd = WHOLE.opd("dinkes")
    assert opd.phones
    soft = Phone.model_validate({"number": "20150", "name": "Piket", "place": "softphone"})
    phones = opd.phones.model_copy(update={"extensions": (*opd.phones.extensions, soft)})
    return WHOLE.model_copy(update={"opds": (opd.model_copy(update={"phones": phones}),)})


@dataclass
class World:
    """As much of one as a rotation asks for; its web server is a folder and a log."""

    region: Region
    secrets: Secrets

    @property
    def fleet(self) -> World:
        return self

    def on(self, _: str) -> World:
        return self

    def run(self, argv: Sequence[str], ask: Ask) -> Done:
        return run(argv, ask)


@dataclass
class Run:
    world: World
    args: dict[str, Any]
    told: list[str] = field(default_factory=list)

    def progress(self, event: Any) -> None:
        self.told.append(event.on)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(region(), Secrets(tmp_path / "secrets.yml"))
    numbers = voip_rotate.numbers_of(made.region, (), ("20150", "20100", "20101", "20102"))
    made.secrets.put_all({f"voip/{number}": Secrets.made() for number in numbers})
    return made


def test_a_softphone_keeps_its_password_unless_it_is_named() -> None:
    assert "20150" not in voip_rotate.numbers_of(region(), ("dinkes",))
    assert "20100" in voip_rotate.numbers_of(region(), ("dinkes",))
    assert voip_rotate.numbers_of(region(), (), ("20150",)) == ["20150"]
    with pytest.raises(UsageError, match="29999 is no telephone"):
        voip_rotate.numbers_of(region(), (), ("29999",))


def test_a_second_rotation_waits_for_the_end_of_the_first(world: World) -> None:
    """Else who was off meanwhile has neither the old password nor the new one."""
    first = world.secrets.get("voip/20100")
    voip_rotate.renew(world.secrets, ["20100", "20101"], "run-1")
    with pytest.raises(RefusedError, match="20101 the first"):
        voip_rotate.renew(world.secrets, ["20101", "20102"], "run-2")
    assert world.secrets.get("voip/20100.old") == first
    voip_rotate.forget_old(world.secrets, ["20101"], "")
    voip_rotate.renew(world.secrets, ["20101", "20102"], "run-2")
    with pytest.raises(RefusedError, match="1 telephones"):
        voip_rotate.renew(world.secrets, ["20100"], "run-3")


def test_only_who_has_fetched_its_new_file_loses_the_old_password(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {number: name for name, of in voip_fetched.numbers(world.region).items() for number in of}
    log = tmp_path / "fetched.log"
    monkeypatch.setattr(voip_fetched, "FILES", str(tmp_path))
    monkeypatch.setattr(voip_fetched, "LOG", str(log))
    for number in ("20100", "20101", "20102"):
        (tmp_path / files[number]).touch()
        os.utime(tmp_path / files[number], (1000, 1000))
    lines = [("999.5", "200", "20101"), ("1000.5", "200", "20100"), ("1001.0", "404", "20102")]
    log.write_text("".join(f"{at} {status} {tmp_path}/{files[number]}\n" for at, status, number in lines))
    voip_rotate.renew(world.secrets, ["20100", "20101", "20102"], "run-1")
    asked = Run(world, {})
    assert voip_rotate._ready(asked, ["20100", "20101", "20102"]) == ["20100"]  # type: ignore[arg-type]
    assert asked.told == ["20101", "20102"]
    forced = Run(world, {"force": True})
    assert voip_rotate._ready(forced, ["20100", "20101", "20102"]) == ["20100", "20101", "20102"]  # type: ignore[arg-type]
    voip_rotate.forget_old(world.secrets, ["20100"], "")
    assert voip_rotate._ready(forced, ["20100", "20101"]) == ["20101"]  # type: ignore[arg-type]
