"""ops status: the public status page and its open data."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.cli.common import add_common_again, world_of
from ops.cli.screen import Screen

HELP = "publish the public status page and open data: static files without any internal name"
EPILOG = """examples:
  ops status publish                         make it and put it on the web servers, as the job status-page does
  ops status publish --to /srv/www/status    only into a folder of this machine"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    publish = below.add_parser("publish", help="make it anew and put it in place as a whole")
    publish.add_argument("--to", type=Path, metavar="DIR", help="only there (it becomes a link to the newest folder)")
    publish.add_argument("--prometheus", metavar="URL", default="", help="default: the region's own")
    add_common_again(publish)


def run(args: argparse.Namespace, screen: Screen) -> int:
    from exporters.fibre_read import prometheus_of  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.errors import PartlyAppliedError  # noqa: PLC0415
    from ops.jobs.status_page import publish_to, status_page  # noqa: PLC0415

    world = world_of(args)
    prometheus = args.prometheus or prometheus_of(world)
    if args.to:
        files = publish_to(world, prometheus, args.to)
        screen.data({"to": str(args.to), "files": sorted(files)})
        screen.say(f"{len(files)} files in {args.to}")
        return 0
    placed, failed = status_page(world, prometheus, screen.progress)
    screen.data({"placed": placed, "failed": failed})
    screen.say(f"placed: {', '.join(placed)}")
    if failed:
        raise PartlyAppliedError(f"not placed on {', '.join(failed)}")
    return 0
