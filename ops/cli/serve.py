"""ops serve: scheduler, worker, exporter and the command centre's pages in one process."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ops.cli.common import world_of
from ops.cli.exporter import beside, listen
from ops.cli.screen import Screen
from ops.cli.web import open_world

if TYPE_CHECKING:
    from ops.system.sockets import Socket
    from ops.web.server import Centre
    from ops.world import World

HELP = "run scheduled and enqueued jobs, measure, and serve the pages: worker, exporter and web in one process"
EPILOG = """examples:
  ops serve -i inventories/batubara
  ops serve -i inventories/batubara --web 127.0.0.1:8081  the command centre's pages there, for nginx
  ops serve --no-exporter --no-web --slots 8 --name worker-2
                              a second worker; $OPS_JOBS_URL names the shared PostgreSQL"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--slots", type=int, default=4, help="jobs at the same time (default 4)")
    parser.add_argument("--name", default="", help="of this worker, unique among all (default: this machine's name)")
    parser.add_argument("--no-exporter", action="store_true", help="no measuring")
    parser.add_argument("--no-web", action="store_true", help="no pages")
    parser.add_argument(
        "--listen", metavar="ADDR:PORT", help="where the exporter answers (default: as region.yml says)"
    )
    parser.add_argument(
        "--web", metavar="ADDR:PORT", help="where the pages are (default: as region.yml says, or 127.0.0.1:8080)"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    import logging  # noqa: PLC0415

    from ops.errors import OpsError  # noqa: PLC0415
    from ops.jobs.service import Service  # noqa: PLC0415 # the inventory's types cost 0.2 s

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    world, pages = _world(args, screen)
    service = Service(world, args.name, max(1, args.slots))
    listening = None if args.no_exporter else listen(world, args.listen, screen)
    centre = _centre(world, pages) if pages else None
    try:
        service.start()
        screen.note(f"worker {service.worker.name}: {args.slots} jobs at a time; Ctrl-C ends it")
        if centre:
            centre.start()
        if listening:
            from exporters.service import serve  # noqa: PLC0415
            from ops.jobs.notices_http import routes  # noqa: PLC0415

            serve(world, listening, more=beside, routes=routes(service.notices))
        else:
            service.wait()
    except KeyboardInterrupt:
        pass
    finally:
        if centre:
            centre.stop()
        service.stop()
    if service.failed:
        raise OpsError("the worker broke down", "its last words are above; report them")
    return 0


def _world(args: argparse.Namespace, screen: Screen) -> tuple[World, Socket | None]:
    """The world, entered, and where the pages are. The usual address may be taken, one that was asked for may not."""
    from ops.errors import OpsError  # noqa: PLC0415

    if not args.no_web:
        try:
            return open_world(args, args.web, screen)
        except OpsError as error:
            if args.web or error.exit_code != OpsError.exit_code:
                raise
            screen.note(f"no pages here: {error.what} (--web ADDR:PORT chooses another place)")
    return world_of(args), None


def _centre(world: World, listening: Socket) -> Centre:
    from ops.web.server import Centre  # noqa: PLC0415 # templates: 0.1 s

    return Centre(world, listening)
