"""ops apply: apply exactly the plan that was reviewed."""

from __future__ import annotations

import argparse

from ops.cli.common import world_of
from ops.cli.screen import Screen

HELP = "apply exactly the plan with this checksum"
EPILOG = "example: ops apply 3f9a0c21be77d410 --twin batubara"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checksum", help="as `ops plan` printed it (12 characters or more)")
    parser.add_argument("--reason", default="", help="why a plan that the gate holds back may pass; is recorded")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops import reconcile  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.errors import PartlyAppliedError  # noqa: PLC0415

    outcome = reconcile.apply(world_of(args), args.checksum, args.reason, screen.progress)
    rows: dict[tuple[str, str], list[str]] = {}
    for result in outcome.results:
        rows.setdefault((result.change.scope, result.change.host), []).append(result.error)
    table = [
        (scope, host, len(errors), sum(not error for error in errors), next((e for e in errors if e), ""))
        for (scope, host), errors in sorted(rows.items())
    ]
    if not outcome.results:
        screen.say("nothing to change")
    else:
        screen.table(("office", "host", "changes", "done", "error"), table)
        screen.say(f"{len(outcome.results) - len(outcome.failed)} of {len(outcome.results)} changes applied")
    screen.data(
        {
            "checksum": outcome.plan.checksum,
            "results": [
                {"kind": r.change.kind, "key": r.change.key, "action": r.change.action, "error": r.error}
                for r in outcome.results
            ],
        }
    )
    if outcome.failed:
        hosts = sorted({result.change.host for result in outcome.failed})
        raise PartlyAppliedError(f"failed on {', '.join(hosts)}; everything else was applied")
    if unread := outcome.plan.unread:
        reasons = {why: [host for host in unread if unread[host] == why] for why in unread.values()}
        left = "; ".join(f"{', '.join(hosts)} ({why})" for why, hosts in reasons.items())
        raise PartlyAppliedError(f"all of the plan was applied; left out, for they could not be read: {left}")
    return 0
