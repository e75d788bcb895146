"""ops apply: apply exactly the plan that was reviewed."""

from __future__ import annotations

import argparse
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

HELP = "apply exactly the plan with this checksum"
EPILOG = """examples:
  ops apply 3f9a0c21be77d410 --twin batubara
  ops apply 3f9a0c21be77 --reason "new address plan" --enqueue"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checksum", help="as `ops plan` printed it (12 characters or more)")
    add_running(parser, changes=True)


def run(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "apply", {"checksum": args.checksum}, plan=args.checksum)
    if found:
        _show(found, screen)
    return conclude(done)


def _show(found: dict[str, Any], screen: Screen) -> None:
    rows: dict[tuple[str, str], list[str]] = {}
    for result in found["results"]:
        rows.setdefault((result["scope"], result["host"]), []).append(result["error"])
    table = [
        (scope, host, len(errors), sum(not error for error in errors), next((e for e in errors if e), ""))
        for (scope, host), errors in sorted(rows.items())
    ]
    if table:
        failed = sum(bool(result["error"]) for result in found["results"])
        screen.table(("office", "host", "changes", "done", "error"), table)
        screen.say(f"{len(found['results']) - failed} of {len(found['results'])} changes applied")
    else:
        screen.say("nothing to change")
    screen.data({name: found[name] for name in ("checksum", "results")})
