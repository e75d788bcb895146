"""ops tools: the programs this needs, where they are, and the line that installs what is missing."""

from __future__ import annotations

import argparse

from ops.cli.screen import Screen

HELP = "programs that are needed on this machine, their versions, and how to get what is missing"
EPILOG = "example: sudo ops tools --images    # also builds the twin's base images, which hold a new enough restic"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", action="store_true", help="build the twin's base images now (root, 1-2 minutes)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.system import tools  # noqa: PLC0415

    if args.images:
        from ops.twin import images, recipes  # noqa: PLC0415

        images.ensure({recipes.SERVER, recipes.PBX}, screen.progress)
    found = tools.look()
    rows = [(need.name, "ok" if path else "MISSING", said, path, need.used_for) for need, path, said in found]
    screen.table(("program", "", "version", "where", "needed for"), rows)
    missing = sorted({need.package for need, path, _ in found if not path})
    if missing:
        screen.say(f"to install what is missing: sudo apt-get install -y {' '.join(missing)}")
        screen.say("a restic of 0.18 or newer comes with Debian 13, or with: sudo ops tools --images")
    screen.data(
        [{"program": need.name, "path": path, "said": said, "for": need.used_for} for need, path, said in found]
    )
    return 1 if missing else 0
