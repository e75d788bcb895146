"""How long do test calls to every office take? A real Asterisk, and `call_all` as `ops call test --all` runs it.

`sudo .venv/bin/python benchmarks/voip_calls.py [--offices 60] [--seconds 1]`; needs root and the image with Asterisk.
Twice: as in a twin, where each office's telephone stands in a network namespace of its own and the offices call each
other in pairs (no limits of links), and as at the regency, where the station calls every office's number to test with.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from limits import over  # noqa: E402
from throwaway_asterisk import Exchange, desk, exchange  # noqa: E402
from voip_release import BLOCK, grown, measured  # noqa: E402

from ops.derive import pbx  # noqa: E402
from ops.inventory.model import Region  # noqa: E402
from ops.jobs.call_test import call_all  # noqa: E402
from ops.progress import Event, State  # noqa: E402
from ops.system import netns  # noqa: E402
from ops.system.process import run  # noqa: E402
from ops.world import World  # noqa: E402

LIMIT_S = 30


def apart(region: Region) -> Region:
    """Each office of `grown` with a LAN of its own."""
    lans = list(ip_network("10.44.0.0/16").subnets(new_prefix=24))
    offices = tuple(
        opd.model_copy(update={"links": (opd.links[0].model_copy(update={"lan": lans[at]}),)})
        for at, opd in enumerate(region.opds)
    )
    return region.model_copy(update={"opds": offices})


def _ip(*words: str) -> None:
    run(["ip", *words]).must()


@contextmanager
def networks(running: Exchange, region: Region, name: str) -> Iterator[None]:
    """A namespace `<name>.<office>.lan` with its telephones' address, joined to the exchange's."""
    made: list[str] = []
    server = str(region.server("dc-pbx").address)
    places = {f"{name}.{opd.code}.lan": desk(opd) for opd in region.opds}
    places[f"{name}.station"] = str(region.station.address)
    try:
        for at, (space, address) in enumerate(places.items()):
            _ip("netns", "add", space)
            made.append(space)
            _joined((running.namespace, f"vc{at}a", server), (space, f"vc{at}b", address))
        yield
    finally:
        for space in made:
            run(["ip", "netns", "del", space])


def _joined(exchange_: tuple[str, str, str], space: tuple[str, str, str]) -> None:
    """A link between two (namespace, port, address), each with a way to the other's address."""
    (one, here, server), (other, there, address) = exchange_, space
    _ip("-n", one, "link", "add", here, "type", "veth", "peer", "name", there, "netns", other)
    _ip("-n", other, "link", "set", "lo", "up")
    _ip("-n", other, "address", "add", f"{address}/32", "dev", there)
    for name, port, mine, theirs in ((one, here, server, address), (other, there, address, server)):
        _ip("-n", name, "link", "set", port, "up")
        _ip("-n", name, "route", "add", f"{theirs}/32", "dev", port, "src", mine)


def world_of(running: Exchange, region: Region, station: str | None, state: Path) -> World:
    """A world that stands in those networks, with the passwords that the exchange has."""
    made = World("benchmark", ROOT / "inventories/batubara", state, state / "none", state / "none", station)
    made.__dict__.update(region=region, secrets=running.secrets)  # what it would read from its folders
    return made


def told(event: Event) -> None:
    if event.state is State.FAILED:
        print(json.dumps({"failed": event.on, "why": event.text}), flush=True)


def called(offices: int, seconds: float) -> Iterator[dict[str, Any]]:
    region = apart(grown(offices * BLOCK))
    address = str(region.server("dc-pbx").address)
    with exchange(list(pbx.artifacts(region)), [address]) as running, tempfile.TemporaryDirectory() as folder:
        station = f"{running.namespace[-8:]}.station"
        with networks(running, region, station.partition(".")[0]):
            for what, at in (("offices in pairs", station), ("the station calls each office", None)):
                world = world_of(running, region, at, Path(folder))
                with netns.inside(station):
                    yield {"what": what, **_all_of_them(running, world, seconds)}


def _all_of_them(running: Exchange, world: World, seconds: float) -> dict[str, Any]:
    before, begun = _asterisk_cpu(running), time.perf_counter()
    calls, _, own = measured(partial(call_all, world, seconds, told))
    wall, theirs = time.perf_counter() - begun, _asterisk_cpu(running) - before
    reached = {one[end] for one in calls for end in ("from_opd", "to_opd")}
    return {"seconds": round(wall, 1), "calls": len(calls), "failed": sum(not one["ok"] for one in calls),
            "offices": len(world.region.opds), "reached": len(reached),
            "least MOS": min((one.get("mos", 0) for one in calls), default=0),
            "cpu_s": round(own, 1), "cpu of Asterisk": round(theirs, 1)}  # fmt: skip


def _asterisk_cpu(running: Exchange) -> float:
    """CPU seconds of the exchange (user and system, in ticks of 10 ms, as Linux gives them)."""
    fields = Path(f"/proc/{running.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offices", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=1.0, help="that each call lasts")
    chosen = parser.parse_args()
    broken = 0
    for row in called(chosen.offices, chosen.seconds):
        print(json.dumps(row), flush=True)
        what, missed = row["what"], row["offices"] - row["reached"]
        broken |= over(
            (f"{what}: seconds", row["seconds"], LIMIT_S),
            (f"{what}: failed calls", row["failed"], 0),
            (f"{what}: offices that no call reached", missed, 0),
        )
    return broken


if __name__ == "__main__":
    sys.exit(main())
