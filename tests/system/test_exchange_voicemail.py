"""A message is left on a real Asterisk where an extension wants it, and heard from that extension alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from throwaway_asterisk import Exchange, complaints, desk, exchange, phone

from ops.catalogue.exchange_check import judge
from ops.catalogue.exchange_rules import rules
from ops.derive import pbx
from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.inventory.model import Region

pytestmark = pytest.mark.system
INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
PATIENCE = 40.0


@pytest.fixture(scope="module")
def region() -> Region:
    """The head of dinkes has a mailbox, and an awkward name."""
    made = load(INVENTORY)
    dinkes = made.opd("dinkes")
    assert dinkes.phones
    changed = {"voicemail": True, "name": 'Kepala, "R&D"; [x]'}
    every = tuple(one.model_copy(update=changed) if one.number == "20101" else one for one in dinkes.phones.extensions)
    opd = dinkes.model_copy(update={"phones": dinkes.phones.model_copy(update={"extensions": every})})
    return made.model_copy(update={"opds": tuple(opd if one is dinkes else one for one in made.opds)})


@pytest.fixture(scope="module")
def running(region: Region) -> Iterator[Exchange]:
    addresses = [str(region.server("dc-pbx").address), str(region.station.address), desk(region.opd("dinkes"))]
    with exchange(list(pbx.artifacts(region)), addresses) as started:
        yield started


def test_the_release_is_judged_good(running: Exchange, region: Region) -> None:
    expand = running.secrets.expand
    files = {one.key.partition("/")[2]: expand(one.content) for one in pbx.artifacts(region)}
    assert "20101 => ,Kepala" in files["_region.voicemail.conf"]
    assert judge(files, rules()).faults == []


def test_a_message_is_left_and_heard_by_its_owner_alone(running: Exchange, region: Region) -> None:
    at = desk(region.opd("dinkes"))
    box = Path(f"/proc/{running.pid}/root/var/spool/asterisk/voicemail/kominfo/20101/INBOX")

    def heard() -> bool:
        return any(box.parent.rglob("*.wav"))

    async def go() -> None:
        async with phone(running, region, "20100", at, 1000) as caller:
            call = await caller.call("20101")  # nobody is registered there
            end = time.monotonic() + PATIENCE
            while not heard() and time.monotonic() < end:  # noqa: ASYNC110 # a file, and a deadline
                await asyncio.sleep(0.3)
            await asyncio.sleep(4)
            await caller.hang_up(call)
            while not (box / "msg0000.txt").exists() and time.monotonic() < end:  # noqa: ASYNC110 # as above
                await asyncio.sleep(0.3)
            assert (box / "msg0000.wav").stat().st_size > 8000, "half a second of sound at least"
            with pytest.raises(HostFailedError, match="480"):
                await caller.call("20102")  # without a mailbox nothing is left
        async with phone(running, region, "20101", at, 1000) as owner:
            await owner.hang_up(await owner.call("*97"))

    asyncio.run(go())
    assert "20101" in running.cli("voicemail show users for kominfo")
    assert not [line for line in complaints(running) if "app_voicemail" in line and "Unable to open" not in line]
