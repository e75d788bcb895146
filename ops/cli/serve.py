"""ops serve: scheduler, worker and exporter in one process."""

from __future__ import annotations

import argparse

from ops.cli.common import world_of
from ops.cli.exporter import listen
from ops.cli.screen import Screen

HELP = "run scheduled and enqueued jobs, and measure: scheduler, worker and exporter in one process"
EPILOG = """examples:
  ops serve -i inventories/batubara
  ops serve --no-exporter --slots 8 --name worker-2       a second worker; $OPS_JOBS_URL names the shared PostgreSQL"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--slots", type=int, default=4, help="jobs at the same time (default 4)")
    parser.add_argument("--name", default="", help="of this worker, unique among all (default: this machine's name)")
    parser.add_argument("--no-exporter", action="store_true", help="only jobs, no measuring")
    parser.add_argument(
        "--listen", metavar="ADDR:PORT", help="where the exporter answers (default: as region.yml says)"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    import logging  # noqa: PLC0415

    from ops.errors import OpsError  # noqa: PLC0415
    from ops.jobs.service import Service  # noqa: PLC0415 # the inventory's types cost 0.2 s

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    world = world_of(args)
    service = Service(world, args.name, max(1, args.slots))
    listening = None if args.no_exporter else listen(world, args.listen, screen)
    try:
        service.start()
        screen.note(f"worker {service.worker.name}: {args.slots} jobs at a time; Ctrl-C ends it")
        if listening:
            from exporters.service import serve  # noqa: PLC0415

            serve(world, listening)
        else:
            service.wait()
    except KeyboardInterrupt:
        pass
    finally:
        service.stop()
    if service.failed:
        raise OpsError("the worker broke down", "its last words are above; report them")
    return 0
