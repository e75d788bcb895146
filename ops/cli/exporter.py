"""`ops exporter serve`: measure every office's router and serve it to Prometheus."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ops.cli.common import world_of
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.registry import Collector

    from ops.system.sockets import Socket
    from ops.world import World

HELP = "measure every office's router and serve it to Prometheus"
EPILOG = """examples:
  ops exporter serve -i inventories/batubara --listen 10.40.0.10:9800
  ops exporter serve -i inventories/sumut --shard 2/8      the second of eight exporters that share a province"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=["serve"], help="serve: answer /probe?target=, /probe-all, /sd, /metrics, /healthz"
    )
    parser.add_argument(
        "--listen", metavar="ADDR:PORT", help="where (default: the station's address and exporter_port of region.yml)"
    )
    parser.add_argument("--shard", metavar="N/COUNT", default="1/1", help="poll only this share of the devices")


def run(args: argparse.Namespace, screen: Screen) -> int:
    import logging  # noqa: PLC0415

    from exporters.service import serve  # noqa: PLC0415 # web server and SNMP: 0.4 s
    from exporters.shards import Shard  # noqa: PLC0415

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    shard = Shard.parse(args.shard)
    world = world_of(args)

    listening = listen(world_of(args), args.listen, screen)  # what this world reads of the inventory is not kept
    serve(world, listening, shard, lambda seen: beside(seen, first=shard.number == 1))
    return 0


def beside(seen: Callable[[], World], *, first: bool = True) -> list[Collector]:
    """What is measured beside the routers. One of a province's exporters, the first, is enough for the exchange."""
    from backup.metrics import Backups  # noqa: PLC0415
    from exporters.exchange import ExchangeState  # noqa: PLC0415
    from exporters.metrics import family  # noqa: PLC0415

    return [Backups(seen, family), *([ExchangeState(seen)] if first else [])]


def listen(world: World, where: str | None, screen: Screen) -> Socket:
    """A listening socket at ADDR:PORT, by default at the station's declared address."""
    from ops.system.sockets import listen_tcp  # noqa: PLC0415

    station = world.region.station
    address, port = _place(where) if where else world.reach(str(station.address), station.exporter_port)
    listening = listen_tcp(address, port)
    screen.note(
        f"measuring at http://{address}:{port}/sd, /probe?target=<device>, /probe-all, /metrics; Ctrl-C ends it"
    )
    return listening


def _place(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 # ports
        raise UsageError(f"--listen {text}: not ADDR:PORT", "write for example --listen 127.0.0.1:9800")
    return address or "0.0.0.0", int(port)  # noqa: S104 # ":9800" means everywhere, as everywhere else
