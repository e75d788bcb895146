"""A softphone's file: there until it was fetched once; no password in it, and nothing of it in the address."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import segno

from ops.errors import OpsError
from ops.inventory.load import load
from ops.jobs import softphone
from ops.system.offer import offer
from ops.system.process import Ask, Done
from ops.world import World

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
GROUP = "root"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """dinkes' second telephone is a softphone."""
    made = World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known")
    region = load(INVENTORY)
    dinkes = region.opd("dinkes")
    assert dinkes.phones
    soft = [
        one.model_copy(update={"place": "softphone", "model": None, "mac": None}) if one.number == "20102" else one
        for one in dinkes.phones.extensions
    ]
    opd = dinkes.model_copy(update={"phones": dinkes.phones.model_copy(update={"extensions": tuple(soft)})})
    opds = tuple(opd if one is dinkes else one for one in region.opds)
    made.__dict__["region"] = region.model_copy(update={"opds": opds})
    return made


class Server:
    """Stands where the fleet does; keeps what it was given."""

    name = "dc-web"

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Ask]] = []

    def on(self, name: str) -> Server:
        assert name == "dc-web"
        return self

    def run(self, argv: Any, ask: Ask) -> Done:
        self.asked.append((argv, ask))
        return Done(tuple(argv), 0, "@result true\n", "")


def test_the_address_is_short_new_each_time_and_holds_nothing_of_the_extension(world: World) -> None:
    world.__dict__["fleet"] = Server()
    urls = [softphone.offered(world, "20102", 60).url for _ in range(3)]
    assert len(set(urls)) == 3
    password = world.secrets.get("voip/20102")
    for url in urls:
        assert url.startswith("https://provision.batubarakab.example/once/")
        assert "20102" not in url
        assert password not in url
        assert int(segno.make(url, error="m", micro=False).version) <= 6
    assert world.fleet.asked == []  # type: ignore[attr-defined] # nothing lies there before somebody waits


def test_the_file_goes_over_standard_input_with_the_digest_alone(world: World) -> None:
    server = Server()
    world.__dict__["fleet"] = server
    one = softphone.offered(world, "20102", 60)
    assert one.wait()
    ((argv, ask),) = server.asked
    assert one.url.rpartition("/")[2] not in " ".join(argv)
    assert world.secrets.get("voip/20102") not in (ask.input or "")


def test_only_a_softphone_is_offered(world: World) -> None:
    for number in ("20100", "29999"):
        with pytest.raises(OpsError, match=f"{number} is no softphone"):
            softphone.offered(world, number, 60)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to a group")
def test_a_file_is_gone_once_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "once/token"
    found: list[bool] = []
    lying = threading.Thread(target=lambda: found.append(offer(str(path.parent), "token", "inhalt", 60, GROUP)))
    lying.start()
    end = time.monotonic() + 30
    while not path.exists() or path.stat().st_atime != 0:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text(encoding="utf-8") == "inhalt"
    lying.join(30)
    assert found == [True]
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to a group")
def test_a_file_that_nobody_reads_is_gone_when_its_time_is_over(tmp_path: Path) -> None:
    assert not offer(str(tmp_path / "once"), "token", "inhalt", 0.3, GROUP)
    assert list((tmp_path / "once").iterdir()) == []
