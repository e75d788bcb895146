"""The contract on a router of the twin, proven with traffic: TCP each way gets nearly all of it, never more."""

from __future__ import annotations

import shutil

import pytest

from ops.twin.fill import fill
from ops.world import World
from ops.world import at as world_at

pytestmark = pytest.mark.system

# Payload is at most 1448 of 1514 bytes on the wire, which the queue counts: 95.6 %. The queue's own burst is left out
# of the measure, or spread over its seconds.
LEAST, MOST = 0.90, 1.0


@pytest.fixture
def world(applied) -> World:
    return world_at(applied.state / "twin" / applied.name)


def contract(world: World, code: str) -> tuple[int, int]:
    link = world.region.opd(code).links[0]
    return link.contract.download, link.contract.upload


def fits(measured: float, contracted: int) -> bool:
    return LEAST * contracted <= measured <= MOST * contracted


@pytest.mark.parametrize("code", ["dinkes", "rsud"])  # a MikroTik and a Huawei
def test_a_stream_gets_the_contract_and_no_more(world: World, code: str) -> None:
    tries = []
    for _ in range(3):  # a machine at its limit sends too little, never too much
        found = fill(world, code, 1.3)
        tries.append((found.download, found.upload))
        assert found.download <= MOST * contract(world, code)[0], tries
        assert found.upload <= MOST * contract(world, code)[1], tries
        if all(fits(*pair) for pair in zip(tries[-1], contract(world, code), strict=True)):
            return
    raise AssertionError(f"{tries} of {contract(world, code)}")


@pytest.mark.skipif(not shutil.which("iperf3"), reason="iperf3 is not installed (apt-get install iperf3)")
def test_the_job_measures_it_with_iperf3(applied, world: World) -> None:
    words = ("jobs", "start", "throughput", "opd=dinkes", "budget=400M", "seconds=2")
    (found,) = applied.json(*words)["offices"]
    download, upload = contract(world, "dinkes")
    assert found["download_bps"] <= 1.05 * download  # its first seconds hold the queue's burst
    assert found["download_bps"] > 0.7 * download
    assert found["upload_bps"] <= 1.05 * upload
    said = applied.on_twin("jobs", "start", "throughput", "opd=dinkes", code=5)
    assert "no budget" in said
