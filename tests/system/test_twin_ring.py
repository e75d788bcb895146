"""The regency's whole network without servers: every office, on the kernel's own routes, with and without cuts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.inventory.model import Link, Opd
from ops.system import netns
from ops.twin import faults, lifecycle
from ops.twin.layout import kernel_name, lay_out
from ops.twin.routes import tables
from ops.world import World

pytestmark = pytest.mark.system

BULK = 400_000  # bytes


@pytest.fixture(scope="module")
def world(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_STATE", str(tmp_path_factory.mktemp("ring")))
        try:
            yield lifecycle.up(root / "inventories/batubara", "ring", only=[])
        finally:
            lifecycle.down("ring")


@pytest.fixture(scope="module")
def listener(world: World) -> Iterator[socket.socket]:
    """A socket on the station that every office tries to reach."""
    with netns.inside(str(world.station)):
        opened = socket.create_server((str(world.region.station.address), 0), backlog=256)
    with opened:
        yield opened


def _connect(world: World, opd: Opd, listener: socket.socket) -> socket.socket | None:
    with netns.inside(f"{world.name}.{opd.code}.lan"):
        try:
            return socket.create_connection(listener.getsockname(), timeout=2)
        except OSError:
            return None


def _reaching(world: World, listener: socket.socket) -> set[str]:
    reached = set()
    for opd in world.region.opds:
        if opd.links and (found := _connect(world, opd, listener)):
            found.close()
            listener.accept()[0].close()
            reached.add(opd.code)
    return reached


def _fault(world: World, kind: str, target: str) -> None:
    faults.apply(world, kind, target, 0, lambda _event: None)


def test_every_office_reaches_the_station_also_when_a_segment_is_cut_and_mended(
    world: World, listener: socket.socket
) -> None:
    everybody = {opd.code for opd in world.region.opds if opd.links}
    assert _reaching(world, listener) == everybody
    for segment in ("r1-01", "r2-01"):
        _fault(world, "cut-segment", segment)
        assert _reaching(world, listener) == everybody
        _fault(world, "mend-segment", segment)
    assert _reaching(world, listener) == everybody


def test_an_office_off_the_shortest_way_keeps_to_its_declared_segments(world: World, listener: socket.socket) -> None:
    """Its bytes are counted on the segment it declares, both ways, before a cut and after mending."""
    opd, link = _off_the_shortest_way(world)
    last = link.rides[-1]
    assert _bytes_over(world, opd, last, listener) >= BULK
    _fault(world, "cut-segment", last)
    assert _bytes_over(world, opd, last, listener) < BULK
    _fault(world, "mend-segment", last)
    assert _bytes_over(world, opd, last, listener) >= BULK


def _off_the_shortest_way(world: World) -> tuple[Opd, Link]:
    """An office for which some node has a rule of its own."""
    region = world.region
    lines = [line for made in tables(lay_out(region, [], [o.code for o in region.opds]), []).values() for line in made]
    ruled = {line.split()[3] for line in lines if line.startswith("rule add")}
    return next((opd, link) for opd in region.opds for link in opd.links if str(link.lan) in ruled)


def _bytes_over(world: World, opd: Opd, segment: str, listener: socket.socket) -> int:
    """Bytes that arrive at the data centre over a segment while the office sends BULK bytes to the station."""
    before = _arrived(world, segment)
    near = _connect(world, opd, listener)
    assert near is not None
    far, _ = listener.accept()
    with near, far:
        near.sendall(os.urandom(BULK))
        near.shutdown(socket.SHUT_WR)
        got = 0
        while chunk := far.recv(65536):
            got += len(chunk)
    assert got == BULK
    return _arrived(world, segment) - before


def _arrived(world: World, segment: str) -> int:
    with netns.inside(f"{world.name}.dc"):
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    line = next(line for line in lines if line.split(":")[0].strip() == kernel_name(segment))
    return int(line.split(":")[1].split()[0])
